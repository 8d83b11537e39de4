"""The columns of each kind of record: declared once, read by every format.

The order is that of the columns in text and CSV, and of the keys in JSON. The first field is the id, for
``--format ids``. New fields go to the end: people ``cut -f`` these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from hcexport.models import JobStatus

T = TypeVar("T")
U = TypeVar("U")

Cell = (
    str
    | int
    | float
    | datetime
    | timedelta
    | JobStatus
    | Path
    | tuple[str, ...]
    | tuple[Mapping[str, Any], ...]
    | Mapping[str, Any]
    | None
)


@dataclass(frozen=True)
class Field(Generic[T]):
    """A column: ``name`` in JSON and CSV, ``heading`` in a table.

    ``shown`` is the value for tables, where ``value`` is too long for them. ``from_width`` is the narrowest terminal
    (columns) whose tables have room for the column; None keeps the column out of tables.
    """

    name: str
    heading: str
    value: Callable[[T], Cell]
    shown: Callable[[T], Cell] | None = None
    from_width: int | None = 0

    def through(self, part: Callable[[U], T]) -> Field[U]:
        """The same column for a record that has ``part`` as a part."""
        value, shown = self.value, self.shown
        return Field(
            self.name,
            self.heading,
            lambda whole: value(part(whole)),
            None if shown is None else lambda whole: shown(part(whole)),
            self.from_width,
        )


Fields = tuple[Field[T], ...]


@dataclass(frozen=True)
class NestedFields(Generic[T, U]):
    """A kind of record that holds rows of another kind.

    JSON nests the rows under ``name``, a table of them stands below the record; text and CSV have a line for each row,
    led by ``key``, which names the record of the row. ``summary`` is a line of the table alone: what the rows come to.
    """

    fields: Fields[T]
    name: str
    rows: Callable[[T], Sequence[U]]
    row_fields: Fields[U]
    key: Field[T]
    summary: Field[T] | None = None

    @property
    def flat_fields(self) -> Fields[tuple[T, U]]:
        """The columns of a line for each row, made from a record and one of its rows."""

        def record(pair: tuple[T, U]) -> T:
            return pair[0]

        def row(pair: tuple[T, U]) -> U:
            return pair[1]

        return (self.key.through(record), *(field.through(row) for field in self.row_fields))


RecordType = Fields[T] | NestedFields[T, Any]
