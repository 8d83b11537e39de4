"""Each promise names its tests, and they are there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from .promises import PROMISES, Promise

TESTS = Path(__file__).resolve().parents[1]


def test_there_are_twenty() -> None:
    assert [promise.number for promise in PROMISES] == list(range(1, 21))


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: f"{promise.number}: {promise.words}")
def test_a_promise_has_its_tests(promise: Promise) -> None:
    assert promise.tests
    for test in promise.tests:
        path, *names = test.split("::")
        body = ast.parse((TESTS / path).read_text()).body
        for name in names:
            (node,) = [each for each in body if getattr(each, "name", None) == name]
            body = getattr(node, "body", [])
