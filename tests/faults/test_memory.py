"""Memory while saving does not grow with the file: 2 GiB below 80 MiB, and within a tenth of 200 MiB's."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.support.process import ForkServer
from tests.support.server import Line

from .organization import Version
from .saving import Saving
from .turns import gzipped, json_says, says

MIB = 1 << 20
ZEROS = bytes(MIB)
CEILING_MIB = 80


class Sparse(io.FileIO):
    """A file that leaves out blocks of zeros."""

    def write(self, data: bytes, /) -> int:
        if data == ZEROS:
            self.seek(MIB, io.SEEK_CUR)
            return MIB
        return super().write(data)


def sparse_zip(path: Path, size: int) -> None:
    """A zip of ``size`` zeros, stored, that takes no room on the disk."""
    with (
        Sparse(path, "w") as file,
        zipfile.ZipFile(file, "w") as archive,
        archive.open("0", "w", force_zip64=True) as to,
    ):
        for _ in range(size // MIB):
            to.write(ZEROS)


MEASURE = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "hcexport", *sys.argv[1:]], stdout=subprocess.DEVNULL)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def measured(saving: Saving, *more: str, argv: Sequence[str] = ()) -> tuple[int, float]:
    """Status of a run and its peak of resident memory (MiB). A small process starts it: a fork begins as its parent."""
    argv = [sys.executable, "-c", MEASURE, *(argv or saving.argv(*more))]
    done = subprocess.run(argv, env=saving.env, cwd=saving.work, capture_output=True, text=True, check=True)
    status, peak_kib = done.stdout.split()
    return int(status), int(peak_kib) * 1024 / MIB


def peak_mib(folder: Path, size: int, fork_server: ForkServer) -> float:
    """Peak of resident memory (MiB) of a process that saves a zip of ``size`` bytes."""
    folder.mkdir()
    source = folder / "source.zip"
    sparse_zip(source, size)

    def pours(line: Line, _now: Version) -> None:
        with source.open("rb") as file:
            line.answer(200, b"", content_length=source.stat().st_size, etag='"v"')
            line.connection.settimeout(60)
            line.connection.sendfile(file)

    with Saving(fork_server, folder, [pours]) as saving:
        status, peak = measured(saving)
    assert status == 0
    assert (saving.work / "reports.zip").stat().st_size == source.stat().st_size
    for path in (source, saving.work / "reports.zip"):
        path.unlink()
    return peak


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_memory_does_not_grow_with_the_file(fork_server: ForkServer, tmp_path: Path) -> None:
    small, large = (
        peak_mib(tmp_path / "small", 200 * MIB, fork_server),
        peak_mib(tmp_path / "large", 2048 * MIB, fork_server),
    )
    print(f"200 MiB: {small:.1f} MiB, 2 GiB: {large:.1f} MiB")
    assert large < CEILING_MIB
    assert large < 1.1 * small


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
@pytest.mark.parametrize("where", ["description", "file"])
def test_a_bomb_stays_packed(where: str, encoding: str, fork_server: ForkServer, tmp_path: Path) -> None:
    bomb = gzipped(bytes(300 * MIB))
    answer = says(200, gzipped(bomb) if "," in encoding else bomb, content_encoding=encoding)
    with Saving(fork_server, tmp_path, [answer]) as saving:
        if where == "description":
            path = next(path for path in saving.organization.turns if path.endswith("3"))
            saving.organization.turns = {path: [answer]}
        _, peak = measured(saving, "--timeout", "2")
    assert peak < CEILING_MIB


def packed(method: int, size: int) -> bytes:
    """A zip of one member of zeros."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive, archive.open("a.csv", "w") as to:
        for _ in range(size // MIB):
            to.write(ZEROS)
    return target.getvalue()


def many_members() -> bytes:
    """About the largest list of members that is read, of names that take four bytes a character in memory."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(99_000):
            archive.writestr(f"\U0001f600{number:05}" + "x" * 26, b"")
    return target.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "status"),
    [
        (lambda: packed(zipfile.ZIP_BZIP2, 512 * MIB), 7),
        (lambda: packed(zipfile.ZIP_DEFLATED, 512 * MIB), 0),
        (many_members, 0),
    ],
    ids=["bzip2", "deflated", "many members"],
)
def test_no_zip_takes_more_than_150_mib(
    make: Callable[[], bytes], status: int, fork_server: ForkServer, tmp_path: Path
) -> None:
    with Saving(fork_server, tmp_path, [says(200, make(), content_type="application/zip")]) as saving:
        ended, peak = measured(saving, "--timeout", "60")
    print(f"{peak:.1f} MiB")
    assert ended == status
    assert peak < 150


NEARLY_4_MIB = 39 * MIB // 10


def runs_of(row: bytes) -> bytes:
    """A list of reports that is as large as an answer may be."""
    return b'{"error":{"code":500},"runs":[' + b",".join([row] * (NEARLY_4_MIB // (len(row) + 1))) + b"]}"


LISTS = {
    "empty rows": runs_of(b"{}"),
    "rows of one field": runs_of(b'{"id":"\\ud800"}'),
    "one row of many fields": runs_of(b"{" + b",".join(b'"%x":0' % number for number in range(400_000)) + b"}"),
    "far more than may be": b'{"runs":[' + b"{}," * (10 * MIB) + b"{}]}",
}


@pytest.mark.parametrize("kind", LISTS)
def test_no_answer_costs_more_than_its_share(kind: str, fork_server: ForkServer, tmp_path: Path) -> None:
    """Objects take up to 30 times the room of their JSON."""
    with Saving(fork_server, tmp_path) as saving:
        saving.organization.turns["/gis/admin/jobs/j1"] = [json_says(LISTS[kind])]
        status, peak = measured(saving, argv=["wait", "j1", "--url", f"{saving.origin}/gis", "--timeout", "1"])
    assert status == 124
    assert peak < 150


def test_a_list_that_never_ends_is_left_in_time(fork_server: ForkServer, tmp_path: Path) -> None:
    def page(line: Line, _now: Version) -> None:
        start = int(line.request.target.partition("start=")[2].partition("&")[0])
        rows = [{"id": str(start + number), "name": "x" * 200, "blob": "y" * 3000} for number in range(1000)]
        json_says(json.dumps({"runs": rows, "nextStart": start + 1000}).encode())(line, _now)

    with Saving(fork_server, tmp_path) as saving:
        saving.organization.turns["/gis/admin/healthCheck/reports/query"] = [page]
        status, peak = measured(saving, argv=["list", "--url", f"{saving.origin}/gis"])
    assert status == 6
    assert peak < 150
