"""``export --new``: reports that are in no export saved from here, and an export of them that is under way already."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING

from hcexport.cli.app import App
from hcexport.cli.selection import Selection, leave_out_running
from hcexport.errors import AuthError, BadDownload, CannotCreate, NetworkError, NotFound, PrivilegeMissing, ServerError
from hcexport.models import Report
from hcexport.store.ledger import EXPORT
from hcexport.transfer.submit import OPEN_FOR, Submitted, Submitter, export_of, find_job_of_dead

if TYPE_CHECKING:
    from hcexport.transfer.download import Saved


def require_memory(app: App) -> None:
    """Raise CannotCreate if nothing can be remembered: every run would export everything again."""
    if not app.ledger.is_writable():
        raise CannotCreate(
            f"cannot tell what is new: the ledger {app.paths.ledger} cannot be written",
            hint="make it writable, or name another folder with HCEXPORT_HOME",
        )


def select_new(app: App, selection: Selection) -> tuple[str, ...]:
    """The ids of the selected reports that have ended and are in no export saved from here, newest first."""
    reports = list(app.reports())
    found = selection.find(reports, app.session.server_now())
    saved = app.ledger.saved_ids(app.organization.url)
    new = [report.id for report in leave_out_running(app, (each for each in found if each.id not in saved))]
    new = new[: selection.latest]
    if not new:
        app.messages.notice(_nothing_new([report for report in found if report.id in saved]))
    return tuple(new)


def _nothing_new(saved: list[Report]) -> str:
    if not saved:
        return "nothing new: no report matches"
    newest = saved[0]
    start = f" of {newest.start_time.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if newest.start_time else ""
    return f"nothing new since {newest.id}{start}"


def find_under_way(app: App, run_ids: tuple[str, ...]) -> Submitted | None:
    """The export of exactly these reports that was submitted from here, has not failed and is not saved yet."""
    entry = app.ledger.unfinished_export(app.organization.url, run_ids)
    if entry is None or entry.job_id is None:
        return _find_dead(app, run_ids)
    try:
        job = app.client.job(entry.job_id)
    except NotFound:
        return None  # the server has forgotten the job
    except PrivilegeMissing:
        app.messages.info(f"this user may not see job {entry.job_id}")
        return None
    try:
        if job.upload_id:
            app.client.upload_item(job.upload_id)
    except NotFound:
        return None  # its zip was deleted
    except (NetworkError, ServerError, AuthError) as refusal:
        app.messages.info(f"this user may not see the upload item, but may be able to download it: {refusal.message}")
    if job.has_ended and not job.succeeded:
        app.ledger.note_ended(job.id, job.status.word, job.upload_id)
        return None
    return Submitted(job, adopted=entry.submitted is None)


def _find_dead(app: App, run_ids: tuple[str, ...]) -> Submitted | None:
    """The job of a run that was killed between its submit and the answer, so that the ledger has no job of it."""
    since = datetime.now(UTC) - OPEN_FOR
    for entry in app.ledger.entries(app.organization.url):
        is_alike = entry.kind == EXPORT and set(entry.run_ids) == set(run_ids)
        if is_alike and entry.job_id is None and entry.intended > since:
            origin = Submitter(entry.organization, entry.username, entry.profile)
            return find_job_of_dead(app.client, app.ledger, origin, export_of(run_ids), entry)
    return None


def find_saved(app: App, run_ids: tuple[str, ...], path: Path) -> Saved | None:
    """The file at ``path``, if it is a whole zip of exactly these reports; None otherwise.

    Where the name is taken, an earlier run may have saved them and died before the ledger knew.
    """
    from hcexport.transfer.confirmation import confirms  # noqa: PLC0415 # start-up
    from hcexport.transfer.download import Saved  # noqa: PLC0415 # start-up
    from hcexport.transfer.verify_zip import verify  # noqa: PLC0415 # start-up

    try:
        with path.open("rb") as file:
            verify(file, deadline=app.deadline)
            if not confirms(file, run_ids, lambda: {report.id: report.name for report in app.reports()}):
                return None
            file.seek(0)
            return Saved(path, path.stat().st_size, file_digest(file, "sha256").hexdigest())
    except (OSError, BadDownload):
        return None
