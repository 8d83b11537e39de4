"""Whether this is the product that has health checks: ArcGIS Enterprise on Kubernetes, 11.2 or newer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hcexport.api.session import Session
from hcexport.errors import ConfigError, HcexportError, NoOrganization, NotFound, PrivilegeMissing

_DEPLOYMENT = "ArcGISEnterpriseOnKubernetes"  # the test that Esri's own client makes
_FIRST_RELEASE = (11, 2)
# What the documentation asks for; uploads ask for another one than health checks do.
_PRIVILEGES = {
    "healthCheck": "the administrative privilege 'Security and infrastructure'",
    "uploads": "the Publisher or the default administrator role",
}


def check_deployment(session: Session) -> None:
    """Raise ConfigError when ``sharing/rest/portals/self`` says that this is another product. It needs no token."""
    deployment = session.get(f"{session.organization.sharing}/portals/self").get("portalDeploymentType")
    if isinstance(deployment, str) and deployment != _DEPLOYMENT:
        raise ConfigError(
            f"{session.organization} is {deployment}, which has no health checks",
            hint="hcexport works with ArcGIS Enterprise on Kubernetes 11.2 or newer",
        )


def check_release(release: str, organization: object) -> None:
    """Raise ConfigError for a release before 11.2; one that cannot be read counts as new enough."""
    if _is_older(release):
        raise ConfigError(
            f"{organization} is release {release}: health checks came with 11.2",
            hint="hcexport works with ArcGIS Enterprise on Kubernetes 11.2 or newer",
        )


@contextmanager
def explain_refusals(path: str, session: Session, release: Callable[[], str]) -> Iterator[None]:
    """Say what is behind a refusal of ``path``, a resource of the admin API: the privilege that it asks for.

    A health check resource that is not there may mean another product, or an old release: raises ConfigError then. A
    server that does not say what it is leaves the refusal as it came.
    """
    try:
        yield
    except PrivilegeMissing as refusal:
        if needed := _PRIVILEGES.get(path.partition("/")[0]):
            raise PrivilegeMissing(f"{refusal.message.rstrip('.')}; it takes {needed}", hint=refusal.hint) from None
        raise
    except (NotFound, NoOrganization):
        if path.startswith("healthCheck/"):
            _check_product(session, release)
        raise


def _check_product(session: Session, release: Callable[[], str]) -> None:
    try:
        check_deployment(session)
        check_release(release(), session.organization)
    except ConfigError:
        raise
    except HcexportError:
        return  # it does not say what it is


def _is_older(release: str) -> bool:
    try:
        numbers = tuple(int(part) for part in release.split(".")[:2])
    except ValueError:
        return False
    return bool(release) and numbers < _FIRST_RELEASE
