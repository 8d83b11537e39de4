"""Who may sign in, what each may do, and the lock after too many wrong passwords."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hmac import compare_digest

FAILURES_BEFORE_LOCK = 5  # as documented for the portal's built-in accounts

# The privileges that the endpoints of routes.py ask for.
SECURITY = "portal:admin:manageSecurity"  # "Security and infrastructure"
PUBLISHER = "portal:publisher:publishServerServices"
UPDATE = "portal:admin:updateUsers"
USER = ("portal:user:createItem", "portal:user:joinGroup", "portal:user:shareToOrg")


@dataclass(frozen=True)
class Account:
    """A member of the organization."""

    username: str
    full_name: str
    role: str  # org_admin, org_user, or the id of a custom role
    privileges: tuple[str, ...]


def members(administrator: str) -> tuple[Account, ...]:
    """List the members: one who may do everything, one who may check health only, one who may do neither."""
    return (
        Account(administrator, "Site Administrator", "org_admin", (SECURITY, PUBLISHER, UPDATE, *USER)),
        Account("operator", "Health Check Operator", "x7Kd2mQp9LsT4vBn", (SECURITY, *USER)),
        Account("viewer", "Viewer", "org_user", USER),
    )


class SignInRefusedError(Exception):
    """The name or the password is wrong, or the account is locked; the text says which to a person."""


class Accounts:
    """The members and their one password; names are case-sensitive."""

    def __init__(
        self, accounts: Iterable[Account], password: str, lock_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._accounts = {account.username: account for account in accounts}
        self._password = password.encode()
        self._lock_seconds = lock_seconds
        self._clock = clock
        self._failures: Counter[str] = Counter()
        self._locked_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def get(self, username: str) -> Account:
        """Find a member; raises KeyError."""
        return self._accounts[username]

    def sign_in(self, username: str, password: str) -> Account:
        """Check a password; raises SignInRefusedError."""
        account = self._accounts.get(username)
        with self._lock:
            if self._locked_until.get(username, 0) > self._clock():
                raise SignInRefusedError("Too many invalid attempts. Please try again later.")
            if account and compare_digest(password.encode(), self._password):
                del self._failures[username]
                return account
            self._count_failure(username)
        raise SignInRefusedError("Invalid username or password.")

    def _count_failure(self, username: str) -> None:
        self._failures[username] += 1
        if self._failures[username] >= FAILURES_BEFORE_LOCK:
            self._locked_until[username] = self._clock() + self._lock_seconds
            del self._failures[username]
