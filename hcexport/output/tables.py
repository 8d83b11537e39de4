"""Records as a person at a terminal reads them. Imports rich: only for output that goes to a terminal."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TextIO, TypeVar

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from hcexport.api_json import plain_text
from hcexport.models import JobStatus, Result
from hcexport.output import humanize as quantities
from hcexport.output.fields import Cell, Field, Fields, NestedFields, RecordType
from hcexport.output.sanitize import clean

T = TypeVar("T")

# Of the sixteen ANSI colours, those that can be read on black and on white; yellow cannot.
GOOD, BAD, DOUBTFUL = "green", "bold red", "magenta"
_RESULT_STYLES = {Result.PASSED: GOOD, Result.FAILED: BAD, Result.WARNING: DOUBTFUL}

_NOTHING = "-"
_NUMBERS = (int, float, timedelta)
_SHORT = (*_NUMBERS, datetime, Result, JobStatus)
_GAP = 2  # between columns
_PADDING = (0, _GAP, 0, 0)
_READABLE = 16  # a folded column narrower than this is a ladder


def records(kind: RecordType[T], rows: Sequence[T], width: int, color: bool) -> str:
    """A table; of records that hold rows, one after the other. Nothing for no rows."""
    if isinstance(kind, NestedFields):
        return "\n".join(record(kind, row, width, color) for row in rows)
    return _drawn(_rows(kind, rows, width), width, color)


def record(kind: RecordType[T], row: T, width: int, color: bool) -> str:
    """A line for each field that has a value, and below them a table of the rows that the record holds."""
    if not isinstance(kind, NestedFields):
        return _drawn([_list(kind, row)], width, color)
    below = _rows(kind.row_fields, kind.rows(row), width)
    return _drawn([_list(kind.fields, row), *([""] if below else []), *below], width, color)


def status_style(status: JobStatus) -> str:
    """The colour of a job's state: none while it is under way."""
    if not status.is_final:
        return ""
    return GOOD if status.succeeded else BAD


def console(stream: TextIO, color: bool, width: int | None = None) -> Console:
    """A console that decides nothing by itself: no environment, no markup, no emoji, no highlighting."""
    return Console(
        file=stream,
        width=width,
        height=None if width is None else 25,
        color_system="standard" if color else None,
        force_terminal=True,
        force_interactive=True,
        force_jupyter=False,
        legacy_windows=False,
        no_color=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )


def _drawn(parts: Sequence[RenderableType], width: int, color: bool) -> str:
    page = io.StringIO()
    to = console(page, color, width)
    for part in parts:
        to.print(part)
    return "".join(line.rstrip() + "\n" for line in page.getvalue().splitlines())


@dataclass(frozen=True)
class _Column:
    """A column of a table: its heading, and what stands below it."""

    heading: str
    values: Sequence[Cell]
    cells: Sequence[Text]
    is_id: bool

    @property
    def longest(self) -> int:
        return max(len(self.heading), *(cell.cell_len for cell in self.cells))

    def consists_of(self, *types: type) -> bool:
        present = [value for value in self.values if value is not None]
        return bool(present) and all(isinstance(value, types) for value in present)

    def is_whole(self, width: int) -> bool:
        """Whether it is never folded: what is short by nature, and ids, for copying, where they leave room."""
        return self.consists_of(*_SHORT) or (self.is_id and self.longest <= width // 2)

    def least(self, width: int) -> int:
        """The width below which it cannot be read."""
        return self.longest if self.is_whole(width) else min(self.longest, _READABLE)


def _rows(fields: Fields[T], rows: Sequence[T], width: int) -> Sequence[RenderableType]:
    """A table, or a list for each row where a table would not fit."""
    if not rows:
        return []
    columns = _columns(fields, rows, width)
    if sum(column.least(width) + _GAP for column in columns) - _GAP <= width:
        return [_table(columns, width)]
    return [part for row in rows for part in ("", _list(fields, row))][1:]


def _columns(fields: Fields[T], rows: Sequence[T], width: int) -> list[_Column]:
    columns = []
    for field in fields:
        if field.from_width is not None and field.from_width <= width:
            values = [_shown(field, row) for row in rows]
            columns.append(_Column(field.heading, values, [_cell(value) for value in values], field is fields[0]))
    return columns


def _table(columns: Sequence[_Column], width: int) -> Table:
    table = Table(box=None, padding=_PADDING, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            Text(column.heading, no_wrap=True),
            justify="right" if column.consists_of(*_NUMBERS) else "left",
            no_wrap=column.is_whole(width),
            overflow="fold",
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def _list(fields: Fields[T], row: T) -> Table:
    table = Table.grid(padding=_PADDING)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for field in fields:
        value = _shown(field, row)
        if value not in (None, "", (), {}):
            table.add_row(field.heading, _cell(value))
    return table


def _shown(field: Field[T], row: T) -> Cell:
    return (field.shown or field.value)(row)


def _cell(value: Cell) -> Text:
    match value:
        case None | "":
            return Text(_NOTHING)
        case Result():
            return Text(value, _RESULT_STYLES.get(value, ""))
        case JobStatus():
            return Text(clean(value.word), status_style(value))
        case bool():
            return Text("yes" if value else "no")
        case datetime():
            return Text(quantities.minute(value))
        case timedelta():
            return Text(quantities.duration(value.total_seconds()))
        case tuple():
            return Text(clean(", ".join(value)) or _NOTHING)
        case Mapping():
            return Text(clean(plain_text(value)))
        case _:
            return Text(clean(str(value)))
