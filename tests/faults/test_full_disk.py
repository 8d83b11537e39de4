"""A disk that fills up in the middle of a command, page by page: the disk of what hcexport remembers.

Each number of free pages is a disk of its own, so that every write meets a full one.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hcexport.sandbox import Sandbox
from hcexport.store.history import History
from tests.support.process import Ended, ForkServer

from .process import environment

PAGE = 4096
NEW = ("export", "--new", "--out", "{folder}/")


class Disk:
    """A home on a small file system of its own, and an organization."""

    def __init__(self, place: Path, box: Sandbox, fork_server: ForkServer) -> None:
        self.place, self.box, self.fork_server = place, box, fork_server
        self.env = environment(place / "home", HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        self.folder = place.parent / "saved"  # on another disk, which is not full
        self.folder.mkdir(exist_ok=True)

    def leave_pages(self, count: int) -> None:
        """Fill it up to a number of free pages."""
        found = os.statvfs(self.place)
        (self.place / "filler").write_bytes(bytes((found.f_bavail * found.f_frsize // PAGE - count) * PAGE))

    def free(self) -> None:
        (self.place / "filler").unlink()

    def run(self, *words: str, **env: str) -> Ended:
        argv = ["hcexport", *(word.format(folder=self.folder) for word in words)]
        return self.fork_server.run(argv, {**self.env, **env}, self.folder, 20)

    def exports(self) -> int:
        return len(self.box._world.jobs.ids())

    def kept(self) -> frozenset[str]:
        """The reports that the file of the history holds, whatever a process had in memory."""
        with History(self.place / "home" / "history.db", self.box.url, lambda _: None) as history:
            return history.ids()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("pages", range(4, 16))
def test_what_the_ledger_cannot_note_is_not_exported_twice(pages: int, place: Path, fork_server: ForkServer) -> None:
    with Sandbox(job_seconds=0.05) as box:
        disk = Disk(place, box, fork_server)
        disk.leave_pages(pages)
        full = disk.run(*NEW)
        assert full.status in {0, 73}, full.stderr
        disk.free()
        again = disk.run(*NEW)
        assert (again.status, disk.exports()) == (0, 1), full.stderr + again.stderr


@pytest.mark.slow
@pytest.mark.parametrize("pages", range(0, 48, 4))
def test_what_is_deleted_is_kept(pages: int, place: Path, fork_server: ForkServer) -> None:
    with Sandbox() as box:
        disk = Disk(place, box, fork_server)
        there = {report.id for report in box.reports}
        disk.leave_pages(pages)
        ended = disk.run("delete", "--until", "1d", "--unsaved", "--failed-too", "--yes")
        disk.free()
        deleted = there - {report.id for report in box.reports}
        assert ended.status in {0, 73}, ended.stderr
        assert bool(deleted) == (ended.status == 0)
        assert deleted <= disk.kept()


def test_a_sign_in_needs_no_disk(place: Path, fork_server: ForkServer) -> None:
    """The refusal that is noted of another password cannot be taken back, which is no reason to be signed out."""
    with Sandbox() as box:
        disk = Disk(place, box, fork_server)
        user = {"HCEXPORT_TOKEN": "", "HCEXPORT_USERNAME": box.username}
        assert disk.run("list", "--latest", "1", **user, HCEXPORT_PASSWORD="of last year").status == 4
        disk.leave_pages(0)
        ended = disk.run("list", "--latest", "1", **user, HCEXPORT_PASSWORD=box.password)
        assert ended.status == 0, ended.stderr
