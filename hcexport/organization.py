"""Read the address of an organization in every form that people paste it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from hcexport.errors import UsageError

# These path segments follow the context in an address copied from a browser; they and the rest are dropped.
_PAGES = frozenset({"admin", "apps", "home", "manager", "portaladmin", "rest", "sharing"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Organization:
    """One ArcGIS Enterprise deployment: scheme, host, port and context.

    The context is a path without slashes at its ends, quoted as it stands in URLs.
    """

    scheme: str
    host: str
    port: int
    context: str

    @classmethod
    def parse(cls, text: str) -> Organization:
        """Read an address as pasted: of the context, the admin root, the manager, the portal, an app.

        Raises UsageError for anything but https, or http to a loopback address, and for addresses with a user in them.
        """
        address = text.strip()
        if "://" not in address:
            raise UsageError(
                f"{address!r} is not an address: it has no scheme", hint=f"did you mean https://{address} ?"
            )
        try:
            parts = urlsplit(address)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError as error:
            raise UsageError(f"{address!r} is not an address: {error}") from None
        if parts.username is not None or parts.password is not None:
            raise UsageError("the address names a user", hint="leave the user out; login asks for it")
        if not host or any(character.isspace() for character in host):
            raise UsageError(f"{address!r} is not an address: it has no host")
        scheme = parts.scheme.lower()
        if scheme != "https" and not (scheme == "http" and is_loopback(host)):
            raise UsageError(
                f"{address!r} is not https: a token would travel in the clear",
                hint=f"use https://{parts.netloc}{parts.path}",
            )
        return cls(scheme, host, port or _DEFAULT_PORTS[scheme], _context(parts.path))

    @property
    def origin(self) -> str:
        """Scheme, host and port as a URL without a path, without the port where it is the default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}")

    @property
    def url(self) -> str:
        """The address without anything after the context; what profiles keep and what messages name."""
        return self.origin + (f"/{self.context}" if self.context else "")

    @property
    def admin(self) -> str:
        """Root of the Enterprise Administrator API."""
        return f"{self.url}/admin"

    @property
    def sharing(self) -> str:
        """Root of the Sharing API."""
        return f"{self.url}/sharing/rest"

    def __str__(self) -> str:
        return self.url


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_local(host: str) -> bool:
    """Whether a host name or address is this machine or link-local, where clouds serve a machine's credentials."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_link_local or address.is_unspecified


def _context(path: str) -> str:
    segments = [segment for segment in path.split("/") if segment]
    if ".." in segments or "." in segments:
        raise UsageError(f"the path {path!r} contains . or ..: give the address without them")

    ends = (index for index, segment in enumerate(segments) if segment.lower() in _PAGES)
    return quote("/".join(segments[: next(ends, len(segments))]), safe="/~@:+%", errors="replace")
