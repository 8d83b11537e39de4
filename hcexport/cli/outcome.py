"""What a command came to, and the one place where it is printed and becomes the exit status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hcexport.errors import HcexportError, Interrupted

if TYPE_CHECKING:
    from hcexport.cli.app import App
    from hcexport.output.fields import RecordType


@dataclass(frozen=True)
class Outcome:
    """The result of a command; an empty Outcome prints nothing and ends with 0.

    ``kind`` says how ``record``, or each of ``records``, is printed. ``lines`` take their place in the text format.
    ``error`` is raised after the result was printed. ``hint`` says what to type when the result cannot be printed.
    """

    kind: RecordType[Any] | None = None
    record: Any = None
    records: Sequence[Any] | None = None
    lines: Sequence[str] | None = None
    error: HcexportError | None = None
    status: int = 0
    hint: str | None = None


def finish(app: App, outcome: Outcome) -> int:
    """Print the outcome and return the exit status. Raises the outcome's error."""
    try:
        _print(app, outcome)
    except Interrupted as error:
        error.hint = error.hint or outcome.hint
        raise
    except Exception as error:
        if outcome.hint:
            error.add_note(outcome.hint)  # the boundary makes notes part of the hint
        raise
    if outcome.error:
        raise outcome.error
    return outcome.status


def _print(app: App, outcome: Outcome) -> None:
    """Print the outcome; with several profiles it is kept, and printed with those of the others."""
    app.outcome = outcome
    if app.label:
        return
    if outcome.lines is not None and (app.common.format == "text" or outcome.kind is None):
        for line in outcome.lines:
            app.printer.line(line)
    elif outcome.kind is not None and outcome.records is not None:
        app.printer.records(outcome.kind, outcome.records)
    elif outcome.kind is not None:
        app.printer.record(outcome.kind, outcome.record)
