"""``hcexport show``: a report with every test."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from hcexport.sandbox.endpoints import health
from hcexport.sandbox.faults import change_json
from hcexport.sandbox.scenarios import ROWS, Scenario
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


def test_without_ids_the_newest_or_those_selected(hcexport: Hcexport, box: Sandbox) -> None:
    newest = json.loads(hcexport("show", "-F", "json").stdout)
    assert [report["id"] for report in newest] == [box.reports[0].id]
    some = json.loads(hcexport("show", "--latest", "3", "-F", "json").stdout)
    assert [report["id"] for report in some] == [report.id for report in box.reports[:3]]


def test_failed_shows_the_tests_that_did_not_pass(hcexport: Hcexport, box: Sandbox) -> None:
    (report,) = json.loads(hcexport("show", "--failed", "-F", "json").stdout)
    assert [(test["id"], test["result"]) for test in report["tests"]] == [("HC_112_013", "warning")]
    assert hcexport("show", box.reports[1].id, "--failed").stdout == ""


def test_a_report_that_shows_no_test_is_a_warning(hcexport_alone: Hcexport, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = change_json(lambda _context, answer: {**answer, "suiteStatus": {}})
    monkeypatch.setitem(ROWS, "empty", Scenario("", lambda: {health.report: fault}))
    with Sandbox(scenario="empty") as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        done = hcexport_alone("show")
    assert (done.returncode, done.stdout) == (0, "")
    assert box.reports[0].id in done.stderr


def test_a_terminal_counts_all_tests_also_of_those_that_failed(hcexport: Hcexport, box: Sandbox) -> None:
    failed = next(report for report in box.reports if list(report.failures.values()).count("fail") == 1)
    ended = hcexport.at_terminal("show", failed.id, "--failed", env={"COLUMNS": "100"})
    assert ended.status == 0
    counts = re.search(
        r"TESTS\W+1 of 13 failed(?:, (\d+) warned)?, (\d+) passed", re.sub(r"\x1b\[[0-9;]*m", "", ended.screen)
    )
    assert counts, ended.screen
    assert int(counts[1] or 0) + int(counts[2]) == TESTS - 1
    assert "summary" not in json.loads(hcexport("show", failed.id, "-Fjson").stdout)[0]
