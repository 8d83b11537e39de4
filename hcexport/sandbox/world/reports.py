"""Health check reports, and the collection of them that an organization has."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hcexport.sandbox.http import Json
from hcexport.sandbox.world.suites import BASIC, CRITICAL, GENERAL, Check, Suite

# The result of a test, worst first, and the result of a suite and report with it. ``pass`` and ``passed`` are
# documented, and ``failed``, ``warning`` and ``unknown`` are known from Esri's client; the word ``fail`` is ours.
RESULT_WORDS = {"fail": "failed", "unknown": "unknown", "warning": "warning", "pass": "passed"}


@dataclass(frozen=True, slots=True)
class Report:
    """One report; times are epoch milliseconds.

    ``failures`` has the result of each test that did not pass, by the test's id.
    """

    id: str
    name: str
    owner: str  # "user", or "system" for the reports that an upgrade makes
    created_by: str
    start_time: int
    end_time: int
    failures: Mapping[str, str]
    suites: tuple[Suite, ...] = (BASIC,)
    appears_time: int = 0  # when the report is listed, if that is after its start

    @property
    def result(self) -> str:
        """The worst result of its tests."""
        return _worst(self.failures.values())

    def is_listed(self, now: float) -> bool:
        """Tell whether the report is there at a moment."""
        return max(self.start_time, self.appears_time) <= now

    def is_running(self, now: float) -> bool:
        """Tell whether the check is still running at a moment."""
        return self.end_time > now

    def row(self, now: float = math.inf) -> Json:
        """Describe the report as a row of ``reports/query``.

        While the check runs, the row has no ``result`` and no ``endTime``, and its ``state`` is ``running``. That is
        our choice: the documentation shows rows of ended checks only.
        """
        running = self.is_running(now)
        ended: Json = {} if running else {"result": self.result, "endTime": self.end_time}
        return ended | {
            "owner": self.owner,
            "createdBy": self.created_by,
            "name": self.name,
            "startTime": self.start_time,
            "id": self.id,
            "state": "running" if running else "completed",
        }

    def resource(self, now: float = math.inf) -> Json:
        """Describe the report in full, as ``reports/<id>``; that a suite has an id and a name there is our guess."""
        tests = list(self._tests())
        return self.row(now) | {"suiteStatus": [_suite_status(suite, tests, now) for suite in self.suites]}

    def _tests(self) -> Iterator[tuple[Suite, Json]]:
        """Describe each test; one begins when the test before it has ended."""
        checks = [(suite, check) for suite in self.suites for check in suite.checks]
        step = (self.end_time - self.start_time) // len(checks)
        for number, (suite, check) in enumerate(checks):
            yield suite, self._test(check, self.start_time + number * step, step)

    def _test(self, check: Check, start: int, duration: int) -> Json:
        return {
            "severity": check.severity,
            "result": self.failures.get(check.id, "pass"),
            "name": check.name,
            "description": check.description,
            "startTime": start,
            "id": check.id,
            "endTime": start + duration,
        }


def _suite_status(suite: Suite, tests: Iterable[tuple[Suite, Json]], now: float) -> Json:
    ended = [test for of, test in tests if of == suite and test["endTime"] <= now]
    result = {"result": _worst(test["result"] for test in ended)} if len(ended) == len(suite.checks) else {}
    return (
        result
        | {"id": suite.id, "name": suite.name}
        | {
            f"{severity}TestStatus": [test for test in ended if test["severity"] == severity]
            for severity in (CRITICAL, GENERAL)
        }
    )


def _worst(results: Iterable[str]) -> str:
    present = set(results)
    return next((word for result, word in RESULT_WORDS.items() if result in present), "passed")


class Reports:
    """The reports of an organization in the order in which they were made, oldest first."""

    def __init__(self, history: Callable[[], Iterable[Report]], clock: Callable[[], float]) -> None:
        self._history = history
        self._clock = clock
        self._lock = threading.Lock()
        self._reports: dict[str, Report] | None = None  # made when first asked for: it may be a hundred thousand
        self._listed: list[Report] = []

    def all(self) -> list[Report]:
        """List the reports, oldest first; the list is shared and must not be changed."""
        with self._lock:
            reports = self._load()
            if len(self._listed) != len(reports):
                now = self._clock() * 1000
                self._listed = [report for report in reports.values() if report.is_listed(now)]
            return self._listed

    def select(self, results: frozenset[str]) -> list[Report]:
        """List the reports with some results, oldest first; a running check is listed with all results alone."""
        reports = self.all()
        if len(results) == len(RESULT_WORDS):
            return reports
        now = self._clock() * 1000
        return [report for report in reports if report.result in results and not report.is_running(now)]

    def get(self, report_id: str) -> Report | None:
        """Find a report that is listed."""
        with self._lock:
            report = self._load().get(report_id)
        return report if report and report.is_listed(self._clock() * 1000) else None

    def add(self, report: Report) -> None:
        """Add a report."""
        with self._lock:
            self._load()[report.id] = report

    def alter(self, report_id: str, **changes: Any) -> None:
        """Change fields of a report."""
        with self._lock:
            reports = self._load()
            reports[report_id] = replace(reports[report_id], **changes)
            self._listed = []

    def delete(self, report_ids: Iterable[str]) -> None:
        """Remove reports for good."""
        with self._lock:
            reports = self._load()
            for report_id in report_ids:
                reports.pop(report_id, None)
            self._listed = []

    def _load(self) -> dict[str, Report]:
        if self._reports is None:
            self._reports = {report.id: report for report in self._history()}
        return self._reports
