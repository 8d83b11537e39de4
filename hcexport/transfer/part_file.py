"""Part files: the bytes of a download so far, hidden beside the target, owned by one process.

A part gets metadata of what its bytes are (origin, upload item, validator, total size) when it is created, and never
becomes anything else: to start over is to remove it and create another part. Two names belong together::

    .hcexport-<key>-<nonce>.part    the bytes, 0600; <key> stands for the origin and the item
    .hcexport-<key>-<nonce>.note    the metadata, JSON, 0600; only where the download can be resumed

A later run adopts what an interrupted run left: it renames the part, which succeeds for one process only, and copies
its bytes into a part of its own. So no two processes ever write to one file: an owner that still lives, and was taken
for dead, finds its name gone when it wants to publish, and starts over. The lock that an owner holds only saves that
work, where the file system has locks.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from io import FileIO
from pathlib import Path

from hcexport.errors import CannotCreate
from hcexport.files import change_mode, lock_at_once, open_new
from hcexport.transfer.disk import PREFIX, is_hidden, make_hidden_name, make_write_error, translate_write_errors

COPY_BYTES = 1 << 20
SWEEP_AFTER_S = 7 * 86_400  # a killed run cannot clean up; after a week nobody resumes it
STAGED = "content"  # the folder that a zip is unpacked into, in a hidden folder
STAGING_SUFFIX = ".extract"
_PRIVATE = 0o600
_NOTE_BYTES = 1 << 16
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class PartMetadata:
    """What the bytes of a part belong to. ``total`` in bytes; a ``validator`` is strong or None."""

    origin: str
    item_id: str
    validator: str | None = None
    total: int | None = None

    @property
    def key(self) -> str:
        """A hash of origin and item, for file names."""
        return sha256(f"{self.origin}\n{self.item_id}".encode(errors="surrogatepass")).hexdigest()[:16]

    @property
    def is_sound(self) -> bool:
        """Whether each value has its type, because a note that was read from a disk may hold anything."""
        kinds = (str, str, str | None, int | None)
        return all(map(isinstance, (self.origin, self.item_id, self.validator, self.total), kinds))

    @property
    def resumable(self) -> bool:
        """Whether a broken transfer can be resumed."""
        return self.validator is not None and self.total is not None


class Part:
    """An open, unbuffered file that takes the bytes of a download, and sums them up with SHA-256.

    Without a ``path`` it has no name in any folder.
    """

    def __init__(self, file: FileIO, note: PartMetadata, path: Path | None) -> None:
        self.file = file
        self.note = note
        self.path = path
        self.size = 0
        self._sha256 = sha256()

    @property
    def folder(self) -> Path:
        """The folder that the bytes take room in."""
        return self.path.parent if self.path else Path(tempfile.gettempdir())

    @property
    def sha256(self) -> str:
        """The SHA-256 of all bytes so far, in hexadecimal."""
        return self._sha256.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append the whole chunk. Raises CannotCreate if the disk does not take it."""
        view = memoryview(chunk)
        try:
            while view:
                written = self.file.write(view) or 0
                self._sha256.update(view[:written])
                self.size += written
                view = view[written:]
        except OSError as error:
            raise make_write_error(self.folder, error) from error

    def close_keeping(self) -> None:
        """Close the part, and remove it unless a later run can resume it."""
        if self.size and self.note.resumable and self._is_unpublished() and not self.file.closed:
            change_mode(self.file.fileno(), _PRIVATE)  # publish may have given it the mode of the final file
            self.file.close()
        else:
            self.discard()

    def discard(self) -> None:
        """Close and remove the part. May be called again, because an interrupt may come in the middle."""
        self.file.close()
        if self.path is not None:
            remove(self.path)

    def _is_unpublished(self) -> bool:
        """Whether the hidden name is the only name, because an interrupt may come right after the link is made."""
        with suppress(OSError):
            return self.path is not None and self.path.lstat().st_nlink == 1
        return False


def create(folder: Path | None, note: PartMetadata) -> Part:
    """Create an empty part in the folder; without a folder, in a temporary file. Raises CannotCreate."""
    if folder is None:
        with translate_write_errors(Path("a temporary file")):
            return Part(tempfile.TemporaryFile(buffering=0), note, None)
    path = make_hidden_name(folder, note.key, "part")
    with translate_write_errors(folder), ExitStack() as undo:
        undo.callback(remove, path)
        file = undo.enter_context(_create_private(path))
        _lock(file)
        if note.resumable:
            with _create_private(path.with_suffix(".note")) as text:
                text.write(json.dumps(asdict(note)).encode())
        part = Part(file, note, path)
        undo.pop_all()
        return part


def _create_private(path: Path) -> FileIO:
    file = FileIO(open_new(path, _PRIVATE), "r+")
    change_mode(file.fileno(), _PRIVATE)  # a umask may have taken rights from the owner too
    return file


def _lock(file: FileIO) -> bool:
    """Lock a part until it is closed; return whether no other process holds it, as far as the file system can tell."""
    try:
        lock_at_once(file)
    except OSError as error:
        return not isinstance(error, BlockingIOError)
    return True


def remove(path: Path) -> None:
    """Remove a part and its note."""
    for name in (path, path.with_suffix(".note")):
        with suppress(OSError):
            name.unlink()


def adopt(folder: Path, wanted: PartMetadata) -> Part | None:
    """Adopt the longest part of an interrupted download of the same item; None if there is no such part."""
    found = filter(is_hidden, folder.glob(f"{PREFIX}{wanted.key}-*.part"))
    left = [(size, path) for path in found if (size := _size(path))]
    parts = (_adopt_path(path, wanted) for _, path in sorted(left, reverse=True))
    return next(filter(None, parts), None)


def remove_stale(folder: Path, now: float | None = None) -> None:
    """Remove hidden files of interrupted runs that are older than a week. ``now`` in epoch seconds.

    Only whole names of ours count, because a user's file may begin like them: a password file, a folder of archives,
    HCEXPORT_HOME itself.
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
    """Whether extract_zip made the folder: it holds nothing but the folder that members are unpacked into."""
    return all(found.name == STAGED and found.is_dir() and not found.is_symlink() for found in folder.iterdir())


def _adopt_path(path: Path, wanted: PartMetadata) -> Part | None:
    """Take a part over. None if it is another user's or in use, or if it does not fit: then it is removed."""
    with ExitStack() as stack:
        try:
            old = stack.enter_context(FileIO(os.open(path, _OPEN)))
            if not _is_ours(old) or not _lock(old):
                return None
            claimed = path.rename(make_hidden_name(path.parent, wanted.key, "part"))
        except OSError:  # another run has renamed it
            return None
        with suppress(OSError):
            path.with_suffix(".note").rename(claimed.with_suffix(".note"))
        part = _copy(old, _read_note(claimed.with_suffix(".note")), wanted, path.parent)
        remove(claimed)
        return part


def _copy(old: FileIO, note: PartMetadata | None, wanted: PartMetadata, folder: Path) -> Part | None:
    if note is None or (note.origin, note.item_id) != (wanted.origin, wanted.item_id):
        return None
    if note.validator is None or note.total is None or os.fstat(old.fileno()).st_size > note.total:
        return None
    try:
        with ExitStack() as undo:
            part = create(folder, note)
            undo.callback(part.discard)
            while chunk := old.read(COPY_BYTES):
                part.write(chunk)
            undo.pop_all()
            return part
    except (OSError, CannotCreate):  # the bytes are fetched again then
        return None


def _read_note(path: Path) -> PartMetadata | None:
    """Read the metadata of a part; None if they are missing, torn, or not ours."""
    try:
        with FileIO(os.open(path, _OPEN)) as file:
            note = PartMetadata(**json.loads(file.read(_NOTE_BYTES))) if _is_ours(file) else None
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
