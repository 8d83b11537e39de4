"""The basic health check suite: one table.

Documented are the thirteen descriptions, the machine names of the relational store, the object store, the portal and
the manager, and the id ``HC_112_002``; the other names, ids and severities are ours.
"""

from dataclasses import dataclass

from hcexport.sandbox.wire import Json

CRITICAL, GENERAL = "critical", "general"


@dataclass(frozen=True)
class Check:
    """One test of a suite."""

    id: str
    name: str
    severity: str
    description: str


CHECKS = (
    Check("HC_112_001", "portal_api_availability", CRITICAL, "Portal API endpoint is available"),
    Check("HC_112_002", "healthcheck_relationalDatastore", CRITICAL, "Relational store health check"),
    Check("HC_112_003", "healthcheck_objectStore", GENERAL, "Object store health check"),
    Check("HC_112_004", "healthcheck_spatiotemporalDatastore", GENERAL, "Spatiotemporal and index store health check"),
    Check("HC_112_005", "home_app_availability", GENERAL, "ArcGIS Enterprise portal endpoint is available"),
    Check("HC_112_006", "manager_availability", GENERAL, "ArcGIS Enterprise Manager endpoint is available"),
    Check("HC_112_007", "healthcheck_ingress", CRITICAL, "Ingress health check"),
    Check("HC_112_008", "healthcheck_publishingTools", GENERAL, "System publishing tools health check"),
    Check("HC_112_009", "healthcheck_sharedMapServices", GENERAL, "Shared map services health check"),
    Check("HC_112_010", "healthcheck_spatialAnalysis", GENERAL, "Spatial analysis service health check"),
    Check("HC_112_011", "healthcheck_geometryService", GENERAL, "Geometry service health check"),
    Check("HC_112_012", "logs_query", GENERAL, "Can query logs"),
    Check("HC_112_013", "indices_in_sync", GENERAL, "Users, groups, and items indices are in sync"),
)

BASIC_ID, BASIC_NAME = "BSHC-001", "Basic health checks"


def basic_suite() -> Json:
    """Describe the suite as ``healthCheck/suites/BSHC-001`` does."""
    return {"systemOnly": False, "id": BASIC_ID, "name": BASIC_NAME} | {
        f"{severity}Tests": [
            {"name": check.name, "description": check.description} for check in CHECKS if check.severity == severity
        ]
        for severity in (GENERAL, CRITICAL)
    }
