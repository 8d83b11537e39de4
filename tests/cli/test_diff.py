"""``hcexport diff``: what changed between two reports of the sandbox's past, whose answers are known."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

COLUMNS = ["change", "test_id", "severity", "was", "is", "since", "description"]
COUNTS = ["broke", "worse", "still", "better", "fixed", "new", "gone", "same"]


def nights(box: Sandbox) -> list[Any]:
    """The nightly checks, last night's first."""
    return [report for report in box.reports if report.name.startswith("Nightly check")]


def rows(done: Any) -> list[list[str]]:
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_the_newest_against_the_one_before(hcexport: Hcexport, box: Sandbox) -> None:
    done = hcexport("diff")
    assert done.returncode == 0
    ((*changed, since, description),) = rows(done)
    assert changed == ["broke", "HC_112_013", "general", "passed", "warning"]
    assert since.endswith("Z")
    assert description == "Users, groups, and items indices are in sync"
    before, last = nights(box)[1], nights(box)[0]
    assert before.id in done.stderr
    found = json.loads(hcexport("diff", "-Fjson").stdout)
    assert list(found) == ["old", "new", "counts", "tests"]
    assert (found["old"]["id"], found["new"]["id"]) == (before.id, last.id)
    assert list(found["new"]) == ["id", "name", "result", "start_time"]
    assert found["counts"] == {**dict.fromkeys(COUNTS, 0), "broke": 1, "same": 12}
    assert [list(test) for test in found["tests"]] == [[*COLUMNS[:2], "name", *COLUMNS[2:]]]
    table = list(csv.reader(io.StringIO(hcexport("diff", "-Fcsv").stdout)))
    assert (table[0], len(table)) == (COLUMNS, 2)


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (13, 12, [("broke", "HC_112_002")]),
        (12, 11, [("fixed", "HC_112_002")]),
        (39, 38, [("worse", "HC_112_003")]),
        (38, 37, [("still", "HC_112_003")]),
        (38, 39, [("better", "HC_112_003")]),
        (6, 5, [("broke", "HC_112_013"), ("fixed", "HC_112_010")]),
        (63, 61, [("broke", "HC_112_008"), ("fixed", "HC_112_012")]),
        (63, 28, [("still", "HC_112_012")]),
        (4, 3, []),
    ],
)
def test_two_reports(hcexport: Hcexport, box: Sandbox, old: int, new: int, changes: list[tuple[str, str]]) -> None:
    found = nights(box)
    ids = (found[old].id, found[new].id)
    assert [(change, test) for change, test, *_ in rows(hcexport("diff", *ids))] == changes
    every = rows(hcexport("diff", *ids, "--all-tests"))
    assert [row[0] for row in every] == [change for change, _ in changes] + ["same"] * (13 - len(changes))


def test_one_report_against_the_newest_and_the_last_that_passed(
    hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any]
) -> None:
    last = nights(box)[0]
    found = json.loads(hcexport("diff", nights(box)[12].id, "-Fjson").stdout)
    assert (found["old"]["id"], found["new"]["id"]) == (nights(box)[12].id, last.id)
    assert {test["change"]: test["test_id"] for test in found["tests"]} == {
        "broke": "HC_112_013",
        "fixed": "HC_112_002",
    }
    error_of(hcexport("diff", last.id, "-Fjson"), 5)
    error_of(hcexport("diff", "nosuch", last.id, "-Fjson"), 5)
    error_of(hcexport("diff", last.id, "--against", "passed", "-Fjson"), 2)
    passed = json.loads(hcexport("diff", "--against", "passed", "-Fjson").stdout)
    assert passed["old"]["id"] == nights(box)[1].id


def test_reports_are_compared_that_share_a_suite(
    hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any]
) -> None:
    operational = hcexport("run", "SANDBOX-OPS-001", "-q").stdout.strip()
    error_of(hcexport("diff", "-Fjson"), 5)  # the first of its suite
    both = json.loads(hcexport("diff", nights(box)[0].id, operational, "-Fjson").stdout)
    assert (both["counts"]["new"], both["counts"]["gone"]) == (4, 13)
    gone, new = ([test for test in both["tests"] if test["change"] == kind] for kind in ("gone", "new"))
    assert {test["is"] for test in gone} == {test["was"] for test in new} == {None}
    basic = hcexport("run", "BSHC-001", "-q").stdout.strip()
    found = json.loads(hcexport("diff", "-Fjson").stdout)
    assert (found["old"]["id"], found["new"]["id"]) == (nights(box)[0].id, basic)


def test_since_looks_back_as_far_as_is_known(hcexport: Hcexport, box: Sandbox) -> None:
    found = nights(box)
    diff = ("diff", found[36].id, found[35].id)
    assert rows(hcexport(*diff))[0][5] == stamp(found[36])
    hcexport("show", *(report.id for report in found[37:41]))
    assert rows(hcexport(*diff))[0][5] == stamp(found[39])  # it warned first


def stamp(report: Any) -> str:
    return f"{datetime.fromtimestamp(report.start_time // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("pair", "level", "status"),
    [
        ((38, 37), "failed", 0),  # still
        ((39, 38), "failed", 10),  # worse
        ((13, 12), "critical", 10),  # broke
        ((12, 11), "warning", 0),  # fixed
        ((1, 0), "failed", 0),  # a warning
        ((1, 0), "warning", 10),
    ],
)
def test_what_is_new_makes_the_verdict(
    hcexport: Hcexport, box: Sandbox, pair: tuple[int, int], level: str, status: int
) -> None:
    done = hcexport("diff", *(nights(box)[ago].id for ago in pair), "--fail-on", level, "-Fjson", "-q")
    assert done.returncode == status, done.stderr
    assert json.loads(done.stdout)["new"]["healthy"] is (status == 0)


def test_an_exception_for_a_test_that_stays_as_it_is(hcexport: Hcexport, box: Sandbox) -> None:
    """The report has that test, though --fail-on does not look at it."""
    pair = [nights(box)[ago].id for ago in (38, 37)]
    still = next(row[1] for row in rows(hcexport("diff", *pair)) if row[0] == "still")
    command = ("diff", *pair, "--fail-on", "failed", "--ignore", f"{still}:2999-12-31")
    assert still not in hcexport(*command).stderr
    assert "nosuch" in hcexport(*command, "--ignore", "nosuch:2999-12-31").stderr


def test_a_report_against_itself(hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any]) -> None:
    run_id = nights(box)[3].id
    error_of(hcexport("diff", run_id, run_id, "-Fjson"), 5)


def test_report_files_have_the_comparison(hcexport: Hcexport, refused: Callable[..., Any]) -> None:
    assert hcexport("diff", "--report", "d.json", "--report", "d.csv", "--report", "d.html").returncode == 0
    assert json.loads((hcexport.cwd / "d.json").read_text()) == json.loads(hcexport("diff", "-Fjson").stdout)
    assert (hcexport.cwd / "d.csv").read_text("utf-8-sig").splitlines()[0] == ",".join(COLUMNS)
    assert "HC_112_013" in (hcexport.cwd / "d.html").read_text()
    refused(hcexport("diff", "--report", "d.xml"), 2)


def test_offline_asks_nobody(hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any]) -> None:
    error_of(hcexport("diff", "--offline", "-Fjson"), 5)
    online = hcexport("diff")
    before = len(box.requests)
    del hcexport.env["HCEXPORT_TOKEN"]
    assert hcexport("diff", "--offline").stdout == online.stdout
    assert len(box.requests) == before
