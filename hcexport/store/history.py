"""The reports that were read in full, so that none is asked for twice: a report that has ended does not change.

One SQLite file for all organizations (opened as ``database`` says). What the server said is kept as it came, so a
later version that reads more of it finds more in reports of today. Losing the file loses time only. Nothing is ever
removed: a year of nightly reports takes about 2 MB.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hcexport.api_json import parse_time
from hcexport.errors import ProtocolError
from hcexport.health.results import has_ended
from hcexport.models import Report, ReportDetail
from hcexport.store.database import Database, Repository, Row, Schema, Warn, time_text

# What the row of the list knows of a report, and the report in full may leave out.
_TEXTS, _TIMES = ("name", "state", "owner", "created_by"), ("start_time", "end_time")
_COLUMNS = ("organization", "id", *_TEXTS, *_TIMES, "body", "read_at")
_SELECT = f"SELECT id, {', '.join((*_TEXTS, *_TIMES))}, body FROM reports WHERE organization = ?"  # noqa: S608 # our own names
_INSERT = f"INSERT OR REPLACE INTO reports ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 # our own names
_SET = ", ".join(f"{name} = ?" for name in (*_TEXTS, *_TIMES))
_UPDATE = f"UPDATE reports SET {_SET} WHERE organization = ? AND id = ?"  # noqa: S608 # our own names
_SCHEMA = Schema(
    name="the history",
    loss="reports are not kept",
    versions=(
        (
            """CREATE TABLE reports (
                organization TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
                owner TEXT NOT NULL, created_by TEXT NOT NULL, start_time TEXT, end_time TEXT,
                body TEXT NOT NULL, read_at TEXT NOT NULL, PRIMARY KEY (organization, id)
            )""",
            """CREATE TABLE notes (
                organization TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (organization, key)
            )""",
        ),
    ),
    tables={"reports": _COLUMNS, "notes": ("organization", "key", "value")},
)


class History(Repository):
    """The reports of one organization in the file at ``path``, which is made when first written to."""

    def __init__(
        self, path: Path, organization: str, warn: Warn, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._organization, self._now = organization, now
        super().__init__(Database(path, _SCHEMA, warn, now))

    def add(self, details: Iterable[ReportDetail]) -> None:
        """Keep reports that were read in full. Those that have not ended are left out, because they will change."""
        read_at = time_text(self._now())
        rows = []
        for detail in details:
            if has_ended(detail.report) and detail.body:
                with suppress(ValueError, RecursionError):  # a body that JSON cannot carry is asked for again
                    rows.append((_INSERT, self._organization, *_row(detail), read_at))
        if rows:
            self._database.change(*rows)

    def get(self, run_id: str) -> ReportDetail | None:
        """The report, None where it is not kept."""
        for row in self._database.select(f"{_SELECT} AND id = ?", self._organization, run_id):
            # A row that was edited counts as not kept: the report is asked for again, which replaces the row.
            with suppress(ValueError, TypeError, AttributeError, RecursionError, ProtocolError):
                return _detail(row)
        return None

    def ids(self) -> frozenset[str]:
        """The ids of the reports that are kept."""
        rows = self._database.select("SELECT id FROM reports WHERE organization = ?", self._organization)
        return frozenset(row[0] for row in rows)

    def latest(self) -> Iterator[ReportDetail]:
        """All reports by their start, newest first, each read when its turn comes, and without ``body``: for memory."""
        order = "ORDER BY coalesce(start_time, end_time) DESC, id"
        ids = self._database.select(f"SELECT id FROM reports WHERE organization = ? {order}", self._organization)  # noqa: S608 # our own words
        return (replace(detail, body={}) for (run_id,) in ids if (detail := self.get(run_id)))

    def refresh(self, reports: Iterable[Report]) -> None:
        """Take over what the list says of reports that are kept: names can be changed, the rest is filled in."""
        sql = f"SELECT id, {', '.join((*_TEXTS, *_TIMES))} FROM reports WHERE organization = ?"  # noqa: S608 # our own names
        known = {row[0]: tuple(row[1:]) for row in self._database.select(sql, self._organization)}
        changed = []
        for report in reports:
            if (before := known.get(report.id)) is not None:
                after = tuple(new or old for new, old in zip(_known_fields(report), before, strict=True))
                if after != before:
                    changed.append((_UPDATE, *after, self._organization, report.id))
        if changed:
            self._database.change(*changed)

    def note(self, key: str) -> str | None:
        """A text that was noted for the organization, such as what was last notified."""
        sql = "SELECT value FROM notes WHERE organization = ? AND key = ?"
        return next((row[0] for row in self._database.select(sql, self._organization, key)), None)

    def set_note(self, key: str, value: str) -> None:
        """Note a text until the next call with the same key."""
        sql = "INSERT OR REPLACE INTO notes (organization, key, value) VALUES (?, ?, ?)"
        self._database.change((sql, self._organization, key, value))


def _known_fields(report: Report) -> tuple[str | None, ...]:
    times = (getattr(report, name) for name in _TIMES)
    return (*(getattr(report, name) for name in _TEXTS), *(time_text(time) if time else None for time in times))


def _row(detail: ReportDetail) -> tuple[str | None, ...]:
    return (detail.report.id, *_known_fields(detail.report), json.dumps(detail.body))


def _detail(row: Row) -> ReportDetail:
    run_id, *known, body = row
    detail = ReportDetail.from_json(json.loads(body), run_id=run_id)
    if not all(isinstance(each, str | None) for each in known):
        raise TypeError("a column is not text")
    values: dict[str, Any] = dict(zip((*_TEXTS, *_TIMES), known, strict=True))
    for name in _TIMES:
        values[name] = parse_time(values[name])
    given = {name: value for name, value in values.items() if value}
    return replace(detail, report=replace(detail.report, **{**given, "id": run_id}))
