"""Explain refusals: which privilege is missing, or that this is not ArcGIS Enterprise on Kubernetes 11.2 or newer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from hcexport.api.session import Session
from hcexport.errors import (
    CertificateError,
    ConfigError,
    HcexportError,
    NetworkError,
    NoOrganization,
    NotFound,
    PrivilegeMissing,
    TimedOut,
)
from hcexport.redaction import Secret

_DEPLOYMENT = "ArcGISEnterpriseOnKubernetes"  # Esri's own client tests for this value
_FIRST_RELEASE = (11, 2)
# As documented (tests/data/README.md, "Privileges"), by the first segment of the path.
_PRIVILEGES = {
    "healthCheck": "the administrative privilege 'Security and infrastructure'",
    "jobs": "one of the privileges Update, Delete, 'Security and infrastructure', or the Publisher role",
    "uploads": "the Publisher or the default administrator role",
}
_RESOURCES = {"reports": "report", "jobs": "job", "uploads": "upload item"}
_OPERATIONS = {"", "query", "export", "delete"}


@contextmanager
def ignore_odd_answers() -> Iterator[None]:
    """Go on after an answer that leaves open which product this is: public access may be off, a proxy may refuse.

    Stops only where the server cannot be reached or trusted, because nothing else would work there either, and where
    an answer surely says that this is another product.
    """
    try:
        yield
    except (ConfigError, TimedOut, CertificateError):
        raise
    except HcexportError as error:
        if isinstance(error, NetworkError) and error.unsent:
            raise


def check_deployment(session: Session, token: Secret | None = None) -> None:
    """Raise ConfigError when ``sharing/rest/portals/self`` says that this is another product."""
    url = f"{session.organization.sharing}/portals/self"
    check_deployment_type(session.get(url, token=token, attempts=2), session.organization)


def check_deployment_type(portal: Mapping[str, Any], organization: object) -> None:
    """Raise ConfigError when an answer of ``portals/self`` says that this is another product."""
    deployment = portal.get("portalDeploymentType")
    if isinstance(deployment, str) and deployment != _DEPLOYMENT:
        raise ConfigError(
            f"{organization} is {deployment}, which has no health checks",
            hint="hcexport works with ArcGIS Enterprise on Kubernetes 11.2 or newer",
        )


def check_release(release: str, organization: object) -> None:
    """Raise ConfigError for a release before 11.2. A release that cannot be read counts as new enough."""
    if is_old(release):
        raise ConfigError(
            f"{organization} is release {release}: health checks came with 11.2",
            hint="hcexport works with ArcGIS Enterprise on Kubernetes 11.2 or newer",
        )


@contextmanager
def explain_refusals(path: str, session: Session, release: Callable[[], str]) -> Iterator[None]:
    """Add the privilege that ``path``, a resource of the admin API, requires to a refusal of it.

    Name the report, job or item that was not found. Where a health check resource is missing, raise ConfigError for
    another product or an old release; where the server does not say which product it is, raise the refusal as it came.
    """
    try:
        yield
    except PrivilegeMissing as refusal:
        is_of_license = re.search("licen[cs]e", refusal.message, re.IGNORECASE)  # no privilege would help
        if (needed := _PRIVILEGES.get(path.partition("/")[0])) and not is_of_license:
            login = f"ask an administrator for it, or sign in as another user: hcexport login {session.organization}"
            raise PrivilegeMissing(
                f"{refusal.message.rstrip('.')}; it requires {needed}", hint=refusal.hint or login
            ) from None
        raise
    except (NotFound, NoOrganization) as missing:
        if path.startswith("healthCheck/"):
            _check_product(session, release)
        if isinstance(missing, NotFound) and (name := _name_resource(path)):
            raise NotFound(f"{name} was not found: {missing.message}", hint=missing.hint) from None
        raise


def _check_product(session: Session, release: Callable[[], str]) -> None:
    try:
        check_deployment(session)
        check_release(release(), session.organization)
    except ConfigError:
        raise
    except HcexportError:
        return  # a server that does not say which product it is may be the right one


def _name_resource(path: str) -> str | None:
    """Name the report, job or upload item that a path is about, because servers say "not found" and no more."""
    collection, _, resource = path.removeprefix("healthCheck/").partition("/")
    name, resource_id = _RESOURCES.get(collection), unquote(resource.partition("/")[0])
    return f"{name} {resource_id}" if name and resource_id not in _OPERATIONS else None


def is_old(release: str) -> bool:
    """Whether a release is before 11.2, which brought health checks. A release that cannot be read is new enough."""
    try:
        numbers = tuple(int(part) for part in release.split(".")[:2])
    except ValueError:
        return False
    return bool(release) and numbers < _FIRST_RELEASE
