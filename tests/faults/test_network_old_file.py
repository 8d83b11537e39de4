"""Every network fault of the table, with an older file under the final name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .case import Campaign, Case, State
from .network import Result, cases, outcomes


@pytest.fixture(scope="module")
def outcome(campaign: Campaign, request: pytest.FixtureRequest) -> Iterator[Result]:
    yield from outcomes(campaign, request)


@pytest.mark.parametrize("case", cases(State.OLD_FILE), ids=str)
def test_fault(case: Case, outcome: Result) -> None:
    assert list(outcome(case).violations(case.fault.ends)) == []
