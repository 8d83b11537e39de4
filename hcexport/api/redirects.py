"""Decide where a redirect may lead: back to the organization with the token, or a file's to another host without it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from hcexport.errors import NetworkError, ProtocolError
from hcexport.organization import Organization, is_local, is_loopback
from hcexport.redaction import holds_secret

if TYPE_CHECKING:
    from hcexport.api.http import Response

FILE_STATUSES = {200, 206, 416}
REDIRECT_STATUSES = {301, 302, 303, 307, 308}
_PORTS = {"http": 80, "https": 443}


def resolve(url: str, location: str) -> str | None:
    """The absolute address that a redirect of ``url`` leads to, None for what is no address.

    Raises ProtocolError for an address that holds a secret of ours, because addresses end up in logs.
    """
    try:
        target = urljoin(url, location)
    except ValueError:
        return None
    if holds_secret(target):
        raise ProtocolError("the server redirects to an address with a secret of ours in it, which is not followed")
    return target


def find_next(url: str, answer: Response, organization: Organization) -> str | None:
    """The address at which a GET goes on: of the organization's origin, because the token goes with it; else None."""
    location = answer.headers.get("location")
    if not location or answer.status not in REDIRECT_STATUSES:
        return None
    target = resolve(url, location)
    return target if target and _is_same_origin(target, organization) else None


def _is_same_origin(url: str, organization: Organization) -> bool:
    origin = _origin(url)
    return origin is not None and (origin.scheme, origin.host, origin.port) == (
        organization.scheme,
        organization.host,
        organization.port,
    )


def find_store(url: str, organization: Organization) -> Organization | None:
    """The origin that a download is redirected to, None where it must not be followed.

    Object stores hand files out over https. A redirect to a loopback or link-local address could reach services that
    trust whoever asks from here, so it is followed only for an organization that is on this machine itself.
    """
    origin = _origin(url)
    if origin is None:
        return None
    if is_loopback(organization.host):
        is_safe = origin.scheme == "https" or (organization.scheme == "http" and is_loopback(origin.host))
    else:
        is_safe = origin.scheme == "https" and not is_local(origin.host)
    return origin if is_safe else None


def _origin(url: str) -> Organization | None:
    """Scheme, host and port of an http address without a user in it."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not host or parts.username is not None:
        return None
    return Organization(parts.scheme, host, port or _PORTS[parts.scheme], "")


def require_file(answer: Response, store: Organization) -> None:
    """Raise what a refusal of a store means: nothing about the token or a privilege, and a new address may help."""
    if answer.status not in FILE_STATUSES:
        is_busy = answer.status == 429 or answer.status >= 500
        kind = NetworkError if is_busy else ProtocolError
        raise kind(f"{store.host}, to which the download is redirected, refused it: HTTP {answer.status}")
