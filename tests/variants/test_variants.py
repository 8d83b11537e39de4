"""The table of variants: each ends as an administrator wants."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from .case import Result, Runner
from .table import TABLE

ENOUGH = 150
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results() -> Iterator[dict[str, Future[Result]]]:
    """Run them all side by side."""
    runner = Runner()
    yield {str(variant): runner.submit(variant) for variant in TABLE}
    runner.close()


def test_the_table_is_complete() -> None:
    assert len({str(variant) for variant in TABLE}) == len(TABLE) >= ENOUGH


@pytest.mark.parametrize("variant", TABLE, ids=str)
def test_a_variant_ends_as_wanted(variant: object, results: dict[str, Future[Result]]) -> None:
    result = results[str(variant)].result()
    assert result.unwanted == (), result.happened
