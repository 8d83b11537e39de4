"""Unpacking: all of it or nothing, and nothing elsewhere."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcexport.errors import BadDownload, CannotCreate, TimedOut
from hcexport.times import Deadline
from hcexport.transfer.destination import IfExists
from hcexport.transfer.extract_zip import Limits, extract, resolve_folder
from tests.support.zips import make_zip

MEMBERS = {"a.csv": b"new", "sub/b.json": b"{}", "sub/empty/": b""}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a zip in it, and nothing around that may change."""
    place = tmp_path / "place"
    place.mkdir()
    return place


def zip_of(place: Path, *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    path = place / "reports.zip"
    path.write_bytes(make_zip(*members, method=method))
    return path


def raw(name: str) -> zipfile.ZipInfo:
    """A member of this very name: ZipInfo makes some harmless, and what is in a file is what somebody else wrote."""
    member = zipfile.ZipInfo("x")
    member.filename = member.orig_filename = name
    return member


def good_zip(place: Path) -> Path:
    return zip_of(place, *MEMBERS.items())


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)) + ("/" if path.is_dir() else ""): b"" if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


PASSED = Deadline(0.0)  # with it nothing can be unpacked: what is refused was refused before

UNPACKED = {"a.csv": b"new", "sub/": b"", "sub/b.json": b"{}", "sub/empty/": b""}


def test_a_new_folder_gets_everything_and_nothing_else_is_left(place: Path) -> None:
    assert extract(good_zip(place), place / "out") == place / "out"
    assert tree(place / "out") == UNPACKED
    assert sorted(path.name for path in place.iterdir()) == ["out", "reports.zip"]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_modes_are_the_users_and_not_the_zips(place: Path, umask: int) -> None:
    wild = zipfile.ZipInfo("a.csv")
    wild.external_attr = (stat.S_IFREG | stat.S_ISUID | 0o777) << 16
    before = os.umask(umask)
    try:
        extract(zip_of(place, (wild, b"new")), place / "out")
    finally:
        os.umask(before)
    assert stat.S_IMODE((place / "out").stat().st_mode) == 0o777 & ~umask
    assert stat.S_IMODE((place / "out" / "a.csv").stat().st_mode) == 0o666 & ~umask


def test_a_relative_folder_is_meant_absolutely(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    assert extract(good_zip(place), Path("out")) == place / "out"


@pytest.mark.parametrize("if_exists", list(IfExists))
def test_an_empty_folder_is_as_good_as_none(place: Path, if_exists: IfExists) -> None:
    (place / "out").mkdir()
    assert extract(good_zip(place), place / "out", if_exists=if_exists) == place / "out"
    assert tree(place / "out") == UNPACKED


@pytest.fixture
def out(place: Path) -> Path:
    """A folder with things in it."""
    out = place / "out"
    (out / "sub").mkdir(parents=True)
    (out / "a.csv").write_bytes(b"old")
    (out / "sub" / "mine").write_bytes(b"mine")
    return out


OLD = {"a.csv": b"old", "sub/": b"", "sub/mine": b"mine"}


def test_a_folder_with_things_in_it_is_not_touched_unasked(place: Path, out: Path) -> None:
    with pytest.raises(CannotCreate):
        resolve_folder(out)
    with pytest.raises(CannotCreate):
        extract(good_zip(place), out)
    assert tree(out) == OLD


def test_skip_leaves_it_as_it_is(place: Path, out: Path) -> None:
    assert resolve_folder(out, if_exists=IfExists.SKIP) is None
    assert extract(good_zip(place), out, if_exists=IfExists.SKIP) is None
    assert tree(out) == OLD


def test_rename_takes_the_next_free_number(place: Path, out: Path) -> None:
    source = good_zip(place)
    for expected in ("out (1)", "out (2)"):
        assert extract(source, out, if_exists=IfExists.RENAME) == place / expected
        assert tree(place / expected) == UNPACKED
    assert tree(out) == OLD


def test_overwrite_replaces_the_same_names_only(place: Path, out: Path) -> None:
    extract(good_zip(place), out, if_exists=IfExists.OVERWRITE)
    assert tree(out) == {**UNPACKED, "sub/mine": b"mine"}


def link_to(target: str) -> Callable[[Path, Path], None]:
    def make(path: Path, elsewhere: Path) -> None:
        path.symlink_to(elsewhere / target)

    return make


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("sub", lambda path, _: path.write_bytes(b"file")),
        ("sub", link_to("")),
        ("a.csv", lambda path, _: path.mkdir()),
    ],
)
def test_what_is_in_the_way_is_noticed_before_anything_is_moved(
    place: Path, tmp_path: Path, name: str, make: Callable[[Path, Path], None]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    out = place / "out"
    out.mkdir()
    (out / "z").write_bytes(b"mine")
    make(out / name, elsewhere)
    before = tree(out)
    with pytest.raises(CannotCreate):
        extract(good_zip(place), out, if_exists=IfExists.OVERWRITE)
    assert tree(out) == before
    assert tree(elsewhere) == {}


def test_a_link_in_a_files_place_is_replaced_and_not_followed(place: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"theirs")
    (out / "a.csv").unlink()
    (out / "a.csv").symlink_to(tmp_path / "theirs")
    extract(good_zip(place), out, if_exists=IfExists.OVERWRITE)
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    assert tree(out)["a.csv"] == b"new"


@pytest.mark.parametrize("target", ["missing/out", "file", "file/out", "dangling"])
@pytest.mark.parametrize("if_exists", [IfExists.FAIL, IfExists.OVERWRITE])
def test_an_impossible_folder_is_known_before_sending(place: Path, target: str, if_exists: IfExists) -> None:
    (place / "file").write_bytes(b"mine")
    (place / "dangling").symlink_to("nowhere")
    with pytest.raises(CannotCreate):
        resolve_folder(place / target, if_exists=if_exists)
    assert sorted(path.name for path in place.iterdir()) == ["dangling", "file"]


HOSTILE = [
    "../a.csv",
    "sub/../../a.csv",
    "..",
    "/etc/passwd",
    "//server/share",
    "C:\\a.csv",
    "c:a.csv",
    "..\\a.csv",
    "sub\\a.csv",
    "a\0b.csv",
    "a\nb.csv",
    "a\x1b[31m.csv",
    "a\x7f.csv",
    "a\x9b.csv",
    "\u202egpj.csv",
    "sub//a.csv",
    "./a.csv",
    "sub/./a.csv",
    ".",
    "",
    "/",
    "aux.csv",
    "sub/NUL/a.csv",
    "CONIN$",
    "conout$.csv",
    "a\u061cb.csv",
    "a\u200bb.csv",
    "a\u2028b.csv",
    "\ufeffa.csv",
    "a\U000e0061.csv",
    "a\xad.csv",
    "a\u3164.csv",
    "a.csv.",
    "a.csv ",
    "a.csv\xa0",
    "sub./a.csv",
    "sub /a.csv",
    "a.csv:evil",
    "a:b:c",
    "a.csv::$DATA",
    "sub:x/a.csv",
    "-rf",
    "sub/--help",
    ".bashrc",
    "sub/.bashrc",
    ".ssh/authorized_keys",
    "...",
    "n/" * 65 + "a.csv",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_would_do_harm_stops_everything(place: Path, name: str) -> None:
    path = zip_of(place, ("good.csv", b"x"), (raw(name), b"x"))
    with pytest.raises(BadDownload):
        extract(path, place / "out", deadline=PASSED)
    assert [found.name for found in place.iterdir()] == ["reports.zip"]


@pytest.mark.parametrize(
    "name",
    ["a b.csv", "Check 2026-11-24T03:00:00Z ab.csv", "a?.csv", "n/" * 64 + "a", "\u0418\u0306.csv", "a-b.c.d", "_.x"],
)
def test_an_odd_name_that_does_no_harm_is_taken(place: Path, name: str) -> None:
    extract(zip_of(place, (raw(name), b"x")), place / "out")
    assert (place / "out" / name).read_bytes() == b"x"


def test_names_take_memory_once_and_not_for_each_folder_in_them(place: Path) -> None:
    """A name of 64 KiB may be 32,000 folders deep, and the paths of all of them are a gigabyte."""
    path = zip_of(place, (raw("n/" * 32_000 + "a"), b""))
    tracemalloc.start()
    try:
        with pytest.raises(BadDownload):
            extract(path, place / "out", deadline=PASSED)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_files_and_folders_are_counted_together(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hcexport.transfer.extract_zip.MAX_PLACES", 3)
    extract(zip_of(place, ("s/a", b""), ("s/b", b"")), place / "out")
    with pytest.raises(BadDownload):
        extract(zip_of(place, ("s/a", b""), ("t/b", b"")), place / "other")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_stops_everything(place: Path) -> None:
    path = zip_of(place, ("good.csv", b""), ("s/a.csv", b"one"), ("s/a.csv", b"two"))
    with pytest.raises(BadDownload):
        extract(path, place / "out", deadline=PASSED)
    assert [found.name for found in place.iterdir()] == ["reports.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_stop_everything(place: Path, kind: int) -> None:
    member = zipfile.ZipInfo("a.csv")
    member.create_system = 3
    member.external_attr = (kind | 0o777) << 16
    path = zip_of(place, ("good.csv", b"x"), (member, b"/etc/passwd"))
    with pytest.raises(BadDownload):
        extract(path, place / "out", deadline=PASSED)
    assert [found.name for found in place.iterdir()] == ["reports.zip"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.csv", "A.CSV"),
        ("sub/a.csv", "SUB/b.csv"),
        ("straße", "STRASSE"),
        ("\xe9.csv", "e\u0301.csv"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("a/", "a"),
        ("A/b", "a"),
    ],
)
def test_names_that_collide_stop_everything(place: Path, one: str, other: str) -> None:
    path = zip_of(place, (one, b""), (other, b""))
    with pytest.raises(BadDownload):
        extract(path, place / "out", deadline=PASSED)
    assert [found.name for found in place.iterdir()] == ["reports.zip"]


@pytest.mark.parametrize("names", [["a.csv", "b.csv"], ["s/a", "s/b"], ["s/", "s/a"], ["s/a", "s/"], ["a", "b/a"]])
def test_names_that_do_not_collide_do_not(place: Path, names: list[str]) -> None:
    extract(zip_of(place, *[(name, b"") for name in names]), place / "out")
    for name in names:
        assert (place / "out" / name).exists()


@given(st.lists(st.text("aB./\\\0:\u0301\xe9", min_size=1, max_size=6), min_size=1, max_size=4))
def test_whatever_the_names_nothing_lands_elsewhere(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    place = tmp_path_factory.mktemp("place")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in dict.fromkeys(names):
            archive.writestr(raw(name), b"")
    (place / "reports.zip").write_bytes(target.getvalue())
    try:
        extract(place / "reports.zip", place / "out")
    except BadDownload:
        assert [found.name for found in place.iterdir()] == ["reports.zip"]
    else:
        assert sorted(found.name for found in place.iterdir()) == ["out", "reports.zip"]


def test_a_bomb_is_known_by_its_list_of_members(place: Path) -> None:
    path = zip_of(place, ("a.csv", bytes(70 << 20)))
    assert path.stat().st_size < 100_000
    with pytest.raises(BadDownload):
        extract(path, place / "out", deadline=PASSED)
    assert [found.name for found in place.iterdir()] == ["reports.zip"]


def test_a_bomb_that_lies_about_its_size_is_stopped(place: Path) -> None:
    path = zip_of(place, ("a.csv", bytes(1 << 20)))
    body = path.read_bytes()
    at = body.index(b"PK\x01\x02") + 24
    path.write_bytes(body[:at] + b"\x05\0\0\0" + body[at + 4 :])
    with pytest.raises(BadDownload):
        extract(path, place / "out")
    assert [found.name for found in place.iterdir()] == ["reports.zip"]


def test_a_bomb_is_counted_and_not_believed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """zipfile gives no more than the list of members says; that is its word, not ours."""
    path = good_zip(place)
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda _self, size: bytes(size))
    with pytest.raises(BadDownload):
        extract(path, place / "out", limits=Limits(small=5 << 20), deadline=Deadline.after(5))


def test_what_is_unpacked_is_private_until_it_is_whole(place: Path) -> None:
    modes = set()

    def look() -> float:
        modes.update(stat.S_IMODE(path.stat().st_mode) for path in place.glob(".hcexport-*"))
        return 0.0

    extract(good_zip(place), place / "out", deadline=Deadline(1.0, look))
    assert modes == {0o700}


def test_no_room_is_noticed_before_anything_is_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = good_zip(place)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=100, free=4))
    with pytest.raises(CannotCreate):
        extract(path, place / "out", deadline=PASSED)


def test_what_a_killed_run_left_is_swept(place: Path) -> None:
    left = place / ".hcexport-zip-0123456789abcdef.extract"
    (left / "content").mkdir(parents=True)
    os.utime(left, (0, 0))
    extract(good_zip(place), place / "out")
    assert not left.exists()


@pytest.mark.parametrize("limits", [Limits(members=2), Limits(bytes=4), Limits(small=0, ratio=0)])
def test_each_limit_is_kept(place: Path, limits: Limits) -> None:
    with pytest.raises(BadDownload):
        extract(good_zip(place), place / "out", limits=limits)
    assert not (place / "out").exists()


def test_limits_leave_room_for_real_reports() -> None:
    limits = Limits()
    assert limits.allowed(1000) == limits.small
    assert limits.allowed(10 << 20) == 200 * (10 << 20)
    assert limits.allowed(10 << 30) == limits.bytes


def test_damage_found_at_the_last_member_leaves_nothing(place: Path) -> None:
    path = zip_of(place, ("a.csv", b"good"), ("b.csv", os.urandom(1000)), method=zipfile.ZIP_STORED)
    body = bytearray(path.read_bytes())
    body[200] ^= 1
    path.write_bytes(body)
    with pytest.raises(BadDownload):
        extract(path, place / "out")
    assert [found.name for found in place.iterdir()] == ["reports.zip"]


def test_a_failure_leaves_an_existing_folder_as_it_was(place: Path, out: Path) -> None:
    path = zip_of(place, ("a.csv", b"good"), ("b.csv", os.urandom(1000)), method=zipfile.ZIP_STORED)
    body = bytearray(path.read_bytes())
    body[200] ^= 1
    path.write_bytes(body)
    with pytest.raises(BadDownload):
        extract(path, out, if_exists=IfExists.OVERWRITE)
    assert tree(out) == OLD


def test_the_deadline_leaves_nothing(place: Path) -> None:
    with pytest.raises(TimedOut):
        extract(good_zip(place), place / "out", deadline=Deadline(0.0))
    assert [found.name for found in place.iterdir()] == ["reports.zip"]


def test_a_name_too_long_for_the_disk_leaves_nothing(place: Path) -> None:
    with pytest.raises(CannotCreate):
        extract(zip_of(place, ("a.csv", b""), ("x" * 300, b"")), place / "out")
    assert [found.name for found in place.iterdir()] == ["reports.zip"]


def test_a_zip_that_is_not_there(place: Path) -> None:
    with pytest.raises(CannotCreate):
        extract(place / "nowhere.zip", place / "out")
