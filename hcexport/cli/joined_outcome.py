"""One Outcome of several profiles: their rows with the profile in front, or in JSON an object for each."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hcexport.cli.boundary import error_object
from hcexport.cli.outcome import Outcome
from hcexport.errors import HcexportError
from hcexport.output.fields import Cell, Field, Fields, NestedFields, RecordType
from hcexport.output.printers import Format, Printer

_OBJECTS = {"export", "run", "doctor", "diff"}  # their JSON is an object a profile; that of others an array of rows
_PROFILE: Field[Row] = Field("profile", "PROFILE", lambda row: row.profile)
_LINES: Fields[tuple[str, str]] = (
    Field("profile", "PROFILE", lambda pair: pair[0]),
    Field("line", "RESULT", lambda pair: pair[1]),
)


@dataclass
class Ended:
    """What became of a profile; ``outcome`` is None where it failed before it had one."""

    name: str
    status: int = 0
    outcome: Outcome | None = None
    error: HcexportError | None = None


def join(command: str, form: Format, ended: Sequence[Ended], error: HcexportError | None) -> Outcome:
    """Join what a command came to for each profile, in this order; ``error`` is that of the whole command."""
    if form is Format.JSON and command in _OBJECTS:
        objects = ",\n".join(json.dumps(_object(each)) for each in ended)
        return Outcome(lines=["[", *objects.split("\n"), "]"] if objects else ["[]"], error=error)
    found = [(each.name, each.outcome) for each in ended if each.outcome]
    if form is Format.TEXT and any(outcome.lines is not None for _, outcome in found):
        lines = [(name, line) for name, outcome in found for line in outcome.lines or ()]
        return Outcome(_LINES, records=lines, error=error)
    rows = [
        Row(name, record, outcome.kind)
        for name, outcome in found
        if outcome.kind is not None
        for record in _records(outcome)
    ]
    kinds = [outcome.kind for _, outcome in found if outcome.kind is not None]
    if form is Format.IDS:
        return Outcome(_columns(kinds) or (_PROFILE,), records=rows, error=error)
    return Outcome(kind_of_several(kinds), records=rows, error=error)


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
        document["error"] = error_object(ended.error)
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
class Row:
    """A record of a profile with its own kind: what a column says of it may depend on the profile."""

    profile: str
    record: Any
    kind: RecordType[Any]


@dataclass(frozen=True)
class _NestedOfSeveral(NestedFields[Any, Any]):
    """Nested records of several profiles: the profile leads each line, before the key of the record."""

    @property
    def flat_fields(self) -> Fields[tuple[Any, Any]]:
        """The profile, the key unless that is the profile, and the columns of the rows."""
        fields = super().flat_fields
        return fields if self.key.name == _PROFILE.name else (_PROFILE.through(lambda pair: pair[0]), *fields)


def kind_of_several(kinds: Sequence[RecordType[Any]]) -> RecordType[Row]:
    """Make the kind of the rows of all: with ``profile`` as the first column and key."""
    columns = (_PROFILE, *_columns(kinds))
    nested = [kind for kind in kinds if isinstance(kind, NestedFields)]
    if not nested:
        return columns
    row_fields = [field for kind in nested for field in kind.row_fields]
    return _NestedOfSeveral(
        fields=columns,
        name=nested[0].name,
        rows=lambda row: [Row(row.profile, child, row.kind.row_fields) for child in row.kind.rows(row.record)],
        row_fields=_own_columns(row_fields),
        key=nested[0].key.through(lambda row: row.record),
    )


def _columns(kinds: Sequence[RecordType[Any]]) -> Fields[Row]:
    fields = [field for kind in kinds for field in _fields(kind)]
    return _own_columns([field for field in fields if field.name != _PROFILE.name])


def _own_columns(fields: Sequence[Field[Any]]) -> Fields[Row]:
    """Make columns that ask each row's own kind, each name once; without the column, its cell is empty."""

    def column(field: Field[Any]) -> Field[Row]:
        def own(row: Row) -> Field[Any] | None:
            return next((each for each in _fields(row.kind) if each.name == field.name), None)

        def value(row: Row) -> Cell:
            return mine.value(row.record) if (mine := own(row)) else None

        def show(row: Row) -> Cell:
            return (mine.shown or mine.value)(row.record) if (mine := own(row)) else None

        return Field(field.name, field.heading, value, show, field.from_width)

    found: dict[str, Field[Any]] = {}
    for field in fields:
        found.setdefault(field.name, field)
    return tuple(map(column, found.values()))


def _fields(kind: RecordType[Any]) -> Fields[Any]:
    return kind.fields if isinstance(kind, NestedFields) else kind
