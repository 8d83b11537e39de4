"""The context of a request, which every endpoint is given, and the access check that comes before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hcexport.sandbox import errors
from hcexport.sandbox.http import Json, Request, Response
from hcexport.sandbox.world import World
from hcexport.sandbox.world.identity import PUBLISHER, SECURITY, UPDATE, Account


@dataclass(frozen=True)
class RequestContext:
    """A request that passed the access check.

    ``ids`` are the named parts of its path. ``account`` is None for a guest, and for an application without a user.
    """

    world: World
    request: Request
    ids: Mapping[str, str]
    account: Account | None

    @property
    def username(self) -> str:
        """The caller's name; empty for an application without a user."""
        return self.account.username if self.account else ""

    def get(self, name: str, default: str = "") -> str:
        """Read an optional parameter."""
        return self.request.parameters.get(name, default)

    def require(self, name: str) -> str:
        """Read a parameter that must be there and not be empty."""
        value = self.get(name).strip()
        if not value:
            raise errors.admin(400, f"'{name}' must be specified.")
        return value

    def require_list(self, name: str) -> list[str]:
        """Read a comma-separated parameter that must be there."""
        return [part.strip() for part in self.require(name).split(",")]

    def number(self, name: str, default: int) -> int:
        """Read an optional positive number."""
        text = self.get(name, str(default))
        if not text.isdecimal() or int(text) < 1:
            raise errors.admin(400, f"'{name}' must be a positive number, not '{text}'.")
        return int(text)

    def path(self, resource: str) -> str:
        """Make the path of a resource, from the context on."""
        return f"{self.world.options.root}/{resource}"

    def url(self, resource: str) -> str:
        """Make the public URL of a resource: its host is the host that the client called."""
        return f"{self.request.origin}{self.path(resource)}"


Endpoint = Callable[[RequestContext], Json | Response]


@dataclass(frozen=True)
class Access:
    """Who may call an endpoint; any of the privileges is enough, and every JSON endpoint of ``admin`` has some."""

    looks_at_token: bool = True
    admits_guests: bool = False
    privileges: frozenset[str] = frozenset()


OPEN = Access(looks_at_token=False, admits_guests=True)
GUEST = Access(admits_guests=True)
MEMBER = Access()
# tests/data/README.md, "Privileges".
ADMIN = Access(privileges=frozenset({SECURITY, UPDATE}))
HEALTH = Access(privileges=frozenset({SECURITY}))
JOBS = Access(privileges=frozenset({SECURITY, UPDATE, PUBLISHER}))
UPLOADS = Access(privileges=frozenset({PUBLISHER}))


def check_access(world: World, request: Request, access: Access) -> Account | None:
    """Return the caller's account, None for a guest or an application; raises ApiError."""
    account = _find_account(world, request, access) if access.looks_at_token else None
    if access.privileges and not (account and access.privileges.intersection(account.privileges)):
        raise errors.forbidden()
    return account


def _find_account(world: World, request: Request, access: Access) -> Account | None:
    in_body = access.privileges and request.method == "POST"
    value = _token_in_body(request) if in_body else _token_anywhere(request)
    if not value:
        if access.admits_guests:
            return None
        raise errors.token_required()
    token = world.tokens.look(value)
    if not token or not token.fits(request.headers.get("Referer", ""), request.peer):
        raise errors.invalid_token()
    return token.account


def _token_in_body(request: Request) -> str:
    """Read the token of a POST: the administrator API takes it from the body alone, because that stops forged posts."""
    if not request.form.get("token"):
        raise errors.token_required("A POST request must include a token in the request body.")
    return request.form["token"]


def _token_anywhere(request: Request) -> str:
    for name in ("X-Esri-Authorization", "Authorization"):
        scheme, _, value = request.headers.get(name, "").partition(" ")
        if scheme.lower() == "bearer":
            return value.strip()
    return request.parameters.get("token", "")
