"""What every judgement of reports agrees on: which result is worse, which tests a report has, whether it has ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from hcexport.models import JobStatus, Report, ReportDetail, Result, TestResult

CRITICAL = "critical"  # the API's word for the severity that matters most

WORST_FIRST = (Result.FAILED, Result.UNKNOWN, Result.WARNING, Result.PASSED)
_NEVER = datetime.min.replace(tzinfo=UTC)


def badness(result: Result) -> int:
    """0 for passed, 1 for a warning, 2 for failed and for unknown: what is not known is never healthy."""
    return {Result.PASSED: 0, Result.WARNING: 1}.get(result, 2)


def is_critical(test: TestResult) -> bool:
    """Whether the test is of the severity ``critical``, in any case."""
    return test.severity.strip().lower() == CRITICAL


def has_ended(report: Report) -> bool:
    """Whether the report is of a check that has ended.

    The API documents the state ``completed`` alone, and a report in full may come with no state and no times: then
    a result says that it has ended, and so does the lack of any sign that it is under way.
    """
    if report.end_time or JobStatus.parse(report.state).is_final:
        return True
    return not report.state and (report.result is not Result.UNKNOWN or report.start_time is None)


def start_time_of(report: Report) -> datetime:
    """When the report started, else when it ended; the earliest time there is where neither is known."""
    return report.start_time or report.end_time or _NEVER


def newest_first(details: Iterable[ReportDetail]) -> tuple[ReportDetail, ...]:
    """The reports that have ended, the newest first; of two with one id the first that was given."""
    kept: dict[str, ReportDetail] = {}
    for detail in details:
        if has_ended(detail.report):
            kept.setdefault(detail.report.id, detail)
    return tuple(sorted(kept.values(), key=lambda detail: start_time_of(detail.report), reverse=True))


def distinct(tests: Iterable[TestResult]) -> tuple[TestResult, ...]:
    """The tests with one for each id, in the order given: of two with one id the worse counts."""
    alike: dict[str, list[TestResult]] = {}
    for test in tests:
        alike.setdefault(test.id, []).append(test)
    return tuple(worst(group) for group in alike.values())


def worst(tests: Sequence[TestResult]) -> TestResult:
    """The test whose result is worst, a critical one before another of that result, else the first of them."""
    return max(tests, key=lambda test: (-WORST_FIRST.index(test.result), is_critical(test)))
