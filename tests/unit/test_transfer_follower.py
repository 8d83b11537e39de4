"""Reading behind the writer gives the sums of what was written."""

from __future__ import annotations

import fcntl
import io
import os
import random
import threading
import zipfile
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from hcexport.errors import TimedOut
from hcexport.times import NO_DEADLINE, Deadline
from hcexport.transfer.follower import BLOCK_BYTES, Checksum, Followed, Follower

TEXT = b"id,result\n" * 300_000
NOISE = random.Random(1).randbytes(BLOCK_BYTES + 12345)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[io.FileIO]:
    with io.FileIO(tmp_path / "part", "w+") as file:
        yield file


def followed(file: io.FileIO, data: bytes, step: int = 100_000) -> Followed:
    follower = Follower(file.fileno())
    for start in range(0, len(data), step):
        file.write(data[start : start + step])
        follower.grown(file.tell())
    return follower.finish(len(data), NO_DEADLINE)


def zipped(*members: tuple[str, bytes, int], streamed: bool = False) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(_Unseekable(target) if streamed else target, "w") as archive:  # type: ignore[arg-type] # all that zipfile uses of it
        for name, data, method in members:
            archive.writestr(name, data, method)
    return target.getvalue()


class _Unseekable:
    """What a server writes a zip into: sizes then follow the data."""

    def __init__(self, target: io.BytesIO) -> None:
        self.write = target.write
        self.flush = target.flush


def test_every_member_is_summed_up(file: io.FileIO) -> None:
    data = zipped(
        ("d/", b"", zipfile.ZIP_STORED),
        ("text.csv", TEXT, zipfile.ZIP_DEFLATED),
        ("noise.json", NOISE, zipfile.ZIP_STORED),
        ("empty.csv", b"", zipfile.ZIP_DEFLATED),
        ("noise.csv", NOISE, zipfile.ZIP_DEFLATED),
    )
    sums = followed(file, data)
    assert sums.sha256 == sha256(data).hexdigest()
    assert sums.members == {
        member.header_offset: Checksum(member.compress_type, member.CRC, member.compress_size, member.file_size)
        for member in zipfile.ZipFile(io.BytesIO(data)).infolist()
    }


def test_members_that_say_their_size_afterwards_are_followed_when_packed(file: io.FileIO) -> None:
    data = zipped(("a.csv", TEXT, zipfile.ZIP_DEFLATED), ("b.csv", NOISE, zipfile.ZIP_DEFLATED), streamed=True)
    sums = followed(file, data)
    assert [sums.members[member.header_offset].crc for member in zipfile.ZipFile(io.BytesIO(data)).infolist()] == [
        zlib.crc32(TEXT),
        zlib.crc32(NOISE),
    ]


def test_what_hides_its_length_is_left_to_others(file: io.FileIO) -> None:
    data = zipped(("a", NOISE, zipfile.ZIP_STORED), ("b", TEXT, zipfile.ZIP_DEFLATED), streamed=True)
    sums = followed(file, data)
    assert sums.members == {}
    assert sums.sha256 == sha256(data).hexdigest()


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES])
def test_the_whole_is_summed_up_whatever_it_is(file: io.FileIO, size: int) -> None:
    data = (NOISE * 3)[:size]
    assert followed(file, data, step=65_536).sha256 == sha256(data).hexdigest()


@pytest.mark.parametrize("step", [1, 7, 29, 31, 1000])
def test_portions_do_not_matter(file: io.FileIO, step: int) -> None:
    data = zipped(("a.csv", TEXT[:3000], zipfile.ZIP_DEFLATED), ("b.csv", NOISE[:3000], zipfile.ZIP_STORED))
    assert len(followed(file, data, step).members) == 2


def test_damage_is_followed_as_far_as_it_goes(file: io.FileIO) -> None:
    data = bytearray(zipped(("a", NOISE, zipfile.ZIP_STORED), ("b", TEXT, zipfile.ZIP_DEFLATED)))
    data[len(NOISE) + 50 : len(NOISE) + 2000] = b"\xff" * 1950
    sums = followed(file, bytes(data))
    assert list(sums.members) == [0]
    assert sums.sha256 == sha256(data).hexdigest()


def test_the_writer_is_not_read_ahead_of(file: io.FileIO) -> None:
    """What is announced is there: a follower that read on would sum up zeros."""
    os.truncate(file.fileno(), len(NOISE))
    follower = Follower(file.fileno())
    for start in range(0, len(NOISE), 4096):
        os.pwrite(file.fileno(), NOISE[start : start + 4096], start)
        follower.grown(start + len(NOISE[start : start + 4096]))
    assert follower.finish(len(NOISE), NO_DEADLINE).sha256 == sha256(NOISE).hexdigest()


def test_the_disk_is_kept_busy_meanwhile(file: io.FileIO, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr("hcexport.transfer.follower.SYNC_BYTES", BLOCK_BYTES)
    monkeypatch.setattr(os, "fsync", synced.append)
    followed(file, NOISE * 2)
    assert len(synced) == 2


def test_a_file_that_became_shorter_is_an_error(file: io.FileIO) -> None:
    file.write(b"abc")
    with pytest.raises(OSError, match="shorter"):
        Follower(file.fileno()).finish(4, NO_DEADLINE)


def test_waiting_for_the_end_keeps_the_deadline(file: io.FileIO, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(os, "pread", lambda *_: go_on.wait() and b"")
    with pytest.raises(TimedOut):
        Follower(file.fileno()).finish(1, Deadline.after(0.05))
    go_on.set()


@pytest.mark.parametrize("announced", [0, len(NOISE)])
def test_one_that_is_stopped_holds_nothing(file: io.FileIO, tmp_path: Path, announced: int) -> None:
    """A lock is held as long as any descriptor of its owner is open."""
    fcntl.flock(file, fcntl.LOCK_EX)
    file.write(NOISE)
    follower = Follower(file.fileno())
    follower.grown(announced)
    follower.stop()
    follower.stop()
    for thread in threading.enumerate():
        if thread.name == "follower":
            thread.join()
    file.close()
    with (tmp_path / "part").open("rb") as again:
        fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_no_more_members_are_followed_than_memory_is_there_for(
    file: io.FileIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file may be nothing but headers of members."""
    monkeypatch.setattr("hcexport.transfer.follower.MOST_FOLLOWED", 2)
    data = zipped(*[(name, b"x", zipfile.ZIP_STORED) for name in "abc"])
    sums = followed(file, data)
    assert len(sums.members) == 2
    assert sums.sha256 == sha256(data).hexdigest()
