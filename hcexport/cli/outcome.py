"""What a command came to, and the one place where it is printed and becomes the exit status."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hcexport.errors import CannotCreate, HcexportError, Interrupted, Partial, Verdict

if TYPE_CHECKING:
    from hcexport.cli.app import App
    from hcexport.health import verdict as health
    from hcexport.models import ReportDetail
    from hcexport.output.fields import RecordType


@dataclass(frozen=True)
class Outcome:
    """The result of a command; an empty Outcome prints nothing and ends with 0.

    ``kind`` says how ``record``, or each of ``records``, is printed. ``lines`` take their place in the text format.
    ``error`` is raised after the result was printed; in JSON only some errors have a document beside them. ``verdict``
    judges the reports that the command has read, None where nobody asked for a judgement. ``hint`` says what
    to type when the result cannot be printed. ``reports`` reads the reports in full, for report files and documents;
    None where the command has none. ``shape`` gives the outcome in the form of another format, where formats differ
    in what they tell. ``document`` is printed in place of records. ``count`` is how many records there are, printed
    below a table on a terminal.
    """

    kind: RecordType[Any] | None = None
    record: Any = None
    records: Sequence[Any] | None = None
    lines: Sequence[str] | None = None
    error: HcexportError | None = None
    verdict: health.Verdict | None = None
    status: int = 0
    hint: str | None = None
    is_document: bool = False
    shape: Callable[[str], Outcome] | None = None
    reports: Callable[[], Iterable[ReportDetail]] | None = None
    document: str | None = None
    count: str | None = None


@contextmanager
def telling_failure(app: App) -> Iterator[None]:
    """Write into the report files why the command inside the block failed."""
    try:
        yield
    except (HcexportError, Interrupted) as error:
        if app.reporting:
            app.reporting.write_failure(error)
        raise
    except OSError as error:
        if app.reporting and not isinstance(error, BrokenPipeError):  # a reader that has read enough is no failure
            app.reporting.write_failure(CannotCreate(f"the result was not written: {error.strerror or error}"))
        raise


@contextmanager
def completing_hint(app: App) -> Iterator[None]:
    """Make the hint of an error that leaves the block fit to be pasted, because what raised it knows no options."""
    try:
        yield
    except (HcexportError, Interrupted) as error:
        from hcexport.cli.login_address import complete_hint  # noqa: PLC0415 # start-up: only errors need it

        with suppress(HcexportError):  # what is wrong with the settings is being reported already
            complete_hint(app, error)
        raise


def finish(app: App, outcome: Outcome) -> int:
    """Print the outcome and return the exit status. Raises the outcome's error, else Verdict for bad health.

    The command has done its work and saved its files by now. The verdict is raised last, and only without another
    error, so that status 10 promises that all the rest went well: an unhealthy report keeps nothing from being done.
    """
    if app.reporting:
        outcome = app.reporting.finish(outcome)
    try:
        keeps = outcome.is_document or isinstance(outcome.error, Partial)
        if not outcome.error or keeps or app.common.format != "json":
            _print(app, outcome)
    except Interrupted as error:
        error.hint = error.hint or outcome.hint
        raise
    except Exception as error:
        if outcome.hint:
            error.add_note(outcome.hint)  # the boundary makes notes part of the hint
        raise
    _print_count(app, outcome)
    if outcome.error:
        raise outcome.error
    if outcome.verdict:
        for notice in outcome.verdict.notices:
            app.messages.notice(notice)
        if not outcome.verdict.healthy:
            raise Verdict(outcome.verdict.message())
    return outcome.status


def _print_count(app: App, outcome: Outcome) -> None:
    """Say how many rows there are below a table on a terminal; several profiles have one table together."""
    if outcome.count and not app.label and app.common.format in {"text", "table"} and app.printer.is_terminal:
        app.messages.notice(outcome.count)


def _print(app: App, outcome: Outcome) -> None:
    """Print the outcome; with several profiles it is kept, and printed with those of the others."""
    app.outcome = outcome
    if app.label:
        return
    if outcome.document is not None:
        app.printer.document(outcome.document)
    elif outcome.lines is not None and (app.common.format == "text" or outcome.kind is None):
        for line in outcome.lines:
            app.printer.line(line)
    elif outcome.kind is not None and outcome.records is not None:
        app.printer.records(outcome.kind, outcome.records)
    elif outcome.kind is not None:
        app.printer.record(outcome.kind, outcome.record)
