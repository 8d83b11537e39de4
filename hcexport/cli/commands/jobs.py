"""``hcexport jobs``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hcexport.cli.app import App
from hcexport.cli.command import option
from hcexport.cli.options import FORMATS, app_command, whole_number
from hcexport.cli.outcome import Outcome
from hcexport.errors import AuthError, ConfigError, NetworkError, NotFound
from hcexport.models import JobStatus, Report
from hcexport.output.records import JOB_FIELDS, JobRow
from hcexport.store.completion_cache import CachedId
from hcexport.store.ledger import EXPORT, RUN, LedgerEntry
from hcexport.transfer.check import find_name, is_check
from hcexport.transfer.submit import is_export

_GONE = JobStatus("GONE")  # a state of ours: the server no longer knows the job
_UNKNOWN = JobStatus("UNKNOWN")  # a state of ours: the server was not asked, or gave no state
_CHECK = "check"
_NEVER = datetime.min.replace(tzinfo=UTC)


@app_command(
    "jobs", profiles=True, formats=FORMATS, examples=["hcexport jobs", "hcexport jobs --limit 5 --format json"]
)
@option("--limit", type=whole_number(1), default=50, metavar="N", help="Show at most N rows.  [50]")
@option("--server", is_flag=True, help="Also list those submitted from elsewhere.")
@option("--offline", is_flag=True, help="Do not ask the server.")
def command(app: App, limit: int, server: bool, offline: bool) -> Outcome:
    """List the exports and checks submitted from this machine.

    Refreshes unfinished jobs; if the server cannot be reached, the last known state is shown.
    """
    entries = app.ledger.entries(_organization(app), limit)
    rows = [_row(entry) for entry in entries]
    if server or not offline:
        rows = _refresh(app, rows, server=server)
    if app.common.format == "ids":
        rows = [row for row in rows if row.job_id]
    if app.settings.url.value:
        app.recent("jobs").keep(
            CachedId.describe(row.job_id, row.submitted_at, str(row.status)) for row in rows if row.job_id
        )
    shown = rows[:limit]
    if not shown:
        whose = f"profile {app.settings.profile.value}" if app.settings.url.value else "this machine"
        app.messages.notice(f"no exports or checks of {whose} are known")
    return Outcome(JOB_FIELDS, records=shown, count=f"{len(shown)} job{'s' * (len(shown) != 1)}" if shown else None)


def _organization(app: App) -> str | None:
    return app.settings.url.value.url if app.settings.url.value else None


def _row(entry: LedgerEntry) -> JobRow:
    return JobRow(
        job_id=entry.job_id or "",
        status=JobStatus.parse(entry.status) if entry.status else _UNKNOWN,
        run_ids=entry.run_ids,
        submitted_at=entry.submitted or entry.intended,
        profile=entry.profile,
        url=entry.organization,
        username=entry.username,
        upload_id=entry.upload_id,
        saved_to=Path(entry.path) if entry.path else None,
        kind=_CHECK if entry.kind == RUN else EXPORT,
        name=entry.name,
    )


def _refresh(app: App, rows: list[JobRow], *, server: bool) -> list[JobRow]:
    """Return the rows with the server's state of unfinished jobs, newest first; with ``server`` also its other jobs."""
    try:
        present = [_ask(app, row) for row in rows]
        others = list(_others(app, {row.job_id for row in rows})) if server else []
    except (NetworkError, AuthError, ConfigError) as error:
        if server:
            raise
        app.messages.warning(f"jobs not refreshed: {error.message}")
        return rows
    return sorted([*present, *others], key=lambda row: row.submitted_at or _NEVER, reverse=True)


def _ask(app: App, row: JobRow) -> JobRow:
    if not row.job_id or (row.status and row.status.is_final) or row.url != app.organization.url:
        return row
    try:
        job = app.client.job(row.job_id)
    except NotFound:
        return replace(row, status=_GONE)
    if job.has_ended:
        app.ledger.note_ended(job.id, job.status.word, job.upload_id)
    return replace(row, status=job.status, upload_id=job.upload_id or row.upload_id)


def _others(app: App, known: set[str]) -> Iterator[JobRow]:
    """Yield the exports and checks that were submitted elsewhere."""
    reports: list[Report] | None = None  # they are asked for when there is a check to name
    for job_id in app.client.job_ids():
        if job_id in known or app.ledger.find(job_id):
            continue
        with suppress(NotFound):
            job = app.client.job(job_id)
            if not is_export(job) and not is_check(job):
                continue
            if is_check(job) and reports is None:
                reports = list(app.reports())
            yield JobRow(
                job_id=job.id,
                status=job.status,
                submitted_at=job.start_time,
                url=app.organization.url,
                username=job.username,
                upload_id=job.upload_id,
                kind=_CHECK if is_check(job) else EXPORT,
                name=find_name(job, reports or ()) if is_check(job) else "",
            )
