"""``hcexport history``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import click

from hcexport.cli.app import App
from hcexport.cli.judging import Judging
from hcexport.cli.options import app_command
from hcexport.cli.outcome import Outcome
from hcexport.cli.reading import list_reports, offline_option, read_kept, read_reports
from hcexport.cli.report_files import Reporting, report_option
from hcexport.cli.selection import Selection, pop_selection, selector_options
from hcexport.errors import NotFound
from hcexport.health.ignores import matches
from hcexport.health.results import has_ended
from hcexport.health.trend import SIGNS, TestTrend, trend
from hcexport.models import Report
from hcexport.output.trends import TREND_JSON_FIELDS, TURN_FIELDS, trend_fields, turns_of

DEFAULT_SPAN = timedelta(days=90)


@app_command(
    "history",
    profiles=True,
    formats=("text", "table", "json", "csv"),
    examples=["hcexport history --since 30d", "hcexport history HC_112_013"],
)
@click.argument("test", nargs=-1)
@selector_options
@offline_option
@report_option
def command(app: App, test: tuple[str, ...], *, offline: bool, report: tuple[str, ...], **selectors: Any) -> Outcome:
    """Show how each test did over many reports.

    A row a test, the worst first: since when it fails, how often in a row, how often it changed, and a sign for each
    of the last 21 reports. Without --since, --latest or --all over the last 90 days. With TEST (an id, a name or a
    glob) each change of that test with its report. Reports that the server has deleted stay in it once they were read.
    """
    selection = pop_selection(selectors)
    Reporting.plan(app, report, Judging.plan(app, None, None), of_reports=False)
    if selection.since is None and selection.latest is None and not selection.all:
        selection = selection._replace(since=app.session.server_now() - DEFAULT_SPAN)
    details = read_kept(app, selection) if offline else read_reports(app, _select(app, selection))
    trends = [row for row in trend(details) if not test or _is_named(row, test)]
    if test and not trends:
        raise NotFound(f"no report that matches has a test {' or '.join(map(repr, test))}", hint="hcexport history")

    def shape(kind: str) -> Outcome:
        if kind == "json":
            return Outcome(TREND_JSON_FIELDS, records=trends)
        if test:
            return Outcome(TURN_FIELDS, records=turns_of(trends))
        return Outcome(trend_fields(ascii_only=not _can_write_signs()), records=trends)

    return replace(shape(app.common.format), shape=shape, reports=lambda: details)


def _select(app: App, selection: Selection) -> list[Report]:
    """The selected reports that have ended, from the server and the history, which also has deleted reports."""
    listed = list_reports(app)
    gone = app.history.ids() - {report.id for report in listed}
    kept = [detail.report for run_id in gone if (detail := app.history.get(run_id))]
    return selection.select(filter(has_ended, (*listed, *kept)))


def _is_named(row: TestTrend, patterns: Sequence[str]) -> bool:
    return any(matches(pattern, row.test) for each in patterns for pattern in (each, *each.split(",")))


def _can_write_signs() -> bool:
    """Whether standard output can carry the signs of a strip."""
    try:
        "".join(SIGNS.values()).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
