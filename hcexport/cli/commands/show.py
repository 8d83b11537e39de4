"""``hcexport show``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from hcexport.cli.app import App
from hcexport.cli.command import complete_with, option
from hcexport.cli.judging import Judging, judging_options
from hcexport.cli.options import DOCUMENTS, app_command, parse_ids
from hcexport.cli.outcome import Outcome
from hcexport.cli.reading import offline_option, read_by_id, read_kept, read_reports, select_reports
from hcexport.cli.report_files import Reporting, report_option
from hcexport.cli.selection import Selection, pop_selection, selector_options
from hcexport.errors import Partial, UsageError
from hcexport.health.results import badness, has_ended
from hcexport.models import ReportDetail


@app_command(
    "show",
    profiles=True,
    formats=("text", "table", "json", "csv", *DOCUMENTS),
    examples=["hcexport show oqebe23t9c", "hcexport show --latest 1 --failed"],
)
@click.argument("run_id", nargs=-1, shell_complete=complete_with("report ids"))
@selector_options
@offline_option
@judging_options
@report_option
@option("--failed", is_flag=True, help="Only the tests that did not pass.")
def command(
    app: App,
    *,
    run_id: tuple[str, ...],
    failed: bool,
    offline: bool,
    fail_on: str | None,
    max_age: float | None,
    report: tuple[str, ...],
    **selectors: Any,
) -> Outcome:
    """Show reports in full: every test with severity, result and duration.

    RUN_ID is an id that `hcexport list` shows; - reads ids from standard input. Selectors choose reports instead, and
    with neither it is the newest. If some of several ids do not exist, the others are shown. A report that was read
    before is kept on this machine, and shown also while the server is down.
    """
    selection, judging = pop_selection(selectors), Judging.plan(app, fail_on, max_age)
    Reporting.plan(app, report, judging)
    partial = None
    if run_id:
        if not selection.is_empty:
            raise UsageError("ids cannot be combined with --latest, --since …", hint="give one or the other")
        details, partial = _describe(app, parse_ids(run_id, "RUN_ID"), offline=offline)
    else:
        selection = Selection(latest=1) if selection.is_empty else selection
        with judging.of_a_selection():
            kept, found = (read_kept(app, selection), []) if offline else ([], select_reports(app, selection))
        details = kept or read_reports(app, found)
    _warn_of_empty(app, details)
    verdict = judging.judge(details)
    kind = judging.detail_fields(verdict)
    if failed:
        kind = replace(kind, rows=lambda detail: [test for test in detail.tests if badness(test.result)])
    return Outcome(kind, records=details, error=partial, verdict=verdict, reports=lambda: details)


def _describe(app: App, ids: Sequence[str], *, offline: bool) -> tuple[list[ReportDetail], Partial | None]:
    """Read reports by id; of several those that are there, and the error that names the others."""
    details, missing = read_by_id(app, ids, offline=offline)
    if missing and not details:
        raise missing[0][1]
    what = "; ".join(f"{report_id}: {error.message}" for report_id, error in missing)
    partial = Partial(f"{len(missing)} of {len(ids)} reports cannot be shown: {what}")
    return details, partial if missing else None


def _warn_of_empty(app: App, details: Sequence[ReportDetail]) -> None:
    for detail in details:
        if not detail.tests and has_ended(detail.report):
            app.messages.warning(
                f"report {detail.report.id} has no tests; --format json prints the server's whole answer"
            )
