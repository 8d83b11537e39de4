"""``hcexport download``."""

from __future__ import annotations

from pathlib import Path

import click

from hcexport.api_json import id_from_url
from hcexport.cli.app import App
from hcexport.cli.command import completed
from hcexport.cli.options import app_command
from hcexport.cli.outcome import Outcome
from hcexport.cli.saving import Saving, export_record, saved_outcome, saving_options
from hcexport.cli.waiting import require_success, timeout_option, with_resume_hint
from hcexport.errors import Busy, NotFound, UsageError
from hcexport.models import Job


@app_command(
    "download",
    waits=True,
    examples=["hcexport download JOB_ID --out reports.zip", "hcexport download UPLOAD_ITEM_ID --out reports/"],
)
@click.argument("id_or_url", metavar="ID", shell_complete=completed("job ids"))
@saving_options
@timeout_option
def command(app: App, id_or_url: str, extract: Path | None, cleanup: bool) -> Outcome:
    """Save a finished export.

    ID is a job's id, an upload item's id, or the URL of either. Without --out the file is saved in the working folder
    under the server's name for it.
    """
    saving = Saving.plan(app, extract, cleanup, otherwise="./")
    assert saving is not None  # noqa: S101 # there is always a destination
    job_id, item_id = _parse(id_or_url)
    job = _find_job(app, job_id, needed=item_id is None) if job_id else None
    if job is None:
        return _save_item(app, saving, item_id or id_or_url)
    with with_resume_hint(app, job.id, further=saving.options):
        require_success(job)
        entry = app.ledger.find(job.id)
        return saved_outcome(saving.save(job, entry.run_ids if entry else ()))


def _parse(text: str) -> tuple[str | None, str | None]:
    """Return the job id and the upload item id that the text may be. Of a URL only the id is used, never the host."""
    if "/" not in text:
        return text, text
    job_id, item_id = id_from_url(text, after="jobs"), id_from_url(text, after="uploads")
    if not (job_id or item_id):
        raise UsageError(f"{text!r} is neither an id nor the URL of a job or an upload item")
    return job_id, item_id


def _find_job(app: App, job_id: str, *, needed: bool) -> Job | None:
    """Return the job, which must have ended; None when the id may be an upload item's. Raises Busy, NotFound."""
    try:
        job = app.client.job(job_id)
    except NotFound:
        if needed:
            raise NotFound(f"there is no job {job_id}", hint="list the jobs: hcexport jobs --server") from None
        return None
    if not job.has_ended:
        raise Busy(f"job {job.id} is {job.status}", hint=f"wait for it: hcexport wait {job.id}")
    return job


def _save_item(app: App, saving: Saving, item_id: str) -> Outcome:
    try:
        with with_resume_hint(app, item_id, verb="download", further=saving.options):
            saved = saving.save_item(item_id, saving.destination)
    except NotFound:
        raise NotFound(
            f"there is no job and no upload item {item_id}", hint="list the jobs: hcexport jobs --server"
        ) from None
    return saved_outcome(export_record(app, saved, upload_id=item_id))
