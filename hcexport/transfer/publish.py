"""Give a verified part its final name, or copy it into a stream. Nothing else makes a download visible."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from typing import IO

from hcexport.files import change_mode, fsync_folder
from hcexport.transfer.destination import IfExists, make_exists_error, require_replaceable
from hcexport.transfer.disk import translate_write_errors
from hcexport.transfer.file_names import with_number
from hcexport.transfer.part_file import COPY_BYTES, Part

# The errors of file systems without hard links: FAT, some network and user-space file systems.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class PartTakenError(Exception):
    """Another run took this part for that of an ended run, and adopted it."""


def publish(part: Part, target: Path, *, if_exists: IfExists, mode: int) -> Path | None:
    """Give a verified part its final name, durably: fsync, link or rename, fsync of the folder.

    Returns the final path, which has a number after ``rename`` if needed; None if ``skip`` found a file there. Only
    ``overwrite`` replaces a file. The others link, because a link fails if the name is taken, so that two writers never
    replace each other's file. On a file system without links they look first and then rename: a file that appears in
    between is replaced by a whole zip. Raises CannotCreate and PartTakenError.
    """
    if part.path is None:
        raise ValueError("a part without a name cannot be published")
    with translate_write_errors(target):
        change_mode(part.file.fileno(), mode)
        os.fsync(part.file.fileno())
        named = _give_name(part.path, target, if_exists)
        if named is not None:
            fsync_folder(target.parent)
    part.discard()
    return named


def stream(part: Part, output: IO[bytes]) -> None:
    """Copy a verified part into a stream that is open for writing bytes. Raises OSError."""
    part.file.seek(0)
    while chunk := part.file.read(COPY_BYTES):
        output.write(chunk)
    output.flush()


def _give_name(part: Path, target: Path, if_exists: IfExists) -> Path | None:
    if if_exists is IfExists.OVERWRITE:
        _move(part, target)
        return target
    others = (target.with_name(with_number(target.name, number)) for number in count(1))
    for name in chain([target], others if if_exists is IfExists.RENAME else []):
        with suppress(FileExistsError):
            _link(part, name)
            return name
    if if_exists is IfExists.FAIL:
        raise make_exists_error(target)
    return None


def _move(part: Path, target: Path) -> None:
    with suppress(FileNotFoundError):  # a FIFO or a device may have got the name since the last look
        require_replaceable(target, target.lstat())
    try:
        part.replace(target)
    except FileNotFoundError:
        raise PartTakenError("another run has taken over the part file") from None


def _link(part: Path, target: Path) -> None:
    try:
        os.link(part, target)
    except FileNotFoundError:
        raise PartTakenError("another run has taken over the part file") from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        _move(part, target)
