"""Waiting for a job, as ``export`` and ``wait`` do it, and the command to go on with when it is cut short."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from hcexport.cli.app import App
from hcexport.cli.command import option
from hcexport.cli.options import DURATION
from hcexport.errors import AlreadyExists, HcexportError, Interrupted, JobFailed
from hcexport.models import Job
from hcexport.output.records import EXPORT_FIELDS, ExportRecord
from hcexport.times import Sleep, type_duration
from hcexport.transfer.poll import FailureStreak, poll

_GROUP = "Waiting"
_CARRIED = ("profile", "url", "ca_bundle", "client_cert", "client_key", "insecure", "connect_timeout")
_IDS_IN_A_HINT = 20  # more reports than that make no command to paste
_OWN = ("timeout", "poll_interval", "out", "if_exists", "extract", "cleanup")


timeout_option = option(
    "--timeout",
    type=DURATION,
    metavar="DUR",
    group=_GROUP,
    setting="30m",
    help="Longest wait; 0 waits for ever. The job goes on.",
)
_interval_option = option(
    "--poll-interval",
    type=DURATION,
    metavar="DUR",
    group=_GROUP,
    setting="10s",
    help="Look at the job at least this often.",
)


def waiting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--timeout`` and ``--poll-interval``; both are read from the settings."""
    with_interval: Callable[..., Any] = _interval_option(function)
    added: Callable[..., Any] = timeout_option(with_interval)
    return added


def wait_for(
    app: App, job_id: str, *, reports: int | None = None, is_new: bool = True, sleep: Sleep = time.sleep
) -> Job:
    """Watch a job to its end, which goes into the ledger; ``is_new`` as in ``poll``."""
    watch = _Watch(app, job_id, reports)
    job = None
    for job in poll(
        app.client,
        job_id,
        deadline=app.deadline,
        longest_interval_s=app.settings.poll_interval.value,
        on_trouble=watch.trouble,
        is_new=is_new,
        sleep=sleep,
    ):
        watch.seen(job)
    if job is None:
        raise JobFailed(f"job {job_id} was never seen")
    app.ledger.ended(job_id, job.status.word, job.upload_id)
    return job


def require_success(job: Job) -> None:
    """Raise JobFailed, with the server's reason, for a job that ended without its result."""
    if not job.succeeded:
        reason = f": {job.failure}" if job.failure else "; the server gave no reason"
        raise JobFailed(
            f"job {job.id} ended {job.status}{reason}", hint="look into the server's logs, then export again"
        )


def emit_job(app: App, job: Job, run_ids: Sequence[str], *, adopted: bool) -> None:
    """The job's id on stdout, or the record of it."""
    record = ExportRecord(
        job_id=job.id,
        status=job.status,
        run_ids=tuple(run_ids),
        upload_id=job.upload_id,
        elapsed=timedelta(seconds=app.elapsed_s),
        adopted=adopted,
    )
    app.printer.record(EXPORT_FIELDS, record, text=job.id)


class _Watch:
    """Tells of a job what is new: states by progress, odd ones and trouble once in words."""

    def __init__(self, app: App, job_id: str, reports: int | None) -> None:
        self._app, self._job_id, self._reports = app, job_id, reports
        self._said: set[str] = set()
        self._troubled = False

    def seen(self, job: Job) -> None:
        self._app.progress.job(job.status.word, self._app.elapsed_s, self._reports)
        if self._troubled:
            self._troubled = False
            self._app.messages.notice(f"job {job.id}: the server answers again")
        if not job.status.is_known and (job.succeeded or not job.has_ended):  # else the error names it
            onward = "its end time says that it has ended" if job.has_ended else "waiting on"
            self._warn_once(f"job {job.id} is {job.status}, a status that is not documented; {onward}")

    def trouble(self, trouble: FailureStreak) -> None:
        if not self._troubled:
            self._troubled = self._warn_once(f"job {self._job_id}: {trouble.error.message.rstrip('.')}; trying again")

    def _warn_once(self, text: str) -> bool:
        """Whether it was new: an outage of every other minute is one warning, not a mail of a hundred lines."""
        is_new = text not in self._said
        self._said.add(text)
        if is_new:
            self._app.messages.warning(text)
        return is_new


@contextmanager
def with_resume_hint(app: App, *ids: str, verb: str = "wait") -> Iterator[None]:
    """Add the command to go on with to whatever ends the wait or the download before its time.

    That is ``hcexport VERB`` of the ids; after a job that has failed, and after a zip that the server has damaged,
    another export of the same reports.
    """
    try:
        yield
    except (Interrupted, HcexportError) as error:
        error.hint = _hint(app, verb, ids, error)
        raise
    except Exception as error:
        error.add_note(f"go on with {resume_command(app, verb, ids)}")  # the boundary makes it part of the hint
        raise


def _hint(app: App, verb: str, ids: Sequence[str], error: HcexportError | Interrupted) -> str | None:
    """What to type after an error, with what the error itself advises; the two never contradict each other."""
    if isinstance(error, AlreadyExists) and error.way_on == "wait":
        return f"go on with {resume_command(app, verb, ids, if_exists='rename')}"
    if error.way_on == "wait":
        again = f"go on with {resume_command(app, verb, ids)}"
        return f"{error.hint}; then {again}" if error.hint else again
    if error.way_on == "none":
        return error.hint
    hint = error.hint if ids[0] in error.message else f"job {ids[0]}: {error.hint}"
    entry = app.ledger.find(ids[0])
    if entry is None or len(entry.run_ids) > _IDS_IN_A_HINT:
        return hint
    waits = [] if app.given.get("out") else ["--wait"]
    return f"{hint}: {resume_command(app, 'export', ['--run-ids', ','.join(entry.run_ids), *waits])}"


def resume_command(app: App, verb: str, arguments: Sequence[str], **instead: str) -> str:
    """``hcexport VERB ARGUMENTS`` with the options that were typed, or these ``instead``."""
    words = ["hcexport", verb, *arguments]
    given = {**app.given, **instead}
    for parameter in click.get_current_context().command.params:
        if parameter.name in {*_CARRIED, *_OWN} and given.get(parameter.name) not in {None, False}:
            words += _as_typed(parameter.opts[-1], given[parameter.name])
    return shlex.join(words)


def _as_typed(name: str, value: Any) -> list[str]:
    match value:
        case True:
            return [name]
        case float():
            return [name, type_duration(value)]
        case Path():
            return [name, str(value.absolute())]
        case _:
            return [name, str(value)]
