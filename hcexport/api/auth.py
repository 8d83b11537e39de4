"""How a token is got, and renewed once.

The ways to a token stand in one list, in the order of contract.md 2, and one function walks it:

1. the token in the environment, as it is
2. the stored token, while it lasts
3. the refresh token of a sign-in with a browser
4. a password: the remembered one, then those of the environment
5. a person, where there is one

Tokens made of a sign-in that was remembered (2 to 5) go back to its store; the others live as long as the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hcexport.api.session import REFERER, Session
from hcexport.errors import (
    AuthError,
    ConfigError,
    HcexportError,
    PasswordRefused,
    ProtocolError,
    ServerError,
    SignInRequired,
)
from hcexport.models import from_epoch_ms
from hcexport.redaction import Secret
from hcexport.store.accounts import Kind, Token
from hcexport.store.credentials import Credentials

STORED_MARGIN = timedelta(seconds=60)  # a stored token that ends sooner is renewed before it is used
RUNNING_MARGIN = timedelta(seconds=2)  # in the middle of a command the server's own 498 is the safety net
TOKEN_LIFE_S = 3600.0  # asked for by default; what is granted may differ

Log = Callable[[str], None]


@dataclass(frozen=True)
class Way:
    """A way to a token: its ``origin`` in words without secrets, and how to try it; None is "nothing here"."""

    origin: str
    get: Callable[[], Token | None]


def generate_token(session: Session, username: str, password: Secret, *, life_s: float = TOKEN_LIFE_S) -> Token:
    """``POST sharing/rest/generateToken``, once. Raises AuthError when the server refuses user or password.

    The token is bound to our Referer; its end is what the server granted, not what was asked.
    """
    form = {
        "username": username,
        "password": password.reveal(),
        "client": "referer",
        "referer": REFERER,
        "expiration": max(1, round(life_s / 60)),
    }
    try:
        answer = session.post(f"{session.organization.sharing}/generateToken", form)
    except ServerError as error:
        raise PasswordRefused(f"{session.organization} refused {username}: {error.message}") from None
    return _token_of(answer, username, Kind.PASSWORD)


def password_way(
    session: Session,
    credentials: Credentials,
    origin: str,
    read: Callable[[], Secret],
    *,
    life_s: float = TOKEN_LIFE_S,
) -> Way:
    """A token for a password from ``origin``. One that the server refused before is not sent again until it changes."""
    username = credentials.key.username

    def get() -> Token:
        password = read()
        if credentials.was_refused(password):
            raise AuthError(
                f"the password of {username} ({origin}) was refused before and has not changed",
                hint="correct it, or sign in: hcexport login",
            )
        try:
            token = generate_token(session, username, password, life_s=life_s)
        except PasswordRefused:
            credentials.remember_refused(password)
            raise
        credentials.forget_refused(password)
        return token

    return Way(origin, get)


def _token_of(answer: dict[str, Any], username: str, kind: Kind) -> Token:
    value = answer.get("token")
    if not isinstance(value, str) or not value:
        raise ProtocolError("the server's answer holds no token")
    return Token(Secret.token(value), from_epoch_ms(answer.get("expires")), username, REFERER, kind)


class SignIn:
    """The token of one account, from the first way that has one.

    ``ways`` may be tried again when a token has ended; ``fixed`` is the token of the environment, which nothing renews.
    ``token`` is the one in use, ``origin`` says where it came from.
    """

    def __init__(
        self,
        session: Session,
        ways: Sequence[Way],
        *,
        fixed: Token | None = None,
        kept_in: Credentials | None = None,
        log: Log = lambda line: None,  # noqa: ARG005 # nobody listens
    ) -> None:
        self._session = session
        self._ways = ways
        self._kept_in = kept_in
        self._log = log
        self._fixed = fixed
        self.token = fixed
        self.origin = "HCEXPORT_TOKEN" if fixed else ""

    def current(self) -> Secret:
        """The token to use now. Raises SignInRequired when no way leads to one."""
        if self.token is None:
            self.token = self._stored() or self._renew(None)
        elif self._ends_soon(self.token, RUNNING_MARGIN) and self._fixed is None:
            self.token = self._renew(self.token.secret)
        return self.token.secret

    def renewed(self, rejected: Secret) -> Secret:
        """Another token than ``rejected``. Raises SignInRequired."""
        if self._fixed is not None:
            where = "in HCEXPORT_TOKEN" if self._fixed.kind is Kind.ENVIRONMENT else "that was given"
            raise SignInRequired(f"the server does not take the token {where}", hint="get a fresh one: hcexport login")
        self.token = self._renew(rejected)
        return self.token.secret

    def _renew(self, rejected: Secret | None) -> Token:
        """Walk the ways, one process at a time: who waited for the lock finds the other's token in the store."""
        with self._alone():
            stored = self._stored()
            if stored and stored.secret != rejected:
                return stored
            token = self._walk()
            if self._kept_in:
                self._keep(self._kept_in, token)
            return token

    def _walk(self) -> Token:
        failures: list[HcexportError] = []
        for way in self._ways:
            try:
                token = way.get()
            except PasswordRefused:
                raise
            except (AuthError, ConfigError) as error:
                self._log(f"token: {way.origin}: {error.message}")
                failures.append(error)
                continue
            self._log(f"token: {way.origin}: {'got one' if token else 'nothing there'}")
            if token:
                self.origin = way.origin
                return token
        raise _best(failures, self._session)

    def _stored(self) -> Token | None:
        if self._kept_in is None:
            return None
        try:
            token = self._kept_in.token()
        except ConfigError as error:
            self._log(f"token: the store: {error.message}")
            return None
        if token is None or self._ends_soon(token, STORED_MARGIN):
            self._log(f"token: {self._kept_in.store.name}: {'it has ended' if token else 'none there'}")
            return None
        self.origin = f"{self._kept_in.store.name} store"
        self._log(f"token: {self.origin}: still good")
        return token

    def _keep(self, credentials: Credentials, token: Token) -> None:
        try:
            credentials.keep_token(token)
        except ConfigError as error:
            self._log(f"token: not kept: {error.message}")

    def _ends_soon(self, token: Token, margin: timedelta) -> bool:
        return token.expires is not None and token.expires - margin <= self._session.server_now()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._kept_in is None:
            yield
            return
        with self._kept_in.renewal_lock():
            yield


def _best(failures: Sequence[HcexportError], session: Session) -> HcexportError:
    """The failure worth saying: what went wrong on the way that came nearest, or that there is no way."""
    if not failures:
        return SignInRequired(f"not signed in to {session.organization}", hint=f"hcexport login {session.organization}")
    return next((failure for failure in failures if isinstance(failure, AuthError)), failures[0])
