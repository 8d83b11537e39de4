"""Reading a part behind its writer: the bytes are summed up while more arrive, so that little is left for the end.

What is gained is time alone. ``archive.verify`` decides what is good, and reads for itself whatever was not followed.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from zipfile import ZIP_DEFLATED, ZIP_STORED

from hcexport.times import Deadline

BLOCK_BYTES = 1 << 20
PACKED_BYTES = 64 << 10  # at a time into zlib, which copies what it has not used yet
SYNC_BYTES = 32 << 20  # written out so often, so that the disk works while the network does
MOST_FOLLOWED = 100_000  # members, however many headers a file is made of: each takes memory
JOIN_S = 0.2  # how often the deadline is looked at while the end is waited for
_LOCAL_HEADER = struct.Struct("<4s2xHH4x3L2H")
_DESCRIPTOR_FOLLOWS = 0x8


@dataclass(frozen=True, slots=True)
class Checksum:
    """Of one member's data: how it is packed, its CRC-32, packed and unpacked size in bytes."""

    method: int
    crc: int
    packed: int
    size: int


@dataclass(frozen=True)
class Followed:
    """SHA-256 of the whole file, and the checksum of each member that could be followed, by its header's offset."""

    sha256: str
    members: dict[int, Checksum]


class Follower:
    """A thread that reads what another one writes; it starts when there is something worth reading."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self._news = threading.Condition()
        self._there = 0
        self._complete = False
        self._stopped = False
        self._followed: Followed | None = None
        self._failure: OSError | None = None

    def grown(self, size: int) -> None:
        """``size`` bytes are there; said when it matters, not for every chunk."""
        if size - self._there >= BLOCK_BYTES:
            self._tell(size)

    def finish(self, size: int, deadline: Deadline) -> Followed:
        """The sums of the whole file of ``size`` bytes. Raises TimedOut, and OSError when it cannot be read."""
        self._tell(size, complete=True)
        while self._thread.is_alive():
            self._thread.join(min(JOIN_S, deadline.remaining()))
            deadline.check()
        if self._followed is None:
            raise self._failure or OSError("the part could not be followed")
        return self._followed

    def stop(self) -> None:
        """Stop reading, soon; once more does nothing."""
        if self._thread.ident is None and not self._stopped:
            os.close(self._descriptor)
        with self._news:
            self._stopped = self._complete = True
            self._news.notify()

    def _tell(self, size: int, *, complete: bool = False) -> None:
        with self._news:
            self._there, self._complete = size, complete
            self._news.notify()
        if self._thread.ident is None:
            self._thread.start()

    def _run(self) -> None:
        try:
            reader = _Reader(self._blocks())
            members = dict(islice(_followable(reader), MOST_FOLLOWED))
            reader.drain()
            self._followed = Followed(reader.sha256.hexdigest(), members)
        except OSError as error:
            self._failure = error
        finally:
            os.close(self._descriptor)

    def _blocks(self) -> Iterator[bytes]:
        position = synced = 0
        while wanted := self._wait(position):
            block = os.pread(self._descriptor, wanted, position)
            if not block:
                raise OSError("the part has become shorter")
            position += len(block)
            yield block
            if position - synced >= SYNC_BYTES:
                os.fsync(self._descriptor)
                synced = position

    def _wait(self, position: int) -> int:
        """How many bytes to read next: a whole block, or what is left at the end; 0 is the end."""
        with self._news:
            self._news.wait_for(lambda: self._complete or self._there - position >= BLOCK_BYTES)
            return 0 if self._stopped else min(BLOCK_BYTES, self._there - position)


class _Reader:
    """Takes bytes in any portion from blocks that come one by one, and sums up all of them."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._block = memoryview(b"")
        self._next = 0  # in the block
        self._start = 0  # of the block in the file
        self.sha256 = sha256()

    @property
    def position(self) -> int:
        return self._start + self._next

    def some(self, at_most: int) -> memoryview:
        """The next bytes, at least one, all of one block. Raises EOFError at the end."""
        if self._next == len(self._block):
            self._start += len(self._block)
            self._block, self._next = memoryview(next(self._blocks, b"")), 0
            self.sha256.update(self._block)
        if not self._block:
            raise EOFError
        taken = self._block[self._next : self._next + at_most]
        self._next += len(taken)
        return taken

    def take(self, size: int) -> bytes:
        """Exactly ``size`` bytes."""
        taken = b""
        while len(taken) < size:
            taken += self.some(size - len(taken))
        return taken

    def give_back(self, size: int) -> None:
        """Undo the end of the last ``some``."""
        self._next -= size

    def drain(self) -> None:
        for block in self._blocks:
            self.sha256.update(block)


def _followable(reader: _Reader) -> Iterator[tuple[int, Checksum]]:
    """Member by member from the first byte, up to the list of members or to the first that hides its length."""
    try:
        while True:
            at = reader.position
            magic, flags, method, _, packed, _, name, extra = _LOCAL_HEADER.unpack(reader.take(_LOCAL_HEADER.size))
            if magic != b"PK\x03\x04":
                return
            reader.take(name + extra)
            if method == ZIP_DEFLATED:
                yield at, _inflated(reader)
            elif method == ZIP_STORED and not flags & _DESCRIPTOR_FOLLOWS:
                yield at, _stored(reader, packed)
            else:
                return
            if flags & _DESCRIPTOR_FOLLOWS:
                reader.take(12 if reader.take(4) == b"PK\x07\x08" else 8)
    except (EOFError, zlib.error):
        return


def _inflated(reader: _Reader) -> Checksum:
    start = reader.position
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    crc = size = 0
    while not inflater.eof:
        plain = inflater.decompress(inflater.unconsumed_tail or reader.some(PACKED_BYTES), BLOCK_BYTES)
        crc = zlib.crc32(plain, crc)
        size += len(plain)
    reader.give_back(len(inflater.unused_data))
    return Checksum(ZIP_DEFLATED, crc, reader.position - start, size)


def _stored(reader: _Reader, size: int) -> Checksum:
    crc, left = 0, size
    while left:
        plain = reader.some(left)
        crc = zlib.crc32(plain, crc)
        left -= len(plain)
    return Checksum(ZIP_STORED, crc, size, size)
