"""``hcexport export``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hcexport.cli.app import App
from hcexport.cli.command import completed, option
from hcexport.cli.exporting import count_reports, export_reports
from hcexport.cli.judging import Judging, judging_options
from hcexport.cli.options import app_command, parse_ids
from hcexport.cli.outcome import Outcome
from hcexport.cli.reading import require_reports, select_reports
from hcexport.cli.saving import Saving, saved_outcome, saving_options
from hcexport.cli.selection import Selection, pop_selection, selector_options
from hcexport.cli.waiting import waiting_options
from hcexport.errors import UsageError
from hcexport.models import Report, ReportDetail
from hcexport.output.records import EXPORT_FIELDS, ExportRecord


@app_command(
    "export",
    waits=True,
    examples=[
        "hcexport export --latest 3 --wait --out reports.zip",
        "hcexport export --run-ids vegcl1xm6u,ir2qersuao --out 'health-{date}.zip'",
    ],
)
@selector_options
@option(
    "--run-ids",
    multiple=True,
    metavar="IDS",
    group="Selection",
    shell_complete=completed("report ids"),
    help="Report ids, separated by commas; - reads them from standard input.",
)
@option("--wait", is_flag=True, group="Waiting", help="Wait until the job has ended.")
@waiting_options
@saving_options
@judging_options
@option("--dry-run", is_flag=True, help="Show what would be exported and where to; send nothing.")
def command(
    app: App,
    *,
    run_ids: tuple[str, ...],
    wait: bool,
    extract: Path | None,
    cleanup: bool,
    dry_run: bool,
    fail_on: str | None,
    max_age: float | None,
    **selectors: Any,
) -> Outcome:
    """Export reports as one zip: submit, wait, download, verify.

    Prints the job's id; with --out, which implies --wait, the path of the verified zip and nothing else. Reports that
    are not healthy (--fail-on) are exported and saved all the same.
    """
    judging = Judging.plan(app, fail_on, max_age)
    selection = pop_selection(selectors)
    _refuse_contradictions(selection, run_ids)
    chosen = parse_ids(run_ids, "--run-ids") if run_ids else ()
    saving = Saving.plan(app, extract, cleanup, may_make=not dry_run)
    kept = saving.existing() if saving else None
    if kept:
        app.messages.notice(f"{kept} already exists; skipped")
        kept_outcome = saved_outcome(ExportRecord(path=kept))
        return judging.conclude(kept_outcome, lambda: _reports(app, judging, selection, chosen))
    with judging.of_a_selection():
        rows = [] if chosen else select_reports(app, selection)
    ids = chosen or tuple(report.id for report in rows)
    if dry_run:
        app.messages.notice(f"{count_reports(ids)} would be exported" + (f" to {saving.place}" if saving else ""))
        return Outcome(EXPORT_FIELDS, ExportRecord(run_ids=ids), lines=ids)
    outcome = export_reports(app, ids, saving, wait=wait)
    return judging.conclude(outcome, lambda: rows or require_reports(app, ids))


def _reports(app: App, judging: Judging, selection: Selection, ids: tuple[str, ...]) -> Sequence[Report | ReportDetail]:
    """The reports of a file that is there already."""
    if ids:
        return require_reports(app, ids)
    with judging.of_a_selection():
        return select_reports(app, selection)


def _refuse_contradictions(selection: Selection, run_ids: tuple[str, ...]) -> None:
    if run_ids and not selection.is_empty:
        raise UsageError("--run-ids cannot be combined with --latest, --since …", hint="give one or the other")
    if not run_ids and selection.is_empty:
        raise UsageError("no reports selected", hint="--latest 1, --run-ids a,b,c, another selector, or --all")
