"""Health check reports and the shelf they stand on.

The basic health check suite: one table.

Documented are the thirteen descriptions, the machine names of the relational store, the object store, the portal and
the manager, and the id ``HC_112_002``; the other names, ids and severities are ours.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from hcexport.sandbox.http import Json

# What a test says, worst first, and what its suite and report then say. ``pass`` and ``passed`` are documented.
WORDS = {"fail": "failed", "unknown": "unknown", "warning": "warning", "pass": "passed"}

CRITICAL, GENERAL = "critical", "general"


@dataclass(frozen=True, slots=True)
class Report:
    """One report; times are epoch milliseconds, ``troubles`` has the tests that did not pass, by test id."""

    id: str
    name: str
    owner: str  # "user", or "system" for those that an upgrade made
    created_by: str
    start_time: int
    end_time: int
    troubles: Mapping[str, str]

    @property
    def result(self) -> str:
        """The worst result of its tests."""
        said = self.troubles.values()
        return next((long for short, long in WORDS.items() if short in said), "passed")

    def row(self) -> Json:
        """Describe the report as a row of ``reports/query``."""
        return {
            "owner": self.owner,
            "result": self.result,
            "createdBy": self.created_by,
            "name": self.name,
            "startTime": self.start_time,
            "id": self.id,
            "endTime": self.end_time,
            "state": "completed",
        }

    def resource(self) -> Json:
        """Describe the report in full, as ``reports/<id>``; the suite's id and name are our guess."""
        tests = list(self._tests())
        suite = {"result": self.result, "id": BASIC_ID, "name": BASIC_NAME} | {
            f"{severity}TestStatus": [test for test in tests if test["severity"] == severity]
            for severity in (CRITICAL, GENERAL)
        }
        return self.row() | {"suiteStatus": [suite]}

    def _tests(self) -> Iterator[Json]:
        step = (self.end_time - self.start_time) // len(CHECKS)
        for number, check in enumerate(CHECKS):
            yield self._test(check, self.start_time + number * step, step)

    def _test(self, check: Check, start: int, duration: int) -> Json:
        return {
            "severity": check.severity,
            "result": self.troubles.get(check.id, "pass"),
            "name": check.name,
            "description": check.description,
            "startTime": start,
            "id": check.id,
            "endTime": start + duration,
        }


class Reports:
    """The reports of an organization, oldest first as they were made; one appears once its check has ended."""

    def __init__(self, history: Callable[[], Iterable[Report]], clock: Callable[[], float]) -> None:
        self._history = history
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, Report] | None = None  # made when first asked for: it may be a hundred thousand
        self._listed: list[Report] = []

    def all(self) -> list[Report]:
        """List what has ended, oldest first; the list is shared and must not be changed."""
        with self._lock:
            kept = self._load()
            if len(self._listed) != len(kept):
                now = self._clock() * 1000
                self._listed = [report for report in kept.values() if report.end_time <= now]
            return self._listed

    def having(self, results: frozenset[str]) -> list[Report]:
        """List those with one of some results, oldest first; the list is shared and must not be changed."""
        reports = self.all()
        return reports if len(results) == len(WORDS) else [it for it in reports if it.result in results]

    def get(self, report_id: str) -> Report | None:
        """Find one that has ended."""
        with self._lock:
            report = self._load().get(report_id)
        return report if report and report.end_time <= self._clock() * 1000 else None

    def add(self, report: Report) -> None:
        """Put a new report on the shelf, where it shows once it has ended."""
        with self._lock:
            self._load()[report.id] = report

    def rename(self, report_id: str, name: str) -> None:
        """Give a report another name."""
        with self._lock:
            kept = self._load()
            kept[report_id] = replace(kept[report_id], name=name)
            self._listed = []

    def delete(self, report_ids: Iterable[str]) -> None:
        """Remove reports for good."""
        with self._lock:
            kept = self._load()
            for report_id in report_ids:
                kept.pop(report_id, None)
            self._listed = []

    def _load(self) -> dict[str, Report]:
        if self._kept is None:
            self._kept = {report.id: report for report in self._history()}
        return self._kept


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
