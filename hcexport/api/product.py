"""Whether this is the product that has health checks: ArcGIS Enterprise on Kubernetes, 11.2 or newer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hcexport.api.session import Session
from hcexport.errors import ConfigError, HcexportError, NotFound

_DEPLOYMENT = "ArcGISEnterpriseOnKubernetes"  # the test that Esri's own client makes
_FIRST_RELEASE = (11, 2)


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
def explained(session: Session, release: Callable[[], str]) -> Iterator[None]:
    """A health check resource that is not there may say that this is another product, or an old release of ours.

    Raises ConfigError then. A server that does not say what it is leaves the NotFound as it came.
    """
    try:
        yield
    except NotFound as missing:
        try:
            check_deployment(session)
            check_release(release(), session.organization)
        except ConfigError:
            raise
        except HcexportError:
            raise missing from None
        raise


def _is_older(release: str) -> bool:
    try:
        numbers = tuple(int(part) for part in release.split(".")[:2])
    except ValueError:
        return False
    return bool(release) and numbers < _FIRST_RELEASE
