"""--out is settled before anything is sent."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from hcexport.errors import CannotCreate, UsageError
from hcexport.transfer.destination import (
    Destination,
    FileDestination,
    IfExists,
    StreamDestination,
    resolve,
    zip_name,
)
from hcexport.transfer.disk import require_room

NOW = datetime(2026, 11, 23, 4, 5, 6).astimezone()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def settled(out: str, if_exists: IfExists = IfExists.FAIL, job_id: str | None = None) -> Destination:
    return resolve(out, if_exists=if_exists, profile="prod/eu", job_id=job_id, now=NOW)


def as_file(out: str, if_exists: IfExists = IfExists.FAIL) -> FileDestination:
    destination = settled(out, if_exists)
    assert isinstance(destination, FileDestination)
    return destination


def test_a_file_is_meant_absolutely(folder: Path) -> None:
    assert as_file("a.zip").target("ignored.zip") == folder / "a.zip"


@pytest.mark.parametrize("out", ["sub/", "sub", "./sub"])
def test_a_folder_takes_the_servers_name(folder: Path, out: str) -> None:
    (folder / "sub").mkdir()
    assert as_file(out).target("../x.zip") == folder / "sub" / "_x.zip"


def test_words_in_the_path_are_filled_in(folder: Path) -> None:
    (folder / "2026-11-23").mkdir()
    destination = as_file("{date}/{profile}-{time}-{job_id}{{}}.zip").for_job("../j1")
    assert destination.target("") == folder / "2026-11-23" / "prod_eu-040506-_j1{}.zip"


def test_a_job_id_that_is_known_needs_no_job(folder: Path) -> None:
    destination = settled("{job_id}.zip", job_id="j1")
    assert isinstance(destination, FileDestination)
    assert destination.target("") == folder / "j1.zip"


@pytest.mark.parametrize("out", ["", "a\0b", "{nope}.zip", "{job_id}/a.zip", "{date.zip"])
def test_what_means_nothing_is_a_usage_error(out: str) -> None:
    with pytest.raises(UsageError):
        settled(out)


def test_nothing_of_the_check_is_left(folder: Path) -> None:
    settled("a.zip")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("out", ["missing/below/", "missing/a.zip", "file/a.zip", "file/", "a" * 256, "loop/a.zip"])
def test_what_cannot_be_written_is_said_before_anything_is_sent(folder: Path, out: str) -> None:
    (folder / "file").write_text("")
    (folder / "loop").symlink_to("loop")
    with pytest.raises(CannotCreate) as raised:
        settled(out)
    assert raised.value.hint


def test_a_missing_folder_comes_with_the_command_that_makes_it(folder: Path) -> None:
    with pytest.raises(CannotCreate) as raised:
        settled("a b/c/x.zip")
    assert raised.value.hint == f"mkdir -p '{folder}/a b/c'"


def test_a_name_may_be_as_long_as_the_file_system_takes(folder: Path) -> None:
    as_file("a" * 255)


def test_a_name_too_long_by_the_job_id_is_noticed_early() -> None:
    with pytest.raises(CannotCreate):
        settled("a" * 230 + "{job_id}")


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_folder_that_may_not_be_written_to() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        os.seteuid(65534)
        try:
            with pytest.raises(CannotCreate) as raised:
                settled(f"{name}/a.zip")
        finally:
            os.seteuid(0)
    assert "permission" in raised.value.message
    assert raised.value.hint


def test_a_folder_that_takes_no_files() -> None:
    with pytest.raises(CannotCreate):
        settled("/proc/self/fd/a.zip")


def test_a_file_that_is_there_is_never_replaced_unasked(folder: Path) -> None:
    (folder / "a.zip").write_text("old")
    with pytest.raises(CannotCreate) as raised:
        settled("a.zip")
    assert "--if-exists" in (raised.value.hint or "")


def test_a_dangling_link_is_there_too(folder: Path) -> None:
    (folder / "a.zip").symlink_to("nowhere")
    with pytest.raises(CannotCreate):
        settled("a.zip")


def test_skip_keeps_what_is_there_and_nothing_else(folder: Path) -> None:
    assert as_file("a.zip", IfExists.SKIP).existing() is None
    (folder / "a.zip").write_text("old")
    assert as_file("a.zip", IfExists.SKIP).existing() == folder / "a.zip"


@pytest.mark.parametrize("if_exists", [IfExists.OVERWRITE, IfExists.RENAME])
def test_others_go_on(folder: Path, if_exists: IfExists) -> None:
    (folder / "a.zip").write_text("old")
    assert as_file("a.zip", if_exists).existing() is None


def test_a_folder_in_the_way_of_a_name_that_was_not_known(folder: Path) -> None:
    (folder / "x.zip").mkdir()
    with pytest.raises(CannotCreate):
        as_file("./", IfExists.OVERWRITE).existing("x.zip")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277])
def test_the_zip_will_have_the_mode_of_any_new_file(umask: int) -> None:
    before = os.umask(umask)
    try:
        assert as_file("a.zip").mode == 0o666 & ~umask
    finally:
        os.umask(before)


@pytest.mark.parametrize("out", ["-", "/dev/stdout"])
def test_standard_output(out: str) -> None:
    assert settled(out) == StreamDestination()


@pytest.mark.parametrize("if_exists", list(IfExists))
@pytest.mark.parametrize("name", ["fifo", "link", "socket", "/dev/null", "/dev/full"])
def test_what_is_no_file_is_no_place_for_one(folder: Path, name: str, if_exists: IfExists) -> None:
    os.mkfifo(folder / "fifo")
    (folder / "link").symlink_to("fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(CannotCreate) as raised:
            settled(name, if_exists)
    assert raised.value.hint
    assert (folder / "fifo").is_fifo()


@pytest.mark.parametrize("if_exists", [IfExists.FAIL, IfExists.OVERWRITE, IfExists.SKIP])
def test_a_fifo_of_the_servers_name_is_no_place_either(folder: Path, if_exists: IfExists) -> None:
    os.mkfifo(folder / "x.zip")
    with pytest.raises(CannotCreate):
        as_file("./", if_exists).existing("x.zip")


@pytest.mark.parametrize("out", ["new/", "{date}/", "./new//"])
def test_a_folder_with_a_slash_is_made_where_its_parent_exists(folder: Path, out: str) -> None:
    target = as_file(out).target("x.zip")
    assert target.parent.parent == folder
    assert target.parent.is_dir()
    assert list(target.parent.iterdir()) == []


def test_a_folder_may_be_checked_without_being_made(folder: Path) -> None:
    destination = resolve("new/", may_make_folder=False)
    assert isinstance(destination, FileDestination)
    assert destination.target("x.zip") == folder / "new" / "x.zip"
    assert list(folder.iterdir()) == []


def test_a_dangling_link_is_no_folder_to_be_made(folder: Path) -> None:
    (folder / "link").symlink_to("nowhere")
    with pytest.raises(CannotCreate):
        settled("link/")
    assert [path.name for path in folder.iterdir()] == ["link"]


def test_room_is_looked_for(folder: Path) -> None:
    require_room(folder, 1)
    with pytest.raises(CannotCreate) as raised:
        require_room(folder, 1 << 60)
    assert raised.value.hint


def test_a_file_system_of_unknown_size_may_have_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=0, free=0))
    require_room(folder, 1)


@pytest.mark.parametrize(
    ("item_name", "expected"),
    [
        ("a.zip", "a.zip"),
        ("A.ZIP", "A.ZIP"),
        ("a.exe", "a.exe.zip"),
        ("", "health-reports.zip"),
        ("..", "health-reports.zip"),
    ],
)
def test_the_servers_name_is_always_a_zips(item_name: str, expected: str) -> None:
    assert zip_name(item_name) == expected


def test_a_long_name_of_the_server_stays_a_zips() -> None:
    assert zip_name("x" * 300).endswith("x.zip")
    assert len(zip_name("x" * 300)) == 150
