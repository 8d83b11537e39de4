"""The suites of health checks: the basic one, which is documented, and an operational one, which is invented.

Of the basic suite the thirteen descriptions are documented, the machine names of the relational store, the object
store, the portal and the manager, and the id ``HC_112_002``; the other names, ids and severities are ours.

That an operational suite came with release 12.0 is documented, but its id, name and tests were never published.
OPERATIONAL is ours altogether, and says so in its name, so that nobody takes it for the real one.
"""

from dataclasses import dataclass

from hcexport.sandbox.http import Json
from hcexport.sandbox.options import Options

CRITICAL, GENERAL = "critical", "general"
OPERATIONAL_SINCE = (12, 0)


@dataclass(frozen=True, slots=True)
class Check:
    """One test of a suite; ``when_run`` is what it says when somebody runs the suite."""

    id: str
    name: str
    severity: str
    description: str
    when_run: str = "pass"


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite of tests."""

    id: str
    name: str
    checks: tuple[Check, ...]

    def resource(self) -> Json:
        """Describe the suite as ``healthCheck/suites/<id>`` does."""
        return {"systemOnly": False, "id": self.id, "name": self.name} | {
            f"{severity}Tests": [
                {"name": check.name, "description": check.description}
                for check in self.checks
                if check.severity == severity
            ]
            for severity in (GENERAL, CRITICAL)
        }


BASIC = Suite(
    "BSHC-001",
    "Basic health checks",
    (
        Check("HC_112_001", "portal_api_availability", CRITICAL, "Portal API endpoint is available"),
        Check("HC_112_002", "healthcheck_relationalDatastore", CRITICAL, "Relational store health check"),
        Check("HC_112_003", "healthcheck_objectStore", GENERAL, "Object store health check"),
        Check(
            "HC_112_004", "healthcheck_spatiotemporalDatastore", GENERAL, "Spatiotemporal and index store health check"
        ),
        Check("HC_112_005", "home_app_availability", GENERAL, "ArcGIS Enterprise portal endpoint is available"),
        Check("HC_112_006", "manager_availability", GENERAL, "ArcGIS Enterprise Manager endpoint is available"),
        Check("HC_112_007", "healthcheck_ingress", CRITICAL, "Ingress health check"),
        Check("HC_112_008", "healthcheck_publishingTools", GENERAL, "System publishing tools health check"),
        Check("HC_112_009", "healthcheck_sharedMapServices", GENERAL, "Shared map services health check"),
        Check("HC_112_010", "healthcheck_spatialAnalysis", GENERAL, "Spatial analysis service health check"),
        Check("HC_112_011", "healthcheck_geometryService", GENERAL, "Geometry service health check"),
        Check("HC_112_012", "logs_query", GENERAL, "Can query logs"),
        Check("HC_112_013", "indices_in_sync", GENERAL, "Users, groups, and items indices are in sync"),
    ),
)

OPERATIONAL = Suite(
    "SANDBOX-OPS-001",
    "Operational health checks (invented by the sandbox)",
    (
        Check("SANDBOX_OPS_001", "sandbox_podRestarts", CRITICAL, "No pod restarts again and again"),
        Check("SANDBOX_OPS_002", "sandbox_freeSpace", CRITICAL, "Every volume has free space"),
        Check("SANDBOX_OPS_003", "sandbox_certificates", GENERAL, "Certificates are valid for 30 days", "warning"),
        Check("SANDBOX_OPS_004", "sandbox_backupAge", GENERAL, "The last backup is less than a week old"),
    ),
)


def suites_of(options: Options) -> tuple[Suite, ...]:
    """List the suites that a release has."""
    return (BASIC, OPERATIONAL) if options.release >= OPERATIONAL_SINCE else (BASIC,)
