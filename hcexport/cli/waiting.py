"""Waiting for a job, as ``export`` and ``wait`` do it, and the command to go on with when it is cut short."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from hcexport.cli.app import App
from hcexport.cli.options import add_options, setting_option
from hcexport.cli.outcome import Outcome
from hcexport.errors import AlreadyExists, HcexportError, Interrupted, JobFailed, NotFound, ProtocolError, TimedOut
from hcexport.models import Job
from hcexport.output.records import EXPORT_FIELDS, ExportRecord
from hcexport.store.ledger import EXPORT
from hcexport.store.settings import PROFILE, ROWS, type_value
from hcexport.times import Sleep
from hcexport.transfer.poll import Jobs, poll
from hcexport.transfer.submit import is_export

# Not in the command to go on with: `wait` judges no reports, and a --timeout that was too short would be so again.
_NOT_CARRIED = {"color", "progress", "ignore", "timeout"}
_IDS_IN_A_HINT = 20  # a command with more ids is not one to paste

waiting_options = add_options(
    setting_option("--timeout", group="Waiting"), setting_option("--poll-interval", group="Waiting")
)
timeout_option = add_options(setting_option("--timeout", group="Waiting"))


def wait_for(
    app: App,
    job_id: str,
    *,
    reports: int | None = None,
    is_new: bool = True,
    sleep: Sleep = time.sleep,
    jobs: Jobs | None = None,
    is_one_of_several: bool = False,
) -> Job:
    """Watch a job to its end, put the end into the ledger, and return the job; ``is_new`` as in ``poll``.

    Progress names the job where it ``is_one_of_several``. ``jobs`` is asked for the job instead of the server. An
    export that names no upload item is not over for the ledger: the server may name it later.
    """
    watch = _Watch(app, job_id, reports, is_named=is_one_of_several)
    looks = poll(
        jobs or app.client,
        job_id,
        deadline=app.deadline,
        longest_interval_s=app.settings.poll_interval.value,
        on_trouble=watch.warn,
        is_new=is_new,
        sleep=sleep,
        lacks_result=lambda job: lacks_item(app, job),
    )
    try:
        for job in looks:
            watch.show(job)
    except (TimedOut, Interrupted) as end:
        end.message += "; the job continues on the server"
        raise
    if job_id and not lacks_item(app, job):
        app.ledger.note_ended(job_id, job.status.word, job.upload_id)
    return job


def lacks_item(app: App, job: Job) -> bool:
    """Whether a job is an export, by the ledger or its own word, that succeeded and names no upload item."""
    if job.upload_id or not job.succeeded:
        return False
    entry = app.ledger.find(job.id)
    return is_export(job) or bool(entry and entry.kind == EXPORT)


def require_item(app: App, job: Job) -> str:
    """Return the upload item of a job that succeeded. Raises ProtocolError without an item: the job did not fail."""
    if job.upload_id:
        return job.upload_id
    save, look = resume_command(app, "download", ["ITEM"]), resume_command(app, "wait", [job.id])
    error = ProtocolError(
        f"job {job.id} ended {job.status} and names no upload item; its result is {job.result or 'empty'}",
        hint=f"if the server has the item: {save}; to look at the job again: {look}",
    )
    error.way_on = "none"
    raise error


def require_success(job: Job) -> None:
    """Raise JobFailed, with the server's reason, for a job that ended without its result."""
    if not job.succeeded:
        reason = f": {job.failure}" if job.failure else "; the server gave no reason"
        raise JobFailed(f"job {job.id} ended {job.status}{reason}", hint="check the server's logs, then export again")


def job_outcome(app: App, job: Job, run_ids: Sequence[str], *, adopted: bool) -> Outcome:
    """The outcome of a job: its id as text, an ExportRecord as JSON."""
    record = ExportRecord(
        job_id=job.id,
        status=job.status,
        run_ids=tuple(run_ids),
        upload_id=job.upload_id,
        elapsed=timedelta(seconds=app.elapsed_s),
        adopted=adopted,
    )
    hint = f"go on with {resume_command(app, 'wait', [job.id])}"
    return Outcome(EXPORT_FIELDS, record, lines=[job.id], hint=hint)


class _Watch:
    """Shows a job's states by progress, and warns of an unknown state and of failed polls, of each once."""

    def __init__(self, app: App, job_id: str, reports: int | None, *, is_named: bool) -> None:
        self._app, self._job_id, self._reports = app, job_id, reports
        self._name = job_id if is_named else ""
        self._said: set[str] = set()
        self._is_failing = False

    def show(self, job: Job) -> None:
        self._app.progress.job(job.status.word, self._age_s(job), self._reports, self._name)
        if self._is_failing:
            self._is_failing = False
            self._app.messages.notice(f"job {job.id}: server is back")
        if not job.status.is_known and (job.succeeded or not job.has_ended):  # the error names the status of other jobs
            onward = "it has an end time: it has ended" if job.has_ended else "still waiting"
            self._warn_once(f"job {job.id} is {job.status}, a status that is not documented; {onward}")

    def _age_s(self, job: Job) -> float:
        """Seconds since the start of the job, by the server's clock; of a job without a start, since the command's."""
        end = job.end_time if job.has_ended else self._app.session.server_now()
        age_s = (end - job.start_time).total_seconds() if end and job.start_time else -1.0
        return age_s if age_s >= 0 else self._app.elapsed_s

    def warn(self, error: HcexportError) -> None:
        if not self._is_failing:
            self._is_failing = self._warn_once(f"job {self._job_id}: {error.message.rstrip('.')}; retrying")

    def _warn_once(self, text: str) -> bool:
        """Warn unless the text was said before, because cron would mail every line; return whether it was new."""
        is_new = text not in self._said
        self._said.add(text)
        if is_new:
            self._app.messages.trouble(text)
        return is_new


@contextmanager
def with_resume_hint(app: App, *ids: str, verb: str = "wait", further: Sequence[str] = ()) -> Iterator[None]:
    """Add the command to go on with to whatever ends the wait or the download early.

    That is ``hcexport VERB`` of the ids with ``further`` options; after a job that has failed, and after a zip that
    the server has damaged, another export of the same reports.
    """
    try:
        yield
    except (Interrupted, HcexportError) as error:
        error.hint = _hint(app, verb, ids, further, error)
        raise
    except Exception as error:
        error.add_note(f"go on with {resume_command(app, verb, ids, further)}")  # the boundary hints at notes
        raise


def _hint(
    app: App, verb: str, ids: Sequence[str], further: Sequence[str], error: HcexportError | Interrupted
) -> str | None:
    """What to type after an error, with what the error itself advises; the two never contradict each other."""
    if isinstance(error, AlreadyExists) and error.way_on == "wait":
        return f"go on with {resume_command(app, verb, ids, further, if_exists='rename')}"
    if error.way_on == "wait":
        again = f"go on with {resume_command(app, verb, ids, further)}"
        if isinstance(error, NotFound) and verb == "wait":
            return f"{again}; if the server has lost the job or its file (hcexport jobs --server), export again"
        return f"{error.hint}; then {again}" if error.hint else again
    if error.way_on == "none":
        return error.hint
    hint = error.hint if ids[0] in error.message else f"job {ids[0]}: {error.hint}"
    entry = app.ledger.find(ids[0])
    if entry is None or len(entry.run_ids) > _IDS_IN_A_HINT:
        return hint
    waits = [] if app.settings.out.value else ["--wait"]
    return f"{hint}: {resume_command(app, 'export', ['--run-ids', ','.join(entry.run_ids), *waits], further)}"


def resume_command(
    app: App, verb: str, arguments: Sequence[str], further: Sequence[str] = (), **instead: str | None
) -> str:
    """``hcexport VERB ARGUMENTS`` with the settings that were typed, or these ``instead``, and ``further`` options.

    A setting that is None ``instead`` is left out.
    """
    words = ["hcexport", verb, *arguments]
    typed = {**app.typed_settings, **instead}
    for row in (PROFILE, *ROWS):
        if (
            typed.get(row.name) is not None
            and row.name not in _NOT_CARRIED
            and (verb, row.name) != ("download", "poll_interval")
        ):
            words += [row.option, type_value(typed[row.name])]
    return shlex.join([*words, *further, *(["--insecure"] if app.common.insecure else [])])
