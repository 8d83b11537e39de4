"""Accounts, tokens and registered applications: who may sign in, and what they are given for it."""

from __future__ import annotations

import re
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Generic, TypeVar

from hcexport.sandbox.options import Options

FAILURES_BEFORE_LOCK = 5  # as documented for the portal's built-in accounts

# The privileges that the endpoints of routes.py ask for.
SECURITY = "portal:admin:manageSecurity"  # "Security and infrastructure"
PUBLISHER = "portal:publisher:publishServerServices"
UPDATE = "portal:admin:updateUsers"
USER = ("portal:user:createItem", "portal:user:joinGroup", "portal:user:shareToOrg")

T = TypeVar("T")

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
LOOPBACK = r"http://127\.0\.0\.1(:\d{1,5})?(/[!-~]*)?"  # any port: RFC 8252 section 7.3


@dataclass(frozen=True)
class Account:
    """A member of the organization."""

    username: str
    full_name: str
    role: str  # org_admin, org_user, or the id of a custom role
    privileges: tuple[str, ...]
    built_in: bool = True  # False: an identity provider alone knows the account
    second_factor: bool = False
    consents: bool = True  # whether the member lets an application act for them

    @property
    def password_suffices(self) -> bool:
        """Whether generateToken, which can ask for a password only, may serve the member."""
        return self.built_in and not self.second_factor


def members(administrator: str) -> tuple[Account, ...]:
    """Make the members; the full name of each says what it is for."""
    admin = Account(administrator, "Site Administrator", "org_admin", (SECURITY, PUBLISHER, UPDATE, *USER))
    return (
        admin,
        Account("operator", "Checks Health, Downloads Nothing", "x7Kd2mQp9LsT4vBn", (SECURITY, *USER)),
        Account("viewer", "Has No Administrative Privilege", "org_user", USER),
        replace(admin, username="mfa", full_name="Has a Second Factor", second_factor=True),
        replace(admin, username="saml.admin", full_name="Signs In by SAML Alone", built_in=False),
        replace(admin, username="unwilling", full_name="Refuses Consent", consents=False),
    )


class SignInRefusedError(Exception):
    """The name, the password or the code is wrong, or the account is locked; the text says it to a person."""


class Accounts:
    """The members, who share a password; names are case-sensitive except on the sign-in page."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._accounts = {account.username: account for account in members(options.username)}
        self._failures: Counter[str] = Counter()
        self._locked_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def get(self, username: str) -> Account:
        """Find a member; raises KeyError."""
        return self._accounts[username]

    def sign_in(self, username: str, password: str, *, any_case: bool = False) -> Account:
        """Check a password; raises SignInRefusedError."""
        if any_case:
            username = next((name for name in self._accounts if name.lower() == username.lower()), username)
        account = self._accounts.get(username)
        self._attempt(
            username, bool(account) and _is_equal(password, self._options.password), "Invalid username or password."
        )
        return self._accounts[username]

    def confirm(self, account: Account, code: str) -> None:
        """Check the code of a second factor; raises SignInRefusedError."""
        self._attempt(account.username, _is_equal(code, self._options.mfa_code), "Invalid code.")

    def _attempt(self, username: str, right: bool, otherwise: str) -> None:
        with self._lock:
            if self._locked_until.get(username, 0) > self._options.clock():
                raise SignInRefusedError("Too many invalid attempts. Please try again later.")
            if not right:
                self._count_failure(username)
                raise SignInRefusedError(otherwise)
            del self._failures[username]

    def _count_failure(self, username: str) -> None:
        self._failures[username] += 1
        if self._failures[username] >= FAILURES_BEFORE_LOCK:
            self._locked_until[username] = self._options.clock() + self._options.lock_seconds
            del self._failures[username]


def _is_equal(given: str, right: str) -> bool:
    return compare_digest(given.encode(), right.encode())


class ExpiringStore(Generic[T]):
    """Values that expire, each under a key that nobody can guess: tokens, codes, sign-ins."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._values: dict[str, tuple[T, float]] = {}
        self._lock = threading.Lock()

    def keep(self, value: T, seconds: float) -> str:
        """Keep a value for some seconds, and return its key."""
        key = secrets.token_urlsafe(96)
        with self._lock:
            self._values[key] = value, self._clock() + seconds
        return key

    def look(self, key: str) -> T | None:
        """Return the value of a key; None if there is none or it has expired."""
        value, until = self._values.get(key, (None, 0.0))
        return value if until > self._clock() else None

    def take(self, key: str) -> T | None:
        """Remove a value and return it; of several callers at once only one gets it."""
        value = self.look(key)
        with self._lock:
            return value if self._values.pop(key, None) else None

    def clear(self) -> None:
        """Remove every value."""
        with self._lock:
            self._values.clear()


@dataclass(frozen=True)
class Token:
    """An access token: its account, and what it is bound to."""

    account: Account | None  # None: an application without a user
    referer: str | None = None
    ip: str | None = None
    client_id: str | None = None  # the application; None: made by generateToken

    def fits(self, referer: str, ip: str) -> bool:
        """Tell whether a request may use the token: its referer is the bound referer, or a page below it."""
        if self.referer is not None and referer != self.referer:
            return referer.startswith(self.referer.rstrip("/") + "/")
        return self.ip in (None, ip)


@dataclass(frozen=True)
class Authorization:
    """What an application asked for at the authorize page, and the account that allowed it, if any did yet."""

    client_id: str
    redirect_uri: str
    state: str
    challenge: str
    method: str
    refresh_seconds: float
    account: Account | None = None


@dataclass(frozen=True)
class Refresh:
    """A refresh token."""

    account: Account
    client_id: str
    redirect_uri: str
    seconds: float


@dataclass(frozen=True)
class App:
    """A registered application; ``redirects`` are patterns of the URLs that it may send its users to."""

    client_id: str
    redirects: tuple[str, ...] = (re.escape(OUT_OF_BAND),)
    has_secret: bool = False

    def may_redirect(self, uri: str) -> bool:
        """Tell whether users may be sent to a URL."""
        return any(re.fullmatch(pattern, uri) for pattern in self.redirects)


APPS = {
    app.client_id: app
    for app in (
        App("arcgisonline"),  # this and the next are built in
        App("pythonapi"),
        App("hcexport-demo", (LOOPBACK, re.escape(OUT_OF_BAND)), has_secret=True),
    )
}
