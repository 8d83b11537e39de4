"""What a good zip is, against every way of being a bad one."""

from __future__ import annotations

import io
import random
import struct
import threading
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hcexport.errors import BadDownload, CannotCreate, TimedOut
from hcexport.times import Deadline
from hcexport.transfer.verify_zip import find_twins, shortfall, verify

PASSED = Deadline(0.0)  # with it nothing is unpacked: what is refused was refused before
NOISE = random.Random(2).randbytes(3000)
TEXT = b"id,result\n" * 300


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
        archive.comment = comment
    return target.getvalue()


GOOD = zipped(("a.csv", TEXT), ("noise.json", NOISE), ("d/", b""), ("d/b.json", b"{}"))
DIRECTORY_AT = GOOD.index(b"PK\x01\x02")


def checked(data: bytes, **more: Any) -> tuple[str, ...]:
    return verify(io.BytesIO(data), **more)


def refused(data: bytes) -> None:
    with pytest.raises(BadDownload):
        checked(data)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_good_zip_tells_its_files(method: int) -> None:
    data = zipped(("a.csv", TEXT), ("d/", b""), ("d/b.json", NOISE), method=method)
    assert checked(data) == ("a.csv", "d/b.json")


@pytest.mark.parametrize("members", [(), (("d/", b""),)])
def test_an_empty_zip_is_no_export(members: tuple[tuple[str, bytes], ...]) -> None:
    refused(zipped(*members))


@pytest.mark.parametrize("comment", [b"hello", b"PK\x05\x07" * 5, b"x" * 65535])
def test_a_comment_belongs_to_the_end(comment: bytes) -> None:
    checked(zipped(("a.csv", TEXT), comment=comment))


def with_zip64_end(
    data: bytes, *, extra: bytes = b"", locator: bytes = b"PK\x06\x07", is_needed: bool = False
) -> bytes:
    """The same with a zip64 end record, as writers of large files make it also where nothing needs it."""
    *_, entries, size, start, _ = struct.unpack("<4s4H2LH", data[-22:])
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44 + len(extra), 45, 45, 0, 0, entries, entries, size, start)
    end = data[-22:-14] + b"\xff" * 12 + data[-2:] if is_needed else data[-22:]
    return data[:-22] + record + extra + struct.pack("<4sLQL", locator, 0, len(data) - 22, 1) + end


def test_a_zip64_end_record_is_read_whether_it_is_needed_or_not() -> None:
    checked(with_zip64_end(GOOD))
    checked(with_zip64_end(GOOD, is_needed=True))
    refused(with_zip64_end(GOOD, locator=b"PK\x06\x08"))
    refused(with_zip64_end(GOOD, extra=b"reserved"))  # zipfile does not read it, so it is not checked
    refused(with_zip64_end(b"junk" + GOOD)[4:])


def flipped(at: int) -> bytes:
    data = bytearray(GOOD)
    data[at] ^= 0x40
    return bytes(data)


DAMAGE: dict[str, bytes] = {
    "nothing": b"",
    "one byte": b"P",
    "a signature": b"PK\x03\x04",
    "an end record cut off": b"PK\x05\x06" + bytes(17),
    "text": b"<html>" * 1000,
    "junk before": b"junk" + GOOD,
    "junk before nothing": b"junk" + zipped(),
    "junk after": GOOD + b"\n",
    "cut in the end record": GOOD[:-1],
    "without its end record": GOOD[:-22],
    "cut in half": GOOD[: len(GOOD) // 2],
    "its second half": GOOD[len(GOOD) // 2 :],
    "twice": GOOD + GOOD,
    "a hole of zeros in a member": GOOD[:200] + bytes(1000) + GOOD[1200:],
    "bytes missing in the middle": GOOD[:1000] + GOOD[1100:],
    "bytes too many in the middle": GOOD[:1000] + bytes(100) + GOOD[1000:],
    "bytes before the list of members": GOOD[:DIRECTORY_AT] + bytes(10) + GOOD[DIRECTORY_AT:],
    "bytes after the list of members": GOOD[:-22] + bytes(10) + GOOD[-22:],
    "a comment that is longer than said": GOOD[:-2] + b"\0\0" + b"comment",
    "a comment that is shorter than said": GOOD[:-2] + b"\x09\0" + b"comment",
    "one bit of packed text": flipped(60),
    "one bit of a header's name": flipped(31),
    "one bit of a CRC in the list": flipped(DIRECTORY_AT + 17),
    "one bit of a size in the list": flipped(DIRECTORY_AT + 24),
    "one member more than there are": GOOD[:-14] + b"\x05\0\x05\0" + GOOD[-10:],
    "a volume of several": GOOD[:-18] + b"\x01\0\0\0" + GOOD[-14:],
    "the list of members somewhere else": GOOD[:-6] + b"\xff\xff\xff\x7f" + GOOD[-2:],
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_a_bad_download(name: str) -> None:
    refused(DAMAGE[name])


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_damage_is_anything_else_than_a_bad_download(data: st.DataObject) -> None:
    """Whatever zipfile raises. A flipped bit that nothing covers (a date, an attribute) may pass."""
    damaged = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(GOOD) - 1))] = data.draw(st.integers(0, 255))
    keep = data.draw(st.integers(0, len(GOOD)))
    try:
        checked(bytes(damaged[:keep]))
    except BadDownload:
        pass
    else:
        assert keep == len(GOOD)


@given(st.binary(max_size=200))
def test_bytes_at_random_are_a_bad_download(data: bytes) -> None:
    refused(b"PK\x03\x04" + data)


def test_every_byte_of_a_members_data_counts() -> None:
    stored = zipped(("a", NOISE[:100]), method=zipfile.ZIP_STORED)
    for at in range(31, 131):
        refused(stored[:at] + bytes([stored[at] ^ 1]) + stored[at + 1 :])


def edited(name: str, change: Callable[[zipfile.ZipInfo], None], *members: tuple[str, bytes]) -> bytes:
    """A zip whose list of members says something else than it should."""
    target = io.BytesIO(zipped(*members or [("a.csv", TEXT), ("b.csv", TEXT)]))
    with zipfile.ZipFile(target, "a") as archive:
        change(archive.getinfo(name))
        archive.comment = b"x"  # so that the list is written again
    return target.getvalue()


def test_encrypted_members_cannot_be_checked() -> None:
    def encrypt(member: zipfile.ZipInfo) -> None:
        member.flag_bits |= 1

    refused(edited("b.csv", encrypt))


@pytest.mark.parametrize(("method", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")])
@pytest.mark.slow
def test_what_unpacks_to_gigabytes_at_one_go_is_refused_by_name(method: int, name: str) -> None:
    with pytest.raises(BadDownload, match=name):
        checked(zipped(("a.csv", bytes(64 << 20)), method=method), deadline=PASSED)


@pytest.mark.parametrize("method", [9, 13, 93])
def test_members_packed_in_another_way_cannot_be_checked(method: int) -> None:
    def pack(member: zipfile.ZipInfo) -> None:
        member.compress_type = method

    refused(edited("b.csv", pack))


def test_a_name_that_several_files_have_is_found() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        data = zipped(("a.csv", TEXT), ("a.csv", NOISE), ("d/", b""), ("b.csv", TEXT))
    names = checked(data)
    (only,) = find_twins(names)
    assert "a.csv" in only
    assert find_twins(["a.csv", "b.csv"]) == []


def with_gap(junk: bytes, *, descriptor: bool = False) -> bytes:
    """Two members with something between them that the list of members knows to step over."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise io.UnsupportedOperation

    target = Pipe() if descriptor else io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", TEXT)
        archive.fp.write(junk)  # type: ignore[union-attr] # open here
        archive.start_dir += len(junk)  # type: ignore[attr-defined] # where the next one goes
        archive.writestr("b.csv", NOISE)
    return target.getvalue()


@pytest.mark.parametrize("descriptor", [False, True])
def test_bytes_between_members_belong_to_none(descriptor: bool) -> None:
    assert checked(with_gap(b"", descriptor=descriptor)) == ("a.csv", "b.csv")
    with zipfile.ZipFile(io.BytesIO(with_gap(b"junk", descriptor=descriptor))) as archive:
        assert archive.testzip() is None  # zipfile sees nothing of it
    refused(with_gap(b"junk", descriptor=descriptor))
    refused(with_gap(b"J" * 1000, descriptor=descriptor))


@pytest.mark.parametrize("name", ["", "\0hidden"])
def test_a_member_without_a_name(name: str) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        member = zipfile.ZipInfo("x")
        member.filename = member.orig_filename = name
        archive.writestr(member, TEXT)
    refused(target.getvalue())


def test_members_that_overlap() -> None:
    def overlap(member: zipfile.ZipInfo) -> None:
        member.header_offset = 0

    refused(edited("a.csv2", overlap, ("a.csv1", TEXT), ("a.csv2", TEXT)))


def test_a_member_that_claims_the_list_of_members() -> None:
    def stretch(member: zipfile.ZipInfo) -> None:
        member.compress_size += 1000

    refused(edited("b.csv", stretch))


def test_a_member_that_unpacks_to_less_than_it_says() -> None:
    def promise(member: zipfile.ZipInfo) -> None:
        member.file_size += 1

    refused(edited("b.csv", promise))


def test_a_member_list_of_16_mib_is_too_large() -> None:
    with pytest.raises(BadDownload, match="too large"):
        checked(zipped(*[(f"{number}" + "x" * 60_000, b"") for number in range(280)]), deadline=PASSED)


@pytest.mark.parametrize("limit", ["MAX_ENTRIES", "MAX_DIRECTORY_BYTES"])
def test_a_list_of_members_too_large_to_be_read(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(f"hcexport.transfer.verify_zip.{limit}", 3)
    refused(GOOD)


@pytest.mark.parametrize("members", [[], [("a.csv", TEXT)]])
def test_a_zip_that_knows_of_what_stands_before_it(members: list[tuple[str, bytes]]) -> None:
    """What programs that unpack themselves are: every offset is right."""
    target = io.BytesIO(b"PK\x03\x04 and more")
    with zipfile.ZipFile(target, "a") as archive:
        for name, data in members:
            archive.writestr(name, data)
    refused(target.getvalue())


def test_members_inside_of_members() -> None:
    """A good bomb is a few bytes that belong to many."""
    inner = zipped(("b.csv", TEXT))
    inner = inner[: inner.index(b"PK\x01\x02")]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.csv", inner)
        with zipfile.ZipFile(io.BytesIO(zipped(("b.csv", TEXT)))) as other:
            (member,) = other.infolist()
        member.header_offset = 30 + len("a.csv")
        archive.filelist.append(member)
    refused(target.getvalue())


@pytest.mark.parametrize("threads", [1, 4])
def test_members_are_checked_side_by_side(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    """Each thread reads its own member: hundreds of them, and the one that is damaged is found among them."""
    monkeypatch.setattr("hcexport.transfer.verify_zip.THREADS", threads)
    monkeypatch.setattr("hcexport.transfer.verify_zip.CHECK_BYTES", 1000)
    members = [(f"{number}.csv", NOISE[number % 7 :] + bytes([number % 256])) for number in range(300)]
    data = zipped(*members)
    assert checked(data) == tuple(name for name, _ in members)
    damaged = bytearray(zipped(*members, method=zipfile.ZIP_STORED))
    damaged[len(damaged) // 2] ^= 1
    refused(bytes(damaged))


class Opened(zipfile.ZipFile):
    """Counts the members that are open for reading at once, and in all."""

    now = most = in_all = 0

    def open(self, *args: Any, **more: Any) -> Any:
        member = super().open(*args, **more)
        if more.get("mode", "r") == "w":  # the tests write their zips with the same class
            return member
        Opened.now += 1
        Opened.in_all += 1
        Opened.most = max(Opened.most, Opened.now)
        close = member.close

        def closed() -> None:
            Opened.now -= 1
            close()

        member.close = closed  # type: ignore[method-assign] # of this member alone
        return member


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> type[Opened]:
    monkeypatch.setattr("hcexport.transfer.verify_zip.zipfile.ZipFile", Opened)
    monkeypatch.setattr("hcexport.transfer.verify_zip.THREADS", 2)
    Opened.now = Opened.most = Opened.in_all = 0
    return Opened


def test_no_more_members_are_open_than_there_are_threads(opened: type[Opened]) -> None:
    checked(zipped(*[(f"{number}.csv", NOISE) for number in range(50)]))
    assert (opened.in_all, opened.now) == (50, 0)
    assert opened.most <= 2


def test_the_first_bad_member_ends_the_check(opened: type[Opened]) -> None:
    data = bytearray(zipped(*[(f"{number}.csv", NOISE * 100) for number in range(100)], method=zipfile.ZIP_STORED))
    data[100] ^= 1
    refused(bytes(data))
    assert opened.in_all < 50


def test_an_interrupt_ends_the_check(opened: type[Opened], monkeypatch: pytest.MonkeyPatch) -> None:
    """It reaches the main thread while that waits for the others."""

    def interrupted(_futures: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hcexport.transfer.verify_zip.as_completed", interrupted)
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        checked(zipped(*[(f"{number}.csv", NOISE * 1000) for number in range(50)]))
    assert threading.active_count() == before
    assert (opened.now, opened.in_all < 50) == (0, True)


def test_a_disk_that_cannot_be_read_is_not_the_downloads_fault() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(CannotCreate):
        verify(Broken(GOOD))


def test_checking_keeps_the_deadline() -> None:
    with pytest.raises(TimedOut):
        checked(GOOD, deadline=Deadline(0.0))


RUNS = ["prslejr7yt", "vegcl1xm6u"]


@pytest.mark.parametrize(
    "names",
    [
        ["a.csv", "b.CSV", "a.json", "b.json"],
        ["x/prslejr7yt.csv", "x/prslejr7yt.json", "vegcl1xm6u_r.csv", "vegcl1xm6u_r.json"],
    ],
)
def test_a_csv_and_a_json_a_report_is_enough(names: list[str]) -> None:
    assert shortfall(names, RUNS) == []


def test_what_is_missing_is_counted_where_names_say_nothing() -> None:
    (only,) = shortfall(["a.csv", "a.json", "b.json"], RUNS)
    assert "CSV" in only
    assert "1" in only


def test_what_is_missing_is_named_where_others_are_named() -> None:
    (only,) = shortfall(["prslejr7yt.csv", "prslejr7yt.json", "vegcl1xm6u.csv", "readme.json"], RUNS)
    assert "JSON" in only
    assert "vegcl1xm6u" in only
    assert "prslejr7yt" not in only


def test_an_empty_zip_lacks_both() -> None:
    assert len(shortfall([], RUNS)) == 2
