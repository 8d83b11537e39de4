"""The careful opening of an SQLite file that every process of a user shares.

A database must never be in the way of a command. A broken file is moved aside. A file that cannot be written, stays
locked or was made by a newer hcexport is read, if it can be, into memory, where the command goes on. Both are said by
``warn``. A file of an older version is migrated in one transaction.

The file is 0600. It keeps a rollback journal and no write-ahead log: home folders are often on NFS, where a write-ahead
log is not safe. With ``synchronous=EXTRA`` a change is on the disk when its method returns.

How to change a schema: append the statements of the new version to ``Schema.versions``, and keep those before them as
they are, because files of every earlier version exist.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

from hcexport.errors import ConfigError
from hcexport.files import lock, private_folder

BUSY_S = 5.0  # the longest wait for another process that is writing
_BROKEN_CODES = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_MISMATCH}

T = TypeVar("T")
Row = Sequence[Any]
Warn = Callable[[str], None]
Step = str | Callable[[sqlite3.Connection], object]


@dataclass(frozen=True)
class Schema:
    """What a database holds, and how each version is made of the one before it.

    ``name`` and ``loss`` are for warnings: what the database is called, and what follows when its file cannot be used.
    ``versions[0]`` makes version 1 in an empty database. ``tables`` names the columns that the last version must have.
    """

    name: str
    loss: str
    versions: Sequence[Sequence[Step]]
    tables: Mapping[str, Sequence[str]]


class Database:
    """The database at ``path``: opened when first used, made when first written to.

    With ``read_only`` the file is read into memory, whatever its state, and neither made nor changed.
    """

    def __init__(
        self, path: Path, schema: Schema, warn: Warn, now: Callable[[], datetime], *, read_only: bool = False
    ) -> None:
        self._path, self._schema, self._warn, self._now = path, schema, warn, now
        self._read_only = read_only
        self._connection: sqlite3.Connection | None = None
        self._opened_inode = 0
        self.in_memory = False  # the file cannot be used: nothing is kept

    def select(self, sql: str, *parameters: object) -> list[Row]:
        """Return the rows of a query; none, and no file is made, where there is no file."""
        if self._connection is None and not os.path.lexists(self._path):
            return []
        storable = _storable(parameters)
        return self._run(lambda connection: connection.execute(sql, storable).fetchall())

    def change(self, *statements: Sequence[object]) -> None:
        """Run statements, each ``(sql, *parameters)``, in one transaction."""

        def apply(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                for sql, *parameters in statements:
                    connection.execute(str(sql), _storable(parameters))

        self._run(apply)

    def open(self) -> None:
        """Open the file now, and make it where there is none; then ``in_memory`` says whether it can be written."""
        self._run(lambda _: None)

    def find_problem(self) -> str | None:
        """Say what is wrong with the file, None for a sound file and where there is no file. Nothing is changed."""
        if not os.path.lexists(self._path):
            return None
        if not os.path.isfile(self._path):  # noqa: PTH113 # Path.is_file raises for a folder that cannot be searched
            return "it is not a file"  # SQLite would wait for the other end of a pipe
        if not os.access(self._path, os.R_OK | os.W_OK):
            return "it cannot be written"
        try:
            with closing(sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", uri=True, timeout=1)) as connection:
                if _version(connection) > len(self._schema.versions):
                    return "a newer hcexport made it"
                if _tables(connection) - {"sqlite_sequence"} and not _tables(connection) & set(self._schema.tables):
                    return "it is another database"
                found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.Error as error:
            return str(error)
        return None if found == "ok" else found

    def give_up_file(self, reason: str) -> None:
        """Go on in memory, because the file turned out not to do what a database does."""
        self._go_to_memory(_Unusable(reason, broken=False))

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _run(self, action: Callable[[sqlite3.Connection], T]) -> T:
        for recover in (self._recover, self._go_to_memory):
            try:
                return action(self._connect())
            except (sqlite3.Error, OSError, ConfigError, _Unusable) as problem:
                recover(problem)
        return action(self._connect())

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None and self._read_only:
            self._connection = _load(self._path, self._schema)
        elif self._connection is None:
            _make_private(self._path)
            self._opened_inode = self._path.stat().st_ino
            self._connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
            self._connection.execute("PRAGMA synchronous = EXTRA")
            _prepare(self._connection, self._schema)
            self.in_memory = False
        return self._connection

    def _recover(self, problem: Exception) -> None:
        """After the first failure, move a broken file aside; leave any other file where it is, and go to memory."""
        if not _says_broken(problem):
            return self._go_to_memory(problem)
        self.close()
        aside = self._path.with_name(f"{self._path.name}.broken-{self._now():%Y%m%dT%H%M%SZ}-{os.getpid()}")
        try:
            with lock(self._path.with_name(f".{self._path.name}.lock")):
                if self._path.stat().st_ino != self._opened_inode:
                    return None  # another process has moved it, and made a new file
                self._path.rename(aside)
        except OSError as error:
            return self._go_to_memory(error)
        return self._warn(f"{self._schema.name} {self._path} was broken ({problem}): it is kept as {aside.name}")

    def _go_to_memory(self, problem: Exception) -> None:
        self.close()
        self._warn(f"{self._schema.name} {self._path} cannot be used ({problem}): {self._schema.loss}")
        self._connection = _load(self._path, self._schema)
        self.in_memory = True


class Repository:
    """What a database keeps, as ``Ledger`` and ``History`` do; the file is closed when the ``with`` block ends."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_problem(self) -> str | None:
        """Say what is wrong with the file, None for a sound file and where there is no file. Nothing is changed."""
        return self._database.find_problem()

    def is_writable(self) -> bool:
        """Whether what is added now is kept; makes the file where there is none."""
        self._database.open()
        return not self._database.in_memory

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._database.close()


class _Unusable(Exception):
    """The file cannot be used; ``broken`` when it is no database of ours at all."""

    def __init__(self, message: str, *, broken: bool) -> None:
        super().__init__(message)
        self.broken = broken


def _make_private(path: Path) -> None:
    private_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _Unusable("it is not a file", broken=False)  # SQLite would wait for the other end of a pipe
        os.fchmod(descriptor, 0o600)  # the file may be a copy that others can read
    finally:
        os.close(descriptor)


def _prepare(connection: sqlite3.Connection, schema: Schema) -> None:
    """Bring an empty database or one of an earlier version to the last version, and check that it is one of ours."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:  # rolls back what a failure or a kill leaves half done
        version = _version(connection)
        if version > len(schema.versions):
            raise _Unusable("a newer hcexport made it", broken=False)
        if version < 0 or (version == 0 and _tables(connection)):
            raise _Unusable("it is another database", broken=True)
        _migrate(connection, schema, version, len(schema.versions))
        if any(not set(columns) <= set(_columns(connection, name)) for name, columns in schema.tables.items()):
            raise _Unusable("it is another database", broken=True)


def _migrate(connection: sqlite3.Connection, schema: Schema, version: int, to: int) -> None:
    for step in (step for steps in schema.versions[version:to] for step in steps):
        if callable(step):
            step(connection)
        else:
            connection.execute(step)
    if version != to:
        connection.execute(f"PRAGMA user_version = {to}")


def _load(path: Path, schema: Schema) -> sqlite3.Connection:
    """A database in memory with the rows of a file that cannot be written, as far as they can be read."""
    version, rows = _read_only(path, schema)
    memory = sqlite3.connect(":memory:", isolation_level=None)
    _migrate(memory, schema, 0, version)
    for table, (names, known) in rows.items():
        if columns := [name for name in _columns(memory, table) if name in names]:
            sql = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 # our own names
            memory.executemany(sql, [[row[names.index(name)] for name in columns] for row in known])
    _migrate(memory, schema, version, len(schema.versions))
    return memory


def _read_only(path: Path, schema: Schema) -> tuple[int, dict[str, tuple[list[str], list[Row]]]]:
    """The version of a file, ours where it is newer, and of each of our tables the columns and rows."""
    newest = len(schema.versions)
    if not os.path.isfile(path):  # noqa: PTH113 # Path.is_file raises for a folder that cannot be searched
        return newest, {}
    with suppress(sqlite3.Error, OSError):
        uri = f"file:{quote(str(path))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=0)) as connection:
            rows = {
                name: (_columns(connection, name), connection.execute(f"SELECT * FROM {name}").fetchall())  # noqa: S608 # our own names
                for name in _tables(connection) & set(schema.tables)
            }
            return max(0, min(_version(connection), newest)), rows
    return newest, {}


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _says_broken(problem: Exception) -> bool:
    if isinstance(problem, _Unusable):
        return problem.broken
    code = getattr(problem, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _BROKEN_CODES


def _storable(parameters: Sequence[object]) -> tuple[Any, ...]:
    """Parameters as SQLite takes them: it refuses lone surrogates, which names of files may hold."""
    return tuple(
        value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value for value in parameters
    )


def time_text(time: datetime) -> str:
    """A point in time as text that sorts by time."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds")
