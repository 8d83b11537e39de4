"""Turn refusals of the operating system into CannotCreate with a hint; make and know the names of hidden files."""

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

PREFIX = ".hcexport-"  # of every file that does not have its final name yet
_HIDDEN = re.compile(
    r"\.hcexport-(?:[0-9a-f]{16}-[0-9a-f]{16}\.(?:part|note)|try-[0-9a-f]{16}\.probe|report-[0-9a-f]{16}\.new|zip-[0-9a-f]{16}\.extract)"
)
_HINTS = {
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EISDIR: "a folder has this name: choose another one",
    errno.ENOSPC: "free some space, or choose a folder on another disk; the same command resumes the download",
    errno.EDQUOT: "your quota is used up: free some space, or choose a folder on another disk",
    errno.EFBIG: "a limit on file sizes is in force (ulimit -f, or the file system's own)",
    errno.ELOOP: "symbolic links lead in a circle",
}


def make_hidden_name(folder: Path, what: str, kind: str) -> Path:
    """Return an unused name in the folder: ``.hcexport-<what>-<nonce>.<kind>``."""
    return folder / f"{PREFIX}{what}-{secrets.token_hex(8)}.{kind}"


def is_hidden(path: Path) -> bool:
    """Whether the name is from ``make_hidden_name``, as a whole: ``.hcexport-password`` is a user's own file."""
    return _HIDDEN.fullmatch(path.name) is not None


def probe(folder: Path) -> int:
    """Make a file and remove it, the only sure test for writing; returns the file's permissions. Raises OSError."""
    path = make_hidden_name(folder, "try", "probe")
    try:
        descriptor = open_new(path, 0o666)
        try:
            return stat.S_IMODE(os.fstat(descriptor).st_mode)
        finally:
            os.close(descriptor)
    finally:
        path.unlink(missing_ok=True)


def require_room(folder: Path, size: int) -> None:
    """Raise CannotCreate if the folder's file system has less than ``size`` bytes free for us."""
    with translate_write_errors(folder):
        usage = shutil.disk_usage(folder)
    if usage.total and usage.free < size:  # some network file systems say 0 of 0
        raise CannotCreate(
            f"no space left in {folder}: {size} bytes are needed, {usage.free} are free", hint=_HINTS[errno.ENOSPC]
        )


def make_write_error(path: Path, error: OSError) -> CannotCreate:
    """Make a CannotCreate of an OSError."""
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return CannotCreate(f"cannot write {path}: {reason}", hint=_HINTS.get(error.errno or 0))


@contextmanager
def translate_write_errors(path: Path) -> Iterator[None]:
    """Turn an OSError inside the block into CannotCreate."""
    try:
        yield
    except OSError as error:
        raise make_write_error(path, error) from error
