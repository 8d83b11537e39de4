"""Standard output in its formats. Fields say what is printed, a format says how.

How to add a format: a value of ``Format``, and a function in ``_LINES`` that makes lines of records.
"""

from __future__ import annotations

import csv
import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TextIO, TypeVar

from hcexport.errors import ProtocolError
from hcexport.output.fields import Cell, Fields, NestedFields, RecordType
from hcexport.output.humanize import iso
from hcexport.output.sanitize import escape_controls, escape_formula
from hcexport.output.terminal import DEFAULT_WIDTH, never_refuse

T = TypeVar("T")


class Format(StrEnum):
    """What ``--format`` takes."""

    TEXT = "text"
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    IDS = "ids"


@dataclass(frozen=True)
class Printer:
    """Writes records to one stream, and flushes, so that a full or closed one is an OSError here and not at exit.

    Text is a table on a terminal, ``width`` columns wide, and tab-separated lines elsewhere; the format ``table`` is a
    table everywhere. Tables have colour where ``color`` says so, and on a terminal only. ``page`` shows a table that
    does not fit on the terminal; it returns False for one that fits.
    """

    format: Format
    stream: TextIO
    is_terminal: bool
    color: bool = False
    width: int = DEFAULT_WIDTH
    page: Callable[[str], bool] | None = None

    def __post_init__(self) -> None:
        never_refuse(self.stream)

    def records(self, kind: RecordType[T], rows: Iterable[T]) -> None:
        """Print any number of records; a JSON array.

        Ids are written as the rows come. Other formats are written after the last row, because a row may hold a value
        that cannot be written, and then nothing must have been printed.
        """
        if self._draws:
            from hcexport.output import tables  # noqa: PLC0415 # start-up: rich

            self._show(tables.records(kind, list(rows), self.width, self.color and self.is_terminal))
        else:
            lines = _LINES[self.format](kind, rows)
            self._write(lines if self.format is Format.IDS else list(lines))

    def record(self, kind: RecordType[T], row: T, *, text: str | None = None) -> None:
        """Print a record; a JSON object. ``text`` is the line that stands for the record in the text format."""
        if self.format is Format.JSON:
            self._write([_encode(_object(kind, row), _INDENTED) + "\n"])
        elif self.format is Format.TEXT and text is not None:
            self.line(text)
        elif self._draws:
            from hcexport.output import tables  # noqa: PLC0415 # start-up: rich

            self._show(tables.record(kind, row, self.width, self.color and self.is_terminal))
        else:
            self.records(kind, [row])

    def line(self, *cells: str) -> None:
        """Print a line, whatever the format: a job id, a path. Several cells are separated by tabs."""
        self._write(["\t".join(map(escape_controls, cells)) + "\n"])

    def document(self, text: str) -> None:
        """Print text that is a file of its own: a report in HTML or Markdown."""
        self._write([text])

    def _show(self, table: str) -> None:
        if not (self.page and self.page(table)):
            self._write([table])

    @property
    def _draws(self) -> bool:
        return self.format is Format.TABLE or (self.format is Format.TEXT and self.is_terminal)

    def _write(self, lines: Iterable[str]) -> None:
        if self.stream.closed:  # writing would raise ValueError, which the caller does not expect
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        self.stream.writelines(lines)
        self.stream.flush()


def text_of(format: Format, kind: RecordType[Any], rows: Iterable[Any] | None, *, record: Any = None) -> str:  # noqa: A002 # the name of the option
    """Records, or a record, as ``Printer`` prints them into a pipe."""
    if rows is None and format is Format.JSON:
        return _encode(_object(kind, record), _INDENTED) + "\n"
    return "".join(_LINES[format](kind, [record] if rows is None else rows))


def _text_lines(kind: RecordType[T], rows: Iterable[T]) -> Iterator[str]:
    fields, flat = _flat(kind, rows)
    for row in flat:
        yield "\t".join([escape_controls(_words(field.value(row))) for field in fields]) + "\n"


def _csv_lines(kind: RecordType[T], rows: Iterable[T]) -> Iterator[str]:
    fields, flat = _flat(kind, rows)
    line_of = csv.writer(_Echo(), lineterminator="\n").writerow
    yield line_of([field.name for field in fields])
    for row in flat:
        yield line_of([_csv_cell(field.value(row)) for field in fields])


def _id_lines(kind: RecordType[T], rows: Iterable[T]) -> Iterator[str]:
    identify = (kind.fields if isinstance(kind, NestedFields) else kind)[0].value
    return (escape_controls(_words(identify(row))) + "\n" for row in rows)


def _json_lines(kind: RecordType[T], rows: Iterable[T]) -> Iterator[str]:
    """An array with a line for each record, so that grep and diff work on the document."""
    objects = ",\n".join(_encode(_object(kind, row), _COMPACT) for row in rows)
    yield f"[\n{objects}\n]\n" if objects else "[]\n"


_LINES: Mapping[Format, Callable[[Any, Iterable[Any]], Iterator[str]]] = {
    Format.TEXT: _text_lines,
    Format.JSON: _json_lines,
    Format.CSV: _csv_lines,
    Format.IDS: _id_lines,
}


class _Echo:
    """A file for csv.writer that returns each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _flat(kind: RecordType[T], rows: Iterable[T]) -> tuple[Fields[Any], Iterable[Any]]:
    """Columns and lines without nesting."""
    if isinstance(kind, NestedFields):
        return kind.flat_fields, ((row, child) for row in rows for child in kind.rows(row))
    return kind, rows


def _object(kind: RecordType[T], row: T) -> dict[str, Cell | list[Any]]:
    fields = kind.fields if isinstance(kind, NestedFields) else kind
    found: dict[str, Cell | list[Any]] = {field.name: field.value(row) for field in fields}
    if isinstance(kind, NestedFields):
        found[kind.name] = [_object(kind.row_fields, child) for child in kind.rows(row)]
    return found


def _words(value: Cell) -> str:
    """A value as text for programs, not yet cleaned."""
    return _WORDS.get(type(value), str)(value)


def _csv_cell(value: Cell) -> str:
    """Escape formulas, but not numbers: a negative number begins with a minus and is none."""
    return _words(value) if isinstance(value, int | float | timedelta) else escape_formula(_words(value))


def _encode(value: object, encoder: json.JSONEncoder) -> str:
    """Encode as JSON. Raises ProtocolError for an object of the server that JSON cannot carry."""
    try:
        return encoder.encode(value)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"the server's answer cannot be written as JSON: {error}") from None


def _json_value(value: object) -> str | float:
    """Turn what JSON has no form for into text or a number: times, durations, a job's state, a path."""
    match value:
        case datetime():
            return iso(value)
        case timedelta():
            return _seconds(value)
        case _:
            return str(value)


def _seconds(value: timedelta) -> float:
    return round(value.total_seconds(), 3)  # the API counts milliseconds


# The encoders write ASCII only: every encoding carries it, and no terminal acts on any of its characters.
_COMPACT = json.JSONEncoder(default=_json_value, allow_nan=False)
_INDENTED = json.JSONEncoder(default=_json_value, allow_nan=False, indent=2)

_WORDS: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    bool: lambda value: "true" if value else "false",
    datetime: iso,
    timedelta: lambda value: str(_seconds(value)),
    tuple: ",".join,
    dict: lambda value: _encode(value, _COMPACT) if value else "",
}
