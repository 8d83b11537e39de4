"""The matrix of the HTML page: tests over reports, worst first, the oldest report left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from html import escape

from hcexport.health.trend import TestTrend
from hcexport.models import Report, Result
from hcexport.output.reports import ReportSet
from hcexport.output.reports.facts import SYSTEM_SIGN, is_of_system, sign, utc
from hcexport.output.reports.markup import Markup, element
from hcexport.output.reports.pieces import SHORT, WORDS, result_badge, scrollable, section

_FEW = 20  # columns that leave room, so that the names of tests need not be cut
_ON_PAPER = 30  # the style sheet hides what is older


def matrix_section(reports: ReportSet) -> Markup | None:
    """The matrix; None where there is nothing to compare."""
    columns = tuple(detail.report for detail in reversed(reports.reports))
    if len(columns) < 2 or not reports.trend:
        return None
    first, last = utc(columns[0].start_time), utc(columns[-1].start_time)
    table = element(
        "table",
        element("caption", "The result of each test in each report, oldest report first.", class_="vh"),
        element("thead", element("tr", element("th", "Test", scope="col"), _headings(columns))),
        element("tbody", (_row(row, columns) for row in reports.trend)),
        class_="matrix few" if len(columns) <= _FEW else "matrix",
    )
    span = element("p", f"{len(columns)} reports from {first} to {last}, the newest at the right.", class_="soft")
    paper = None
    if len(columns) > _ON_PAPER:
        paper = element("p", f"On paper: the last {_ON_PAPER} of these reports.", class_="on-paper soft")
    system = any(map(is_of_system, columns))
    body = scrollable("matrix", table, newest_first=True)
    return section("matrix", "How the last reports went", span, paper, body, _legend(system))


def _headings(columns: tuple[Report, ...]) -> Iterator[Markup]:
    """A date for each report; the second report of a day has the time alone."""
    day_before = ""
    for report in columns:
        day = f"{report.start_time.astimezone(UTC):%Y-%m-%d}" if report.start_time else ""
        short = f"{report.start_time.astimezone(UTC):%H:%M}" if report.start_time and day == day_before else day
        mark = element("span", SYSTEM_SIGN, class_="mark") if is_of_system(report) else None
        title = f"{report.name or report.id}, {utc(report.start_time)}"
        label = element(
            "time", short or "?", datetime=f"{report.start_time:%Y-%m-%dT%H:%MZ}" if report.start_time else None
        )
        yield element("th", mark, label, scope="col", title=title)
        day_before = day


def _row(row: TestTrend, columns: tuple[Report, ...]) -> Markup:
    """One test. What passed is kept short, because it is nearly every cell of a large matrix."""
    test = row.test
    what, test_id = test.description or test.name or test.id, test.id
    label = element("span", what, class_="what"), element("span", test_id, class_="id")
    cells = (_cell(cell, report) for cell, report in zip(row.cells, columns, strict=True))
    return element("tr", element("th", label, scope="row", title=f"{test_id} {what}"), Markup("".join(cells)))


_PASSED = f'<td class="p">{sign(Result.PASSED)}</td>'
_ABSENT = f'<td class="a">{sign(None)}</td>'


def _cell(cell: Result | None, report: Report) -> str:
    if cell is Result.PASSED or cell is None:
        return _ABSENT if cell is None else _PASSED
    title = escape(f"{utc(report.start_time)}: {WORDS[cell]}")
    hidden = f'<i aria-hidden="true">{sign(cell)}</i><i class="vh">{WORDS[cell]}</i>'
    return f'<td class="{SHORT[cell]}" title="{title}">{hidden}</td>'


def _legend(system: bool) -> Markup:
    results = [result_badge(result) for result in (Result.PASSED, Result.WARNING, Result.FAILED, Result.UNKNOWN)]
    plain = [f"{sign(None)} {WORDS[None]}", *([f"{SYSTEM_SIGN} made by the server, at an upgrade"] if system else [])]
    entries = [*results, *(element("span", words, class_="plain") for words in plain)]
    return element("ul", (element("li", entry) for entry in entries), class_="legend", aria_label="Legend")
