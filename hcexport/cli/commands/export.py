"""``hcexport export``."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import click

from hcexport.cli.app import App
from hcexport.cli.command import complete_with, option
from hcexport.cli.exporting import count_reports, export_reports
from hcexport.cli.judging import Judging, judging_options
from hcexport.cli.lock import lock_option, lock_organization
from hcexport.cli.new_reports import find_saved, find_under_way, require_memory, select_new
from hcexport.cli.options import app_command, parse_ids
from hcexport.cli.outcome import Outcome
from hcexport.cli.reading import read_reports, require_reports
from hcexport.cli.report_files import Reporting, report_option
from hcexport.cli.saving import Saving, export_record, saved_outcome, saving_options
from hcexport.cli.selection import Selection, pop_selection, select_ended, selector_options
from hcexport.cli.waiting import waiting_options
from hcexport.errors import AlreadyExists, NotFound, UsageError
from hcexport.models import Report, ReportDetail
from hcexport.output.records import EXPORT_FIELDS, ExportRecord
from hcexport.transfer.submit import Submitted


@app_command(
    "export",
    profiles=True,
    waits=True,
    examples=[
        "hcexport export --latest 3 --wait --out reports.zip",
        "hcexport export oqebe23t9c ovmchfaq6s --out 'health-{date}.zip'",
    ],
)
@click.argument("run_id", nargs=-1, shell_complete=complete_with("report ids"))
@selector_options
@option(
    "--run-ids",
    multiple=True,
    metavar="IDS",
    group="Selection",
    shell_complete=complete_with("report ids"),
    help="Report ids, separated by commas; - reads them from standard input.",
)
@option("--new", is_flag=True, group="Selection", help="Reports that were never saved from here.")
@option("--wait", is_flag=True, group="Waiting", help="Wait until the job has ended.")
@waiting_options
@lock_option
@saving_options
@judging_options
@report_option
@option("--dry-run", is_flag=True, help="Show what would be exported and where to; submit nothing.")
def command(
    app: App,
    *,
    run_id: tuple[str, ...],
    run_ids: tuple[str, ...],
    new: bool,
    wait: bool,
    lock_wait: float,
    extract: Path | None,
    cleanup: bool,
    dry_run: bool,
    fail_on: str | None,
    max_age: float | None,
    report: tuple[str, ...],
    **selectors: Any,
) -> Outcome:
    """Export reports as one zip: submit, wait, download, verify.

    RUN_ID is the id of a report, as in --run-ids. Prints the job's id; with --out, which implies --wait, the path of
    the verified zip and nothing else. Reports that are not healthy (--fail-on) are exported and saved all the same.
    --new exports what no earlier run has saved; run again, it goes on with an export that was cut short. What
    --out - wrote does not count as saved.
    """
    judging = Judging.plan(app, fail_on, max_age)
    selection = pop_selection(selectors)
    _refuse_contradictions(selection, (*run_id, *run_ids), new=new)
    Reporting.plan(app, report, judging, writes=not dry_run)
    chosen = tuple(dict.fromkeys([*parse_ids(run_id, "RUN_ID"), *parse_ids(run_ids, "--run-ids")]))
    saving, kept, taken = _plan(app, extract, cleanup, may_make=not dry_run)
    if taken and not new:
        raise taken
    under_way = None
    if new:
        require_memory(app)
        app.enter(nullcontext() if dry_run else lock_organization(app, lock_wait))
        chosen = select_new(app, selection)
        if not chosen:
            return Outcome(EXPORT_FIELDS, ExportRecord(), lines=(), reports=list)
        under_way = find_under_way(app, chosen)
    if taken:
        return _conclude(judging, _require_saved(app, under_way, chosen, taken), [], chosen)
    if kept:
        app.messages.notice(f"{kept} already exists; skipped")
        outcome = saved_outcome(ExportRecord(path=kept))
        read = cache(lambda: _read_selected(judging, selection, chosen))
        return replace(judging.conclude(outcome, read), reports=read)
    with judging.of_a_selection():
        rows = [] if chosen else select_ended(app, selection)
    ids = chosen or tuple(report.id for report in rows)
    if dry_run:
        _require_known(app, () if new else chosen)
        app.messages.notice(f"{count_reports(ids)} would be exported" + (f" to {saving.place}" if saving else ""))
        return Outcome(EXPORT_FIELDS, ExportRecord(run_ids=ids), lines=ids)
    try:
        outcome = export_reports(app, ids, saving, wait=wait, under_way=under_way, needs_ledger=new)
    except AlreadyExists as error:
        outcome = _require_saved(app, under_way, ids, error)
    return _conclude(judging, outcome, rows, ids)


def _require_known(app: App, chosen: tuple[str, ...]) -> None:
    """Raise NotFound for ids that are not in the list: the export itself would be refused."""
    known = {report.id for report in app.reports()} if chosen else set()
    if missing := [report_id for report_id in chosen if report_id not in known]:
        raise NotFound(f"not found: {', '.join(missing)}", hint="list all reports: hcexport list --all")


def _conclude(judging: Judging, outcome: Outcome, rows: list[Report], ids: tuple[str, ...]) -> Outcome:
    """Judge the reports after the work is done; report files need each of them in full, a judgement only some."""
    read = cache(lambda: _read(judging.app, rows, ids))
    needs_all = judging.app.reporting is not None and judging.app.reporting.has_files
    outcome = judging.conclude(outcome, lambda: read() if needs_all or not rows else rows)
    return replace(outcome, reports=read)


def _read_selected(judging: Judging, selection: Selection, ids: tuple[str, ...]) -> list[ReportDetail]:
    with judging.of_a_selection():
        return _read(judging.app, [] if ids else select_ended(judging.app, selection), ids)


def _read(app: App, rows: list[Report], ids: tuple[str, ...]) -> list[ReportDetail]:
    return read_reports(app, rows) if rows else require_reports(app, ids)


def _plan(
    app: App, extract: Path | None, cleanup: bool, *, may_make: bool
) -> tuple[Saving | None, Path | None, AlreadyExists | None]:
    """Plan the saving. Returns the file that is kept too, and the error of a name that is taken."""
    try:
        saving = Saving.plan(app, extract, cleanup, may_make=may_make)
        return saving, saving.existing() if saving else None, None
    except AlreadyExists as error:
        return None, None, error


def _require_saved(app: App, under_way: Submitted | None, ids: tuple[str, ...], taken: AlreadyExists) -> Outcome:
    """Return what an earlier run saved that was killed then. Raises ``taken`` where the file is another."""
    saved = find_saved(app, ids, Path(taken.path)) if under_way else None
    if under_way is None or saved is None or saved.path is None:
        raise taken
    job = under_way.job
    app.ledger.note_saved(job.id, saved.path, saved.bytes, saved.sha256)
    app.messages.notice(f"{saved.path} was saved by an earlier run")
    return saved_outcome(export_record(app, saved, job_id=job.id, run_ids=ids, upload_id=job.upload_id))


def _refuse_contradictions(selection: Selection, run_ids: tuple[str, ...], *, new: bool) -> None:
    if run_ids and (new or not selection.is_empty):
        raise UsageError("--run-ids cannot be combined with --latest, --since …", hint="give one or the other")
    if not run_ids and not new and selection.is_empty:
        raise UsageError("no reports selected", hint="--latest 1, --run-ids a,b,c, --new, another selector, or --all")
