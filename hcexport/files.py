"""Private files, durable writes and locks between processes, for every other module.

A private file has mode 0600 in a folder of mode 0700, whatever the umask is, and is replaced whole or not at all.
A lock saves work and nothing depends on it, because some file systems have no locks.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from shlex import quote

from hcexport.errors import ConfigError

LOCK_LIMIT_S = 10.0  # longer than a token takes to be renewed; whoever waits for more goes on without the lock
_LOCK_LOOK_S = 0.05
_LARGEST = 1 << 20  # bytes; a secret or a state is far smaller
_NO_FSYNC = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EACCES}


@contextmanager
def translate_errors(verb: str, path: Path) -> Iterator[None]:
    """Turn an OSError into a ConfigError that names the verb and the path."""
    try:
        yield
    except OSError as error:
        hint = "HCEXPORT_HOME names the folder that keeps configuration, credentials and state"
        raise ConfigError(f"cannot {verb} {path}: {error.strerror or error}", hint=hint) from None


def private_folder(folder: Path) -> Path:
    """Make a folder and the missing folders above it, 0700 each. Raises ConfigError."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    with translate_errors("create", folder):
        for place in reversed(missing):
            place.mkdir(0o700, exist_ok=True)
            place.chmod(0o700)  # mkdir obeys a umask that takes rights from the owner too
    return folder


def refuse_foreign(path: Path, found: os.stat_result | None = None) -> None:
    """Raise ConfigError if the path belongs to another user than us or root, or if everybody may write to it.

    Whoever can change the configuration runs commands in our name. A group may write, because it is the user's own
    (umask 002) or was chosen (a volume's). ``found`` is the status of the file if it is open already.
    """
    try:
        seen = [found] if found else [path.lstat(), path.stat()]
    except OSError:
        return  # the path is missing, or the caller meets the same error and reports it
    if any(each.st_uid not in {os.geteuid(), 0} for each in seen):
        raise ConfigError(
            f"{path} belongs to somebody else",
            hint=f"sudo chown {os.geteuid()} {quote(str(path))}, or use another place",
        )
    if seen[-1].st_mode & stat.S_IWOTH:
        raise ConfigError(
            f"everybody may write to {path}", hint=f"chmod o-w {quote(str(path))}, and check what it holds"
        )


def own_folder(folder: Path) -> None:
    """Make a folder of ours 0700, if there is one. Raises ConfigError if it belongs to somebody else."""
    with translate_errors("protect", folder):
        try:
            found = folder.stat()
        except FileNotFoundError:
            return
        if found.st_uid != os.geteuid():
            raise ConfigError(
                f"{folder} belongs to somebody else", hint=f"sudo chown {os.geteuid()} {quote(str(folder))}"
            )
        if found.st_mode & 0o077:
            folder.chmod(0o700)


def write_private(path: Path, content: bytes) -> None:
    """Replace a private file by ``content``, durably; a reader sees the old or the new content. Raises ConfigError."""
    folder = private_folder(path.parent)
    temporary = folder / f".{path.name}.{os.urandom(8).hex()}"
    with translate_errors("write", path):
        try:
            _write_new(temporary, content)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        fsync_folder(folder)


def _write_new(path: Path, content: bytes) -> None:
    with os.fdopen(open_new(path, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)  # no secret goes where that fails, so change_mode would be too lenient
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_private(path: Path) -> bytes | None:
    """Return the content of a private file, None if there is no file.

    Raises ConfigError if it is a link, is not a file, belongs to somebody else, or others have rights on it.
    """
    with translate_errors("read", path):
        try:
            file = open_at_once(path, os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        with file:
            _refuse_shared(path, os.fstat(file.fileno()))
            return file.read(_LARGEST)


def open_at_once(path: Path, flags: int = 0) -> FileIO:
    """Open for reading, and do not wait for the other end of a pipe. Raises OSError."""

    def opener(name: str, own: int) -> int:
        return os.open(name, own | flags | os.O_NONBLOCK)

    return open(path, "rb", buffering=0, opener=opener)


def _refuse_shared(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{path} is not a file")
    if found.st_uid != os.geteuid():
        raise ConfigError(f"{path} belongs to somebody else")
    if found.st_mode & 0o077:
        raise ConfigError(f"{path} is open to others", hint=f"chmod 600 {path}, and change what it holds")


def open_new(path: Path, mode: int) -> int:
    """Create a file, which must not exist, and return its descriptor for reading and writing. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)


def change_mode(descriptor: int, mode: int) -> None:
    """Set the permission bits; do nothing on a file system without permissions, such as FAT."""
    with suppress(PermissionError):
        os.fchmod(descriptor, mode)


def fsync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk. Raises OSError.

    Some file systems cannot do that for folders, and a folder may be closed to readers; neither is an error.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_FSYNC:
            raise


def lock_at_once(file: FileIO) -> None:
    """Lock an open file against other processes until it is closed.

    Raises BlockingIOError if another process holds the lock, another OSError where the file system has no locks.
    """
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def lock(path: Path, limit_s: float = LOCK_LIMIT_S) -> Iterator[bool]:
    """Hold the lock file ``path`` inside the block; yields whether it is held.

    Yields False if another process holds it for ``limit_s`` seconds, and where locking is impossible (some network
    file systems, read-only folders). The block must be correct either way.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open_lock_file(path))
            _lock_within(file, limit_s)
            is_held = True
        except (OSError, ConfigError):
            is_held = False
        yield is_held


def open_lock_file(path: Path) -> FileIO:
    """Open a private lock file, which is made where there is none. Raises OSError and ConfigError."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = FileIO(os.open(private_folder(path.parent) / path.name, flags, 0o600), "r+")
    change_mode(file.fileno(), 0o600)  # a umask may have taken rights from the owner too
    return file


def _lock_within(file: FileIO, limit_s: float) -> None:
    until = time.monotonic() + limit_s
    while True:
        try:
            return lock_at_once(file)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(_LOCK_LOOK_S)
