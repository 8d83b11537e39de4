"""Who may sign in, what each may do, and the lock after too many wrong passwords.

Things that are handed out against a secret, each for a while: tokens, codes, sign-ins on their way.

Tokens, and what a person allowed an application on the way to one.

The applications that are registered with the organization, and where each may have its users sent back to.
"""

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
LOOPBACK = r"http://127\.0\.0\.1(:\d{1,5})?(/[!-~]*)?"  # any port, as RFC 8252 has it for native applications


@dataclass(frozen=True)
class Account:
    """A member of the organization."""

    username: str
    full_name: str
    role: str  # org_admin, org_user, or the id of a custom role
    privileges: tuple[str, ...]
    built_in: bool = True  # otherwise known to an identity provider alone
    second_factor: bool = False
    consents: bool = True  # to let an application act for them

    @property
    def password_suffices(self) -> bool:
        """Tell whether generateToken, which can ask for nothing else, may serve them."""
        return self.built_in and not self.second_factor


def members(administrator: str) -> tuple[Account, ...]:
    """List the members: what each of them is for stands in their name."""
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
    """The name, the password or the code is wrong, or the account is locked; the text says which to a person."""


class Accounts:
    """The members and their one password; names are case-sensitive but on the sign-in page."""

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
            username, bool(account) and _equal(password, self._options.password), "Invalid username or password."
        )
        return self._accounts[username]

    def confirm(self, account: Account, code: str) -> None:
        """Check the code of a second factor; raises SignInRefusedError."""
        self._attempt(account.username, _equal(code, self._options.mfa_code), "Invalid code.")

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


def _equal(given: str, right: str) -> bool:
    return compare_digest(given.encode(), right.encode())


class ExpiringStore(Generic[T]):
    """Keeps things of one kind under keys that nobody can guess."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[T, float]] = {}
        self._lock = threading.Lock()

    def keep(self, thing: T, seconds: float) -> str:
        """Keep a thing for some seconds, and give its key."""
        key = secrets.token_urlsafe(96)
        with self._lock:
            self._kept[key] = thing, self._clock() + seconds
        return key

    def look(self, key: str) -> T | None:
        """Look at a thing that is there and whose time has not passed."""
        thing, until = self._kept.get(key, (None, 0.0))
        return thing if until > self._clock() else None

    def take(self, key: str) -> T | None:
        """Take a thing out: one of several at once gets it."""
        thing = self.look(key)
        with self._lock:
            return thing if self._kept.pop(key, None) else None

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()


@dataclass(frozen=True)
class Token:
    """An access token: whose it is, and what it is bound to."""

    account: Account | None  # None: an application on its own
    referer: str | None = None
    ip: str | None = None
    client_id: str | None = None  # the application it was made for; None: made by generateToken

    def fits(self, referer: str, ip: str) -> bool:
        """Tell whether a request may use it: its referer is the bound one, or a page below that."""
        if self.referer is not None and referer != self.referer:
            return referer.startswith(self.referer.rstrip("/") + "/")
        return self.ip in (None, ip)


@dataclass(frozen=True)
class Authorization:
    """What an application asked for at the authorize page, and who allowed it once somebody has."""

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
    """A registered application; ``redirects`` are patterns."""

    client_id: str
    redirects: tuple[str, ...] = (re.escape(OUT_OF_BAND),)
    has_secret: bool = False

    def may_redirect(self, uri: str) -> bool:
        """Tell whether users may be sent there."""
        return any(re.fullmatch(pattern, uri) for pattern in self.redirects)


APPS = {
    app.client_id: app
    for app in (
        App("arcgisonline"),  # these two are built in
        App("pythonapi"),
        App("hcexport-demo", (LOOPBACK, re.escape(OUT_OF_BAND)), has_secret=True),
    )
}
