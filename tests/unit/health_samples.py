"""Reports made for the tests of health and report files, in few words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hcexport.models import Report, ReportDetail, Result, SuiteResult, TestResult

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
P, W, F, U = Result.PASSED, Result.WARNING, Result.FAILED, Result.UNKNOWN

HOSTILE = (
    "]]>",
    "a|b",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[31mred\x1b]8;;https://evil.example\x1b\\",
    "\u202egpj\u200f",
    "nul\x00",
    "lone \ud800",
    "two\r\nlines\u2028",
    "`*_[x](https://evil.example)_*` @all <!--",
    'a\\b"c',
    "\uffff",
)


def a_test(test_id: str, result: Result, severity: str = "general", name: str = "", about: str = "") -> TestResult:
    """One test."""
    start = NOW - timedelta(hours=5)
    end = start + timedelta(seconds=1.5)
    return TestResult(test_id, name, about or f"about {test_id}", severity, result, start, end)


def a_report(days_ago: float, *tests: TestResult, says: Result | None = None, suite: str = "Basic") -> ReportDetail:
    """An ended report of some days ago, with its own word or the one that its tests make."""
    start = NOW - timedelta(days=days_ago)
    worst = next((each for each in (F, U, W) if any(test.result is each for test in tests)), P)
    row = Report(
        f"r{days_ago}",
        f"check {days_ago}",
        says or worst,
        "completed",
        "user",
        "admin",
        start,
        start + timedelta(seconds=13),
    )
    own = tuple(replace(test, suite_name=suite) for test in tests)
    return ReportDetail(row, own, (SuiteResult("", suite, row.result, "", own),) if own else ())


def over_time(*results: Result | None) -> list[ReportDetail]:
    """A report a night with one test, oldest first; None is a report without it."""
    last = len(results) - 1
    other = a_test("other", P)
    return [
        a_report(last - night, other, *([a_test("HC_1", result, "critical")] if result else []))
        for night, result in enumerate(results)
    ]
