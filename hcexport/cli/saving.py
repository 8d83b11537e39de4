"""Saving a finished export, as ``export``, ``wait`` and ``download`` do it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from hcexport.cli.app import App
from hcexport.cli.command import Option, complete_with
from hcexport.cli.options import FILE, add_options, setting_option
from hcexport.cli.outcome import Outcome
from hcexport.cli.waiting import require_item
from hcexport.errors import HcexportError, NetworkError, OutcomeUnknown, UsageError
from hcexport.models import Job
from hcexport.output.records import EXPORT_FIELDS, ExportRecord
from hcexport.transfer.destination import Destination, FileDestination, IfExists, StreamDestination, resolve
from hcexport.transfer.file_names import expand_template

if TYPE_CHECKING:
    from hcexport.transfer.download import Saved

_GROUP = "Saving"

saving_options = add_options(
    setting_option("-o", "--out", group=_GROUP, shell_complete=complete_with("files")),
    setting_option("--if-exists", group=_GROUP),
    Option(["--extract"], type=FILE, metavar="DIR", group=_GROUP, help="Also unpack into DIR; {profile} is filled in."),
    Option(["--cleanup"], is_flag=True, group=_GROUP, help="Delete the upload item on the server afterwards."),
)


@dataclass(frozen=True)
class Saving:
    """What to do with a finished export, checked as far as can be before anything is sent."""

    app: App
    destination: Destination
    extract_to: Path | None
    cleanup: bool

    @classmethod
    def plan(
        cls, app: App, extract_to: Path | None, cleanup: bool, *, otherwise: str | None = None, may_make: bool = True
    ) -> Saving | None:
        """Make the plan from the setting ``out``, or the place ``otherwise``; None without either.

        ``may_make`` allows to make the last folder. Raises UsageError and CannotCreate.
        """
        out = otherwise if app.settings.out.value is None else app.settings.out.value
        if out is None:
            if extract_to or cleanup:
                raise UsageError("--extract and --cleanup go with --out", hint="name a file: --out reports.zip")
            return None
        if_exists = IfExists(app.settings.if_exists.value)
        destination = resolve(out, if_exists=if_exists, profile=app.settings.profile.value, may_make_folder=may_make)
        if isinstance(destination, StreamDestination):
            if extract_to:
                raise UsageError("--extract cannot be combined with --out -")
            if app.common.format != "text":
                raise UsageError("--out - and --format json both write to standard output")
            if sys.stdout.isatty():
                raise UsageError("--out - would write a zip to the terminal", hint="redirect it, or name a file")
        elif extract_to:
            from hcexport.transfer.extract_zip import resolve_folder  # noqa: PLC0415 # start-up

            extract_to = Path(expand_template(str(extract_to), destination.words))
            resolve_folder(extract_to, if_exists=if_exists)
            _require_apart(destination, extract_to, if_exists)
        return cls(app, destination, extract_to, cleanup)

    @property
    def options(self) -> list[str]:
        """The options of saving that are no settings, as they are typed."""
        folder = str(self.extract_to.absolute()).replace("{", "{{").replace("}", "}}") if self.extract_to else ""
        extract = ["--extract", folder] if folder else []
        return [*extract, *(["--cleanup"] if self.cleanup else [])]

    @property
    def place(self) -> str:
        """Where the file would be, for a person; what is not known yet is left as typed."""
        destination = self.destination
        if isinstance(destination, StreamDestination):
            return "standard output"
        if not destination.template:
            return f"{destination.folder}/"
        return str(
            destination.folder / expand_template(destination.template, {"job_id": "{job_id}", **destination.words})
        )

    def existing(self) -> Path | None:
        """Return the file that ``--if-exists skip`` keeps, if its name is known before there is a job."""
        destination = self.destination
        if isinstance(destination, FileDestination) and destination.template and "{job_id}" not in destination.template:
            return destination.existing()
        return None

    def load(self) -> None:
        """Load what saving needs: a job that has been submitted goes on meanwhile."""
        from hcexport.transfer import download  # noqa: F401, PLC0415 # start-up

    def save(
        self, job: Job, run_ids: Sequence[str] = (), *, adopted: bool = False, is_new: bool = True
    ) -> ExportRecord:
        """Download, verify, publish; then extract and clean up. Raises ProtocolError for a job without a result.

        The zip of an ``adopted`` job must confirm that it is of these reports: raises OutcomeUnknown otherwise.
        ``is_new`` says that the job may have ended a moment ago.
        """
        item_id = require_item(self.app, job)
        saved = self.save_item(
            item_id,
            self.destination.for_job(job.id),
            run_ids,
            is_new=is_new,
            confirm=partial(self._confirm, job, run_ids) if adopted else lambda _zip: None,
        )
        if saved.path and not saved.kept:
            self.app.ledger.note_saved(job.id, saved.path, saved.bytes, saved.sha256)
        record = export_record(
            self.app, saved, job_id=job.id, status=job.status, run_ids=tuple(run_ids), upload_id=item_id
        )
        return replace(record, adopted=adopted)

    def _confirm(self, job: Job, run_ids: Sequence[str], zip_file: IO[bytes]) -> None:
        from hcexport.transfer.confirmation import confirms  # noqa: PLC0415 # start-up

        if confirms(zip_file, run_ids, self._report_names):
            return
        self.app.ledger.note_disowned(job.id)
        profile = self.app.settings.profile.value
        words = ["hcexport", "download", job.id, *(["--profile", profile] if profile else [])]
        raise OutcomeUnknown(
            f"the answer to the export was lost, and the zip of job {job.id} may hold other reports",
            hint=f"check it: {shlex.join(words)}; if it holds other reports: hcexport jobs --server",
        )

    def _report_names(self) -> dict[str, str]:
        """Return the names of all reports by id; without names, where the server fails, the zip is not confirmed."""
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
        is_new: bool = False,
        confirm: Callable[[IO[bytes]], None] = lambda _zip: None,
    ) -> Saved:
        """Download, verify and publish an upload item; then extract and clean up."""
        from hcexport.transfer.download import download  # noqa: PLC0415 # start-up

        app = self.app
        retries = _Retries(app)
        saved = download(
            app.client,
            item_id,
            destination,
            origin=app.organization.url,
            run_ids=run_ids,
            is_new=is_new,
            confirm=confirm,
            on_bytes=app.progress.download,
            on_verifying=lambda: app.progress.phase("verifying"),
            on_retry=retries.warn,
            on_restart=lambda reason: app.messages.info(f"the download begins again at its first byte: {reason}"),
            deadline=app.deadline,
        )
        retries.finish()
        for warning in saved.warnings:
            app.messages.warning(warning)
        if saved.kept:
            app.messages.notice(f"{saved.path} already exists; skipped")
        elif saved.path:
            app.messages.info(f"saved {saved.path}")
            if self.extract_to:
                self._extract(saved.path, self.extract_to)
        if self.cleanup and not saved.kept:
            self._clean_up(item_id)
        return saved

    def _extract(self, path: Path, folder: Path) -> None:
        from hcexport.transfer.extract_zip import extract  # noqa: PLC0415 # start-up

        try:
            if_exists = IfExists(self.app.settings.if_exists.value)
            made = extract(path, folder, if_exists=if_exists, deadline=self.app.deadline)
        except HcexportError as error:
            error.hint = "; ".join(filter(None, [f"the zip is whole, and saved as {path}", error.hint]))
            error.way_on = "none"
            raise
        self.app.messages.notice(f"unpacked to {made}/" if made else f"{folder} already exists; not unpacked")

    def _clean_up(self, item_id: str) -> None:
        """Delete the upload item; a failure is a warning, because the zip is saved."""
        try:
            self.app.client.delete_item(item_id)
            self.app.messages.notice(f"upload item {item_id} deleted")
        except HcexportError as error:
            self.app.messages.warning(f"the upload item {item_id} may still be there: {error.message}")


def _require_apart(destination: FileDestination, folder: Path, if_exists: IfExists) -> None:
    """Refuse a folder that has the name of the zip, or that is not empty with the zip in it. Raises UsageError."""
    taken = [destination.folder / destination.template] if destination.template else []
    if if_exists is IfExists.FAIL:
        taken.append(destination.folder)
    if folder.resolve() in [place.resolve() for place in taken]:
        raise UsageError(f"--extract {folder} is where --out saves the zip", hint="name a folder of its own")


class _Retries:
    """Warns once that a download is retried, and says so once more when it is over."""

    def __init__(self, app: App) -> None:
        self._messages = app.messages
        self._count = 0

    def warn(self, failure: NetworkError, delay_s: float) -> None:
        """Say that another attempt follows."""
        self._count += 1
        say = self._messages.trouble if self._count == 1 else self._messages.info
        say(f"{failure.message}; retrying in {delay_s:.0f} s")

    def finish(self) -> None:
        """Say that the download is complete."""
        if self._count:
            self._messages.notice(
                f"the download is complete after {self._count} further attempt{'s' * (self._count > 1)}"
            )


def export_record(app: App, saved: Saved, **known: Any) -> ExportRecord:
    """Make the record of a file that was saved; of a file that was kept nothing but its path is known."""
    return ExportRecord(
        **known,
        path=saved.path,
        bytes=saved.bytes or None,
        sha256=saved.sha256 or None,
        elapsed=timedelta(seconds=app.elapsed_s),
        verified=not saved.kept,
        warnings=saved.warnings,
    )


def saved_outcome(record: ExportRecord, *, hint: str | None = None) -> Outcome:
    """The saved path, or the record; nothing where standard output got the zip itself."""
    return Outcome(EXPORT_FIELDS, record, lines=[str(record.path)], hint=hint) if record.path else Outcome()
