"""The reports as one HTML page: no script, nothing from elsewhere, so that it opens from a file, a mail or a wiki.

From top to bottom: is it healthy, what fails and since when, what flaps, how the last weeks went, how long checks take,
and the newest report in full. Times are UTC and say so.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date

from hcexport import __version__
from hcexport.health.results import is_critical
from hcexport.health.trend import FLAPPING_CHANGES, RECENT, TestTrend
from hcexport.models import Report, ReportDetail, Result, TestResult
from hcexport.output.humanize import duration
from hcexport.output.reports import ReportSet, facts
from hcexport.output.reports.chart import duration_charts
from hcexport.output.reports.markup import Child, Markup, element
from hcexport.output.reports.matrix import matrix_section
from hcexport.output.reports.pieces import SHORT, result_badge, scrollable, section, strip, time_of
from hcexport.output.reports.style import CSS

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render(reports: ReportSet) -> str:
    """The page; without a report it says why there is none."""
    answer = facts.headline(reports)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="generator", content=f"hcexport {__version__}"),
        element(
            "title", f"{facts.sign(answer.state)} {answer.words}: {reports.profile}, {facts.utc(reports.generated)}"
        ),
        element("style", Markup(CSS)),
    )
    body = element("body", _header(reports, answer), element("main", _sections(reports)), _footer(reports))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _header(reports: ReportSet, answer: facts.Headline) -> Markup:
    short = SHORT[answer.state]
    badge = element("span", facts.sign(answer.state), class_=f"badge {short}", aria_hidden="true")
    notes = element("ul", (element("li", note) for note in answer.notes), class_="notes") if answer.notes else None
    whose = element(
        "p",
        element("strong", element("bdi", reports.profile)),
        element("span", element("bdi", reports.organization), class_="soft"),
        class_="whose",
    )
    error = element("p", element("strong", "This run failed: "), reports.error, _what_is_shown(reports), class_="alarm")
    return element(
        "header",
        whose,
        element("div", badge, element("div", element("h1", answer.words), notes), class_="answer"),
        error if reports.error is not None else None,
        _facts(reports, reports.newest) if reports.newest else None,
    )


def _what_is_shown(reports: ReportSet) -> str:
    return ". What is shown was known before." if reports.newest else ""


def _facts(reports: ReportSet, newest: ReportDetail) -> Markup:
    report = newest.report
    begun, rest = report.start_time, max(len(reports.reports) - 1, 0)
    age = (reports.generated - begun).total_seconds() if begun else None
    took = "not known" if report.duration is None else duration(report.duration.total_seconds())
    counts = [result_badge(result, count) for result, count in facts.tally(newest.tests) if count]
    shown = [
        ("Newest report", element("bdi", report.name or report.id), report.id),
        (
            "Checked",
            time_of(begun),
            f"{duration(age)} before this page was made" if age and age > 0 else None,
        ),
        ("Took", took, f"by {report.created_by}" if report.created_by else None),
        (
            "Tests",
            element("span", counts, class_="tally") if counts else "none",
            f"{rest} earlier reports are shown with it" if rest else None,
        ),
    ]
    return element(
        "dl",
        (
            element("div", element("dt", name), element("dd", value, element("small", more) if more else None))
            for name, value, more in shown
        ),
        class_="facts",
    )


def _sections(reports: ReportSet) -> Iterable[Child]:
    if reports.newest is None:
        why = element("p", "There will be one when a health check has ended.")
        return [section("none", "No report to show", why, calm=True)]
    return [
        _failing(facts.failing(reports)),
        _flapping([row for row in reports.trend if row.flapping]),
        matrix_section(reports),
        duration_charts(reports),
        _in_full(reports, reports.newest),
    ]


def _failing(rows: list[facts.Failing]) -> Markup:
    if not rows:
        return section("failing", "Nothing fails", calm=True, sign=Result.PASSED)
    table = element(
        "table",
        element("caption", "Tests that did not pass when they were last checked, worst first.", class_="vh"),
        _head("Result", "Test", "Severity", "Since", ("In a row", "n"), (f"Last {RECENT} reports", "wide")),
        element("tbody", (_failing_row(each) for each in rows)),
        class_="list",
    )
    return section("failing", "What does not pass", scrollable("failing", table))


def _failing_row(each: facts.Failing) -> Markup:
    row, known = each.row, each.known_until
    return element(
        "tr",
        _result(row.result, known),
        _test(row.test),
        _severity(row.test),
        element(
            "td",
            _since(each),
            None if each.in_newest else element("span", "not in the newest report", class_="known"),
            data_label="Since",
        ),
        element("td", str(row.in_a_row), class_="n", data_label="In a row"),
        element("td", strip(row), class_="wide"),
    )


def _since(each: facts.Failing) -> Markup:
    return element("span", "at least " if each.row.since_at_least else None, time_of(each.row.since))


def _flapping(rows: list[TestTrend]) -> Markup | None:
    if not rows:
        return None
    table = element(
        "table",
        element("caption", "Tests that change often between passing and not.", class_="vh"),
        _head("Now", "Test", "Severity", ("Changes", "n"), (f"Last {RECENT} reports", "")),
        element("tbody", (_flapping_row(row) for row in rows)),
        class_="list",
    )
    rule = f"Changed between passing and not at least {FLAPPING_CHANGES} times within the last {RECENT} results."
    return section("flapping", "What flaps", element("p", rule, class_="soft"), scrollable("flapping", table))


def _flapping_row(row: TestTrend) -> Markup:
    return element(
        "tr",
        element("td", result_badge(row.result)),
        _test(row.test),
        _severity(row.test),
        element("td", str(row.changes), class_="n", data_label="Changes"),
        element("td", strip(row)),
    )


def _in_full(reports: ReportSet, newest: ReportDetail) -> Markup:
    report = newest.report
    notes = {suite.name or suite.id: suite.notes for suite in newest.suites if suite.notes}
    parts: list[Child] = [element("p", element("bdi", report.name or report.id), ", ", _about(report), class_="soft")]
    for number, (suite, tests) in enumerate(facts.by_suite(newest)):
        parts.append(element("h3", suite) if suite else None)
        parts.append(element("p", notes[suite], class_="soft") if suite in notes else None)
        parts.append(scrollable(f"suite-{number}", _suite_table(reports, suite, tests)))
    if not newest.tests:
        parts.append(element("p", "The report shows no test."))
    return section("newest", "The newest report in full", *parts)


def _about(report: Report) -> Markup:
    ended = element("span", ", ended ", time_of(report.end_time)) if report.end_time else None
    return element("span", "started ", time_of(report.start_time), ended, f", result {report.result}")


def _suite_table(reports: ReportSet, suite: str, tests: Iterable[TestResult]) -> Markup:
    return element(
        "table",
        element("caption", f"Every test of {suite or 'the report'}, worst first.", class_="vh"),
        _head("Result", "Test", "Severity", ("Took", "n"), ("Started (UTC)", "wide")),
        element("tbody", (_test_row(reports, test) for test in tests)),
        class_="list",
    )


def _test_row(reports: ReportSet, test: TestResult) -> Markup:
    known = reports.known_until(test) if test.result is not Result.PASSED else None
    took = "" if test.duration is None else duration(test.duration.total_seconds())
    begun = f"{test.start_time.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if test.start_time else ""
    return element(
        "tr",
        _result(test.result, known),
        _test(test),
        _severity(test),
        element("td", took, class_="n", data_label="Took"),
        element("td", begun, class_="wide"),
    )


def _result(result: Result, known: date | None) -> Markup:
    note = element("span", f"known until {known}", class_="known") if known else None
    return element("td", result_badge(result), note)


def _head(*headings: str | tuple[str, str]) -> Markup:
    pairs = [each if isinstance(each, tuple) else (each, "") for each in headings]
    return element(
        "thead", element("tr", (element("th", name, scope="col", class_=css or None) for name, css in pairs))
    )


def _test(test: TestResult) -> Markup:
    names = " ".join(name for name in (test.id, test.name if test.description else "") if name)
    what = element("span", element("bdi", test.description or test.name or test.id), class_="what")
    return element("th", what, element("span", names, class_="id"), scope="row")


def _severity(test: TestResult) -> Markup:
    return element("td", test.severity, class_="level critical" if is_critical(test) else "level")


def _footer(reports: ReportSet) -> Markup:
    run, lines = reports.last_run, [f"Made by hcexport {__version__} on {facts.utc(reports.generated)}. Times are UTC."]
    if run:
        last = facts.utc(run.last_success) if run.last_success else "never"
        took = duration(run.duration.total_seconds())
        lines.append(f"The run ended with status {run.exit_status} after {took}; last success: {last}.")
    return element("footer", (element("p", line) for line in lines))
