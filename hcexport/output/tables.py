"""Records as tables for a person. Imports rich, which is slow to load: import this only to draw a table."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TextIO, TypeVar

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from hcexport.api_json import plain_text
from hcexport.models import JobStatus, Result
from hcexport.output.fields import Cell, Field, Fields, NestedFields, RecordType
from hcexport.output.humanize import duration, minute, zones
from hcexport.output.sanitize import escape_controls

T = TypeVar("T")

# Of the sixteen ANSI colours, those that can be read on black and on white; yellow cannot.
GOOD, BAD, DOUBTFUL = "green", "bold red", "magenta"
_RESULT_STYLES = {Result.PASSED: GOOD, Result.FAILED: BAD, Result.WARNING: DOUBTFUL}

_NOTHING = "-"
_EMPTY: tuple[Cell, ...] = (None, "", (), {})
_NUMBERS = (int, float, timedelta)
_SHORT = (*_NUMBERS, datetime, Result, JobStatus)
_GAP = 2  # between columns
_PADDING = (0, _GAP, 0, 0)
_READABLE = 16  # below this width a wrapped column shows a word or two a line


def records(kind: RecordType[T], rows: Sequence[T], width: int, color: bool) -> str:
    """Draw records as a table; records that hold rows, one after the other. Empty where there are no rows."""
    if isinstance(kind, NestedFields):
        return "\n".join(record(kind, row, width, color) for row in rows)
    return _draw(_rows(kind, rows, width), width, color)


def record(kind: RecordType[T], row: T, width: int, color: bool) -> str:
    """Draw a record: a line for each field that has a value, and below them a table of the rows that it holds."""
    if not isinstance(kind, NestedFields):
        return _draw([_list(kind, row)], width, color)
    below = _rows(kind.row_fields, kind.rows(row), width)
    fields = (*kind.fields, *filter(None, [kind.summary]))
    return _draw([_list(fields, row), *([""] if below else []), *below], width, color)


def status_style(status: JobStatus) -> str:
    """The colour of a job's state: none while it is under way."""
    if not status.is_final:
        return ""
    return GOOD if status.succeeded else BAD


def console(stream: TextIO, color: bool, width: int | None = None) -> Console:
    """A console of rich without its guesses: no environment, no markup, no emoji, no highlighting."""
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


def _draw(parts: Sequence[RenderableType], width: int, color: bool) -> str:
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
        """Whether the column is never wrapped: short values, and ids, because people copy them, where there is room."""
        return self.consists_of(*_SHORT) or (self.is_id and self.longest <= width // 2)

    @property
    def longest_word(self) -> int:
        """The width below which a word is broken."""
        words = [self.heading, *(word for cell in self.cells for word in cell.plain.split())]
        return max(map(cell_len, words))

    def least(self, width: int) -> int:
        """The width below which the column cannot be read."""
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
    first = next((field for field in fields if field.name != "profile"), None)  # ids are the first but for the profile
    for field in fields:
        if field.from_width is not None and field.from_width <= width:
            values = [_value(field, row) for row in rows]
            if field.from_width and all(value in _EMPTY for value in values):
                continue  # a column for wide terminals, and nothing in it
            heading = _heading(field, values)
            names_zone = heading != field.heading
            cells = [_cell(value, names_zone) for value in values]
            columns.append(_Column(heading, values, cells, field is first))
    return columns


def _table(columns: Sequence[_Column], width: int) -> Table:
    table = Table(box=None, padding=_PADDING, pad_edge=False, header_style="bold")
    widths = _widths(columns, width)
    for column in columns:
        table.add_column(
            Text(column.heading, no_wrap=True),
            width=widths.get(column.heading),
            justify="right" if column.consists_of(*_NUMBERS) else "left",
            no_wrap=column.is_whole(width),
            overflow="fold",
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def _widths(columns: Sequence[_Column], width: int) -> dict[str, int]:
    """The widths, by heading, of columns that must be wrapped and can be without breaking a word; rich breaks words."""
    wrapped = [column for column in columns if not column.is_whole(width)]
    room = width - sum(column.longest for column in columns if column not in wrapped) - _GAP * (len(columns) - 1)
    least = sum(column.longest_word for column in wrapped)
    spare = sum(column.longest for column in wrapped) - least
    if not least <= room < least + spare:
        return {}
    return {
        column.heading: column.longest_word + (room - least) * (column.longest - column.longest_word) // spare
        for column in wrapped
    }


def _list(fields: Fields[T], row: T) -> Table:
    table = Table.grid(padding=_PADDING)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for field in fields:
        value = _value(field, row)
        if value not in _EMPTY:
            table.add_row(_heading(field, [value]), _cell(value, zone_is_named=True))
    return table


def _value(field: Field[T], row: T) -> Cell:
    return (field.shown or field.value)(row)


def _heading(field: Field[T], values: Sequence[Cell]) -> str:
    """The heading of a field, with the zone where all its values are times."""
    present = [value for value in values if value is not None]
    times = [value for value in present if isinstance(value, datetime)]
    return f"{field.heading} ({zones(times)})" if times and len(times) == len(present) else field.heading


def _cell(value: Cell, zone_is_named: bool) -> Text:
    match value:
        case None | "":
            return Text(_NOTHING)
        case Result():
            return Text(value, _RESULT_STYLES.get(value, ""))
        case JobStatus():
            return Text(escape_controls(value.word), status_style(value))
        case bool():
            return Text("yes" if value else "no")
        case datetime():
            return Text(minute(value) if zone_is_named else f"{minute(value)} {zones([value])}")
        case timedelta():
            return Text(duration(value.total_seconds()))
        case tuple():
            return Text(escape_controls(", ".join(map(str, value))) or _NOTHING)
        case Mapping():
            return Text(escape_controls(plain_text(value)))
        case _:
            return Text(escape_controls(str(value)))
