"""``hcexport download``."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import click

from hcexport.api_json import id_from_url
from hcexport.cli.app import App
from hcexport.cli.command import complete_with
from hcexport.cli.options import app_command
from hcexport.cli.outcome import Outcome
from hcexport.cli.saving import Saving, export_record, saved_outcome, saving_options
from hcexport.cli.waiting import (
    lacks_item,
    require_success,
    resume_command,
    timeout_option,
    wait_for,
    with_resume_hint,
)
from hcexport.errors import (
    Busy,
    FrontRefused,
    HcexportError,
    NotFound,
    PrivilegeMissing,
    ProtocolError,
    ServerError,
    ServerTrouble,
    UsageError,
)
from hcexport.models import Job

_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ITEM_ID = re.compile(f"i?{_UUID}", re.IGNORECASE)  # the form of the API's upload item ids; job ids begin with a j
_JOB, _ITEM = "job", "upload item"
_NO_STATUS = "UNAVAILABLE"
_REFUSALS = (NotFound, ServerError, ServerTrouble, PrivilegeMissing, FrontRefused, ProtocolError, Busy)
_JUST_ENDED = timedelta(seconds=10)  # the server may not know the item of such a job yet


@app_command(
    "download",
    waits=True,
    examples=["hcexport download JOB_ID --out reports.zip", "hcexport download UPLOAD_ITEM_ID --out reports/"],
)
@click.argument("id_or_url", metavar="[ID]", required=False, shell_complete=complete_with("job ids"))
@saving_options
@timeout_option
def command(app: App, id_or_url: str | None, extract: Path | None, cleanup: bool) -> Outcome:
    """Save a finished export.

    ID is a job's id, an upload item's id, or the URL of either; without it, the newest export submitted from here that
    was not saved. Without --out the file is saved in the working folder under the server's name for it.
    """
    saving = Saving.plan(app, extract, cleanup, otherwise="./")
    assert saving is not None  # noqa: S101 # there is always a destination
    given = _newest(app) if id_or_url is None else id_or_url
    job_id, item_id = _parse(given)
    kinds = [_JOB, _ITEM]
    if item_id is None or job_id is None:
        kinds = [_JOB] if job_id else [_ITEM]
    elif _is_item(app, item_id):
        kinds = [_ITEM, _JOB]
    return _save(app, saving, job_id or "", item_id or "", kinds)


def _newest(app: App) -> str:
    """Return the job of the newest export of the ledger that was not saved. Raises NotFound."""
    entry = app.ledger.newest_unsaved(app.organization.url)
    if entry is None or entry.job_id is None:
        raise NotFound("every export submitted from here is already saved", hint="list the jobs: hcexport jobs")
    app.messages.notice(f"job {entry.job_id} is the newest export that was not saved")
    return entry.job_id


def _parse(text: str) -> tuple[str | None, str | None]:
    """Return the job id and the upload item id that the text may be. Of a URL only the id is used, never the host."""
    if "/" not in text:
        return text, text
    job_id, item_id = id_from_url(text, after="jobs"), id_from_url(text, after="uploads")
    if not (job_id or item_id):
        raise UsageError(f"{text!r} is neither an id nor the URL of a job or an upload item")
    return job_id, item_id


def _is_item(app: App, text: str) -> bool:
    """Whether an id is likely that of an upload item: by the ledger, else by its form."""
    if app.ledger.find(text):
        return False
    return bool(app.ledger.find_item(text) or _ITEM_ID.fullmatch(text))


def _save(app: App, saving: Saving, job_id: str, item_id: str, kinds: list[str]) -> Outcome:
    """Save the id as the first kind, or as the other when the server refuses: how it refuses is not documented.

    When all are refused, the first refusal that says more than "not found" is raised.
    """
    refusals: list[HcexportError] = []
    for kind in kinds:
        try:
            if kind == _ITEM:
                return _save_item(app, saving, item_id, checks=bool(refusals))
            job = _ask_job(app, saving, job_id)
        except _REFUSALS as refusal:
            refusals.append(refusal)
        else:
            return _save_job(app, saving, job)
    if telling := [refusal for refusal in refusals if not isinstance(refusal, NotFound)]:
        raise telling[0]
    what = " and ".join({_JOB: f"no job {job_id}", _ITEM: f"no upload item {item_id}"}[kind] for kind in sorted(kinds))
    raise NotFound(f"there is {what}", hint="list the jobs: hcexport jobs --server")


def _ask_job(app: App, saving: Saving, job_id: str) -> Job:
    """Return the job. Raises Busy where the server says nothing of it: the id may not be that of a job."""
    job = app.client.job(job_id)
    if job.status.word == _NO_STATUS and job.start_time is None:
        raise _busy(app, saving, job)
    return job


def _busy(app: App, saving: Saving, job: Job) -> Busy:
    place = {"out": "./"} if app.settings.out.value is None else {}
    onward = resume_command(app, "wait", [job.id], saving.options, **place)
    return Busy(f"job {job.id} is {job.status}", hint=f"wait for it: {onward}")


def _save_job(app: App, saving: Saving, job: Job) -> Outcome:
    """Save a job, which must have ended. Raises Busy, JobFailed."""
    if not job.has_ended:
        raise _busy(app, saving, job)
    with with_resume_hint(app, job.id, further=saving.options):
        require_success(job)
        if lacks_item(app, job):
            job = wait_for(app, job.id)
        entry = app.ledger.find(job.id)
        is_new = job.end_time is None or app.session.server_now() - job.end_time < _JUST_ENDED
        return saved_outcome(saving.save(job, entry.run_ids if entry else (), is_new=is_new))


def _save_item(app: App, saving: Saving, item_id: str, *, checks: bool) -> Outcome:
    """Save an upload item, and note it in the ledger where its job is known.

    ``checks`` asks for its page first, because the id may well be of something else: a download is tried for minutes.
    """
    if checks:
        with suppress(PrivilegeMissing):  # the page may be forbidden where the download is allowed
            app.client.upload_item(item_id)
    entry = app.ledger.find_item(item_id)
    job_id, run_ids = (entry.job_id, entry.run_ids) if entry else (None, ())
    with with_resume_hint(app, item_id, verb="download", further=saving.options):
        destination = saving.destination.for_job(job_id) if job_id else saving.destination
        saved = saving.save_item(item_id, destination, run_ids)
    if job_id and saved.path and not saved.kept:
        app.ledger.note_saved(job_id, saved.path, saved.bytes, saved.sha256)
    return saved_outcome(export_record(app, saved, job_id=job_id, run_ids=run_ids, upload_id=item_id))
