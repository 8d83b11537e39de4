"""Part files: the bytes that have come so far, hidden beside the target, owned by one process.

A part is born with a note of what its bytes are (origin, upload item, validator, total size) and never becomes anything
else: to start over is to drop it and make another. Two names belong together::

    .hcexport-<key>-<nonce>.part    the bytes, 0600; <key> stands for the origin and the item
    .hcexport-<key>-<nonce>.note    the note, JSON, 0600; only where the bytes can be gone on with

A later run inherits a part by renaming it, which succeeds for one process only, and copies its bytes into a part of its
own. So no two processes ever write to one file: an owner that still lives, and was taken for dead, finds its name gone
when it wants to publish, and starts over. The lock that an owner holds only saves that work where locks work.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import Any, cast

from hcexport.api.deadline import Deadline
from hcexport.errors import CannotCreate
from hcexport.transfer.destination import PREFIX, creating, refused
from hcexport.transfer.follower import Followed, Follower

SWEEP_AFTER_S = 7 * 86_400  # faults.md, SIGKILL: parts nobody came back for
COPY_BYTES = 1 << 20
_PRIVATE = 0o600


@dataclass(frozen=True)
class Note:
    """What the bytes of a part are. ``total`` in bytes; a ``validator`` is strong or None."""

    origin: str
    item_id: str
    validator: str | None = None
    total: int | None = None

    @property
    def key(self) -> str:
        """Stands for origin and item in a file name."""
        return sha256(f"{self.origin}\n{self.item_id}".encode(errors="surrogatepass")).hexdigest()[:16]

    @property
    def resumable(self) -> bool:
        """Whether a broken transfer of this can be gone on with."""
        return self.validator is not None and self.total is not None


class Part:
    """An unbuffered file of our own that takes the bytes; without a ``path`` it has no name in any folder."""

    def __init__(self, file: FileIO, note: Note, path: Path | None) -> None:
        self.file = file
        self.note = note
        self.path = path
        self.size = 0
        self._follower = Follower(file.fileno())

    @property
    def folder(self) -> Path:
        """Where the bytes are kept."""
        return self.path.parent if self.path else Path(tempfile.gettempdir())

    def write(self, chunk: bytes) -> int:
        """Append the whole chunk. Raises CannotCreate when the disk does not take it."""
        view = memoryview(chunk)
        try:
            while view:
                written = self.file.write(view) or 0
                self.size += written
                view = view[written:]
        except OSError as error:
            raise refused(self.folder, error) from error
        self._follower.grown(self.size)
        return len(chunk)

    def sums(self, deadline: Deadline) -> Followed:
        """SHA-256 and checksums of what was written. Raises CannotCreate when it cannot be read back, TimedOut."""
        with creating(self.folder):
            return self._follower.finish(self.size, deadline)

    def leave(self) -> None:
        """Close it; what a later run can go on with stays, anything else is removed."""
        if self.size and self.note.resumable and self._is_unpublished():
            self._close()
        else:
            self.discard()

    def discard(self) -> None:
        """Close and remove it."""
        self._close()
        if self.path is not None:
            _remove(self.path)

    def _close(self) -> None:
        self._follower.stop()
        if not self.file.closed:
            _unlock(self.file)  # the follower's descriptor would hold it a moment longer
            self.file.close()

    def _is_unpublished(self) -> bool:
        """Whether its hidden name is the only one: an interrupt may come between a link and the end of publishing."""
        with suppress(OSError):
            return self.path is not None and self.path.lstat().st_nlink == 1
        return False


def fresh(folder: Path | None, note: Note) -> Part:
    """A new, empty part in the folder; without a folder, one that vanishes by itself. Raises OSError."""
    if folder is None:
        return Part(tempfile.TemporaryFile(buffering=0), note, None)
    path = _new_path(folder, note.key)
    try:
        file = FileIO(_open_new(path), "r+")
        _lock(file)
        if note.resumable:
            with FileIO(_open_new(path.with_suffix(".note")), "w") as text:
                text.write(json.dumps(asdict(note)).encode())
        return Part(file, note, path)
    except BaseException:
        _remove(path)
        raise


def claim(folder: Path | None, note: Note) -> Part | None:
    """A part of our own with the bytes that a dead run left of this origin and item, else None."""
    if folder is None:
        return None
    left = [(size, path) for path in folder.glob(f"{PREFIX}{note.key}-*.part") if (size := _size(path))]
    for _, path in sorted(left, reverse=True):
        inherited = _inherit(path)
        if inherited is not None:
            return inherited
    return None


def sweep(folder: Path | None, now: float | None = None) -> None:
    """Remove our own leftovers that nobody came back for in seven days. ``now`` in epoch seconds."""
    if folder is None:
        return
    oldest = (time.time() if now is None else now) - SWEEP_AFTER_S
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            found = path.lstat()
            if _is_ours(found) and found.st_mtime < oldest:
                path.unlink()


def _inherit(path: Path) -> Part | None:
    """Rename a part to a name of ours and copy it; None when it is another's, alive, or does not fit its note."""
    try:
        old = FileIO(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError:
        return None
    with old:
        if not _is_ours(os.fstat(old.fileno())) or not _lock(old):
            return None
        claimed = _new_path(path.parent, path.name.removeprefix(PREFIX).partition("-")[0])
        try:
            path.rename(claimed)
        except OSError:  # another run was faster
            return None
        with suppress(OSError):
            path.with_suffix(".note").rename(claimed.with_suffix(".note"))
        note = _read_note(claimed.with_suffix(".note"))
        part = _copy(old, note, path.parent) if note else None
        _remove(claimed)
        return part


def _copy(old: FileIO, note: Note, folder: Path) -> Part | None:
    if not note.resumable or os.fstat(old.fileno()).st_size > cast(int, note.total):
        return None
    part = None
    try:
        part = fresh(folder, note)
        shutil.copyfileobj(old, cast(Any, part), COPY_BYTES)
    except (OSError, CannotCreate):  # what cannot be copied is fetched again
        if part is not None:
            part.discard()
        return None
    except BaseException:
        if part is not None:
            part.discard()
        raise
    return part


def _read_note(path: Path) -> Note | None:
    """The note, or None for one that is missing, torn, or not ours."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with FileIO(descriptor) as file:
            body = json.loads(file.read(1 << 16)) if _is_ours(os.fstat(descriptor)) else {}
        note = Note(**body)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    types = (str, str, str | None, int | None)
    return note if all(map(isinstance, asdict(note).values(), types)) else None


def _new_path(folder: Path, key: str) -> Path:
    return folder / f"{PREFIX}{key}-{secrets.token_hex(8)}.part"


def _open_new(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _PRIVATE)
    change_mode(descriptor, _PRIVATE)  # a umask may have taken more than it should
    return descriptor


def change_mode(descriptor: int, mode: int) -> None:
    """Set the permission bits, where the file system has any."""
    with suppress(PermissionError):
        os.fchmod(descriptor, mode)


def _lock(file: FileIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks on this file system: correctness does not need them
        return True
    return True


def _unlock(file: FileIO) -> None:
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_UN)


def _remove(path: Path) -> None:
    for name in (path, path.with_suffix(".note")):
        with suppress(OSError):
            name.unlink()


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.lstat().st_size
    return 0


def _is_ours(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
