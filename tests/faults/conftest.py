"""What the cases run in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.process import ForkServer

from .case import Campaign
from .process import SMALL


@pytest.fixture(scope="session")
def campaign() -> Iterator[Campaign]:
    """Runs cases, a few at a time."""
    made = Campaign()
    yield made
    made.close()


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """Starts runs of hcexport that cost a fork and wait no longer than ``SMALL`` says."""
    made = ForkServer(SMALL)
    yield made
    made.close()
