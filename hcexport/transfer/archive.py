"""What a good zip is: whole from the first byte to the last, and every member's CRC right.

``zipfile`` alone is too kind for that: it takes junk before the first member and after the end. And it raises seven
kinds of exceptions for a file that is damaged. Here each is a BadDownload.
"""

from __future__ import annotations

import errno
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO

from hcexport.api.deadline import NO_DEADLINE, Deadline
from hcexport.errors import BadDownload, CannotCreate
from hcexport.transfer.follower import Checksum

MEMBER = b"PK\x03\x04"
END = b"PK\x05\x06"
SIGNATURE_BYTES = 4
CHUNK_BYTES = 1 << 20
MAX_ENTRIES = 100_000
MAX_DIRECTORY_BYTES = 64 << 20  # the list of members is read into memory
# LZMA is left out: its memory is what the file says.
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}
_ENCRYPTED = 0x1
_END_RECORD = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_RECORD_64 = struct.Struct("<4s28xQQQ")
_LOCAL_HEADER_BYTES = 30


def begins_like_a_zip(head: bytes) -> bool:
    """Whether the first bytes are those of a zip, or of an empty one."""
    return head[:SIGNATURE_BYTES] in {MEMBER, END}


def verify(
    file: IO[bytes], followed: Mapping[int, Checksum] = MappingProxyType({}), *, deadline: Deadline = NO_DEADLINE
) -> tuple[str, ...]:
    """Check a whole zip; returns the names of its files, and leaves the file's position anywhere.

    Data that a Follower has summed up already (``followed``) is not read again. Raises BadDownload saying what is
    wrong, CannotCreate when the disk cannot be read, TimedOut.
    """
    with opened(file) as archive:
        members = archive.infolist()
        for member in members:
            _check_data(archive, member, followed.get(member.header_offset), deadline)
    return tuple(member.filename for member in members if not member.is_dir())


@contextmanager
def opened(file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """The zip, open, its structure checked and its members' data not yet; what is found bad inside is BadDownload."""
    with _damage_is_bad_download():
        end = _find_end(file, file.seek(0, os.SEEK_END))
        with zipfile.ZipFile(file) as archive:
            _check_members(archive.infolist(), end)
            yield archive


def shortfall(names: Sequence[str], run_ids: Sequence[str]) -> list[str]:
    """What is missing of a CSV and a JSON for each report, one sentence a kind; empty when nothing is.

    How entries are named is not documented. They are counted; reports are named only where entries name others.
    """
    return [text for kind in ("csv", "json") if (text := _short_of(kind, names, run_ids))]


@dataclass(frozen=True)
class _End:
    entries: int
    directory_at: int
    directory_bytes: int


def _find_end(file: IO[bytes], size: int) -> _End:
    """The end record, which must end at the last byte and begin where the list of members ends."""
    tail_bytes = min(size, _END_RECORD.size + 0xFFFF)
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    at = tail.rfind(END)
    if at < 0 or len(tail) - at < _END_RECORD.size:
        raise BadDownload("the zip is cut off: it has no end record")
    _, disk, first_disk, _, entries, length, start, comment = _END_RECORD.unpack_from(tail, at)
    if at + _END_RECORD.size + comment != len(tail):
        raise BadDownload("the zip does not end at its end record")
    end, position = _find_end_64(file, size - tail_bytes + at) or (_End(entries, start, length), size - tail_bytes + at)
    if disk != first_disk:
        raise BadDownload("the zip is one of several volumes")
    if end.directory_at + end.directory_bytes != position:
        raise BadDownload("the zip has bytes missing or added: its list of members is not where it should be")
    if end.entries > MAX_ENTRIES or end.directory_bytes > MAX_DIRECTORY_BYTES:
        raise BadDownload(f"the zip has {end.entries} members: more than {MAX_ENTRIES} are not checked")
    return end


def _find_end_64(file: IO[bytes], position: int) -> tuple[_End, int] | None:
    """The zip64 end record and where it begins; None where no locator stands right before the end record."""
    locator_at = position - _LOCATOR.size
    if locator_at < 0:
        return None
    file.seek(locator_at)
    magic, _, at, _ = _LOCATOR.unpack(file.read(_LOCATOR.size))
    if magic != b"PK\x06\x07":
        return None
    file.seek(at)
    magic, entries, size, start = _END_RECORD_64.unpack(file.read(_END_RECORD_64.size))
    if magic != b"PK\x06\x06" or at + _END_RECORD_64.size != locator_at:
        raise BadDownload("the zip's zip64 end record is not where it should be")
    return _End(entries, start, size), at


def _check_members(members: list[zipfile.ZipInfo], end: _End) -> None:
    if len(members) != end.entries:
        raise BadDownload(f"the zip lists {len(members)} members and says it has {end.entries}")
    if min((member.header_offset for member in members), default=end.directory_at) != 0:
        raise BadDownload("the zip does not begin at its first byte")
    reached = 0
    seen: set[str] = set()
    for member in sorted(members, key=lambda one: one.header_offset):
        if not member.filename:
            raise BadDownload("the zip has a member without a name")
        if member.orig_filename in seen:
            raise BadDownload(f"the zip has {member.orig_filename!r} twice")
        if member.header_offset < reached:
            raise BadDownload(f"{member.filename!r} in the zip overlaps another member")
        if member.flag_bits & _ENCRYPTED:
            raise BadDownload(f"{member.filename!r} in the zip is encrypted: it cannot be checked")
        if member.compress_type not in METHODS:
            raise BadDownload(f"{member.filename!r} is packed with method {member.compress_type}: it cannot be checked")
        seen.add(member.orig_filename)
        reached = member.header_offset + _LOCAL_HEADER_BYTES + len(member.orig_filename) + member.compress_size
    if reached > end.directory_at:
        raise BadDownload("the zip's last member overlaps its list of members")


def _check_data(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, followed: Checksum | None, deadline: Deadline
) -> None:
    size = 0
    with archive.open(member) as data:  # compares the member's two headers
        if followed == Checksum(member.compress_type, member.CRC, member.compress_size, member.file_size):
            return
        while chunk := data.read(CHUNK_BYTES):
            size += len(chunk)
            deadline.check()
    if size != member.file_size:
        raise BadDownload(f"{member.filename!r} in the zip has {size} bytes instead of {member.file_size}")


@contextmanager
def _damage_is_bad_download() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {None, errno.EINVAL}:  # zipfile seeks to where a damaged record sends it
            raise BadDownload(f"the zip is damaged: {error}") from error
        raise CannotCreate(f"the downloaded file cannot be read back: {error.strerror}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, OverflowError) as error:
        raise BadDownload(f"the zip is damaged: {error}") from error
    except RuntimeError as error:  # an encrypted member, a method or feature that zipfile does not know
        raise BadDownload(f"the zip cannot be checked: {error}") from error


def _short_of(kind: str, names: Sequence[str], run_ids: Sequence[str]) -> str | None:
    of_kind = [name for name in names if name.lower().endswith(f".{kind}")]
    named = {run_id for run_id in run_ids if any(run_id in name for name in of_kind)}
    missing = [run_id for run_id in run_ids if run_id not in named] if named else []
    if missing:
        return f"no {kind.upper()} of {', '.join(missing)} in the zip"
    if len(of_kind) < len(run_ids):
        return f"{len(of_kind)} {kind.upper()} files in the zip for {len(run_ids)} reports"
    return None
