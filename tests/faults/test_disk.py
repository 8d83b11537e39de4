"""What stands in the way on this machine: full, limited and forbidden places, things that have the name already."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.process import ForkServer

from .case import OLD
from .organization import Turn, good
from .saving import Saving
from .table import A
from .turns import without_length

DAY_S = 86_400
Made = Callable[..., Saving]


@pytest.fixture
def saving(fork_server: ForkServer, tmp_path: Path) -> Iterator[Saving]:
    with Saving(fork_server, tmp_path) as made:
        yield made


def refused(saving: Saving, *more: str, out: str | Path = "reports.zip") -> None:
    """Status 73, one line, and nothing asked of the server."""
    ended = saving.save(*more, out=out)
    assert ended.status == 73, ended.stderr
    assert len(saving.errors(ended)) == 1
    assert saving.server.requests == []


@pytest.mark.parametrize("name", ["x" * 256 + ".zip", "no/such/folder.zip", "reports.zip/below", "loop/reports.zip"])
def test_a_name_that_cannot_be(name: str, saving: Saving) -> None:
    (saving.work / "reports.zip").write_bytes(OLD)
    (saving.work / "loop").symlink_to("loop")
    refused(saving, out=name)
    assert (saving.work / "reports.zip").read_bytes() == OLD


def test_the_longest_name_that_can_be(saving: Saving) -> None:
    name = "x" * 251 + ".zip"
    assert saving.save(out=name).status == 0
    assert (saving.work / name).read_bytes() == A.body


@pytest.mark.parametrize("if_exists", ["fail", "overwrite", "skip", "rename"])
def test_a_folder_in_the_way(if_exists: str, saving: Saving) -> None:
    """A folder's name means "into it": the folder is never replaced."""
    (saving.work / "reports.zip").mkdir()
    ended = saving.save("--if-exists", if_exists)
    assert ended.status in {0, 73}
    assert (saving.work / "reports.zip").is_dir()


def test_a_folder_in_the_way_of_the_servers_name(saving: Saving) -> None:
    (saving.work / "into" / "reports.zip").mkdir(parents=True)
    ended = saving.save("--if-exists", "overwrite", out="into/")
    assert ended.status == 73, ended.stderr
    assert (saving.work / "into" / "reports.zip").is_dir()


@pytest.mark.parametrize(
    ("if_exists", "status", "old", "names"),
    [
        ("fail", 73, True, {"reports.zip"}),
        ("skip", 0, True, {"reports.zip"}),
        ("overwrite", 0, False, {"reports.zip"}),
        ("rename", 0, True, {"reports.zip", "reports (1).zip"}),
    ],
)
def test_a_file_that_is_there(if_exists: str, status: int, old: bool, names: set[str], saving: Saving) -> None:
    target = saving.work / "reports.zip"
    target.write_bytes(OLD)
    assert saving.save("--if-exists", if_exists).status == status
    assert (target.read_bytes() == OLD) == old
    assert {path.name for path in saving.work.iterdir()} == names


@pytest.mark.parametrize("dangling", [True, False])
def test_a_symbolic_link_is_replaced_and_never_followed(dangling: bool, saving: Saving) -> None:
    elsewhere = saving.work.parent / "elsewhere"
    if not dangling:
        elsewhere.write_bytes(OLD)
    target = saving.work / "reports.zip"
    target.symlink_to(elsewhere)
    assert saving.save().status == 73
    assert saving.save("--if-exists", "overwrite").status == 0
    assert not target.is_symlink()
    assert target.read_bytes() == A.body
    assert not elsewhere.exists() if dangling else elsewhere.read_bytes() == OLD


@pytest.mark.parametrize("if_exists", ["fail", "overwrite"])
def test_a_fifo_is_refused_at_once(if_exists: str, saving: Saving) -> None:
    """Nobody reads it: to open it would be to wait for ever."""
    os.mkfifo(saving.work / "fifo")
    refused(saving, "--if-exists", if_exists, out="fifo")
    assert (saving.work / "fifo").is_fifo()


def test_dev_null_stays_what_it_is(saving: Saving) -> None:
    refused(saving, "--if-exists", "overwrite", out="/dev/null")
    assert Path("/dev/null").is_char_device()


def test_a_folder_that_is_anothers(saving: Saving, as_user: Callable[[int], tuple[list[str], Path]]) -> None:
    words, folder = as_user(65534)
    env = {**saving.env, "HCEXPORT_HOME": "/nonexistent/hcexport", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [*words, sys.executable, "-m", "hcexport", *saving.argv()],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 73, done.stderr
    assert saving.server.requests == []


def test_a_file_of_another_in_a_sticky_folder(saving: Saving, as_user: Callable[[int], tuple[list[str], Path]]) -> None:
    """No rename replaces it, which is known before anything is sent."""
    words, folder = as_user(65534)
    (folder / "sticky").mkdir()
    (folder / "sticky").chmod(0o1777)
    (folder / "sticky" / "reports.zip").write_bytes(OLD)
    done = subprocess.run(
        [*words, sys.executable, "-m", "hcexport", *saving.argv(), "--if-exists", "overwrite"],
        env={**saving.env, "HCEXPORT_HOME": "/nonexistent/hcexport", "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=folder / "sticky",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 73, done.stderr
    assert saving.server.requests == []
    assert [path.name for path in (folder / "sticky").iterdir()] == ["reports.zip"]


@pytest.mark.parametrize("turn", [good, without_length()], ids=["length said", "length not said"])
def test_a_limit_on_file_sizes(turn: Turn, fork_server: ForkServer, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    target = tmp_path / "work" / "reports.zip"
    target.write_bytes(OLD)
    with Saving(fork_server, tmp_path, [turn]) as saving:
        argv = [sys.executable, "-m", "hcexport", *saving.argv("--if-exists", "overwrite")]
        done = subprocess.run(
            argv,
            env=saving.env,
            cwd=saving.work,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        )
    assert done.returncode == 73, done.stderr
    assert "Traceback" not in done.stderr
    assert target.read_bytes() == OLD


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB; where none can be mounted, the limit on file sizes above stands for it."""
    place = tmp_path / "work"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("turn", [good, without_length()], ids=["length said", "length not said"])
def test_a_full_disk(turn: Turn, small_disk: Path, fork_server: ForkServer, tmp_path: Path) -> None:
    target = small_disk / "reports.zip"
    target.write_bytes(OLD)
    with Saving(fork_server, tmp_path, [turn]) as saving:
        ended = saving.save("--if-exists", "overwrite")
    assert ended.status == 73, ended.stderr
    assert len(saving.errors(ended)) == 1
    assert target.read_bytes() == OLD


def test_planted_links_and_parts_of_others_are_left_alone(saving: Saving) -> None:
    """The name of the part is known to who watched; what stands there is opened only if it is a file of our own."""
    victim = saving.work.parent / "victim"
    victim.write_bytes(OLD)
    for end in ("part", "note"):
        (saving.work / f".hcexport-0123456789abcdef-{'0' * 16}.{end}").symlink_to(victim)
    assert saving.save().status == 0
    assert victim.read_bytes() == OLD
    assert (saving.work / "reports.zip").read_bytes() == A.body


def test_leftovers_are_swept_after_seven_days(saving: Saving) -> None:
    old, young, foreign = (
        saving.work / name
        for name in (f".hcexport-{'0' * 16}-{'1' * 16}.part", f".hcexport-{'0' * 16}-{'2' * 16}.part", "mine")
    )
    for path, days in ((old, 8), (young, 6), (foreign, 99)):
        path.write_bytes(b"x")
        os.utime(path, (time.time() - days * DAY_S,) * 2)
    assert saving.save().status == 0
    assert [old.exists(), young.exists(), foreign.exists()] == [False, True, True]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o277])
def test_our_files_are_private_and_saved_ones_follow_umask(mask: int, saving: Saving) -> None:
    argv = [sys.executable, "-m", "hcexport", *saving.argv()]
    done = subprocess.run(
        argv, env=saving.env, cwd=saving.work, check=False, umask=mask, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (saving.work / "reports.zip").stat().st_mode & 0o777 == 0o666 & ~mask
    home = Path(saving.env["HCEXPORT_HOME"])
    assert {path.stat().st_mode & 0o077 for path in home.rglob("*")} <= {0}
