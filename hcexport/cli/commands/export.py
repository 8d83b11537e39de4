"""``hcexport export``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hcexport.cli.app import App
from hcexport.cli.command import completed, option
from hcexport.cli.options import app_command, parse_ids
from hcexport.cli.saving import Saving, emit_saved, saving_options
from hcexport.cli.selection import Selection, pop_selection, selectors
from hcexport.cli.waiting import emit_job, require_success, wait_for, waiting_options, with_resume_hint
from hcexport.errors import Interrupted, UsageError
from hcexport.output.records import EXPORT_FIELDS, ExportRecord
from hcexport.transfer.submit import Submitted, Submitter, export_of, submit


@app_command(
    "export",
    examples=[
        "hcexport export --latest 3 --wait --out reports.zip",
        "hcexport export --run-ids vegcl1xm6u,ir2qersuao --out 'health-{date}.zip'",
    ],
)
@selectors
@option(
    "--run-ids",
    multiple=True,
    metavar="IDS",
    group="Selection",
    shell_complete=completed("report ids"),
    help="These: a,b,c; - reads them from stdin.",
)
@option("--wait", is_flag=True, group="Waiting", help="End with the job, not with its start.")
@waiting_options
@saving_options
@option("--dry-run", is_flag=True, help="Say what would be exported and where to; send nothing.")
def command(
    app: App,
    *,
    run_ids: tuple[str, ...],
    wait: bool,
    extract: Path | None,
    cleanup: bool,
    dry_run: bool,
    **given: Any,
) -> None:
    """Export reports as one zip: submit, wait, download, verify.

    Prints the job's id; with --out, which implies --wait, the path of the verified zip and nothing else.
    """
    selection = pop_selection(given)
    _refuse_contradictions(selection, run_ids)
    chosen = parse_ids(run_ids, "--run-ids") if run_ids else ()
    saving = Saving.plan(app, app.settings.out.value, extract, cleanup)
    kept = saving.existing() if saving else None
    if kept:
        app.messages.notice(f"{kept} exists and stays")
        return emit_saved(app, ExportRecord(path=kept))
    ids = chosen or tuple(report.id for report in selection.of(app.reports()))
    if dry_run:
        return _emit_plan(app, ids, saving)
    with with_lookup_hint():
        submitted = _submit(app, ids)
        job = submitted.job
        with with_resume_hint(app, job.id):
            app.messages.notice(f"job {job.id} submitted ({_count(ids)})")
            if wait or saving:
                job = wait_for(app, job.id, reports=len(ids))
                require_success(job)
            if saving:
                return emit_saved(app, saving.save(job, ids, adopted=submitted.adopted))
            return emit_job(app, job, ids, adopted=submitted.adopted)


def _refuse_contradictions(selection: Selection, run_ids: tuple[str, ...]) -> None:
    if run_ids and not selection.is_empty:
        raise UsageError("--run-ids names the reports, and so do the selectors", hint="give one or the other")
    if not run_ids and selection.is_empty:
        raise UsageError("which reports?", hint="--latest 1, --run-ids a,b,c, another selector, or --all")


def _emit_plan(app: App, ids: tuple[str, ...], saving: Saving | None) -> None:
    """What would be exported, an id a line, and where to."""
    app.messages.notice(f"{_count(ids)} would be exported" + (f" to {saving.place}" if saving else ""))
    if app.given["format"] == "text":
        for run_id in ids:
            app.printer.line(run_id)
    else:
        app.printer.record(EXPORT_FIELDS, ExportRecord(run_ids=ids))


def _submit(app: App, ids: tuple[str, ...]) -> Submitted:
    origin = Submitter(app.organization.url, app.settings.username.value or "", app.settings.profile.value)
    submitted = submit(
        app.client,
        app.ledger,
        origin,
        export_of(ids),
        on_lost=lambda why: app.messages.warning(f"{why}; looking for the job"),
    )
    if submitted.adopted:
        app.messages.warning(f"job {submitted.job.id} is taken for this export: its user and its time are right")
    return submitted


@contextmanager
def with_lookup_hint() -> Iterator[None]:
    """Say how to find the job when a signal comes before its id is known to us: the server may have it by then."""
    try:
        yield
    except Interrupted as end:
        end.hint = end.hint or "the export may have been sent; look for it with hcexport jobs --server"
        raise


def _count(ids: tuple[str, ...]) -> str:
    return f"{len(ids)} report{'s' * (len(ids) > 1)}"
