"""Where the token of a command comes from, and how it is renewed.

TokenProvider tries the sources of a token in the order in which ``_sources`` lists them:

1. the token in ``HCEXPORT_TOKEN``, as it is: nothing else is tried then
2. the stored token, while it lasts
3. the refresh token of a sign-in with a browser
4. a password: the remembered password, then those of the environment and of the configuration
5. the stored token once more, because by the server's clock it may still last
6. a person at the terminal, unless the profile signs in with a browser: then there may be no password at all

A new token goes into the store that ``login`` chose; without such a store it lives as long as the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from hcexport.api.session import Session
from hcexport.auth import oauth
from hcexport.auth.credentials import UNDER_WAY_S, Credentials, credentials_of, environment_token, has_stored
from hcexport.auth.generate_token import TOKEN_LIFE_S, generate_token
from hcexport.auth.passwords import password_sources
from hcexport.auth.tokens import AccountKey, Token
from hcexport.errors import (
    AuthError,
    CertificateError,
    ConfigError,
    FrontRefused,
    HcexportError,
    NetworkError,
    PasswordRefused,
    ProtocolError,
    SignInRequired,
)
from hcexport.redaction import Secret
from hcexport.store.paths import Paths
from hcexport.store.settings import Settings

MARGIN = timedelta(seconds=2)  # a round trip, and up to a second that the server's Date leaves out
PROMPT = "the prompt"

Log = Callable[[str], None]
Ask = Callable[[AccountKey], Secret]


class TokenSource(NamedTuple):
    """A way to a token: its ``origin`` in words without secrets, and ``get``, which returns None for "nothing here".

    ``at_hand`` says that it asks the server for nothing. ``hint`` is what to do when the server refuses its token.
    """

    origin: str
    get: Callable[[], Token | None]
    at_hand: bool = False
    hint: str = ""


class TokenProvider:
    """The token of one command, from the first source that has a token; renewed when it has ended.

    ``token`` is the token in use, ``origin`` says where it came from. ``credentials`` are those of the account,
    ``keeps`` says whether a new token goes into their store, and ``login`` is the command that signs in.
    """

    def __init__(
        self,
        session: Session,
        sources: Sequence[TokenSource],
        *,
        credentials: Credentials | None = None,
        keeps: bool = False,
        login: str = "hcexport login",
        log: Log = lambda line: None,  # noqa: ARG005 # nobody listens
    ) -> None:
        self._session = session
        self._sources = sources
        self._credentials = credentials
        self.keeps = keeps
        self._login = login
        self._log = log
        self.token: Token | None = None
        self.origin = ""

    def current(self) -> Secret:
        """Get the token to use now. Raises AuthError or ConfigError when no source has a token."""
        if self.token is None or has_ended(self._session, self.token.expires):
            self.token = self._obtain(rejected=None)
        return self.token.secret

    def renew(self, rejected: Secret, *, is_certain: bool = True) -> Secret:
        """Get another token than ``rejected``. Raises AuthError or ConfigError when no source has a token.

        Then a stored token that was rejected is forgotten, so that the next run does not send it again; but not where
        the refusal leaves it open whether the token was at fault (``is_certain``).
        """
        try:
            self.token = self._obtain(rejected)
        except HcexportError:
            if is_certain:
                self._forget(rejected)
            raise
        return self.token.secret

    def _obtain(self, rejected: Secret | None) -> Token:
        """Get a token that is at hand, or a new token.

        One process at a time makes a new token; the others find it in the store when the lock is free.
        """
        token = self._try([source for source in self._sources if source.at_hand], rejected, [])
        if token:
            return token
        failures: list[HcexportError] = []
        with renewal_lock(self._session, self._credentials) if self._credentials else nullcontext():
            token = self._try(self._sources, rejected, failures)
        if token is None:
            raise self._most_useful(failures)
        return token

    def _try(
        self, sources: Sequence[TokenSource], rejected: Secret | None, failures: list[HcexportError]
    ) -> Token | None:
        for source in sources:
            try:
                token = source.get()
                if token and token.secret == rejected:
                    raise SignInRequired(
                        f"the server rejected the token (from {source.origin})", hint=source.hint or self._login
                    )
            except PasswordRefused:
                raise  # try no other password, because the server locks an account after five wrong passwords
            except (AuthError, ConfigError) as error:
                self._log(f"token: {source.origin}: {error.message}")
                failures.append(error)
                continue
            self._log(f"token: {source.origin}: {'found' if token else 'nothing there'}")
            if token:
                self.origin = source.origin
                if not source.at_hand:
                    self._keep(token)
                return token
        return None

    def _most_useful(self, failures: Sequence[HcexportError]) -> HcexportError:
        """Choose the failure that a person can do most about: a refusal, a broken store, a sign-in that ended."""
        if not failures:
            return SignInRequired(f"not signed in to {self._session.organization}", hint=self._login)
        return min(failures, key=lambda error: (isinstance(error, SignInRequired), not isinstance(error, AuthError)))

    def _keep(self, token: Token) -> None:
        if self._credentials and self.keeps:
            try:
                self._credentials.keep_token(token)
            except ConfigError as error:
                self._log(f"token: not kept: {error.message}")

    def _forget(self, rejected: Secret) -> None:
        if self._credentials and self.keeps:
            with suppress(ConfigError):  # a store that fails was reported when it was read
                stored = self._credentials.token()
                if stored and stored.secret == rejected:
                    self._credentials.forget_token()


def tokens_of(
    settings: Settings, environ: Mapping[str, str], session: Session, paths: Paths, *, ask: Ask | None, log: Log
) -> TokenProvider:
    """Make the TokenProvider of a command. ``ask`` asks a person for a password, and is None where nobody is there."""
    credentials = credentials_of(settings, paths)
    return TokenProvider(
        session,
        list(_sources(settings, environ, session, credentials, ask)),
        credentials=credentials,
        keeps=has_stored(settings),
        login=login_command(settings),
        log=log,
    )


def _sources(
    settings: Settings, environ: Mapping[str, str], session: Session, credentials: Credentials, ask: Ask | None
) -> Iterator[TokenSource]:
    login = login_command(settings)
    if fixed := environment_token(environ):
        hint = f"put a new token into HCEXPORT_TOKEN, or unset it and sign in: {login}; {referer_hint(session)}"
        yield from_value("HCEXPORT_TOKEN", fixed, hint)
        return
    if has_stored(settings):
        yield from_store(session, credentials, login)
        yield from_refresh_token(session, credentials, login)
        yield from_password(session, credentials, "the remembered password", credentials.password)
    for source in password_sources(settings, environ, lambda: session.deadline.remaining()):  # noqa: PLW0108 # it changes
        if credentials.key.username:
            yield from_password(session, credentials, source.origin, source.read)
        else:
            yield without_username(session, source.origin)
    if has_stored(settings):
        yield from_expired_store(session, credentials)
    if ask and credentials.key.username and settings.auth.value != "oauth":
        yield from_password(session, credentials, PROMPT, lambda: ask(credentials.key))


def login_command(settings: Settings) -> str:
    """The command that signs in; the command line adds the profile or the address to it."""
    return "hcexport login --web" if settings.auth.value == "oauth" else "hcexport login"


def referer_hint(session: Session) -> str:
    """What else to try with a refused token that somebody else made."""
    return f"a token that was made for another referer than {session.referer} needs HCEXPORT_TOKEN_REFERER"


def from_value(origin: str, token: Token, hint: str = "") -> TokenSource:
    """Use a token as it was given."""
    return TokenSource(origin, lambda: token, at_hand=True, hint=hint)


def from_store(session: Session, credentials: Credentials, login: str) -> TokenSource:
    """Use the stored token. The store, which may be slow, is not asked for a token that is known to have ended."""

    def get() -> Token | None:
        if has_ended(session, credentials.metadata().expires):
            raise SignInRequired(f"the sign-in to {session.organization} has expired", hint=login)
        return credentials.token()

    return TokenSource(f"{credentials.store.name} store", get, at_hand=True)


def from_expired_store(session: Session, credentials: Credentials) -> TokenSource:
    """Use the stored token although it has ended by this machine's clock, which may be wrong."""

    def get() -> Token | None:
        return credentials.token() if has_ended(session, credentials.metadata().expires) else None

    return TokenSource("the stored token, past its end by this machine's clock", get)


def from_refresh_token(session: Session, credentials: Credentials, login: str) -> TokenSource:
    """Get a token for the refresh token, which is exchanged for another refresh token before it ends."""

    def get() -> Token | None:
        known = credentials.metadata()
        secret = credentials.refresh_token() if known.client_id else None
        if secret is None:
            return None
        app = oauth.Application(known.client_id, known.redirect_uri)
        try:
            if known.refresh_expires and known.refresh_expires - session.server_now() < oauth.EXCHANGE_BEFORE:
                with suppress(AuthError):  # where the exchange is refused, the refresh token may still be good
                    grant = oauth.exchange(session, app, secret)
                    keep_grant(credentials, app, grant)
                    return grant.token
            return oauth.refresh(session, app, secret).token
        except AuthError as error:
            error.hint = f"sign in again: {login}"
            raise

    return TokenSource("the refresh token", get)


def keep_grant(credentials: Credentials, app: oauth.Application, grant: oauth.Grant) -> None:
    """Keep the refresh token of a grant, if there is one. Raises ConfigError."""
    if grant.refresh_token:
        credentials.keep_refresh_token(
            grant.refresh_token, grant.refresh_expires, client_id=app.client_id, redirect_uri=app.redirect_uri
        )


def without_username(session: Session, origin: str) -> TokenSource:
    """Say that there is a password from ``origin`` and nobody whose it is."""

    def get() -> Token | None:
        raise SignInRequired(
            f"not signed in to {session.organization}: {origin} is set, and HCEXPORT_USERNAME is not",
            hint="set HCEXPORT_USERNAME to the user who signs in",
        )

    return TokenSource(origin, get)


def from_password(
    session: Session,
    credentials: Credentials,
    origin: str,
    read: Callable[[], Secret | None],
    *,
    life_s: float = TOKEN_LIFE_S,
) -> TokenSource:
    """Get a token for a password from ``origin``. A password that the server refused before is not sent again."""
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
        token = _send_password(session, credentials, password, life_s)
        with suppress(ConfigError):  # as in _send_password
            credentials.forget_refused(password)
        return token

    return TokenSource(origin, get)


def _send_password(session: Session, credentials: Credentials, password: Secret, life_s: float) -> Token:
    """Get a token for a password, which is noted before it is sent, because an answer may never come.

    A state folder that cannot be written must neither prevent the sign-in nor hide that it was refused.
    """
    try:
        with suppress(ConfigError):
            credentials.note_sent(password)
        return generate_token(session, credentials.key.username, password, life_s=life_s)
    except PasswordRefused as error:
        with suppress(ConfigError):
            (credentials.forget_sent if error.retryable else credentials.remember_refused)(password)
        raise
    except (NetworkError, FrontRefused) as error:
        never_arrived = isinstance(error, FrontRefused | CertificateError) or error.unsent
        if never_arrived or (isinstance(error, ProtocolError) and error.refused):
            with suppress(ConfigError):
                credentials.forget_sent(password, all_times=False)
        raise


def renewal_lock(session: Session, credentials: Credentials) -> AbstractContextManager[bool]:
    """Lock the account; the wait for the lock is as long as an answer to a sign-in may take, within the deadline."""
    return credentials.renewal_lock(min(UNDER_WAY_S, session.deadline.remaining()))


def has_ended(session: Session, expires: datetime | None) -> bool:
    """Tell whether a token has ended or is about to, by the server's clock; a token of unknown end has not."""
    return expires is not None and expires - MARGIN <= session.server_now()
