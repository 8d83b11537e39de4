"""Read which proxy the environment asks for.

httpx 0.28 reads the same variables, but fails on an IPv6 address in ``NO_PROXY`` and ignores networks there
(``10.0.0.0/8``). Both are common in the networks of these organizations.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from hcexport.errors import ConfigError
from hcexport.organization import Organization


class Proxy(NamedTuple):
    """An HTTP proxy: its address without the user, and the user and password where they are given."""

    url: str
    credentials: tuple[str, str] | None
    origin: str

    def __repr__(self) -> str:
        return f"Proxy({self.url!r}, from {self.origin})"


def proxy_for(organization: Organization, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy that leads to an organization, None for a direct connection.

    Reads ``HTTPS_PROXY`` and ``ALL_PROXY``, lower case first, as curl does. ``HTTP_PROXY`` is ignored, because http is
    allowed to loopback only. Raises ConfigError naming the variable that cannot be understood.
    """
    name = _first_set(environ, "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    if name is None or organization.scheme != "https" or is_bypassed(organization, environ):
        return None
    return _parse(environ[name].strip(), name)


def is_bypassed(organization: Organization, environ: Mapping[str, str]) -> bool:
    """Whether ``NO_PROXY`` covers the host: a name, a domain, an address, a network, each with or without a port."""
    name = _first_set(environ, "no_proxy", "NO_PROXY")
    entries = environ[name].replace(",", " ").split() if name else []
    return any(_covers(entry, organization) for entry in entries)


def _first_set(environ: Mapping[str, str], *names: str) -> str | None:
    return next((name for name in names if environ.get(name, "").strip()), None)


def _covers(entry: str, organization: Organization) -> bool:
    if entry == "*":
        return True
    host, port = _split_port(entry)
    if port is not None and port != organization.port:
        return False
    network, address = _network(host), _address(organization.host)
    if network and address:
        return address in network
    domain = host.lower().lstrip("*").lstrip(".").rstrip(".")
    name = organization.host.lower()
    return bool(domain) and (name == domain or name.endswith(f".{domain}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        return host + (rest if rest.startswith("/") else ""), _number(rest.removeprefix(":"))
    head, colon, tail = entry.rpartition(":")
    if colon and ":" not in head and tail.isdecimal():
        return head, int(tail)
    return entry, None


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _parse(text: str, name: str) -> Proxy:
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigError(
            f"{name} is not an address of a proxy", hint="it looks like http://proxy.example.com:3128"
        ) from None
    scheme = parts.scheme.lower()
    if scheme.startswith("socks"):
        raise ConfigError(
            f"{name} names a SOCKS proxy, which hcexport does not speak",
            hint="name an HTTP proxy, or exempt the organization: NO_PROXY=HOST",
        )
    if scheme not in {"http", "https"} or not host:
        raise ConfigError(f"{name} is not an address of a proxy", hint="it looks like http://proxy.example.com:3128")
    shown = f"[{host}]" if ":" in host else host
    credentials = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Proxy(f"{scheme}://{shown}:{port or (443 if scheme == 'https' else 80)}", credentials, name)
