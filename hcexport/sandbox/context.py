"""What an endpoint is given, and what it may give back.

Who is let in: what a request must carry, checked before an endpoint sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hcexport.sandbox import http as refusals
from hcexport.sandbox.http import Json, Request, Response
from hcexport.sandbox.world import World
from hcexport.sandbox.world.identity import PUBLISHER, SECURITY, UPDATE, Account


@dataclass(frozen=True)
class RequestContext:
    """A request that was let in; ``ids`` are the named parts of its path, ``account`` is None for a guest."""

    world: World
    request: Request
    ids: Mapping[str, str]
    account: Account | None

    @property
    def username(self) -> str:
        """Name who calls; empty for an application on its own."""
        return self.account.username if self.account else ""

    def get(self, name: str, default: str = "") -> str:
        """Read a parameter that may be left out."""
        return self.request.parameters.get(name, default)

    def required(self, name: str) -> str:
        """Read a parameter that must be there and not be empty."""
        value = self.get(name).strip()
        if not value:
            raise refusals.admin(400, f"'{name}' must be specified.")
        return value

    def listed(self, name: str) -> list[str]:
        """Read a comma-separated parameter that must be there."""
        return [part.strip() for part in self.required(name).split(",")]

    def number(self, name: str, default: int) -> int:
        """Read a positive number that may be left out."""
        text = self.get(name, str(default))
        if not text.isdecimal() or int(text) < 1:
            raise refusals.admin(400, f"'{name}' must be a positive number, not '{text}'.")
        return int(text)

    def path(self, resource: str) -> str:
        """Make the path of a resource, from the context on."""
        return f"{self.world.options.root}/{resource}"

    def url(self, resource: str) -> str:
        """Make the public URL of a resource: the host is the one that the client called."""
        return f"{self.request.origin}{self.path(resource)}"


Endpoint = Callable[[RequestContext], Json | Response]


@dataclass(frozen=True)
class Access:
    """What an endpoint asks for; one that asks for privileges, any one of them, is of the administrator API."""

    looks_at_token: bool = True
    admits_guests: bool = False
    privileges: frozenset[str] = frozenset()


OPEN = Access(looks_at_token=False, admits_guests=True)
GUEST = Access(admits_guests=True)
MEMBER = Access()
ADMIN = Access(privileges=frozenset({SECURITY, UPDATE}))
HEALTH = Access(privileges=frozenset({SECURITY}))
JOBS = Access(privileges=frozenset({SECURITY, UPDATE, PUBLISHER}))
UPLOADS = Access(privileges=frozenset({PUBLISHER}))


def admit(world: World, request: Request, access: Access) -> Account | None:
    """Tell whose request it is, None for a guest or an application; raises Refusal."""
    account = _bearer(world, request, access) if access.looks_at_token else None
    if access.privileges and not (account and access.privileges.intersection(account.privileges)):
        raise refusals.forbidden()
    return account


def _bearer(world: World, request: Request, access: Access) -> Account | None:
    value = _from_body(request) if access.privileges and request.method == "POST" else _from_anywhere(request)
    if not value:
        if access.admits_guests:
            return None
        raise refusals.token_required()
    token = world.tokens.look(value)
    if not token or not token.fits(request.headers.get("Referer", ""), request.peer):
        raise refusals.invalid_token()
    return token.account


def _from_body(request: Request) -> str:
    """Read the token of a POST: the administrator API takes it from the body alone, against forged requests."""
    if not request.form.get("token"):
        raise refusals.token_required("A POST request must include a token in the request body.")
    return request.form["token"]


def _from_anywhere(request: Request) -> str:
    for name in ("X-Esri-Authorization", "Authorization"):
        scheme, _, value = request.headers.get(name, "").partition(" ")
        if scheme.lower() == "bearer":
            return value.strip()
    return request.parameters.get("token", "")
