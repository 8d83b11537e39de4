"""Every network fault of the table in every state of the folder, begun together so that their waits overlap.

Each state is a class, because pytest-xdist hands out classes (``--dist loadscope``): two workers share the table.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .case import Campaign, Case, Outcome, State
from .table import TABLE

Result = Callable[[Case], Outcome]


def in_state(state: State) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [Case(fault, state) for fault in TABLE], ids=str)


@pytest.fixture(scope="class")
def outcome(campaign: Campaign, request: pytest.FixtureRequest) -> Result:
    """The outcomes of the cases of one class that were selected."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function) and item.cls is request.cls]
    futures = {case: campaign.submit(case) for case in (item.callspec.params["case"] for item in items)}
    return lambda case: futures[case].result()


class NetworkFaults:
    def test_fault(self, case: Case, outcome: Result) -> None:
        assert list(outcome(case).violations(case.fault.ends)) == []


@in_state(State.FRESH)
class TestFresh(NetworkFaults):
    """With nothing in the folder."""


@in_state(State.OLD_FILE)
class TestOldFile(NetworkFaults):
    """With an older file under the final name."""


@in_state(State.RESUMED)
class TestResumed(NetworkFaults):
    """With the part file of an earlier run."""
