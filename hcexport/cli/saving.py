"""Saving a finished export, as ``export``, ``wait`` and ``download`` do it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any

import click

from hcexport.cli.app import App
from hcexport.cli.command import completed, option
from hcexport.cli.options import one_of
from hcexport.errors import HcexportError, JobFailed, NetworkError, OutcomeUnknown, UsageError
from hcexport.models import Job
from hcexport.output.records import EXPORT_FIELDS, ExportRecord
from hcexport.transfer.confirmation import confirms
from hcexport.transfer.destination import Destination, FileDestination, IfExists, StreamDestination, resolve
from hcexport.transfer.download import Phase, Saved, download
from hcexport.transfer.extract_zip import extract, resolve_folder
from hcexport.transfer.file_names import expand_template

_GROUP = "Saving"


def saving_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--out`` and what goes with it; ``--if-exists`` is read from the settings."""
    options = [
        option(
            "-o",
            "--out",
            metavar="PATH",
            group=_GROUP,
            shell_complete=completed("files"),
            help="Save to a file, a folder, or - (stdout). {profile} {date} {time} {job_id} are filled in.",
        ),
        option(
            "--if-exists",
            type=click.Choice([each.value for each in IfExists]),
            metavar="WHAT",
            group=_GROUP,
            setting="fail",
            help=f"Where there is a file: {one_of([each.value for each in IfExists])}.",
        ),
        option("--extract", type=click.Path(path_type=Path), metavar="DIR", group=_GROUP, help="Unpack into DIR, too."),
        option("--cleanup", is_flag=True, group=_GROUP, help="Then delete the upload item on the server."),
    ]
    for add in reversed(options):
        function = add(function)
    return function


@dataclass(frozen=True)
class Saving:
    """What to do with a finished export: settled, and checked as far as can be, before anything is sent."""

    app: App
    destination: Destination
    extract_to: Path | None
    cleanup: bool

    @classmethod
    def plan(cls, app: App, out: str | None, extract_to: Path | None, cleanup: bool) -> Saving | None:
        """From the options; None without ``--out``. Raises UsageError and CannotCreate."""
        if out is None:
            if extract_to or cleanup:
                raise UsageError("--extract and --cleanup go with --out", hint="name a file: --out reports.zip")
            return None
        if_exists = IfExists(app.settings.if_exists.value)
        may_make = not app.given.get("dry_run")
        destination = resolve(out, if_exists=if_exists, profile=app.settings.profile.value, may_make_folder=may_make)
        if extract_to:
            resolve_folder(extract_to, if_exists=if_exists)
        if isinstance(destination, StreamDestination):
            if extract_to:
                raise UsageError("--extract needs a file, and --out is a stream")
            if app.given["format"] != "text":
                raise UsageError("--out - and --format json both want standard output")
            if sys.stdout.isatty():
                raise UsageError("--out - would write a zip to the terminal", hint="redirect it, or name a file")
        return cls(app, destination, extract_to, cleanup)

    @property
    def place(self) -> str:
        """Where it would stand, for a person: what is not known yet as typed."""
        destination = self.destination
        if isinstance(destination, StreamDestination):
            return "standard output"
        if not destination.template:
            return f"{destination.folder}/"
        return str(
            destination.folder / expand_template(destination.template, {"job_id": "{job_id}", **destination.words})
        )

    def existing(self) -> Path | None:
        """The file that is there and stays (``--if-exists skip``), where its name is known before there is a job."""
        destination = self.destination
        if isinstance(destination, FileDestination) and destination.template and "{job_id}" not in destination.template:
            return destination.existing()
        return None

    def save(self, job: Job, run_ids: Sequence[str] = (), *, adopted: bool = False) -> ExportRecord:
        """Download, verify, publish; then extract and clean up. Raises JobFailed for a job without a result.

        The zip of an ``adopted`` job must confirm that it is of these reports: raises OutcomeUnknown otherwise.
        """
        if job.upload_id is None:
            raise JobFailed(f"job {job.id} ended {job.status} and names no upload item", hint="export again")
        saved = self.save_item(
            job.upload_id,
            self.destination.for_job(job.id),
            run_ids,
            confirm=partial(self._confirm, job, run_ids) if adopted else lambda _zip: None,
        )
        if saved.path and not saved.kept:
            self.app.ledger.saved(job.id, saved.path, saved.bytes, saved.sha256)
        record = export_record(
            self.app, saved, job_id=job.id, status=job.status, run_ids=tuple(run_ids), upload_id=job.upload_id
        )
        return replace(record, adopted=adopted)

    def _confirm(self, job: Job, run_ids: Sequence[str], zip_file: IO[bytes]) -> None:
        if confirms(zip_file, run_ids, self._report_names):
            return
        self.app.ledger.disowned(job.id)
        profile = self.app.settings.profile.value
        words = ["hcexport", "download", job.id, *(["--profile", profile] if profile else [])]
        raise OutcomeUnknown(
            f"the answer to the export was lost, and the zip of job {job.id} is not surely that of its reports",
            hint=f"look at it: {shlex.join(words)}; if it is of others: hcexport jobs --server",
        )

    def _report_names(self) -> dict[str, str]:
        """The names of all reports by their ids, none where the server does not tell: then the zip is not confirmed."""
        try:
            return {report.id: report.name for report in self.app.reports()}
        except HcexportError:
            return {}

    def save_item(
        self,
        item_id: str,
        destination: Destination,
        run_ids: Sequence[str] = (),
        *,
        confirm: Callable[[IO[bytes]], None] = lambda _zip: None,
    ) -> Saved:
        """The same for an upload item whose job is not known."""
        app = self.app
        retries = _Retries(app)
        saved = download(
            app.client,
            item_id,
            destination,
            origin=app.organization.url,
            run_ids=run_ids,
            confirm=confirm,
            on_bytes=app.progress.download,
            on_phase=self._say_phase,
            on_retry=retries.told,
            deadline=app.deadline,
        )
        retries.over()
        for warning in saved.warnings:
            app.messages.warning(warning)
        if saved.kept:
            app.messages.notice(f"{saved.path} exists and stays")
        elif self.extract_to and saved.path:
            self._extract(saved.path, self.extract_to)
        if self.cleanup and not saved.kept:
            self._clean_up(item_id)
        return saved

    def _extract(self, path: Path, folder: Path) -> None:
        try:
            if_exists = IfExists(self.app.settings.if_exists.value)
            extract(path, folder, if_exists=if_exists, deadline=self.app.deadline)
        except HcexportError as error:
            error.hint = "; ".join(filter(None, [f"the zip is whole, and saved as {path}", error.hint]))
            error.way_on = "none"
            raise

    def _say_phase(self, phase: Phase) -> None:
        """The check of a large zip takes a while; the other phases show themselves."""
        if phase is Phase.VERIFYING:
            self.app.progress.phase(phase.value)

    def _clean_up(self, item_id: str) -> None:
        """The zip is saved: that its copy on the server stays is a warning, not a failure."""
        try:
            self.app.client.delete_item(item_id)
        except HcexportError as error:
            self.app.messages.warning(f"the upload item {item_id} was not deleted: {error.message}")


class _Retries:
    """Says that a download is tried again: once in a warning, and once more when it is over."""

    def __init__(self, app: App) -> None:
        self._talk = app.messages
        self._count = 0

    def told(self, failure: NetworkError, delay_s: float) -> None:
        """Another attempt follows."""
        self._count += 1
        say = self._talk.warning if self._count == 1 else self._talk.info
        say(f"{failure.message}; going on in {delay_s:.0f} s")

    def over(self) -> None:
        """The download is there."""
        if self._count:
            self._talk.notice(f"the download is whole, after {self._count} further attempt{'s' * (self._count > 1)}")


def export_record(app: App, saved: Saved, **known: Any) -> ExportRecord:
    """What was saved, as a record; of a file that was kept nothing is known but its path."""
    return ExportRecord(
        **known,
        path=saved.path,
        bytes=saved.bytes or None,
        sha256=saved.sha256 or None,
        elapsed=timedelta(seconds=app.elapsed_s),
        verified=not saved.kept,
    )


def emit_saved(app: App, record: ExportRecord) -> None:
    """The saved path on stdout, or the record; nothing where standard output got the zip itself."""
    if record.path is not None:
        app.printer.record(EXPORT_FIELDS, record, text=str(record.path))
