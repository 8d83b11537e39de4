"""What the cases run in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .case import Campaign
from .process import Zygote


@pytest.fixture(scope="session")
def campaign() -> Iterator[Campaign]:
    """Runs cases, a few at a time."""
    made = Campaign()
    yield made
    made.close()


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Starts runs of hcexport that cost a fork."""
    made = Zygote()
    yield made
    made.close()
