"""Resuming saves work and never splices: cuts anywhere, by a server that changes its mind or does not."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.support.process import ForkServer
from tests.support.server import Line

from .organization import Version, asked_from, good, version
from .saving import Saving
from .turns import cut, says

BIG, OTHER = version(7, noise=2_000_000), version(8, noise=2_000_000)
SLACK = 1 << 20  # bytes that a resumed run may fetch twice
CUTS = int(os.environ.get("HCEXPORT_TEST_CUTS", "20"))  # of each kind; 50 before a release


class Counting:
    """Good answers, and how many bytes they held."""

    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, line: Line, now: Version) -> None:
        self.bytes += now.size - asked_from(line, now)
        good(line, now)


def cut_then(fork_server: ForkServer, folder: Path, share: float, versions: list[Version]) -> tuple[int, Path]:
    """Bytes fetched by a run after one that was cut at a share, and what it saved."""
    folder.mkdir()
    counting = Counting()
    with Saving(fork_server, folder, [cut(share), says(403), counting], [versions[0], *versions]) as saving:
        assert saving.save().status == 4
        ended = saving.save()
    assert ended.status == 0, ended.stderr
    return counting.bytes, saving.work / "reports.zip"


@pytest.mark.slow
def test_a_resumed_run_fetches_the_rest_and_no_more(fork_server: ForkServer, tmp_path: Path) -> None:
    chance = random.Random(5)
    for number in range(CUTS):
        share = chance.random()
        fetched, saved = cut_then(fork_server, tmp_path / str(number), share, [BIG])
        assert saved.read_bytes() == BIG.body
        assert fetched <= (1 - share) * BIG.size + SLACK


@pytest.mark.slow
def test_a_changed_item_is_never_spliced(fork_server: ForkServer, tmp_path: Path) -> None:
    chance = random.Random(6)
    for number in range(CUTS):
        _, saved = cut_then(fork_server, tmp_path / str(number), chance.random(), [BIG, OTHER])
        assert saved.read_bytes() == OTHER.body


def test_a_break_in_the_same_run_is_gone_on_with(fork_server: ForkServer, tmp_path: Path) -> None:
    counting = Counting()
    with Saving(fork_server, tmp_path, [cut(0.5), counting], [BIG]) as saving:
        assert saving.save().status == 0
    assert counting.bytes == BIG.size - BIG.size // 2
    assert (saving.work / "reports.zip").read_bytes() == BIG.body
