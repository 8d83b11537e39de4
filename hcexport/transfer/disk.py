"""What the disk allows: every refusal of the operating system becomes CannotCreate here, with what to do about it."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hcexport.errors import CannotCreate
from hcexport.files import open_new

PREFIX = ".hcexport-"  # of everything that is not under its final name yet
_HIDDEN = re.compile(
    r"\.hcexport-(?:[0-9a-f]{16}-[0-9a-f]{16}\.(?:part|note)|try-[0-9a-f]{16}\.probe|zip-[0-9a-f]{16}\.extract)"
)
_HINTS = {
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EISDIR: "a folder has this name: choose another one",
    errno.ENOSPC: "make room, or choose a folder on another disk; the same command goes on from where it was",
    errno.EDQUOT: "your quota is used up: make room, or choose a folder on another disk",
    errno.EFBIG: "a limit on file sizes is in force (ulimit -f, or the file system's own)",
    errno.ELOOP: "symbolic links lead in a circle",
}


def hidden(folder: Path, what: str, kind: str) -> Path:
    """A name in the folder that nothing else has or will have: ``.hcexport-<what>-<nonce>.<kind>``."""
    return folder / f"{PREFIX}{what}-{secrets.token_hex(8)}.{kind}"


def is_hidden(path: Path) -> bool:
    """Whether the name is one that ``hidden`` makes, as a whole: ``.hcexport-password`` is a user's own file."""
    return _HIDDEN.fullmatch(path.name) is not None


def probe(folder: Path) -> int:
    """Make a file and remove it: the one sure way to know that we may, and with which permissions. Raises OSError."""
    path = hidden(folder, "try", "probe")
    try:
        descriptor = open_new(path, 0o666)
        try:
            return stat.S_IMODE(os.fstat(descriptor).st_mode)
        finally:
            os.close(descriptor)
    finally:
        path.unlink(missing_ok=True)


def require_room(folder: Path, size: int) -> None:
    """Raise CannotCreate when the folder's file system has less than ``size`` bytes free for us."""
    with creating(folder):
        usage = shutil.disk_usage(folder)
    if usage.total and usage.free < size:  # some network file systems say 0 of 0
        raise CannotCreate(
            f"no room in {folder}: {size} bytes are needed, {usage.free} are free", hint=_HINTS[errno.ENOSPC]
        )


def refused(path: Path, error: OSError) -> CannotCreate:
    """The operating system's refusal."""
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return CannotCreate(f"cannot write {path}: {reason}", hint=_HINTS.get(error.errno or 0))


@contextmanager
def creating(path: Path) -> Iterator[None]:
    """Turns an OSError inside into CannotCreate."""
    try:
        yield
    except OSError as error:
        raise refused(path, error) from error
