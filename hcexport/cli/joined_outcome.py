"""One Outcome of several profiles: their rows with the profile in front, or in JSON an object for each."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hcexport.cli.messages import error_fields
from hcexport.cli.outcome import Outcome
from hcexport.errors import HcexportError
from hcexport.output.fields import Field, Fields, NestedFields, RecordType
from hcexport.output.printers import Format, Printer

_OBJECTS = {"export", "run", "doctor", "diff"}  # their JSON is an object a profile; that of others an array of rows
_PROFILE: Field[tuple[str, Any]] = Field("profile", "PROFILE", lambda pair: pair[0])
_LINES: Fields[tuple[str, str]] = (_PROFILE, Field("line", "RESULT", lambda pair: pair[1]))


@dataclass
class Ended:
    """What became of a profile; ``outcome`` is None where it failed before it had one."""

    name: str
    status: int = 0
    outcome: Outcome | None = None
    error: HcexportError | None = None


def join(command: str, form: Format, ended: Sequence[Ended], error: HcexportError | None) -> Outcome:
    """Join what a command came to for each profile, in this order; ``error`` is that of all."""
    if form is Format.JSON and command in _OBJECTS:
        objects = ",\n".join(json.dumps(_object(each)) for each in ended)
        return Outcome(lines=["[", *objects.split("\n"), "]"] if objects else ["[]"], error=error)
    found = [(each.name, each.outcome) for each in ended if each.outcome]
    if form is Format.TEXT and any(outcome.lines is not None for _, outcome in found):
        lines = [(name, line) for name, outcome in found for line in outcome.lines or ()]
        return Outcome(_LINES, records=lines, error=error)
    kind = next((outcome.kind for _, outcome in found if outcome.kind), None)
    rows = [(name, row) for name, outcome in found for row in _records(outcome)]
    if form is Format.IDS and kind:
        return Outcome(kind, records=[row for _, row in rows], error=error)
    return Outcome(of_several(kind) if kind else (_PROFILE,), records=rows, error=error)


def _records(outcome: Outcome) -> Sequence[Any]:
    if outcome.records is not None:
        return outcome.records
    return [outcome.record] if outcome.kind and outcome.record is not None else []


def _object(ended: Ended) -> dict[str, Any]:
    """Make the object of a profile: its name, its exit status, and the result, the error, or both."""
    document: dict[str, Any] = {"profile": ended.name, "exit_status": ended.status}
    if ended.outcome:
        result = json.loads(document_of(ended.outcome) or "{}")
        document |= result if isinstance(result, dict) else {"records": result}
    if ended.error:
        document["error"] = error_fields(ended.error)
    return {**document, "profile": ended.name, "exit_status": ended.status}


def document_of(outcome: Outcome) -> str:
    """Return the JSON document of an outcome; empty if it has none."""
    page = io.StringIO()
    printer = Printer(Format.JSON, page, is_terminal=False)
    if outcome.kind is not None and outcome.records is not None:
        printer.records(outcome.kind, outcome.records)
    elif outcome.kind is not None:
        printer.record(outcome.kind, outcome.record)
    return page.getvalue()


@dataclass(frozen=True)
class _NestedOfSeveral(NestedFields[Any, Any]):
    """Nested records of several profiles: the profile leads each line, before the key of the record."""

    @property
    def flat_fields(self) -> Fields[tuple[Any, Any]]:
        """The profile, the key unless that is the profile, and the columns of the rows."""
        fields = super().flat_fields
        return fields[1:] if self.key.name == _PROFILE.name else (_PROFILE.through(lambda pair: pair[0]), *fields)


def of_several(kind: RecordType[Any]) -> RecordType[tuple[str, Any]]:
    """Make the kind of pairs of a profile and a record: with ``profile`` as the first column and key."""
    fields = kind.fields if isinstance(kind, NestedFields) else kind
    inner: Fields[tuple[str, Any]] = tuple(
        each.through(lambda pair: pair[1]) for each in fields if each.name != _PROFILE.name
    )
    columns = (_PROFILE, *inner)
    if not isinstance(kind, NestedFields):
        return columns
    rows = kind.rows
    return _NestedOfSeveral(
        fields=columns,
        name=kind.name,
        rows=lambda pair: rows(pair[1]),
        row_fields=kind.row_fields,
        key=kind.key.through(lambda pair: pair[1]),
    )
