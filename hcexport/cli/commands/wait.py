"""``hcexport wait``."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import click

from hcexport.cli.app import App
from hcexport.cli.command import complete_with
from hcexport.cli.options import FORMATS, app_command, parse_ids
from hcexport.cli.outcome import Outcome
from hcexport.cli.saving import Saving, saved_outcome, saving_options
from hcexport.cli.waiting import (
    lacks_item,
    require_item,
    require_success,
    resume_command,
    wait_for,
    waiting_options,
    with_resume_hint,
)
from hcexport.errors import (
    HcexportError,
    JobFailed,
    NetworkError,
    NotFound,
    Partial,
    ProtocolError,
    TimedOut,
    UsageError,
)
from hcexport.models import Job
from hcexport.output.records import ENDED_FIELDS
from hcexport.transfer.poll import INTERVAL_MIN_S, interval_s

_JOB_ID = re.compile(r"j[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)  # the form of the API's job ids


@app_command(
    "wait",
    waits=True,
    formats=FORMATS,
    examples=["hcexport wait j0861f797-e646-4a9b-af92-f5e86b2cd824", "hcexport wait JOB_ID --out reports.zip"],
)
@click.argument("job_id", nargs=-1, shell_complete=complete_with("job ids"))
@waiting_options
@saving_options
def command(app: App, job_id: tuple[str, ...], extract: Path | None, cleanup: bool) -> Outcome:
    """Wait until exports have ended.

    Without JOB_ID, the newest job submitted from here that has not ended. Prints a line "JOB_ID STATUS" for each as it
    ends; with --out, for one job, saves it and prints the path.
    """
    job_ids = parse_ids(job_id, "JOB_ID") or (_newest(app),)
    saving = _plan(app, len(job_ids), extract, cleanup)
    further = saving.options if saving else ()
    watched = _Watched(app, job_ids, further, says=not saving)
    watched.watch()
    if saving:
        job = watched.ended[job_ids[0]]
        with with_resume_hint(app, job.id, further=further):
            require_success(job)
            entry = app.ledger.find(job.id)
            is_adopted = bool(entry and entry.submitted is None)
            record = saving.save(job, entry.run_ids if entry else (), adopted=is_adopted)
            return saved_outcome(record, hint=f"go on with {resume_command(app, 'wait', [job.id], further)}")
    return watched.conclude()


def _newest(app: App) -> str:
    """Return the newest job of the ledger that has not ended. Raises NotFound."""
    entry = app.ledger.newest_unended(app.organization.url)
    if entry is None or entry.job_id is None:
        raise NotFound("every job submitted from here has ended", hint="list the jobs: hcexport jobs")
    app.messages.notice(f"job {entry.job_id} is the newest that has not ended")
    return entry.job_id


def _plan(app: App, jobs: int, extract: Path | None, cleanup: bool) -> Saving | None:
    """Plan how the job is saved. A configured ``out`` is for one job: several are waited for, and not saved."""
    if jobs == 1:
        return Saving.plan(app, extract, cleanup)
    if app.typed.get("out") or extract or cleanup:
        raise UsageError("--out is for one job", hint="wait for the others separately")
    return None


class _Watched:
    """Jobs that are waited for together: while the first is watched, the others are looked at in turn."""

    def __init__(self, app: App, job_ids: Sequence[str], further: Sequence[str], *, says: bool) -> None:
        self._app, self._job_ids, self._further, self._says = app, job_ids, further, says
        self._pending = list(job_ids)
        self._began = time.monotonic()
        self._due = dict.fromkeys(job_ids, self._began + 2 * INTERVAL_MIN_S)
        self.ended: dict[str, Job] = {}
        self.missing: dict[str, NotFound] = {}

    def watch(self) -> None:
        """Return when every job has ended or is known not to exist."""
        try:
            while self._pending:
                self._watch_first(self._pending[0])
        except BaseException as error:
            if isinstance(error, TimedOut) and not self._streams:
                self._print(self.ended.values())
            if isinstance(error, NotFound):
                raise
            with with_resume_hint(self._app, *(self._pending or self._job_ids), further=self._further):
                raise

    def _watch_first(self, job_id: str) -> None:
        entry = self._app.ledger.find(job_id)
        try:
            job = wait_for(
                self._app,
                job_id,
                reports=len(entry.run_ids) if entry else None,
                is_new=entry is not None or bool(_JOB_ID.fullmatch(job_id)),
                sleep=self._sleep,
                is_one_of_several=len(self._job_ids) > 1,
            )
        except NotFound as error:
            if job_id not in error.message:
                error.message = f"{job_id}: {error.message}"
            error.hint = error.hint or "list the jobs: hcexport jobs --server"
            if len(self._job_ids) == 1:
                raise
            self._pending.remove(job_id)
            self.missing[job_id] = error
        else:
            self._end(job_id, job)

    def conclude(self) -> Outcome:
        """Return the rows that were not printed as their jobs ended, and the error of the jobs without a result."""
        failed = [job_id for job_id, job in self.ended.items() if not job.succeeded or lacks_item(self._app, job)]
        some_succeeded = len(failed) < len(self.ended)
        rows: list[Job] = []
        if not self._streams and (some_succeeded or self._app.common.format != "json"):
            rows = [self.ended[job_id] for job_id in self._job_ids if job_id in self.ended]
        error = self._error(failed, some_succeeded=some_succeeded)
        return Outcome(ENDED_FIELDS if rows else None, records=rows, error=error)

    def _error(self, failed: Sequence[str], *, some_succeeded: bool) -> HcexportError | None:
        if len(self._job_ids) == 1:
            try:
                with with_resume_hint(self._app, *self._job_ids):
                    self._require_result(self.ended[self._job_ids[0]])
            except (JobFailed, ProtocolError) as error:
                return error
        bad = [
            *(f"{job_id} {self._describe(self.ended[job_id])}" for job_id in failed),
            *(error.message for error in self.missing.values()),
        ]
        ended_badly = any(not self.ended[job_id].succeeded for job_id in failed)
        kind = Partial if some_succeeded else JobFailed if ended_badly else ProtocolError if failed else NotFound
        return kind(f"{len(bad)} of {len(self._job_ids)} jobs have no result: {'; '.join(bad)}") if bad else None

    def _require_result(self, job: Job) -> None:
        require_success(job)
        if lacks_item(self._app, job):
            require_item(self._app, job)

    def _describe(self, job: Job) -> str:
        return f"{job.status} without an upload item" if job.succeeded else str(job.status)

    @property
    def _streams(self) -> bool:
        return self._app.common.format in {"text", "ids"}

    def _print(self, jobs: Iterable[Job]) -> None:
        if rows := list(jobs):
            self._app.printer.records(ENDED_FIELDS, rows)

    def _end(self, job_id: str, job: Job) -> None:
        self._pending.remove(job_id)
        self.ended[job_id] = job
        if self._says and self._streams:
            self._print([job])

    def _sleep(self, seconds: float) -> None:
        """Sleep, and look at each other job that is due meanwhile."""
        end = time.monotonic() + seconds
        while others := [job_id for job_id in self._pending[1:] if self._due[job_id] < end]:
            job_id = min(others, key=self._due.__getitem__)
            time.sleep(max(0.0, self._due[job_id] - time.monotonic()))
            self._look(job_id)
        time.sleep(max(0.0, end - time.monotonic()))

    def _look(self, job_id: str) -> None:
        """Look at a job once; a failure is reported when the job has become the first."""
        with suppress(NetworkError, NotFound):
            job = self._app.client.job(job_id, attempts=1)
            if job.has_ended and not lacks_item(self._app, job):
                self._app.ledger.note_ended(job_id, job.status.word, job.upload_id)
                self._end(job_id, job)
        now = time.monotonic()
        self._due[job_id] = now + interval_s(now - self._began, self._app.settings.poll_interval.value)
