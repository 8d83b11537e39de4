"""Check that a zip is whole from the first byte to the last, and that every member's CRC is right.

``zipfile`` alone (measured with Python 3.11) accepts junk before the first member and after the end, and raises seven
kinds of exceptions for a damaged file. Here each of them is a BadDownload.
"""

from __future__ import annotations

import errno
import os
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from threading import Event, Lock
from typing import IO, NamedTuple

from hcexport.errors import BadDownload, CannotCreate
from hcexport.times import NO_DEADLINE, Deadline

MEMBER = b"PK\x03\x04"
END = b"PK\x05\x06"
SIGNATURE_BYTES = 4
THREADS = min(4, os.cpu_count() or 1)
CHECK_BYTES = 1 << 18  # at a time in each thread, which needs about four times as much memory
MAX_ENTRIES = 100_000
# The list of members is read into memory, where a name takes up to four times its bytes: 150 MiB in all at the worst.
MAX_DIRECTORY_BYTES = 8 << 20
# bzip2 and LZMA are left out: a kilobyte of them unpacks to gigabytes at one go.
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_METHOD_NAMES = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd"}
_ENCRYPTED = 0x1
_DESCRIPTOR_FOLLOWS = 0x8
_LONGEST_DESCRIPTOR = 24
_DESCRIPTOR_SIGNATURE = b"PK\x07\x08"
_END_RECORD = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_RECORD_64 = struct.Struct("<4s28xQQQ")
_LOCAL_HEADER = struct.Struct("<4s2xH18x2H")


def begins_like_a_zip(head: bytes) -> bool:
    """Whether the first bytes are those of a zip, which may be empty."""
    return head[:SIGNATURE_BYTES] in {MEMBER, END}


def verify(file: IO[bytes], *, deadline: Deadline = NO_DEADLINE) -> tuple[str, ...]:
    """Check a whole zip; returns the names of its files, and leaves the file's position anywhere.

    Raises BadDownload saying what is wrong, CannotCreate if the disk cannot be read, TimedOut.
    """
    with open_zip(file) as archive:
        _check_data(archive, deadline)
        names = tuple(member.filename for member in archive.infolist() if not member.is_dir())
    if not names:
        raise BadDownload("the zip is empty", hint="the server found none of the reports: see hcexport list")
    return names


@contextmanager
def open_zip(file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """Open a zip and check its structure, but not its members' data. Damage found in the block is BadDownload too."""
    with _damage_is_bad_download():
        end = _find_end(file, file.seek(0, os.SEEK_END))
        with zipfile.ZipFile(file) as archive:
            _check_members(file, archive.infolist(), end)
            yield archive


def find_twins(names: Sequence[str]) -> list[str]:
    """Return a warning if several files of a zip have the same name."""
    twins = [name for name, times in Counter(names).items() if times > 1]
    more = f" and {len(twins) - 1} more" if len(twins) > 1 else ""
    return [f"the zip has {twins[0]!r}{more} twice: unpacked, one file would replace the other"] if twins else []


def shortfall(names: Sequence[str], run_ids: Sequence[str]) -> list[str]:
    """Return a warning for each kind of file, CSV or JSON, that the zip does not have for each report.

    The API does not document the entries' names. So files are counted, and missing reports are only named if the
    entries' names hold the ids of other reports.
    """
    return [text for kind in ("csv", "json") if (text := _short_of(kind, names, run_ids))]


class _End(NamedTuple):
    entries: int
    directory_at: int
    directory_bytes: int


def _find_end(file: IO[bytes], size: int) -> _End:
    """Read the end record, which must end at the last byte and begin where the list of members ends."""
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
        raise BadDownload(
            f"the zip's list of members is too large to be checked: {end.entries} members, {end.directory_bytes} bytes"
        )
    return end


def _find_end_64(file: IO[bytes], position: int) -> tuple[_End, int] | None:
    """Read the zip64 end record and where it begins; None if no locator stands right before the end record."""
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


def _check_members(file: IO[bytes], members: list[zipfile.ZipInfo], end: _End) -> None:
    """Check that every byte before the list of members belongs to exactly one member, and that each can be checked."""
    if len(members) != end.entries:
        raise BadDownload(f"the zip lists {len(members)} members and says it has {end.entries}")
    reached, descriptors = 0, {b""}
    for member in sorted(members, key=lambda member: member.header_offset):
        _check_member(member)
        _check_gap(file, reached, member.header_offset, descriptors)
        reached, has_descriptor = _find_data_end(file, member)
        descriptors = _possible_descriptors(member) if has_descriptor else {b""}
    _check_gap(file, reached, end.directory_at, descriptors)


def _check_member(member: zipfile.ZipInfo) -> None:
    if not member.filename:
        raise BadDownload("the zip has a member without a name")
    if member.flag_bits & _ENCRYPTED:
        raise BadDownload(f"{member.filename!r} in the zip is encrypted: it cannot be checked")
    if member.compress_type not in METHODS:
        method = _METHOD_NAMES.get(member.compress_type, f"method {member.compress_type}")
        raise BadDownload(
            f"{member.filename!r} in the zip is packed with {method}: only deflated and stored members are checked",
            hint="download the upload item with a browser",
        )


def _check_gap(file: IO[bytes], start: int, end: int, descriptors: set[bytes]) -> None:
    """Check that there is nothing from ``start`` to ``end`` but the data descriptor of the member before."""
    if start > end:
        raise BadDownload("a member of the zip overlaps the next one, or the list of members")
    if start == end and b"" in descriptors:
        return
    file.seek(start)
    if end - start > _LONGEST_DESCRIPTOR or file.read(end - start) not in descriptors:
        raise BadDownload(f"the zip has bytes missing or added: {end - start} at {start} belong to no member")


def _possible_descriptors(member: zipfile.ZipInfo) -> set[bytes]:
    """With and without a signature, with sizes of 4 and 8 bytes, or empty: some writers announce it and omit it."""
    known = {struct.pack("<L2Q", member.CRC, member.compress_size, member.file_size)}
    with suppress(struct.error):  # sizes that need 8 bytes
        known.add(struct.pack("<3L", member.CRC, member.compress_size, member.file_size))
    return {b"", *known, *(_DESCRIPTOR_SIGNATURE + descriptor for descriptor in known)}


def _find_data_end(file: IO[bytes], member: zipfile.ZipInfo) -> tuple[int, bool]:
    """Read a member's local header; return where its data ends, and whether a data descriptor may follow."""
    file.seek(member.header_offset)
    _, flags, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    data_at = member.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
    return data_at + member.compress_size, bool((flags | member.flag_bits) & _DESCRIPTOR_FOLLOWS)


def _check_data(archive: zipfile.ZipFile, deadline: Deadline) -> None:
    """Read all members in a few threads side by side, because zlib works without the interpreter's lock.

    Each thread has one member open at a time, with a position of its own, so that memory is bounded.
    """
    members, lock, stop = iter(archive.infolist()), Lock(), Event()

    def check_some() -> None:
        while not stop.is_set():
            with lock:  # Python 3.11's ZipFile locks its reads, but not its count of open members
                member = next(members, None)
                data = archive.open(member) if member else None  # compares the member's two headers
            if member is None or data is None:
                return
            try:
                _check_member_data(member, data, deadline, stop)
            finally:
                with lock:
                    data.close()

    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for done in as_completed([pool.submit(check_some) for _ in range(THREADS)]):
                done.result()
        finally:  # an interrupt, or the first failure: the other threads stop after their chunk
            stop.set()


def _check_member_data(member: zipfile.ZipInfo, data: IO[bytes], deadline: Deadline, stop: Event) -> None:
    size = 0
    while chunk := data.read(CHECK_BYTES):  # raises BadZipFile at the end if the CRC is wrong
        size += len(chunk)
        deadline.check()
        if stop.is_set():
            return
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
    except (zlib.error, struct.error) as error:  # their messages are about zlib and Python
        raise BadDownload("the zip is damaged: what is packed in it cannot be read") from error
    except (zipfile.BadZipFile, EOFError, ValueError, OverflowError) as error:
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
