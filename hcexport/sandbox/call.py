"""What an endpoint is given, and what it may give back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hcexport.sandbox import refusals
from hcexport.sandbox.wire import Json, Request, Response
from hcexport.sandbox.world import World
from hcexport.sandbox.world.accounts import Account


@dataclass(frozen=True)
class Call:
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


Endpoint = Callable[[Call], Json | Response]
