"""How a token is got, and renewed.

The ways to a token stand in one list, in the order of contract.md 2, and one function walks it:

1. the token in the environment, as it is; else the stored token, while it lasts
2. the refresh token of a sign-in with a browser
3. a password: the remembered one, then those of the environment and of the configuration
4. the stored token again, if it is this machine's clock alone that says it has ended
5. a person, where there is one

What they bring goes back to the store of a profile that somebody signed in to; else it lives as long as the process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from hcexport.api.session import Session
from hcexport.auth import oauth
from hcexport.auth.credentials import UNDER_WAY_S, Credentials
from hcexport.auth.generate_token import TOKEN_LIFE_S, generate_token
from hcexport.auth.tokens import Token
from hcexport.errors import (
    AuthError,
    CertificateError,
    ConfigError,
    HcexportError,
    NetworkError,
    PasswordRefused,
    ProtocolError,
    SignInRequired,
)
from hcexport.redaction import Secret

MARGIN = timedelta(seconds=2)  # a round trip, and the second that the server's Date leaves open

Log = Callable[[str], None]


@dataclass(frozen=True)
class TokenSource:
    """A way to a token: its ``origin`` in words without secrets, and how to try it; None is "nothing here".

    ``at_hand`` says that it costs the server nothing.
    """

    origin: str
    get: Callable[[], Token | None]
    at_hand: bool = False


class TokenProvider:
    """The token of one command, from the first way that has one; the ways are tried again when it has ended.

    ``token`` is the one in use, ``origin`` says where it came from. ``credentials`` are those of the account, and
    ``keeps`` says whether a new token goes into their store.
    """

    def __init__(
        self,
        session: Session,
        ways: Sequence[TokenSource],
        *,
        credentials: Credentials | None = None,
        keeps: bool = False,
        log: Log = lambda line: None,  # noqa: ARG005 # nobody listens
    ) -> None:
        self._session = session
        self._ways = ways
        self._credentials = credentials
        self._keeps = keeps
        self._log = log
        self.token: Token | None = None
        self.origin = ""

    def current(self) -> Secret:
        """The token to use now. Raises AuthError or ConfigError when no way leads to one."""
        if self.token is None or has_ended(self._session, self.token.expires):
            self.token = self._obtain(rejected=None)
        return self.token.secret

    def renewed(self, rejected: Secret) -> Secret:
        """Another token than ``rejected``. Raises AuthError or ConfigError when no way leads to one."""
        try:
            self.token = self._obtain(rejected)
        except HcexportError:
            self._forget(rejected)
            raise
        return self.token.secret

    def _obtain(self, rejected: Secret | None) -> Token:
        """A token that is at hand, or a new one: made by one process at a time, the others find it at hand then."""
        token = self._walk([way for way in self._ways if way.at_hand], rejected, [])
        if token:
            return token
        failures: list[HcexportError] = []
        with self._alone():
            token = self._walk(self._ways, rejected, failures)
        if token is None:
            raise _worth_saying(failures, self._session)
        return token

    def _walk(
        self, ways: Sequence[TokenSource], rejected: Secret | None, failures: list[HcexportError]
    ) -> Token | None:
        for way in ways:
            try:
                token = way.get()
                if token and token.secret == rejected:
                    raise SignInRequired(f"the server does not take the token ({way.origin})", hint="hcexport login")
            except PasswordRefused:
                raise  # another wrong one would bring the account nearer to its lock
            except (AuthError, ConfigError) as error:
                self._log(f"token: {way.origin}: {error.message}")
                failures.append(error)
                continue
            self._log(f"token: {way.origin}: {'found' if token else 'nothing there'}")
            if token:
                self.origin = way.origin
                return token if way.at_hand else self._kept(token)
        return None

    def _kept(self, token: Token) -> Token:
        if self._credentials and self._keeps:
            try:
                self._credentials.keep_token(token)
            except ConfigError as error:
                self._log(f"token: not kept: {error.message}")
        return token

    def _forget(self, rejected: Secret) -> None:
        """Spare the next run a token that the server does not take; a store that fails has been heard of already."""
        if self._credentials and self._keeps:
            with suppress(ConfigError):
                stored = self._credentials.token()
                if stored and stored.secret == rejected:
                    self._credentials.forget_token()

    def _alone(self) -> AbstractContextManager[object]:
        return renewal_lock(self._session, self._credentials) if self._credentials else nullcontext()


def from_value(origin: str, token: Token) -> TokenSource:
    """A token that was given: used as it is."""
    return TokenSource(origin, lambda: token, at_hand=True)


def from_store(session: Session, credentials: Credentials) -> TokenSource:
    """The stored token. Whether it has ended is known without asking the store, which may take its time."""

    def get() -> Token | None:
        if has_ended(session, credentials.session().expires):
            raise SignInRequired(
                f"the sign-in to {session.organization} has ended", hint=f"hcexport login {session.organization}"
            )
        return credentials.token()

    return TokenSource(f"{credentials.store.name} store", get, at_hand=True)


def from_expired_store(session: Session, credentials: Credentials) -> TokenSource:
    """The stored token once more, where nothing renews it: by the server's clock it may still last."""

    def get() -> Token | None:
        return credentials.token() if has_ended(session, credentials.session().expires) else None

    return TokenSource("the stored token, past its end by this machine's clock", get)


def from_refresh_token(session: Session, credentials: Credentials) -> TokenSource:
    """A token for the refresh token of a sign-in with a browser, which is itself exchanged before it ends."""

    def get() -> Token | None:
        known = credentials.session()
        secret = credentials.refresh_token() if known.client_id else None
        if secret is None:
            return None
        app = oauth.Application(known.client_id, known.redirect_uri)
        if known.refresh_expires and known.refresh_expires - session.server_now() < oauth.EXCHANGE_BEFORE:
            with suppress(AuthError):  # what it was still worth is seen below
                grant = oauth.exchange(session, app, secret)
                keep_grant(credentials, app, grant)
                return grant.token
        return oauth.refresh(session, app, secret).token

    return TokenSource("the refresh token", get)


def keep_grant(credentials: Credentials, app: oauth.Application, grant: oauth.Grant) -> None:
    """Keep the refresh token of a grant, if it has one. Raises ConfigError."""
    if grant.refresh_token:
        credentials.keep_refresh_token(
            grant.refresh_token, grant.refresh_expires, client_id=app.client_id, redirect_uri=app.redirect_uri
        )


def from_password(
    session: Session,
    credentials: Credentials,
    origin: str,
    read: Callable[[], Secret | None],
    *,
    life_s: float = TOKEN_LIFE_S,
) -> TokenSource:
    """A token for a password from ``origin``. One that the server refused before is not sent again until it changes."""
    username = credentials.key.username

    def get() -> Token | None:
        password = read()
        if password is None:
            return None
        if credentials.was_refused(password):
            raise AuthError(
                f"the password of {username} ({origin}) was refused before and has not changed",
                hint="correct it, or sign in: hcexport login",
            )
        if wait_s := credentials.held_back_s(password):
            raise NetworkError(
                f"a sign-in of {username} ({origin}) was sent and not answered yet",
                hint=f"it is sent again after {wait_s:.0f} s; accounts lock after a few failures",
            )
        token = _signed_in(session, credentials, password, life_s)
        credentials.forget_refused(password)
        return token

    return TokenSource(origin, get)


def _signed_in(session: Session, credentials: Credentials, password: Secret, life_s: float) -> Token:
    """A token for a password, which is noted before it is sent; what becomes of it may never be heard.

    A state folder that cannot be written is in nobody's way, and hides no refusal.
    """
    try:
        with suppress(ConfigError):
            credentials.note_sent(password)
        return generate_token(session, credentials.key.username, password, life_s=life_s)
    except PasswordRefused as error:
        with suppress(ConfigError):
            (credentials.forget_sent if error.retryable else credentials.remember_refused)(password)
        raise
    except NetworkError as error:
        never_arrived = error.unsent or isinstance(error, CertificateError)
        if never_arrived or (isinstance(error, ProtocolError) and error.refused):
            with suppress(ConfigError):
                credentials.forget_sent(password, all_times=False)
        raise


def renewal_lock(session: Session, credentials: Credentials) -> AbstractContextManager[bool]:
    """The lock of an account, waited for as long as an answer to a sign-in, within the deadline."""
    return credentials.renewal_lock(min(UNDER_WAY_S, session.deadline.remaining()))


def has_ended(session: Session, expires: datetime | None) -> bool:
    """Whether a token is over or about to be, by the server's clock; one whose end is not known is not."""
    return expires is not None and expires - MARGIN <= session.server_now()


def _worth_saying(failures: Sequence[HcexportError], session: Session) -> HcexportError:
    """The failure that a person can do most about: a refusal, a place out of order, a sign-in that ended."""
    if not failures:
        return SignInRequired(f"not signed in to {session.organization}", hint=f"hcexport login {session.organization}")
    return min(failures, key=lambda error: (isinstance(error, SignInRequired), not isinstance(error, AuthError)))
