"""Part files: the bytes that have come so far, hidden beside the target, owned by one process.

A part is born with a note of what its bytes are (origin, upload item, validator, total size) and never becomes anything
else: to start over is to drop it and make another. Two names belong together::

    .hcexport-<key>-<nonce>.part    the bytes, 0600; <key> stands for the origin and the item
    .hcexport-<key>-<nonce>.note    the note, JSON, 0600; only where the bytes can be gone on with

What a run leaves is for later ones to go on with (``leftovers``).
"""

from __future__ import annotations

import fcntl
import json
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from io import FileIO
from pathlib import Path

from hcexport.files import change_mode, open_new
from hcexport.times import Deadline
from hcexport.transfer.disk import creating, hidden, refused
from hcexport.transfer.follower import Followed, Follower

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

    def leave(self) -> None:
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


def fresh(folder: Path | None, note: Note) -> Part:
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
