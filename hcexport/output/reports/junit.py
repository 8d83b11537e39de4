"""JUnit XML of the newest report, as Jenkins and GitLab read it.

There is no standard. What both read: one ``testsuites``, a ``testsuite`` a suite, and one outcome a ``testcase``. Both
know a test from day to day by its class name and name, so neither has a date or a report's id in it, and of two cases
with the same names GitLab drops one. ``timestamp`` has no zone, as the schema of Ant wants it; it is UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from hcexport.health.results import distinct, worst
from hcexport.health.verdict import Level
from hcexport.models import ReportDetail, Result, SuiteResult, TestResult
from hcexport.output.reports import ReportSet

_OWN_CASE = "health check report"  # for what no test says
_NO_SUITE = "health check"
# ElementTree writes what XML 1.0 forbids as it is, and no parser reads that again.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(reports: ReportSet) -> str:
    """The file; where no report could be had, one case tells why."""
    root = Element("testsuites", name=_text(reports.profile))
    if reports.newest:
        for name, suite in _suites(reports.newest):
            _add_suite(root, reports, reports.newest, name, suite)
    problem = _own_case(reports)
    if problem is not None:  # an element without children is false
        suite_element = SubElement(root, "testsuite", name=_text(reports.profile))
        case = SubElement(suite_element, "testcase", classname=_text(reports.profile), name=_OWN_CASE)
        case.append(problem)
        _count(suite_element)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suites(detail: ReportDetail) -> Iterator[tuple[str, SuiteResult]]:
    """The suites by a name that no other has: two of one name are made one."""
    by_name: dict[str, SuiteResult] = {}
    for suite in detail.suites or (SuiteResult(tests=detail.tests),):
        name = suite.name or suite.id or _NO_SUITE
        tests = by_name[name].tests + suite.tests if name in by_name else suite.tests
        by_name[name] = SuiteResult(suite.id, suite.name, suite.result, suite.notes, tests)
    return ((name, suite) for name, suite in by_name.items() if suite.tests)


def _add_suite(root: Element, reports: ReportSet, detail: ReportDetail, name: str, suite: SuiteResult) -> None:
    report, tests = detail.report, _distinct_names(suite.tests)
    element = SubElement(root, "testsuite", name=_text(f"{reports.profile} {name}"))
    times = [test.start_time for test in tests.values() if test.start_time]
    if start := report.start_time or min(times, default=None):
        element.set("timestamp", _timestamp(start))
    properties = SubElement(element, "properties")
    facts = {
        "organization": reports.organization,
        "report_id": report.id,
        "report_name": report.name,
        "created_by": report.created_by,
    }
    for key, value in facts.items():
        SubElement(properties, "property", name=key, value=_text(value))
    for case_name, test in tests.items():
        case = SubElement(element, "testcase", classname=_text(f"{reports.profile}.{name}"), name=case_name)
        case.set("time", f"{_seconds(test):.3f}")
        if (outcome := _outcome(reports, test)) is not None:
            case.append(outcome)
    _count(element)
    element.set("time", f"{sum(map(_seconds, tests.values())):.3f}")


def _seconds(test: TestResult) -> float:
    """How long a test took; 0 where it ended before it began, because Jenkins refuses a file with a time below that."""
    return max((test.duration or timedelta()).total_seconds(), 0.0)


def _distinct_names(tests: tuple[TestResult, ...]) -> dict[str, TestResult]:
    """The tests by their case names; the worse of two that would have the same."""
    named: dict[str, list[TestResult]] = {}
    for test in distinct(tests):
        named.setdefault(_case_name(test), []).append(test)
    return {name: worst(alike) for name, alike in named.items()}


def _case_name(test: TestResult) -> str:
    return _text(test.id if test.name in {"", test.id} else f"{test.id} {test.name}")


def _outcome(reports: ReportSet, test: TestResult) -> Element | None:
    """The one element that says how a test ended; None for passed."""
    if test.result is Result.PASSED:
        return None
    said = f"{test.result}: {test.description or test.name or test.id}"
    if until := reports.known_until(test):
        return Element("skipped", message=_text(f"known until {until}, {said}"))
    if test.result is Result.WARNING:
        return Element("skipped", message=_text(said))
    tag = "failure" if test.result is Result.FAILED else "error"
    element = Element(tag, message=_text(said), type=_text(test.severity or test.result))
    element.text = _text(f"{test.id} {test.name}\nseverity: {test.severity}\n{said}")
    return element


def _own_case(reports: ReportSet) -> Element | None:
    """What is wrong with the report or the run as a whole, which no test would show."""
    newest = reports.newest
    if reports.error or newest is None:
        return _problem("error", reports.error or "no report has ended")
    if reports.verdict.staleness:
        return _problem("failure", reports.verdict.staleness)
    judged = reports.judge_newest(Level.FAILED)
    if judged.reason:
        return _problem("failure", f"report {judged.report.id} {judged.reason}")
    return None if newest.tests else _problem("skipped", f"report {newest.report.id} shows no test")


def _problem(tag: str, message: str) -> Element:
    element = Element(tag, message=_text(message))
    if tag != "skipped":
        element.set("type", "hcexport")
        element.text = _text(message)
    return element


def _count(suite: Element) -> None:
    """Write the totals that readers show."""
    suite.set("tests", str(len(suite.findall("testcase"))))
    for total, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(total, str(len(suite.findall(f"testcase/{tag}"))))


def _timestamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _text(text: str) -> str:
    """Text that XML 1.0 can hold: what it forbids becomes U+FFFD."""
    return _FORBIDDEN.sub("\ufffd", text)
