"""Files that are nobody else's: 0600 in a 0700 folder whatever the umask is, replaced whole or not at all.

Locks between processes: they save work, and carry no correctness.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from shlex import quote

from hcexport.errors import ConfigError

_LARGEST = 1 << 20  # bytes; a secret or a state is far smaller

LOCK_LIMIT_S = 10.0  # faults.md: concurrent refresh; after that two at once do less harm than none


@contextmanager
def translated(verb: str, path: Path) -> Iterator[None]:
    """Turn an OSError into a ConfigError that says what could not be done to which path."""
    try:
        yield
    except OSError as error:
        hint = "HCEXPORT_HOME names the folder that keeps configuration, credentials and state"
        raise ConfigError(f"cannot {verb} {path}: {error.strerror or error}", hint=hint) from None


def private_folder(folder: Path) -> Path:
    """Make a folder and what is missing above it, 0700 each. Raises ConfigError."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    with translated("create", folder):
        for place in reversed(missing):
            place.mkdir(0o700, exist_ok=True)
            place.chmod(0o700)  # mkdir obeys a umask that takes rights from the owner too
    return folder


def refuse_foreign(path: Path, found: os.stat_result | None = None) -> None:
    """Raise ConfigError for a file or folder of somebody else than us or root, or that everybody may write.

    Who can change the configuration runs commands in our name. A group may write: it is private (umask 002) or chosen
    (a volume's). ``found`` is what was opened under the path.
    """
    try:
        seen = [found] if found else [path.lstat(), path.stat()]
    except OSError:
        return  # it is not there, or what uses it says why it cannot
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
    """Make sure that a folder, where there is one, is ours and 0700. Raises ConfigError."""
    with translated("protect", folder):
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
    """Put ``content`` under ``path``, durable and in one step; a reader sees the old or the new. Raises ConfigError."""
    folder = private_folder(path.parent)
    temporary = folder / f".{path.name}.{os.urandom(8).hex()}"
    with translated("write", path):
        try:
            _write_new(temporary, content)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _fsync_folder(folder)


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def read_private(path: Path) -> bytes | None:
    """The content of a file that is ours alone, None when there is none.

    Raises ConfigError when it is a link, is not a file, belongs to somebody else, or others have rights on it.
    """
    with translated("read", path):
        try:
            file = open_at_once(path, os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        with file:
            _refuse_shared(path, os.fstat(file.fileno()))
            return file.read(_LARGEST)


def open_at_once(path: Path, flags: int = 0) -> FileIO:
    """Open for reading, without waiting for the other end of a pipe. Raises OSError."""

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


def _fsync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:  # some file systems sync no folders; a folder may be closed to readers
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EACCES}:
            raise


def open_new(path: Path, mode: int) -> int:
    """A descriptor of a file that was not there before, for reading and writing. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)


def change_mode(descriptor: int, mode: int) -> None:
    """Set the permission bits, where the file system has any."""
    with suppress(PermissionError):
        os.fchmod(descriptor, mode)


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder last, where it can be asked to. Raises OSError."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:  # some file systems sync no folders; a folder may be closed to readers
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EACCES}:
            raise


@contextmanager
def lock(path: Path, limit_s: float = LOCK_LIMIT_S) -> Iterator[bool]:
    """Be the only one on this machine inside, as far as that can be had in ``limit_s`` seconds; whether it was had.

    Goes on without the lock where it is held for too long and where locking is impossible (network file systems,
    read-only folders). What is inside must be right all the same.
    """
    from filelock import FileLock  # noqa: PLC0415 # start-up

    try:
        held = FileLock(private_folder(path.parent) / path.name, timeout=limit_s, mode=0o600)
        held.acquire()
    except (OSError, NotImplementedError, ConfigError):  # filelock's Timeout is an OSError
        yield False
        return
    try:
        yield True
    finally:
        held.release()
