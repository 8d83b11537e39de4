"""What earlier runs left in a folder: gone on with, or swept away.

A part is inherited by renaming it, which succeeds for one process only, and by copying its bytes into a part of one's
own. So no two processes ever write to one file: an owner that still lives, and was taken for dead, finds its name gone
when it wants to publish, and starts over. The lock that an owner holds only saves that work, where locks work.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path

from hcexport.errors import CannotCreate
from hcexport.transfer.disk import PREFIX, hidden, is_hidden
from hcexport.transfer.parts import COPY_BYTES, Note, Part, fresh, lock, remove

SWEEP_AFTER_S = 7 * 86_400  # faults.md, SIGKILL
STAGED = "content"  # what a zip is unpacked into, in a hidden folder
STAGING_SUFFIX = ".extract"
_NOTE_BYTES = 1 << 16
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def claim(folder: Path, wanted: Note) -> Part | None:
    """A part of our own with the bytes that a dead run left of this origin and item; None when there are none."""
    found = filter(is_hidden, folder.glob(f"{PREFIX}{wanted.key}-*.part"))
    left = [(size, path) for path in found if (size := _size(path))]
    parts = (_inherit(path, wanted) for _, path in sorted(left, reverse=True))
    return next(filter(None, parts), None)


def sweep(folder: Path, now: float | None = None) -> None:
    """Remove what runs of ours left here, and nobody came back for in seven days. ``now`` in epoch seconds.

    What only begins like our names is the user's: a password file, a folder of archives, HCEXPORT_HOME itself.
    """
    oldest = (time.time() if now is None else now) - SWEEP_AFTER_S
    for path in filter(is_hidden, folder.glob(f"{PREFIX}*")):
        with suppress(OSError):
            found = path.lstat()
            if found.st_uid != os.geteuid() or found.st_mtime >= oldest:
                continue
            if stat.S_ISREG(found.st_mode) and path.suffix != STAGING_SUFFIX:
                path.unlink()
            elif stat.S_ISDIR(found.st_mode) and path.suffix == STAGING_SUFFIX and _holds_staging_alone(path):
                shutil.rmtree(path)


def _holds_staging_alone(folder: Path) -> bool:
    """Whether an unpacking made the folder: there is nothing in it but the folder that members are unpacked into."""
    return all(found.name == STAGED and found.is_dir() and not found.is_symlink() for found in folder.iterdir())


def _inherit(path: Path, wanted: Note) -> Part | None:
    """Take a part over; None for one that is somebody else's or alive, and for one of no use, which is dropped."""
    with ExitStack() as stack:
        try:
            old = stack.enter_context(FileIO(os.open(path, _OPEN)))
            if not _is_ours(old) or not lock(old):
                return None
            claimed = path.rename(hidden(path.parent, wanted.key, "part"))
        except OSError:  # another run was faster
            return None
        with suppress(OSError):
            path.with_suffix(".note").rename(claimed.with_suffix(".note"))
        part = _copy(old, _read_note(claimed.with_suffix(".note")), wanted, path.parent)
        remove(claimed)
        return part


def _copy(old: FileIO, note: Note | None, wanted: Note, folder: Path) -> Part | None:
    if note is None or (note.origin, note.item_id) != (wanted.origin, wanted.item_id):
        return None
    if note.validator is None or note.total is None or os.fstat(old.fileno()).st_size > note.total:
        return None
    try:
        with ExitStack() as undo:
            part = fresh(folder, note)
            undo.callback(part.discard)
            while chunk := old.read(COPY_BYTES):
                part.write(chunk)
            undo.pop_all()
            return part
    except (OSError, CannotCreate):  # what cannot be copied is fetched again
        return None


def _read_note(path: Path) -> Note | None:
    """The note; None for one that is missing, torn, or not ours."""
    try:
        with FileIO(os.open(path, _OPEN)) as file:
            note = Note(**json.loads(file.read(_NOTE_BYTES))) if _is_ours(file) else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return note if note and note.is_sound else None


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.lstat().st_size
    return 0


def _is_ours(file: FileIO) -> bool:
    found = os.fstat(file.fileno())
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
