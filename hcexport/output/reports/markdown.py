"""The reports in GitHub's Markdown, for a job's summary, an issue or a wiki.

GitHub refuses a summary of more than 1 MiB whole, so a page ends before it reaches 900 KiB, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from hcexport.models import ReportDetail, Result
from hcexport.output.humanize import duration
from hcexport.output.reports import ReportSet
from hcexport.output.reports.facts import (
    SYSTEM_SIGN,
    Failing,
    by_suite,
    count_words,
    failing,
    headline,
    is_of_system,
    sign,
    tally,
    utc,
)
from hcexport.output.sanitize import escape_controls

LIMIT_BYTES = 900 * 1024
COLUMNS = 14  # reports in the matrix: more do not fit the width of a page on GitHub

_FOLD = "<details>"
_CUT = "\nThe page ends here, because it would be larger than 900 KiB.\n"
# What Markdown obeys within a line. An underscore inside a word does nothing, and ids are full of them.
_SPECIAL = re.compile(r"[\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<=www)\.|:(?=//)")


def render(reports: ReportSet) -> str:
    """The page."""
    page: list[str] = []
    size = len(_CUT) + len("\n</details>\n")
    for block in _blocks(reports):
        size += len(block.encode()) + 1
        if size > LIMIT_BYTES:
            folded = any(each.startswith(_FOLD) for each in page)
            return "\n".join([*page, *(["\n</details>"] if folded else []), _CUT])
        page.append(block)
    return "\n".join(page) + "\n"


def _blocks(reports: ReportSet) -> Iterator[str]:
    """The page in parts that may be left out from the end; each ends with a line end."""
    answer = headline(reports)
    yield f"# {sign(answer.state)} {answer.words}: {escape(reports.profile)}\n"
    yield f"Health check of {escape(reports.organization)}\n"
    if reports.error is not None:
        yield f"> **This run failed:** {escape(reports.error)}\n"
    yield "".join(f"- {escape(note)}\n" for note in answer.notes)
    if reports.newest:
        yield _newest_line(reports.newest)
        yield from _failing_part(failing(reports))
        if flapping := [row.test.id for row in reports.trend if row.flapping]:
            yield f"Flapping: {', '.join(map(escape, flapping))}\n"
        yield from _matrix(reports)
        yield from _in_full(reports, reports.newest)
    yield f"Made by hcexport on {utc(reports.generated)}.\n"


def _newest_line(newest: ReportDetail) -> str:
    report = newest.report
    took = f", took {duration(report.duration.total_seconds())}" if report.duration is not None else ""
    counts = ", ".join(f"{sign(result)} {count_words(result, count)}" for result, count in tally(newest.tests) if count)
    named = f"Newest report: {escape(report.name or report.id)} ({escape(report.id)}), {utc(report.start_time)}{took}"
    return f"{named}: {counts or 'no tests'}.\n"


def _failing_part(rows: Sequence[Failing]) -> Iterator[str]:
    if not rows:
        yield "## Nothing fails\n"
        return
    yield "## What does not pass\n"
    yield from _table(
        ("Result", "Test", "Severity", "Description", "Since", "In a row"),
        ([_result(each.row.result, each.known_until), each.row.test.id, *_about(each)] for each in rows),
    )


def _result(result: Result, known_until: date | None) -> str:
    return f"{sign(result)} {result}" + (f", known until {known_until}" if known_until else "")


def _about(each: Failing) -> list[str]:
    test = each.row.test
    since = each.since if each.in_newest else f"{each.since}; not in the newest report"
    return [test.severity, test.description or test.name, since, str(each.row.in_a_row)]


def _matrix(reports: ReportSet) -> Iterator[str]:
    columns = [detail.report for detail in reversed(reports.reports[:COLUMNS])]
    if len(columns) < 2:
        return
    yield f"## The last {len(columns)} reports\n"
    marks = [f"{report.start_time:%m-%d}" if report.start_time else "?" for report in columns]
    headings = [
        mark + (f" {SYSTEM_SIGN}" if is_of_system(report) else "") for mark, report in zip(marks, columns, strict=True)
    ]
    rows = ([row.test.id, *(sign(cell) for cell in row.cells[-len(columns) :])] for row in reports.trend)
    yield from _table(("Test", *headings), rows)
    yield f"✓ passed, ! warning, ✗ failed, ? unknown, · not in the report, {SYSTEM_SIGN} made by the server. UTC.\n"


def _in_full(reports: ReportSet, newest: ReportDetail) -> Iterator[str]:
    yield f"{_FOLD}<summary>All tests of report {escape(newest.report.id)}</summary>\n"
    for suite, tests in by_suite(newest):
        if suite:
            yield f"**{escape(suite)}**\n"
        rows = []
        for test in tests:
            until = None if test.result is Result.PASSED else reports.known_until(test)
            took = duration(test.duration.total_seconds()) if test.duration is not None else ""
            rows.append([_result(test.result, until), test.id, test.severity, test.name, test.description, took])
        yield from _table(("Result", "Test", "Severity", "Name", "Description", "Took"), rows)
    yield "</details>\n"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, line by line, so that a long one can be cut anywhere."""
    yield f"| {' | '.join(headings)} |\n| {' | '.join('---' for _ in headings)} |"
    for row in rows:
        yield f"| {' | '.join(escape(cell) for cell in row)} |"
    yield ""


def escape(text: str) -> str:
    """Text that Markdown shows as it is, within a line and within a table's cell; nobody is called by ``@name``."""
    inert = _SPECIAL.sub(lambda found: f"\\{found[0]}", escape_controls(text))
    inert = inert.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return inert.replace("@", "@<!-- -->")
