"""Locks between processes: they save work, and carry no correctness."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hcexport.errors import ConfigError
from hcexport.store.private_files import private_folder

LOCK_LIMIT_S = 10.0  # faults.md: concurrent refresh; after that two at once do less harm than none


@contextmanager
def lock(path: Path, limit_s: float = LOCK_LIMIT_S) -> Iterator[bool]:
    """Be the only one on this machine inside, as far as that can be had in ``limit_s`` seconds; whether it was had.

    Goes on without the lock where it is held for too long and where locking is impossible (network file systems,
    read-only folders). What is inside must be right all the same.
    """
    from filelock import FileLock  # noqa: PLC0415 # start-up

    try:
        held = FileLock(private_folder(path.parent) / path.name, timeout=limit_s, mode=0o600)
        held.acquire()
    except (OSError, NotImplementedError, ConfigError):  # filelock's Timeout is an OSError
        yield False
        return
    try:
        yield True
    finally:
        held.release()
