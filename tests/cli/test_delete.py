"""``hcexport delete``: what goes, what stays, and who is asked."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from hcexport.store.history import History
from hcexport.store.paths import Paths
from tests.support.process import Hcexport
from tests.support.terminal import Terminal

KEYS = ["action", "id", "result", "start_time", "name", "reason"]
OLD = ("--until", "60d")


def rows(hcexport: Hcexport, *args: str, status: int = 0) -> dict[str, dict[str, Any]]:
    done = hcexport("delete", "-F", "json", *args)
    assert done.returncode == status, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert all(list(row) == KEYS for row in found)
    return {row["id"]: row for row in found}


def deleted(plan: dict[str, dict[str, Any]]) -> set[str]:
    return {run_id for run_id, row in plan.items() if row["action"] == "delete"}


def there(box: Sandbox) -> set[str]:
    return {report.id for report in box.reports}


def history(hcexport: Hcexport, box: Sandbox) -> frozenset[str]:
    with History(Paths.find(hcexport.env).history, box.url, pytest.fail) as kept:
        return kept.ids()


def test_what_was_saved_and_passed_goes_and_is_in_the_history(hcexport: Hcexport, box: Sandbox) -> None:
    passed = [report.id for report in box.reports if report.result == "passed"][-3:]
    assert hcexport("export", "--run-ids", ",".join(passed), "--out", "x.zip").returncode == 0
    before = there(box)
    plan = rows(hcexport, *OLD, "--yes")
    assert deleted(plan) == set(passed)
    assert there(box) == before - set(passed)
    assert set(passed) <= history(hcexport, box)
    assert all(row["reason"] for row in plan.values() if row["action"] == "stay")
    assert any(row["result"] != "passed" for row in plan.values() if row["action"] == "stay")


def test_the_guards(hcexport: Hcexport, box: Sandbox) -> None:
    before = there(box)
    assert deleted(rows(hcexport, *OLD, "--yes")) == set()  # nothing was saved: everything stays
    assert deleted(rows(hcexport, *OLD, "--failed-too", "--yes")) == set()
    assert there(box) == before
    gone = deleted(rows(hcexport, *OLD, "--unsaved", "--yes"))
    assert gone
    gone |= deleted(rows(hcexport, *OLD, "--unsaved", "--failed-too", "--yes"))
    assert there(box) == before - gone
    done = hcexport("delete", *OLD, "--unsaved", "--failed-too", "--yes")
    assert done.returncode == 5  # none is left


def test_the_newest_of_each_suite_stays(hcexport: Hcexport, box: Sandbox) -> None:
    plan = rows(hcexport, "--all", "--unsaved", "--failed-too", "--yes", "--max", "999")
    left = there(box)
    assert left == set(plan) - deleted(plan)
    assert left
    details = [json.loads(hcexport("show", run_id, "-F", "json").stdout)[0] for run_id in sorted(left)]
    assert all(plan[detail["id"]]["action"] == "stay" for detail in details)


def test_too_many(hcexport: Hcexport, box: Sandbox, error_of: Any) -> None:
    before = there(box)
    done = hcexport("delete", *OLD, "--unsaved", "--failed-too", "--yes", "--max", "2", "-F", "json")
    error_of(done, 2)
    assert there(box) == before


def test_nobody_to_ask(hcexport: Hcexport, box: Sandbox, error_of: Any) -> None:
    before = there(box)
    done = hcexport("delete", *OLD, "--unsaved")
    assert done.returncode == 2
    assert {line.split("\t")[0] for line in done.stdout.splitlines()} == {"delete", "stay"}  # shown, not done
    error_of(hcexport("delete", *OLD, "--unsaved", "-F", "json"), 2)
    assert there(box) == before


@pytest.mark.parametrize(("reply", "goes"), [("y", True), ("n", False), ("", False)])
def test_a_person_is_asked(hcexport: Hcexport, box: Sandbox, reply: str, goes: bool) -> None:
    run_id = [report.id for report in box.reports if report.result == "passed"][-1]
    argv = hcexport.argv("delete", run_id, "--unsaved")
    with Terminal(argv, env=hcexport.env, cwd=hcexport.cwd) as terminal:
        end = terminal.converse([reply], prompt="[y/N]: ")
    assert (end.status, end.answered) == (0, 1)
    assert run_id in end.screen
    assert (run_id in there(box)) is not goes


@pytest.mark.parametrize("words", [[], ["r1", "--all"], ["r1,,r2"], ["--all", "--max", "0"]])
def test_usage(hcexport: Hcexport, refused: Any, words: list[str]) -> None:
    refused(hcexport("delete", "--yes", *words), 2)


def test_an_unknown_id_deletes_nothing(hcexport: Hcexport, box: Sandbox, refused: Any) -> None:
    before = there(box)
    run_id = [report.id for report in box.reports if report.result == "passed"][-1]
    refused(hcexport("delete", run_id, "nosuchreport", "--unsaved", "--yes"), 5)
    assert there(box) == before


def test_a_refusal_has_its_own_status(hcexport_alone: Hcexport, refused: Any) -> None:
    with Sandbox(scenario="read-only") as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        done = hcexport_alone("delete", *OLD, "--unsaved", "--yes")
        refused(done, 6)


def test_without_a_history_nothing_is_deleted(hcexport: Hcexport, box: Sandbox, refused: Any) -> None:
    before = there(box)
    (Paths.find(hcexport.env).history).mkdir(parents=True)
    refused(hcexport("delete", *OLD, "--unsaved", "--yes"), 73)
    assert there(box) == before


def test_ages_count_by_the_clock_of_the_server(hcexport_alone: Hcexport) -> None:
    """This machine's clock is 40 days behind: by it no report would be old enough."""
    with Sandbox(clock=lambda: time.time() + 40 * 86400) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        assert deleted(rows(hcexport_alone, *OLD, "--unsaved", "--yes"))
