"""``hcexport show``: a report with every test."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

TIMES = ["start_time", "end_time", "duration_seconds"]
TEST_KEYS = ["id", "severity", "result", *TIMES, "name", "description", "extra", "suite"]
TESTS = 13  # of the basic suite


def test_every_format_shows_every_test(hcexport: Hcexport, box: Sandbox) -> None:
    failed = next(report for report in box.reports if report.result == "failed")
    ids = [box.reports[0].id, failed.id]

    details = json.loads(hcexport("show", *ids, "-F", "json").stdout)
    assert [detail["id"] for detail in details] == ids
    assert [len(detail["tests"]) for detail in details] == [TESTS, TESTS]
    assert list(details[0]["tests"][0]) == TEST_KEYS
    assert {test["severity"] for test in details[0]["tests"]} == {"critical", "general"}
    bad = {test["id"] for test in details[1]["tests"] if test["result"] == "failed"}
    assert bad == {name for name, word in failed.failures.items() if word == "fail"}

    text = [line.split("\t") for line in hcexport("show", ",".join(ids)).stdout.splitlines()]
    assert [line[0] for line in text] == [ids[0]] * TESTS + [ids[1]] * TESTS
    assert {len(line) for line in text} == {1 + len(TEST_KEYS)}

    table = list(csv.reader(io.StringIO(hcexport("show", "-", "-F", "csv", stdin="\n".join(ids)).stdout)))
    assert table[0] == ["run_id", *TEST_KEYS]
    assert len(table) == 1 + 2 * TESTS


def test_what_is_not_there(hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any]) -> None:
    assert "nosuch" in error_of(hcexport("show", "nosuch", "-F", "json"), 5)["message"]
    error_of(hcexport("show", "nosuch", "neither", "-F", "json"), 5)
    error_of(hcexport("show", "-", "-F", "json", stdin=""), 5)
    assert "'a,,b'" in error_of(hcexport("show", "a,,b", "-F", "json"), 2)["message"]
    error_of(hcexport("show", "a", "--latest", "1", "-F", "json"), 2)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_of_several_those_that_are_there_are_shown(hcexport: Hcexport, box: Sandbox, order: list[int]) -> None:
    good = box.reports[0].id
    ids = [[good, "nosuch"][number] for number in order]
    text = hcexport("show", *ids)
    assert text.returncode == 8
    assert {line.split("\t")[0] for line in text.stdout.splitlines()} == {good}
    assert "nosuch" in text.stderr
    done = hcexport("show", *ids, "-F", "json")
    assert [detail["id"] for detail in json.loads(done.stdout)] == [good]
    assert json.loads(done.stderr)["error"]["code"] == "partial"
