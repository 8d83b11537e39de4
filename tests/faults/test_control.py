"""The suite can see: a downloader as one writes it first fails it, and a good server fails nobody."""

from __future__ import annotations

import pytest

from .case import Campaign, Case, State
from .organization import good
from .table import TABLE, Fault

FAILS_AT_LEAST = 15  # with fewer, the cases would show little of what they see
ENOUGH = 60


def test_table_is_long_enough() -> None:
    assert len({(fault.kind, fault.name) for fault in TABLE}) == len(TABLE) >= ENOUGH


@pytest.mark.slow
def test_control_fails(campaign: Campaign) -> None:
    futures = [campaign.submit(Case(fault, State.FRESH), "naive") for fault in TABLE[::4]]
    failed = [future for future in futures if list(future.result().file_violations())]
    assert len(failed) >= FAILS_AT_LEAST


@pytest.mark.parametrize("program", ["naive", "hcexport"])
@pytest.mark.parametrize("state", State)
def test_nobody_fails_a_good_server(campaign: Campaign, program: str, state: State) -> None:
    fine = Case(Fault("none", "none", (0,), file=(good,)), state)
    outcome = campaign.submit(fine, program).result()
    assert outcome.ended.status == 0
    assert list(outcome.file_violations()) == []
