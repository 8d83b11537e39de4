"""Records as a person at a terminal reads them. Imports rich: only for output that goes to a terminal."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TextIO, TypeVar

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from hcexport.models import JobStatus, Result, plain_text
from hcexport.views import quantities
from hcexport.views.fields import Field, Fields, Nested, Value
from hcexport.views.text import clean

T = TypeVar("T")

# Of the sixteen ANSI colours, those that can be read on black and on white; yellow cannot.
GOOD, BAD, DOUBTFUL = "green", "bold red", "magenta"
_RESULT_STYLES = {Result.PASSED: GOOD, Result.FAILED: BAD, Result.WARNING: DOUBTFUL}

_NOTHING = "-"
_NUMBERS = (int, float, timedelta)
_SHORT = (*_NUMBERS, datetime, Result, JobStatus)
_GAP = (0, 2, 0, 0)  # two columns to the right of a cell


def records(kind: Fields[T] | Nested[T, Any], rows: Sequence[T], width: int, color: bool) -> str:
    """A table; of records that hold rows, one after the other. Nothing for no rows."""
    if isinstance(kind, Nested):
        return "\n".join(record(kind, row, width, color) for row in rows)
    return _drawn([_table(kind, rows, width)], width, color) if rows else ""


def record(kind: Fields[T] | Nested[T, Any], row: T, width: int, color: bool) -> str:
    """A line for each field, and below them a table of the rows that the record holds."""
    if not isinstance(kind, Nested):
        return _drawn([_list(kind, row)], width, color)
    rows = kind.rows(row)
    below: list[RenderableType] = ["", _table(kind.row_fields, rows, width)] if rows else []
    return _drawn([_list(kind.fields, row), *below], width, color)


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


def _table(fields: Fields[T], rows: Sequence[T], width: int) -> Table:
    table = Table(box=None, padding=_GAP, pad_edge=False, header_style="bold")
    fitting = [field for field in fields if field.from_width is not None and field.from_width <= width]
    columns = [[_shown(field, row) for row in rows] for field in fitting]
    for field, values in zip(fitting, columns, strict=True):
        table.add_column(
            Text(field.heading, no_wrap=True),
            justify="right" if _all(values, *_NUMBERS) else "left",
            no_wrap=(field is fields[0] and _fits(values, width)) or _all(values, *_SHORT),
            overflow="fold",
        )
    for cells in zip(*columns, strict=True):
        table.add_row(*map(_cell, cells))
    return table


def _list(fields: Fields[T], row: T) -> Table:
    table = Table.grid(padding=_GAP)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for field in fields:
        value = _shown(field, row)
        if value not in (None, "", (), {}):
            table.add_row(field.heading, _cell(value))
    return table


def _shown(field: Field[T], row: T) -> Value:
    return (field.shown or field.value)(row)


def _fits(values: Sequence[Value], width: int) -> bool:
    """Whether an id can be kept whole, to be copied, and leave room for something beside it."""
    return max(len(str(value)) for value in values) <= width // 2


def _all(values: Sequence[Value], *types: type) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(isinstance(value, types) for value in present)


def _cell(value: Value) -> Text:
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
        case list() | tuple():
            return Text(clean(", ".join(map(str, value))) or _NOTHING)
        case Mapping():
            return Text(clean(plain_text(value)))
        case _:
            return Text(clean(str(value)))
