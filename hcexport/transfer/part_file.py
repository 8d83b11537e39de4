"""Part files: the bytes that have come so far, hidden beside the target, owned by one process.

A part is born with a note of what its bytes are (origin, upload item, validator, total size) and never becomes anything
else: to start over is to drop it and make another. Two names belong together::

    .hcexport-<key>-<nonce>.part    the bytes, 0600; <key> stands for the origin and the item
    .hcexport-<key>-<nonce>.note    the note, JSON, 0600; only where the bytes can be gone on with

What a run leaves is for later ones to go on with (``leftovers``).

What earlier runs left in a folder: gone on with, or swept away.

A part is inherited by renaming it, which succeeds for one process only, and by copying its bytes into a part of one's
own. So no two processes ever write to one file: an owner that still lives, and was taken for dead, finds its name gone
when it wants to publish, and starts over. The lock that an owner holds only saves that work, where locks work.
"""

from __future__ import annotations

import fcntl
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
from hcexport.files import change_mode, open_new
from hcexport.times import Deadline
from hcexport.transfer.disk import PREFIX, creating, hidden, is_hidden, refused
from hcexport.transfer.follower import Followed, Follower

COPY_BYTES = 1 << 20
_PRIVATE = 0o600

SWEEP_AFTER_S = 7 * 86_400  # faults.md, SIGKILL
STAGED = "content"  # what a zip is unpacked into, in a hidden folder
STAGING_SUFFIX = ".extract"
_NOTE_BYTES = 1 << 16
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class PartMetadata:
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
    def is_sound(self) -> bool:
        """Whether each value is of its kind: a note that was read from a disk may hold anything."""
        kinds = (str, str, str | None, int | None)
        return all(map(isinstance, (self.origin, self.item_id, self.validator, self.total), kinds))

    @property
    def resumable(self) -> bool:
        """Whether a broken transfer of this can be gone on with."""
        return self.validator is not None and self.total is not None


class Part:
    """An unbuffered file of our own that takes the bytes; without a ``path`` it has no name in any folder."""

    def __init__(self, file: FileIO, note: PartMetadata, path: Path | None) -> None:
        self.file = file
        self.note = note
        self.path = path
        self.size = 0
        self._follower = Follower(file.fileno())

    @property
    def folder(self) -> Path:
        """Where the bytes are kept."""
        return self.path.parent if self.path else Path(tempfile.gettempdir())

    def write(self, chunk: bytes) -> None:
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

    def sums(self, deadline: Deadline) -> Followed:
        """SHA-256 and checksums of what was written. Raises CannotCreate when it cannot be read back, TimedOut."""
        with creating(self.folder):
            return self._follower.finish(self.size, deadline)

    def close_keeping(self) -> None:
        """Close it; what a later run can go on with stays, anything else is removed."""
        if self.size and self.note.resumable and self._is_unpublished() and not self.file.closed:
            change_mode(self.file.fileno(), _PRIVATE)  # it may have been about to get its final name
            self._close()
        else:
            self.discard()

    def discard(self) -> None:
        """Close and remove it; once more is for an interrupt that came in the middle."""
        self._close()
        if self.path is not None:
            remove(self.path)

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


def create(folder: Path | None, note: PartMetadata) -> Part:
    """A new, empty part in the folder; without a folder, one that vanishes by itself. Raises CannotCreate."""
    if folder is None:
        with creating(Path("a temporary file")):
            return Part(tempfile.TemporaryFile(buffering=0), note, None)
    path = hidden(folder, note.key, "part")
    with creating(folder), ExitStack() as undo:
        undo.callback(remove, path)
        file = undo.enter_context(_open_private(path))
        lock(file)
        if note.resumable:
            with _open_private(path.with_suffix(".note")) as text:
                text.write(json.dumps(asdict(note)).encode())
        part = Part(file, note, path)
        undo.pop_all()
        return part


def _open_private(path: Path) -> FileIO:
    file = FileIO(open_new(path, _PRIVATE), "r+")
    change_mode(file.fileno(), _PRIVATE)  # a umask may have taken more than it should
    return file


def lock(file: FileIO) -> bool:
    """Whether the file is ours alone now, as far as its file system can tell."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return not isinstance(error, BlockingIOError)  # no locks on this file system: correctness needs none
    return True


def _unlock(file: FileIO) -> None:
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_UN)


def remove(path: Path) -> None:
    """Remove a part and its note."""
    for name in (path, path.with_suffix(".note")):
        with suppress(OSError):
            name.unlink()


def adopt(folder: Path, wanted: PartMetadata) -> Part | None:
    """A part of our own with the bytes that a dead run left of this origin and item; None when there are none."""
    found = filter(is_hidden, folder.glob(f"{PREFIX}{wanted.key}-*.part"))
    left = [(size, path) for path in found if (size := _size(path))]
    parts = (_inherit(path, wanted) for _, path in sorted(left, reverse=True))
    return next(filter(None, parts), None)


def remove_stale(folder: Path, now: float | None = None) -> None:
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


def _inherit(path: Path, wanted: PartMetadata) -> Part | None:
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
    except (OSError, CannotCreate):  # what cannot be copied is fetched again
        return None


def _read_note(path: Path) -> PartMetadata | None:
    """The note; None for one that is missing, torn, or not ours."""
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
