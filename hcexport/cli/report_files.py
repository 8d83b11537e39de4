"""Report files (``--report FILE``), and the documents that ``--format md …`` prints in place of records.

A command adds ``report_option``, calls ``Reporting.plan`` before it sends anything, and puts into its Outcome how its
reports are read in full. ``outcome.finish`` has the files written after the work and before the result is printed.
To add a format: a module in ``output.reports``, a suffix in ``_BY_SUFFIX``, a line in ``_render``.
"""

from __future__ import annotations

import errno
import functools
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from hcexport.cli.app import App
from hcexport.cli.command import Option, complete_with
from hcexport.cli.judging import Judging
from hcexport.cli.options import DOCUMENTS, add_options
from hcexport.cli.outcome import Outcome
from hcexport.errors import CannotCreate, HcexportError, Interrupted, Partial, UsageError
from hcexport.files import fsync_folder, open_at_once, open_new
from hcexport.health.results import has_ended, start_time_of
from hcexport.health.verdict import Rules
from hcexport.models import ReportDetail
from hcexport.output.reports import LastRun, ReportSet
from hcexport.redaction import shorten
from hcexport.store.settings import one_of
from hcexport.transfer.destination import make_folder_error, require_replaceable
from hcexport.transfer.disk import make_hidden_name, probe, translate_write_errors
from hcexport.transfer.file_names import expand_template, sanitize

_BY_SUFFIX = {"html": "html", "md": "md", "xml": "junit", "prom": "prometheus", "json": "json", "csv": "csv"}
_OF_THE_NEWEST = {"junit", "prometheus"}  # commands that compare reports write no such file
_RECORDS = {"json", "csv"}
_SHOWN_WITH = 100  # earlier reports in a file: a matrix of more is too wide for a screen, and too large to mail
_LARGEST_PROM = 1 << 20  # bytes
_FORMAT = re.compile(r"([A-Za-z]+)=(.+)", re.DOTALL)
_LAST_SUCCESS = re.compile(rb"^hcexport_last_success_timestamp_seconds\{.*\} ([0-9]{1,12}(?:\.[0-9]+)?)$", re.MULTILINE)

_add_option = add_options(
    Option(
        ["--report"],
        multiple=True,
        metavar="FILE",
        group="Outcome",
        shell_complete=complete_with("files"),
        help="Also write reports to FILE: .html, .md, .json, .csv, .xml (JUnit), .prom (these two not with diff, "
        "history), or FORMAT=FILE; {profile}, {date} are filled in.",
    )
)


def report_option(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Add ``--report``; its files also tell of a command that failed before it planned them."""

    @functools.wraps(function)
    def command(app: App, *, report: tuple[str, ...], **given: Any) -> Outcome:
        try:
            return function(app, report=report, **given)
        except UsageError:
            raise  # whoever typed this reads it
        except HcexportError:
            if app.reporting is None and not given.get("dry_run"):
                Reporting.plan_after_failure(app, report)
            raise

    return _add_option(command)


@dataclass(frozen=True)
class ReportFile:
    """A file to write, and its format."""

    format: str
    path: Path

    def write(self, content: str) -> None:
        """Replace the file, durably; a reader sees the old or the new content. Raises CannotCreate."""
        # Not a name that ends in .prom, because Prometheus would collect the file.
        temporary = make_hidden_name(self.path.parent, "report", "new")
        with translate_write_errors(self.path), suppress(FileNotFoundError):
            require_replaceable(self.path, self.path.lstat())
        try:
            with translate_write_errors(self.path):
                with os.fdopen(open_new(temporary, 0o644), "wb") as file:
                    file.write(content.encode("utf-8", "backslashreplace"))
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(self.path)
                fsync_folder(self.path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise

    def last_success(self) -> datetime | None:
        """When a run last succeeded, as the file of the run before has it; None where it does not say."""
        with suppress(OSError, ValueError, OverflowError), open_at_once(self.path) as file:
            found = _LAST_SUCCESS.search(file.read(_LARGEST_PROM) or b"")
            seconds = float(found.group(1)) if found else 0.0
            return datetime.fromtimestamp(seconds, UTC) if seconds else None
        return None


class Reporting:
    """What a command tells of its reports beside its result: the files, and how they are judged."""

    def __init__(self, app: App, judging: Judging, files: Sequence[ReportFile], *, of_reports: bool) -> None:
        self._app, self._judging, self._of_reports = app, judging, of_reports
        self._files = sorted(files, key=lambda file: file.format == "prometheus")  # last: it has the exit status
        self._last_success = {file: file.last_success() for file in self._files if file.format == "prometheus"}
        self._told: dict[ReportFile, int] = {}  # the status that a file tells already
        self._details: Sequence[ReportDetail] = ()

    @classmethod
    def plan(
        cls, app: App, given: Sequence[str], judging: Judging, *, of_reports: bool = True, writes: bool = True
    ) -> None:
        """Check the files as far as that is possible, and make it the app's.

        Without ``of_reports`` JSON and CSV have the command's own records, and the formats that show the newest report
        alone are refused; without ``writes`` the files are only checked. Raises UsageError, and CannotCreate for
        a folder that is missing or closed.
        """
        app.reporting = cls(app, judging, [], of_reports=of_reports)  # no file tells that another cannot be written
        files = [_plan_file(app, text, of_reports=of_reports) for text in given]
        for file in files:
            if sum(file.path == other.path for other in files) > 1:
                raise UsageError(f"--report names {file.path} twice", hint="give each report a file of its own")
        app.reporting = cls(app, judging, files if writes else [], of_reports=of_reports)

    @classmethod
    def plan_after_failure(cls, app: App, given: Sequence[str]) -> None:
        """Make those files the app's that can be written, also where the settings cannot be read."""
        files = []
        for text in given:
            with suppress(HcexportError):
                files.append(_plan_file(app, text, of_reports=True))
        app.reporting = cls(app, Judging(app, Rules(), app.common.format), files, of_reports=True)

    @property
    def has_files(self) -> bool:
        """Whether a file is to be written."""
        return bool(self._files)

    def finish(self, outcome: Outcome) -> Outcome:
        """Write the files, and make the document that is printed in place of records.

        What fails becomes the error of the outcome, which is told after the result.
        """
        is_document = self._app.common.format in DOCUMENTS
        if outcome.reports is None or not (self._files or is_document):
            return outcome
        if outcome.error and not isinstance(outcome.error, Partial):  # the reports could not be read
            self.write_failure(outcome.error)
            return outcome
        try:
            details = list(outcome.reports())
        except HcexportError as error:
            error.way_on = "none"  # the work is done
            self.write_failure(error)
            return replace(outcome, error=outcome.error or error)
        outcome = self._write(outcome, details)
        return self._with_document(outcome, details) if is_document else outcome

    def _write(self, outcome: Outcome, details: Sequence[ReportDetail]) -> Outcome:
        self._details = details
        for file in self._files:
            try:
                _refuse_to_replace(file, outcome.record)
                file.write(self._content(file, outcome, details))
                self._told[file] = _status(outcome)
            except HcexportError as error:
                outcome = self._add_error(outcome, error)
        return outcome

    def _add_error(self, outcome: Outcome, error: HcexportError) -> Outcome:
        if outcome.error:
            self._app.messages.warning(error.message)
            return outcome
        error.way_on = "none"
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENOSPC:
            error.hint = "free some space, or name a file on another disk"
        saved = getattr(outcome.record, "path", None)
        error.hint = "; ".join(filter(None, [f"{saved} is saved" if saved else "", error.hint]))
        return replace(outcome, error=error)

    def write_failure(self, error: HcexportError | Interrupted) -> None:
        """Write into JUnit and Prometheus files why the run failed; replace a Prometheus file with another status."""
        for file in self._files:
            if self._told.get(file) == error.status or file.format not in _OF_THE_NEWEST:
                continue
            details: Sequence[ReportDetail] = []
            if file.format == "prometheus":
                details = [*self._details, *self._earlier(self._details)]
            elif file in self._told:
                continue
            self._told[file] = error.status
            run = self._run(error.status, self._last_success.get(file))
            reports = self._set(details, [], Outcome(), shorten(error.message), run)
            try:
                file.write(_render(file.format, reports))
            except CannotCreate as problem:
                self._app.messages.warning(problem.message)

    def _with_document(self, outcome: Outcome, details: Sequence[ReportDetail]) -> Outcome:
        kind, status = self._app.common.format, _status(outcome)
        if kind == "nagios":
            from hcexport.output.reports import nagios  # noqa: PLC0415 # start-up

            if outcome.error:
                return replace(outcome, document="")  # the boundary makes a line of the error
            status, line = nagios.render(self._set(details, [], outcome, None, None))
            return replace(outcome, document=f"{line}\n", verdict=None, status=status)
        run = self._run(status, None) if status in {0, 10} else None  # when a run last succeeded is not known here
        reports = self._set(details, self._earlier(details), outcome, _message(outcome), run)
        return replace(outcome, document=_render(kind, reports))

    def _content(self, file: ReportFile, outcome: Outcome, details: Sequence[ReportDetail]) -> str:
        if file.format in _RECORDS:
            from hcexport.output.printers import Format, text_of  # noqa: PLC0415 # start-up

            bom = "\ufeff" if file.format == "csv" else ""  # without it Excel takes UTF-8 for something else
            if self._of_reports:
                kind: Any = replace(self._judging, format=file.format).detail_fields(outcome.verdict)
                return bom + text_of(Format(file.format), kind, details)
            if outcome.shape:
                outcome = outcome.shape(file.format)
            if outcome.kind is None:
                return bom
            return bom + text_of(Format(file.format), outcome.kind, outcome.records, record=outcome.record)
        run = self._run(_status(outcome), self._last_success.get(file))
        return _render(file.format, self._set(details, self._earlier(details), outcome, _message(outcome), run))

    def _set(
        self,
        details: Sequence[ReportDetail],
        earlier: Sequence[ReportDetail],
        outcome: Outcome,
        error: str | None,
        run: LastRun | None,
    ) -> ReportSet:
        app, now, organization = self._app, datetime.now(UTC), ""
        profile = app.common.profile or "default"
        with suppress(HcexportError):  # a run that failed for its settings may have no profile and no organization
            profile = app.settings.profile.value
            organization = app.organization.url
            now = app.session.server_now()
        return ReportSet.make(
            profile,
            organization,
            now,
            details,
            earlier=earlier,
            rules=self._judging.rules,
            verdict=outcome.verdict,
            error=error,
            last_run=run,
        )

    def _earlier(self, details: Sequence[ReportDetail]) -> list[ReportDetail]:
        """The reports read before that are not newer than the newest of the command; without any, the newest."""
        times = [start_time_of(detail.report) for detail in details if has_ended(detail.report)]
        try:
            known = self._app.history.latest()
        except HcexportError:
            return []  # there is no organization
        fitting = (detail for detail in known if not times or start_time_of(detail.report) <= max(times))
        return list(islice(fitting, _SHOWN_WITH))

    def _run(self, status: int, last_success: datetime | None) -> LastRun:
        now = datetime.now(UTC)
        return LastRun(now, status, timedelta(seconds=self._app.elapsed_s), now if status in {0, 10} else last_success)


def _plan_file(app: App, text: str, *, of_reports: bool) -> ReportFile:
    named = _FORMAT.fullmatch(text)
    word, name = (named[1], named[2]) if named else (Path(text).suffix.removeprefix("."), text)
    kind = _BY_SUFFIX.get(word.lower()) or (word.lower() if word.lower() in _BY_SUFFIX.values() else None)
    kinds = sorted({kind for kind in _BY_SUFFIX.values() if of_reports or kind not in _OF_THE_NEWEST})
    if kind is None or name in {"", "-"} or "\0" in name:
        what = f"{text!r} has an unknown format" if kind is None else f"{text!r} names no file"
        raise UsageError(f"--report {what}", hint=f"FILE.html, or FORMAT=FILE with {one_of(kinds)}")
    if kind not in kinds:
        raise UsageError(f"a {kind} file shows a report, not a comparison", hint=f"use {one_of(kinds)}")
    now = datetime.now().astimezone()
    words = {"date": f"{now:%Y-%m-%d}"}
    if "{profile}" in name:
        words["profile"] = sanitize(app.settings.profile.value)
    path = Path(*(expand_template(part, words) for part in os.path.split(name))).absolute()
    with translate_write_errors(path):
        if not path.parent.is_dir():
            raise make_folder_error(path.parent)
        if os.path.lexists(path):
            require_replaceable(path, path.stat() if path.exists() else path.lstat())
        probe(path.parent)
    app.paths.require_apart(path)
    return ReportFile(kind, path)


def _refuse_to_replace(file: ReportFile, record: Any) -> None:
    """Raise CannotCreate for a report file that is the zip of this run."""
    saved = getattr(record, "path", None)
    with suppress(OSError):
        if saved is not None and file.path.samefile(saved):
            raise CannotCreate(f"the report {file.path} would replace the zip", hint="name another file")


def _render(kind: str, reports: ReportSet) -> str:
    from hcexport.output.reports import html, junit, markdown, prometheus  # noqa: PLC0415 # start-up

    renderers: dict[str, Callable[[ReportSet], str]] = {
        "html": html.render,
        "md": markdown.render,
        "junit": junit.render,
        "prometheus": prometheus.render,
    }
    return renderers[kind](reports)


def _status(outcome: Outcome) -> int:
    """The exit status that the command is going to have."""
    if outcome.error:
        return outcome.error.status
    return 10 if outcome.verdict and not outcome.verdict.healthy else outcome.status


def _message(outcome: Outcome) -> str | None:
    return shorten(outcome.error.message) if outcome.error else None
