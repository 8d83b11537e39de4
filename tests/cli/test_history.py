"""``hcexport history``: how each test did over the ninety nights of the sandbox, whose answers are known."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from hcexport.health.trend import RECENT
from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

KEYS = ["test_id", "name", "severity", "result", "since", "in_a_row", "changes", "flapping", "results"]
TESTS = 13
NIGHTLY = ("--name", "Nightly check*")


def trends(hcexport: Hcexport, *words: str) -> dict[str, Any]:
    done = hcexport("history", *words, "-Fjson")
    assert done.returncode == 0, done.stderr
    return {row["test_id"]: row for row in json.loads(done.stdout)}


def test_ninety_nights(hcexport: Hcexport, box: Sandbox) -> None:
    found = trends(hcexport, *NIGHTLY, "--all")
    assert len(found) == TESTS
    assert all(list(row) == KEYS for row in found.values())
    bad = {
        test: [89 - place for place, each in enumerate(row["results"]) if each["result"] != "passed"][::-1]
        for test, row in found.items()
    }
    assert {test: nights for test, nights in bad.items() if nights} == {
        "HC_112_002": [12],
        "HC_112_003": [34, 35, 36, 37, 38, 39],
        "HC_112_008": [61],
        "HC_112_010": [6, 22, 49, 55, 79],
        "HC_112_012": [28, 63],
        "HC_112_013": [0, 2, 5, 9, 17, 22, 30, 46],
    }
    flickering = found["HC_112_013"]
    assert (flickering["result"], flickering["in_a_row"], flickering["changes"]) == ("warning", 1, 9)
    assert flickering["since"] == flickering["results"][-1]["start_time"]
    assert [test for test, row in found.items() if row["flapping"]] == ["HC_112_013"]
    assert (found["HC_112_002"]["since"], found["HC_112_002"]["in_a_row"], found["HC_112_002"]["changes"]) == (
        None,
        0,
        2,
    )
    assert next(iter(found)) == "HC_112_013"  # the worst first
    assert [each["report_id"] for each in flickering["results"]] == [
        report.id for report in reversed(box.reports) if report.name.startswith("Nightly")
    ]


def test_since_is_the_start_of_the_unbroken_run(hcexport: Hcexport, box: Sandbox) -> None:
    nights = [report for report in box.reports if report.name.startswith("Nightly check")]
    until = f"{nights[35].name.removeprefix('Nightly check ')}T03:30Z"
    row = trends(hcexport, *NIGHTLY, "--until", until)["HC_112_003"]
    assert (row["result"], row["in_a_row"]) == ("failed", 5)
    assert row["since"] == row["results"][-5]["start_time"]
    assert trends(hcexport, *NIGHTLY, "--latest", "7")["HC_112_013"]["flapping"] is False  # fewer than eight results


def test_text_has_a_strip_of_the_last_results(hcexport: Hcexport) -> None:
    lines = [line.split("\t") for line in hcexport("history", *NIGHTLY).stdout.splitlines()]
    assert {len(line) for line in lines} == {7}
    assert lines[0][:3] == ["HC_112_013", "general", "warning"]
    assert lines[0][4:] == ["1", "9", "✓✓✓!✓✓✓✓✓✓✓!✓✓✓!✓✓!✓!"]
    env = {**hcexport.env, "PYTHONIOENCODING": "ascii"}
    argv = hcexport.argv("history", *NIGHTLY, "--offline")
    plain = subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout.splitlines()
    assert plain[0].split("\t")[-1] == lines[0][-1].replace("✓", ".")
    table = list(csv.reader(io.StringIO(hcexport("history", "--latest", "3", "-Fcsv").stdout)))
    assert table[0] == ["test_id", "severity", "result", "since", "in_a_row", "changes", "recent"]
    assert all(len(row[-1]) == 3 < RECENT for row in table[1:])


@pytest.mark.parametrize("test", ["HC_112_003", "hc_112_003", "healthcheck_objectStore", "*_objectstore"])
def test_one_test_shows_each_change_with_its_report(hcexport: Hcexport, box: Sandbox, test: str) -> None:
    nights = [report for report in box.reports if report.name.startswith("Nightly check")]
    lines = [line.split("\t") for line in hcexport("history", test, *NIGHTLY, "--all").stdout.splitlines()]
    assert [(line[2], line[3], line[4]) for line in lines] == [
        ("failed", "passed", nights[33].id),
        ("warning", "failed", nights[38].id),
        ("passed", "warning", nights[39].id),
        ("", "passed", nights[89].id),
    ]
    assert list(trends(hcexport, test)) == ["HC_112_003"]
    assert set(trends(hcexport, f"{test},HC_112_001")) == {"HC_112_001", "HC_112_003"}


def test_report_files_have_the_trends(hcexport: Hcexport) -> None:
    assert hcexport("history", "--latest", "9", "--report", "h.json", "--report", "h.csv").returncode == 0
    assert json.loads((hcexport.cwd / "h.json").read_text()) == list(trends(hcexport, "--latest", "9").values())
    assert len((hcexport.cwd / "h.csv").read_text("utf-8-sig").splitlines()) == 1 + TESTS


def test_what_is_not_there(hcexport: Hcexport, error_of: Callable[..., Any]) -> None:
    error_of(hcexport("history", "nosuch", "-Fjson"), 5)
    error_of(hcexport("history", "--name", "nosuch", "-Fjson"), 5)
    nothing_read = {"HCEXPORT_HOME": str(hcexport.cwd / "other")}
    error_of(hcexport("history", "--offline", "-Fjson", env=nothing_read), 5)


def test_ninety_days_unless_told_otherwise(hcexport_alone: Hcexport) -> None:
    with Sandbox(extra_reports=5) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        recent = len(trends(hcexport_alone)["HC_112_001"]["results"])
        every = len(trends(hcexport_alone, "--all")["HC_112_001"]["results"])
        assert every == len(box.reports)
        assert recent < every


def test_what_was_read_is_not_asked_for_again(hcexport: Hcexport, box: Sandbox) -> None:
    first = trends(hcexport)
    asked = len(box.requests)
    assert trends(hcexport) == first
    assert len(box.requests) == asked + 1  # the list


def test_a_report_that_the_server_has_deleted_is_still_in_it(hcexport: Hcexport, box: Sandbox) -> None:
    first = trends(hcexport, *NIGHTLY)
    box._world.reports.delete([box.reports[5].id])
    assert trends(hcexport, *NIGHTLY) == first


def test_a_new_name_is_taken_from_the_list(hcexport: Hcexport, box: Sandbox) -> None:
    run_id = box.reports[0].id
    hcexport("show", run_id)
    box._world.reports.alter(run_id, name="renamed")
    assert json.loads(hcexport("show", run_id, "-Fjson").stdout)[0]["name"] == "renamed"
    assert json.loads(hcexport("show", run_id, "-Fjson", "--offline").stdout)[0]["name"] == "renamed"


@pytest.mark.slow
def test_while_the_server_is_down(hcexport_alone: Hcexport, error_of: Callable[..., Any]) -> None:
    with Sandbox() as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        shown, history = hcexport_alone("show", box.reports[0].id), hcexport_alone("history", "--latest", "9")
        known, unknown = box.reports[0].id, box.reports[20].id
    down = hcexport_alone("show", known)
    assert (down.returncode, down.stdout) == (0, shown.stdout)
    assert known in down.stderr
    assert hcexport_alone("show", known, unknown).returncode == 8
    assert "--offline" in error_of(hcexport_alone("history", "-Fjson", "-q"), 6)["hint"]
    del hcexport_alone.env["HCEXPORT_TOKEN"]
    assert hcexport_alone("history", "--latest", "9", "--offline").stdout == history.stdout
    assert hcexport_alone("show", known, "--offline").stdout == shown.stdout
    error_of(hcexport_alone("show", unknown, "--offline", "-Fjson"), 5)
