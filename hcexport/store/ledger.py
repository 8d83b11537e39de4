"""The exports and checks submitted from this machine: what was meant, what became of it, where it was saved.

One SQLite file with a few rows an export. When ``Ledger.intend`` returns, the intent is on the disk. Nothing is ever
removed for its age: a clock may be wrong, and rows are small. How the file is opened is in ``database``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from hcexport.store.database import Database, Repository, Row, Schema, Warn, time_text

EXPORT, RUN = "export", "run"


class LedgerEntry(NamedTuple):
    """One export, or one run of a health check (``kind``), which is found again by its ``name``.

    Without ``job_id`` it was meant to be sent, and what became of it is not known. With ``job_id`` and without
    ``submitted`` its answer was lost, and the job was found among the server's.
    """

    number: int
    organization: str
    username: str
    profile: str
    run_ids: tuple[str, ...]
    intended: datetime
    submitted: datetime | None = None
    job_id: str | None = None
    status: str | None = None
    ended: datetime | None = None
    upload_id: str | None = None
    path: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    saved: datetime | None = None
    kind: str = EXPORT
    name: str = ""


_COLUMNS = LedgerEntry._fields
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM exports"  # noqa: S608 # our own names
_TIMES = {"intended", "submitted", "ended", "saved"}
_REMEMBER = "INSERT OR REPLACE INTO saved_reports (organization, run_id, path, saved) VALUES (?, ?, ?, ?)"


def _remember_saved(connection: sqlite3.Connection) -> None:
    """Fill ``saved_reports`` from exports of the time before that table."""
    sql = "SELECT organization, run_ids, path, saved FROM exports WHERE saved IS NOT NULL ORDER BY number"
    for organization, run_ids, path, saved in connection.execute(sql).fetchall():
        with suppress(ValueError, TypeError, RecursionError):  # an entry that was edited says nothing
            connection.executemany(_REMEMBER, [(organization, run_id, path or "", saved) for run_id in _ids(run_ids)])


_SCHEMA = Schema(
    name="the ledger",
    loss="this run is not recorded",
    versions=(
        (
            """CREATE TABLE exports (
                number INTEGER PRIMARY KEY AUTOINCREMENT,
                organization TEXT NOT NULL, username TEXT NOT NULL, profile TEXT NOT NULL, run_ids TEXT NOT NULL,
                intended TEXT NOT NULL, submitted TEXT, job_id TEXT, status TEXT, ended TEXT, upload_id TEXT,
                path TEXT, bytes INTEGER, sha256 TEXT, saved TEXT
            )""",
            "CREATE INDEX exports_by_job ON exports (job_id)",
        ),
        (
            f"ALTER TABLE exports ADD COLUMN kind TEXT NOT NULL DEFAULT '{EXPORT}'",
            "ALTER TABLE exports ADD COLUMN name TEXT NOT NULL DEFAULT ''",
            """CREATE TABLE saved_reports (
                organization TEXT NOT NULL, run_id TEXT NOT NULL, path TEXT NOT NULL, saved TEXT NOT NULL,
                PRIMARY KEY (organization, run_id)
            )""",
            _remember_saved,
        ),
    ),
    tables={"exports": _COLUMNS, "saved_reports": ("organization", "run_id", "path", "saved")},
)


class Ledger(Repository):
    """The ledger at ``path``; opened when first used, and made when first written to."""

    def __init__(
        self,
        path: Path,
        warn: Warn,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        read_only: bool = False,
    ) -> None:
        self._path, self._warn, self._now = path, warn, now
        super().__init__(Database(path, _SCHEMA, warn, now, read_only=read_only))

    def intend(
        self,
        organization: str,
        username: str,
        run_ids: Sequence[str],
        profile: str = "",
        *,
        kind: str = EXPORT,
        name: str = "",
    ) -> LedgerEntry:
        """Write down what is about to be submitted. It is on the disk when this returns."""
        sql = (
            "INSERT INTO exports (organization, username, profile, run_ids, intended, kind, name)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        statement = (sql, organization, username, profile, json.dumps(list(run_ids)), self._time(), kind, name)
        self._database.change(statement)
        found = self._select("WHERE number = last_insert_rowid()")
        if not found or found[0].run_ids != tuple(run_ids):
            self._database.give_up_file("it does not keep what is written to it")
            self._database.change(statement)
            found = self._select("WHERE number = last_insert_rowid()")
        return found[0]

    def note_submitted(self, entry: LedgerEntry, job_id: str) -> None:
        """Note that the server took it as this job."""
        sql = "UPDATE exports SET job_id = ?, submitted = ? WHERE number = ?"
        self._database.change((sql, job_id, self._time(), entry.number))

    def note_adopted(self, entry: LedgerEntry, job_id: str) -> None:
        """Note that its answer was lost, and that this job of the server is taken for it."""
        self._database.change(("UPDATE exports SET job_id = ? WHERE number = ?", job_id, entry.number))

    def note_disowned(self, job_id: str) -> None:
        """Note that an adopted job is not it: what became of the entry is not known again."""
        sql = "UPDATE exports SET job_id = NULL, status = NULL, ended = NULL, upload_id = NULL"
        self._database.change((f"{sql} WHERE job_id = ? AND submitted IS NULL", job_id))

    def withdraw(self, entry: LedgerEntry) -> None:
        """Remove the entry: the request surely did not reach the server, or was refused."""
        self._database.change(("DELETE FROM exports WHERE number = ?", entry.number))

    def note_ended(self, job_id: str, status: str, upload_id: str | None = None) -> None:
        """Note the final status of a job. The time of the first call is kept."""
        sql = (
            "UPDATE exports SET status = ?, upload_id = coalesce(?, upload_id), ended = coalesce(ended, ?)"
            " WHERE job_id = ?"
        )
        self._database.change((sql, status, upload_id, self._time(), job_id))

    def note_saved(self, job_id: str, path: Path, bytes: int, sha256: str) -> None:  # noqa: A002 # the name of the field
        """Note that its zip was verified and published under ``path``, and its reports with it, for ever."""
        time, entry = self._time(), self.find(job_id)
        reports = entry.run_ids if entry else ()
        self._database.change(
            (
                "UPDATE exports SET path = ?, bytes = ?, sha256 = ?, saved = ? WHERE job_id = ?",
                *(str(path), bytes, sha256, time, job_id),
            ),
            *((_REMEMBER, entry.organization, run_id, str(path), time) for run_id in reports if entry),
        )

    def saved_ids(self, organization: str) -> frozenset[str]:
        """The ids of the reports that are in an export saved and verified from here."""
        rows = self._database.select("SELECT run_id FROM saved_reports WHERE organization = ?", organization)
        return frozenset(row[0] for row in rows)

    def unfinished_export(self, organization: str, run_ids: Sequence[str]) -> LedgerEntry | None:
        """The newest export of exactly these reports, in any order, that is not saved and was not seen to fail."""
        where = (
            "WHERE organization = ? AND kind = ? AND job_id IS NOT NULL AND saved IS NULL"
            " AND (ended IS NULL OR status = 'COMPLETED')"
        )
        under_way = self._select(f"{where} ORDER BY number DESC", organization, EXPORT)
        return next((entry for entry in under_way if set(entry.run_ids) == set(run_ids)), None)

    def newest_unended(self, organization: str) -> LedgerEntry | None:
        """The newest submit whose job had not ended when last seen."""
        where = "WHERE organization = ? AND job_id IS NOT NULL AND ended IS NULL ORDER BY number DESC LIMIT 1"
        return next(iter(self._select(where, organization)), None)

    def newest_unsaved(self, organization: str) -> LedgerEntry | None:
        """The newest export that was not saved from here, and did not end without its result."""
        where = "WHERE organization = ? AND kind = ? AND job_id IS NOT NULL AND saved IS NULL"
        chosen = f"{where} AND (upload_id IS NOT NULL OR ended IS NULL) ORDER BY number DESC LIMIT 1"
        return next(iter(self._select(chosen, organization, EXPORT)), None)

    def find_item(self, upload_id: str) -> LedgerEntry | None:
        """The export that made this upload item."""
        return next(iter(self._select("WHERE upload_id = ? ORDER BY number DESC LIMIT 1", upload_id)), None)

    def find_run(self, organization: str, name: str) -> LedgerEntry | None:
        """The newest run of a health check that was given this name."""
        where = "WHERE organization = ? AND kind = ? AND name = ? ORDER BY number DESC LIMIT 1"
        return next(iter(self._select(where, organization, RUN, name)), None)

    def entries(self, organization: str | None = None, limit: int | None = None) -> list[LedgerEntry]:
        """What was submitted or meant to be, newest first; of one organization where one is named."""
        sql = "WHERE ? IS NULL OR organization = ? ORDER BY number DESC LIMIT ?"
        return self._select(sql, organization, organization, -1 if limit is None else limit)

    def find(self, job_id: str) -> LedgerEntry | None:
        """The entry that became this job."""
        return next(iter(self._select("WHERE job_id = ? ORDER BY number DESC LIMIT 1", job_id)), None)

    def _time(self) -> str:
        return time_text(self._now())

    def _select(self, where: str, *parameters: object) -> list[LedgerEntry]:
        entries = []
        for row in self._database.select(f"{_SELECT} {where}", *parameters):
            try:
                entries.append(_entry(row))
            except (ValueError, TypeError, RecursionError):
                self._warn(f"the ledger {self._path} holds an entry that no hcexport wrote: number {row[0]}")
        return entries


def _entry(row: Row) -> LedgerEntry:
    values = dict(zip(_COLUMNS, row, strict=True))
    times = {name: datetime.fromisoformat(values[name]) if values[name] else None for name in _TIMES}
    return LedgerEntry(**{**values, **times, "run_ids": _ids(values["run_ids"])})


def _ids(text: str) -> tuple[str, ...]:
    return tuple(map(str, json.loads(text)))
