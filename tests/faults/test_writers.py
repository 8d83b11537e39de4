"""Two and four writers at once, with locks and without: nobody's file is torn, nobody fails who need not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import pytest

from tests.support.process import ForkServer

from .organization import good
from .process import SMALL
from .saving import Saving
from .table import LARGER, SAME_SIZE, A
from .turns import cut, says

ROUNDS = int(os.environ.get("HCEXPORT_TEST_ROUNDS", "6"))  # 500 before a release
WRITERS = 4


@pytest.fixture(scope="module")
def fork_servers() -> Iterator[list[ForkServer]]:
    made = [ForkServer(SMALL) for _ in range(WRITERS)]
    yield made
    for each in made:
        each.close()


def at_once(saving: Saving, fork_servers: Sequence[ForkServer], *more: str, **env: str) -> list[int]:
    """Statuses of a run of each fork_server, begun together, all to one name."""
    argv = ["hcexport", *saving.argv(*more, out=saving.work / "reports.zip")]

    def run(fork_server: ForkServer) -> int:
        with tempfile.TemporaryDirectory() as folder:
            (own := Path(folder, "own")).mkdir()
            ended = fork_server.run(argv, {**saving.env, **env}, own, 15)
        assert "Traceback" not in ended.stderr
        return ended.status

    with ThreadPoolExecutor(len(fork_servers)) as pool:
        return list(pool.map(run, fork_servers))


def race(fork_servers: Sequence[ForkServer], folder: Path, *more: str, **env: str) -> list[int]:
    """The same from nothing; the server's file changes as they go."""
    versions = [version for version, _ in zip(cycle((A, SAME_SIZE, LARGER)), range(64), strict=False)]
    with Saving(fork_servers[0], folder, versions=versions) as saving:
        return at_once(saving, fork_servers, *more, **env)


def saved(folder: Path) -> list[bytes]:
    """What stands in the folder, not hidden."""
    return [path.read_bytes() for path in (folder / "work").glob("[!.]*")]


WHOLE = {version.body for version in (A, SAME_SIZE, LARGER)}


@pytest.mark.slow
@pytest.mark.timeout(60 + 2 * ROUNDS)
@pytest.mark.parametrize("locks", [True, False], ids=["with locks", "without locks"])
@pytest.mark.parametrize("writers", [2, 4])
def test_writers_at_once(writers: int, locks: bool, fork_servers: list[ForkServer], tmp_path: Path) -> None:
    env = {} if locks else {"TEST_WITHOUT_LOCKS": "1"}
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert race(fork_servers[:writers], folder, "--if-exists", "overwrite", **env) == [0] * writers
        (body,) = saved(folder)
        assert body in WHOLE


@pytest.mark.slow
@pytest.mark.parametrize("locks", [True, False], ids=["with locks", "without locks"])
def test_writers_that_all_inherit_one_part(locks: bool, fork_servers: list[ForkServer], tmp_path: Path) -> None:
    env = {} if locks else {"TEST_WITHOUT_LOCKS": "1"}
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        with Saving(fork_servers[0], folder, [cut(0.6), says(403), good]) as saving:
            assert saving.save().status == 4
            assert at_once(saving, fork_servers, "--if-exists", "overwrite", **env) == [0] * WRITERS
        assert saved(folder) == [A.body]


def test_one_name_for_one_of_four(fork_servers: list[ForkServer], tmp_path: Path) -> None:
    assert sorted(race(fork_servers, tmp_path, "--if-exists", "fail")) == [0, 73, 73, 73]
    (body,) = saved(tmp_path)
    assert body in WHOLE


def test_a_name_of_its_own_for_each_of_four(fork_servers: list[ForkServer], tmp_path: Path) -> None:
    assert race(fork_servers, tmp_path, "--if-exists", "rename") == [0] * WRITERS
    bodies = saved(tmp_path)
    assert len(bodies) == WRITERS
    assert set(bodies) <= WHOLE
