"""The tests of one state: every row of the table, begun together so that their waits overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .case import Campaign, Case, Outcome, State
from .table import TABLE

Result = Callable[[Case], Outcome]


def cases(state: State) -> list[Case]:
    """A case for each fault."""
    return [Case(fault, state) for fault in TABLE]


def outcomes(campaign: Campaign, request: pytest.FixtureRequest) -> Iterator[Result]:
    """The results of the cases that were selected in this module."""
    selected = [item.callspec.params["case"] for item in request.session.items if item.path == request.path]
    futures = {case: campaign.submit(case) for case in selected}
    yield lambda case: futures[case].result()
