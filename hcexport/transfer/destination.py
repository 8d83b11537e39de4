"""Decide where a download will be saved, before anything is sent, so that no export is made in vain.

The folder, the name, the right to write and existing files are checked before the submit, as far as they are known. A
name that needs the job (``{job_id}``) or the upload item (if ``--out`` is a folder) is checked again, by the same
rules, when the job has ended and before a byte is fetched.

A symbolic link under the final name is replaced by the file, never followed. A FIFO, a device or a socket is refused,
because opening it may wait for ever. ``-`` is standard output.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from hcexport.errors import AlreadyExists, CannotCreate, UsageError
from hcexport.transfer.disk import make_write_error, probe, translate_write_errors
from hcexport.transfer.file_names import expand_template, sanitize

DEFAULT_NAME = "health-reports.zip"
_STDOUT = {"-", "/dev/stdout"}  # /dev/stdout is a link: replacing it would break the machine
_LIKE_A_JOB_ID = "j00000000-0000-0000-0000-000000000000"


class IfExists(StrEnum):
    """What to do if a file has the final name already."""

    FAIL = "fail"
    OVERWRITE = "overwrite"
    SKIP = "skip"
    RENAME = "rename"


@dataclass(frozen=True)
class FileDestination:
    """A file in an existing folder that we may write to.

    ``template`` is the file's name with ``words`` still to be replaced, empty for the server's own name. ``mode`` is
    the permissions that a new file gets in this folder, by umask or access lists.
    """

    folder: Path
    template: str
    words: Mapping[str, str]
    if_exists: IfExists
    mode: int = 0o600

    def for_job(self, job_id: str) -> FileDestination:
        """Return the same destination with ``{job_id}`` known."""
        return replace(self, words={**self.words, "job_id": sanitize(job_id)})

    def target(self, item_name: str) -> Path:
        """Return the final path. Raises UsageError if it needs a job id that is not known."""
        return self.folder / (expand_template(self.template, self.words) if self.template else zip_name(item_name))

    def existing(self, item_name: str = "") -> Path | None:
        """Return the existing file if it is to be kept (``skip``), else None.

        Raises CannotCreate if something exists that may not be replaced.
        """
        target = self.target(item_name)
        with translate_write_errors(target):
            found = _lstat(target)
        if found is None or self.if_exists is IfExists.RENAME:
            return None
        require_replaceable(target, found)
        if self.if_exists is IfExists.FAIL:
            raise make_exists_error(target)
        if self.if_exists is IfExists.SKIP:
            return target
        _require_removable(target, found)
        return None


class StreamDestination(NamedTuple):
    """Standard output."""

    folder: None = None  # the part is a temporary file

    def for_job(self, _job_id: str) -> StreamDestination:
        """Return the same destination, because standard output needs no job."""
        return self

    def existing(self, _item_name: str = "") -> None:
        """Return None, because nothing is in the way."""


Destination = FileDestination | StreamDestination


def resolve(
    out: str,
    *,
    if_exists: IfExists = IfExists.FAIL,
    profile: str = "",
    job_id: str | None = None,
    now: datetime | None = None,
    may_make_folder: bool = True,
) -> Destination:
    """Resolve ``--out``, and check it as far as that is possible without a job.

    ``{date}`` and ``{time}`` are those of ``now``, by default the local time. A missing folder, with a slash at its
    end, is made if its parent exists; without ``may_make_folder`` only the parent is checked. Raises UsageError for a
    template that cannot be understood, and CannotCreate for a place that cannot be written to.
    """
    if out in _STDOUT:
        return StreamDestination()
    if not out or "\0" in out:
        raise UsageError("--out is empty" if not out else "--out contains a NUL character")
    words = _words(profile, job_id, now or datetime.now().astimezone())
    folder_template, name_template = os.path.split(out)
    folder = Path(expand_template(folder_template, words) or ".").absolute()
    path = folder / expand_template(name_template, {"job_id": _LIKE_A_JOB_ID, **words})
    with translate_write_errors(path):
        if not name_template and not os.path.lexists(folder) and folder.parent.is_dir():
            if not may_make_folder:
                probe(folder.parent)
                return FileDestination(folder, "", words, if_exists)
            folder.mkdir(exist_ok=True)
        if not folder.is_dir():
            raise make_folder_error(folder)
        if not name_template or path.is_dir():
            return _in_folder(path, "", words, if_exists)
        if path.exists():
            require_replaceable(path, path.stat())
        return _in_folder(folder, name_template, words, if_exists)


def zip_name(item_name: str) -> str:
    """Make the server's name for the file harmless, and end it in ``.zip``."""
    name = sanitize(item_name, default=DEFAULT_NAME)
    return name if name.lower().endswith(".zip") else sanitize(f"{name}.zip")


def make_folder_error(folder: Path) -> CannotCreate:
    """Make the error for a folder that is missing, or is not a folder."""
    if os.path.lexists(folder):
        return CannotCreate(f"{folder} is not a folder", hint="choose another one")
    return CannotCreate(f"the folder {folder} does not exist", hint=f"mkdir -p {shlex.quote(str(folder))}")


def require_replaceable(target: Path, found: os.stat_result) -> None:
    """Raise CannotCreate unless the path is a file or a link, which the zip may replace."""
    if stat.S_ISDIR(found.st_mode):
        raise make_write_error(target, IsADirectoryError(errno.EISDIR, ""))
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
        raise CannotCreate(f"{target} is not a file", hint="name another file")


def _require_removable(target: Path, found: os.stat_result) -> None:
    """Raise CannotCreate for what belongs to somebody else in a sticky folder, such as /tmp: no rename replaces it."""
    with translate_write_errors(target):
        folder = target.parent.stat()
    if folder.st_mode & stat.S_ISVTX and os.geteuid() not in {0, folder.st_uid, found.st_uid}:
        raise CannotCreate(f"{target} belongs to somebody else", hint="name another file")


def make_exists_error(target: Path) -> AlreadyExists:
    """Make the error for a final name that is taken."""
    error = AlreadyExists(
        f"{target} already exists", hint="choose another name, or --if-exists overwrite, skip or rename"
    )
    error.path = str(target)
    return error


def _words(profile: str, job_id: str | None, now: datetime) -> dict[str, str]:
    words = {"profile": sanitize(profile), "date": f"{now:%Y-%m-%d}", "time": f"{now:%H%M%S}"}
    return words | ({"job_id": sanitize(job_id)} if job_id else {})


def _in_folder(folder: Path, template: str, words: Mapping[str, str], if_exists: IfExists) -> FileDestination:
    destination = FileDestination(folder, template, words, if_exists)
    rehearsal = replace(destination, words={"job_id": _LIKE_A_JOB_ID, **words})
    if template and rehearsal.existing() is not None:
        return destination
    return replace(destination, mode=probe(folder))


def _lstat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None
