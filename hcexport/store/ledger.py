"""The exports submitted from this machine: what was meant, what became of it, where it was saved.

One SQLite file, 0600, shared by every process of the user. It keeps a rollback journal and no write-ahead log: there
are a few rows an export, home folders are often on NFS, where a write-ahead log is not safe, and with
``synchronous=EXTRA`` a row is on the disk when its method returns.

A ledger must never be in the way of an export. One that is broken is moved aside; one that cannot be written, stays
locked, does not keep what it is given, or is a newer hcexport's is read if it can be, and what happens goes into
memory. Both are said by ``warn``. Nothing is ever removed for its age: a clock may be wrong, and rows are small.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from hcexport.errors import ConfigError
from hcexport.files import private_folder

SCHEMA_VERSION = 1
BUSY_S = 5.0
_SCHEMA = """
CREATE TABLE exports (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    organization TEXT NOT NULL, username TEXT NOT NULL, profile TEXT NOT NULL, run_ids TEXT NOT NULL,
    intended TEXT NOT NULL, submitted TEXT, job_id TEXT, status TEXT, ended TEXT, upload_id TEXT,
    path TEXT, bytes INTEGER, sha256 TEXT, saved TEXT
)"""
_BROKEN_CODES = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_MISMATCH}

Warn = Callable[[str], None]


@dataclass(frozen=True)
class LedgerEntry:
    """One export. Without ``job_id`` it was meant to be sent, and what became of it is not known.

    With ``job_id`` and without ``submitted`` its answer was lost, and the job was found among the server's.
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


_COLUMNS = tuple(each.name for each in fields(LedgerEntry))
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM exports"  # noqa: S608 - names of our own
_INSERT = f"INSERT INTO exports ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - too
_TIMES = {"intended", "submitted", "ended", "saved"}


class Ledger:
    """The ledger at ``path``; opened when first used, and made when first written to."""

    def __init__(self, path: Path, warn: Warn, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path, self._warn, self._now = path, warn, now
        self._connection: sqlite3.Connection | None = None
        self._opened_inode = 0

    def intend(self, organization: str, username: str, run_ids: Sequence[str], profile: str = "") -> LedgerEntry:
        """Write down what is about to be submitted. It is on the disk when this returns."""
        values = (organization, username, profile, json.dumps(list(run_ids)), _text(self._now()))
        sql = "INSERT INTO exports (organization, username, profile, run_ids, intended) VALUES (?, ?, ?, ?, ?)"
        self._change(sql, *values)
        found = self._select("WHERE number = last_insert_rowid()")
        if not found or found[0].run_ids != tuple(run_ids):
            self._go_to_memory(_Unusable("it does not keep what is written to it", broken=False))
            self._change(sql, *values)
            found = self._select("WHERE number = last_insert_rowid()")
        return found[0]

    def submitted(self, entry: LedgerEntry, job_id: str) -> None:
        """The server took it as this job."""
        sql = "UPDATE exports SET job_id = ?, submitted = ? WHERE number = ?"
        self._change(sql, job_id, _text(self._now()), entry.number)

    def adopted(self, entry: LedgerEntry, job_id: str) -> None:
        """Its answer was lost, and this job of the server is taken for it."""
        self._change("UPDATE exports SET job_id = ? WHERE number = ?", job_id, entry.number)

    def disowned(self, job_id: str) -> None:
        """The job that was adopted is not known to be it: what became of it is not known again."""
        sql = "UPDATE exports SET job_id = NULL, status = NULL, ended = NULL, upload_id = NULL"
        self._change(f"{sql} WHERE job_id = ? AND submitted IS NULL", job_id)

    def withdrawn(self, entry: LedgerEntry) -> None:
        """It surely did not reach the server, or was refused: there is no export to look for."""
        self._change("DELETE FROM exports WHERE number = ?", entry.number)

    def ended(self, job_id: str, status: str, upload_id: str | None = None) -> None:
        """The job came to a final status. The first time is kept."""
        sql = (
            "UPDATE exports SET status = ?, upload_id = coalesce(?, upload_id), ended = coalesce(ended, ?)"
            " WHERE job_id = ?"
        )
        self._change(sql, status, upload_id, _text(self._now()), job_id)

    def saved(self, job_id: str, path: Path, bytes: int, sha256: str) -> None:  # noqa: A002 - the contract's name
        """Its zip was verified and published under ``path``."""
        sql = "UPDATE exports SET path = ?, bytes = ?, sha256 = ?, saved = ? WHERE job_id = ?"
        self._change(sql, str(path), bytes, sha256, _text(self._now()), job_id)

    def entries(self, organization: str | None = None, limit: int | None = None) -> list[LedgerEntry]:
        """What was submitted or meant to be, newest first; of one organization where one is named."""
        sql = "WHERE ?1 IS NULL OR organization = ?1 ORDER BY number DESC LIMIT ?2"
        return self._select(sql, organization, -1 if limit is None else limit)

    def find(self, job_id: str) -> LedgerEntry | None:
        """The export that became this job."""
        found = self._select("WHERE job_id = ? ORDER BY number DESC LIMIT 1", job_id)
        return found[0] if found else None

    def unresolved(self) -> list[LedgerEntry]:
        """What was meant to be submitted and has no job, newest first: the process ended, or no answer came."""
        return self._select("WHERE job_id IS NULL ORDER BY number DESC")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the ledger opens it again when used again."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _select(self, where: str, *parameters: object) -> list[LedgerEntry]:
        if self._connection is None and not os.path.lexists(self._path):
            return []
        return self._rows(f"{_SELECT} {where}", *parameters)

    def _change(self, sql: str, *parameters: object) -> None:
        self._rows(sql, *parameters)

    def _rows(self, sql: str, *parameters: object) -> list[LedgerEntry]:
        storable = tuple(_storable(one) for one in parameters)
        for get_over in (self._get_over, self._go_to_memory):
            try:
                return self._entries_of(self._connected().execute(sql, storable))
            except (sqlite3.Error, OSError, ConfigError, _Unusable) as problem:
                get_over(problem)
        return self._entries_of(self._connected().execute(sql, storable))

    def _entries_of(self, rows: Iterable[Sequence[Any]]) -> list[LedgerEntry]:
        entries = []
        for row in rows:
            try:
                entries.append(_entry(row))
            except (ValueError, TypeError, RecursionError):
                self._warn(f"the ledger {self._path} holds an entry that no hcexport wrote: number {row[0]}")
        return entries

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            _make_private(self._path)
            self._opened_inode = self._path.stat().st_ino
            self._connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
            self._connection.execute("PRAGMA synchronous = EXTRA")
            _prepare(self._connection)
        return self._connection

    def _get_over(self, problem: Exception) -> None:
        """After the first failure: set aside what is no ledger; go to memory where the file cannot be used."""
        if not _says_broken(problem):
            return self._go_to_memory(problem)
        self.close()
        aside = self._path.with_name(f"{self._path.name}.broken-{self._now():%Y%m%dT%H%M%SZ}")
        try:
            if self._path.stat().st_ino == self._opened_inode:  # else another process was faster
                self._path.rename(aside)
                self._warn(f"the ledger {self._path} was broken ({problem}): it is kept as {aside.name}")
        except OSError as error:
            self._go_to_memory(error)
        return None

    def _go_to_memory(self, problem: Exception) -> None:
        self.close()
        self._warn(f"the ledger {self._path} cannot be used ({problem}): this run is not recorded")
        memory = sqlite3.connect(":memory:", isolation_level=None)
        _prepare(memory)
        memory.executemany(_INSERT, _read_only(self._path))
        self._connection = memory


class _Unusable(Exception):
    """The file is a database, and not a ledger of this version; ``broken`` when it is not one at all."""

    def __init__(self, message: str, *, broken: bool) -> None:
        super().__init__(message)
        self.broken = broken


def _make_private(path: Path) -> None:
    private_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # SQLite would wait for the other end of a pipe
            raise _Unusable("it is not a file", broken=False)
        os.fchmod(descriptor, 0o600)  # also one that a careless copy has opened to others
    finally:
        os.close(descriptor)


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the table in an empty database, or make sure that it is the one we know."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            connection.execute(_SCHEMA)
            connection.execute("CREATE INDEX exports_by_job ON exports (job_id)")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            return
        if version > SCHEMA_VERSION:
            raise _Unusable("a newer hcexport made it", broken=False)
        if version < SCHEMA_VERSION or not set(_COLUMNS) <= _columns(connection):
            raise _Unusable("it is another database", broken=True)


def _columns(connection: sqlite3.Connection) -> set[str]:
    return {name for _, name, *_ in connection.execute("PRAGMA table_info(exports)")}


def _read_only(path: Path) -> Iterator[tuple[Any, ...]]:
    """The rows of a ledger that cannot be written, as far as they can be read."""
    if not path.is_file():
        return
    with suppress(sqlite3.Error, OSError):
        uri = f"file:{quote(str(path))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=0)) as connection:
            yield from connection.execute(_SELECT).fetchall()


def _says_broken(problem: Exception) -> bool:
    if isinstance(problem, _Unusable):
        return problem.broken
    code = getattr(problem, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _BROKEN_CODES


def _entry(row: Sequence[Any]) -> LedgerEntry:
    values = dict(zip(_COLUMNS, row, strict=True))
    times = {name: datetime.fromisoformat(values[name]) if values[name] else None for name in _TIMES}
    return LedgerEntry(**{**values, **times, "run_ids": tuple(map(str, json.loads(values["run_ids"])))})


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def _storable(value: object) -> Any:
    """SQLite takes no lone surrogates, which names of files may hold."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
