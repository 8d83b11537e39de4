"""Kills tear nothing: 300 of them here, 3,000 before a release with ``python -m tests.faults --kills 3000``."""

from __future__ import annotations

import os

import pytest

from .kills import BAD, kill

KILLS = int(os.environ.get("HCEXPORT_TEST_KILLS", "300"))


@pytest.mark.slow
@pytest.mark.timeout(60 + KILLS)
def test_kills_tear_nothing_and_the_next_run_completes() -> None:
    count, stories = kill(KILLS)
    print({**count})
    assert {name: count[name] for name in BAD} == dict.fromkeys(BAD, 0), stories
    assert count["kills"] >= KILLS
    assert count["ended before the signal"] < KILLS / 2
