"""``hcexport wait``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from hcexport.cli.app import App
from hcexport.cli.command import completed
from hcexport.cli.options import app_command, listed
from hcexport.cli.saving import Saving, emit_saved, saving_options
from hcexport.cli.waiting import require_success, resumable, wait_for, waiting_options
from hcexport.errors import JobFailed, Partial, UsageError
from hcexport.models import Job
from hcexport.views.fields import ENDED_FIELDS


@app_command(
    "wait",
    formats=("text", "json", "csv", "ids"),
    examples=["hcexport wait j0861f797-e646-4a9b-af92-f5e86b2cd824", "hcexport wait JOB_ID --out reports.zip"],
)
@click.argument("job_id", nargs=-1, required=True, shell_complete=completed("job ids"))
@waiting_options
@saving_options
def command(app: App, job_id: tuple[str, ...], out: str | None, extract: Path | None, cleanup: bool, **_: Any) -> None:
    """Wait until exports have ended.

    Prints a line "JOB_ID STATUS" for each; with --out, for one job, saves it and prints the path.
    """
    job_ids = listed(job_id, "JOB_ID")
    saving = Saving.settle(app, out, extract, cleanup)
    if saving and len(job_ids) > 1:
        raise UsageError("--out is for one job", hint="wait for the others in a command of their own")
    jobs = [_ended(app, job_ids[number:]) for number in range(len(job_ids))]
    if saving:
        with resumable(app, jobs[0].id):
            require_success(jobs[0])
            entry = app.ledger.find(jobs[0].id)
            is_adopted = bool(entry and entry.submitted is None)
            saved = saving.save(jobs[0], entry.run_ids if entry else (), adopted=is_adopted)
            return emit_saved(app, saved)
    _emit(app, jobs)


def _ended(app: App, job_ids: Sequence[str]) -> Job:
    """The first of the jobs, once it has ended; the others are still to come."""
    with resumable(app, *job_ids):
        return wait_for(app, job_ids[0], reports=len(_run_ids(app, job_ids[0])) or None)


def _emit(app: App, jobs: list[Job]) -> None:
    """Every job's line, and then the status: 3 when all have failed, 8 when some have."""
    failed = [job for job in jobs if not job.succeeded]
    if not failed or app.given["format"] != "json":
        app.printer.records(ENDED_FIELDS, jobs)
    if len(jobs) == 1:
        with resumable(app, jobs[0].id):
            require_success(jobs[0])
    if failed:
        kind = JobFailed if len(failed) == len(jobs) else Partial
        raise kind(f"{len(failed)} of {len(jobs)} jobs failed: {', '.join(job.id for job in failed)}")


def _run_ids(app: App, job_id: str) -> tuple[str, ...]:
    """The reports in it, where it was submitted from here."""
    entry = app.ledger.find(job_id)
    return entry.run_ids if entry else ()
