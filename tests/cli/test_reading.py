"""Reading many reports in full: several requests at once, and what stays of them when that ends early."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest

from tests.support.process import Hcexport
from tests.support.server import Line, Server

REPORTS = 40
DELAY_S = 0.05
START_MS = 1_700_000_000_000
Turn = Callable[[Line, str], bool]


def row(run_id: str) -> dict[str, Any]:
    start = START_MS + int(run_id.removeprefix("run")) * 60_000
    times = {"startTime": start, "endTime": start + 1000}
    return {"id": run_id, "name": run_id, "state": "completed", "result": "passed", **times}


class Organization:
    """Reports, each answered after a while; ``turn`` may answer a request for a report itself."""

    def __init__(self) -> None:
        self.turn: Turn = lambda _line, _run_id: False
        self.ids = [f"run{number:02}" for number in range(REPORTS)]
        self.asked: list[str] = []
        self.most = self._now = 0
        self._lock = threading.Lock()

    def __call__(self, line: Line) -> None:
        path = line.request.target.partition("?")[0]
        run_id = unquote(path.rpartition("/")[2])
        if not run_id.startswith("run"):
            rows = {"total": REPORTS, "nextStart": -1, "runs": [row(each) for each in self.ids]}
            return say(line, rows if run_id == "query" else {})
        with self._lock:
            self.asked.append(run_id)
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(DELAY_S)
        with self._lock:
            self._now -= 1
        if not self.turn(line, run_id):
            say(line, {**row(run_id), "suiteStatus": []})
        return None


def say(line: Line, answer: object, status: int = 200, **headers: str) -> None:
    line.answer(status, json.dumps(answer).encode(), content_type="application/json", **headers)


@pytest.fixture
def organization(hcexport_alone: Hcexport) -> Iterator[Organization]:
    organization = Organization()
    with Server(organization) as server:
        hcexport_alone.env.update(HCEXPORT_URL=f"http://127.0.0.1:{server.port}/gis", HCEXPORT_TOKEN="abcdefgh")
        yield organization
        assert server.errors == []


def kept(hcexport: Hcexport) -> list[str]:
    """The ids of the reports in history.db."""
    done = hcexport("show", "--all", "--offline", "-Fjson")
    return [report["id"] for report in json.loads(done.stdout)] if done.returncode == 0 else []


def test_at_most_eight_at_once_in_the_order_asked(hcexport_alone: Hcexport, organization: Organization) -> None:
    done = hcexport_alone("show", "--all", "-Fjson")
    assert [report["id"] for report in json.loads(done.stdout)] == organization.ids[::-1]
    assert sorted(organization.asked) == organization.ids
    assert 4 <= organization.most <= 8
    assert kept(hcexport_alone) == organization.ids[::-1]


def test_a_report_that_cannot_be_read(
    hcexport_alone: Hcexport, organization: Organization, error_of: Callable[..., Any]
) -> None:
    bad = organization.ids[0]  # the oldest, which is asked for last

    def turn(line: Line, run_id: str) -> bool:
        if run_id == bad:
            time.sleep(0.3)  # until the others are there
            say(line, {"error": {"code": 400, "message": "broken"}})
        return run_id == bad

    organization.turn = turn
    error_of(hcexport_alone("show", "--all", "-Fjson"), 6)
    assert kept(hcexport_alone) == organization.ids[:0:-1]


def test_the_first_error_waits_for_nobody(
    hcexport_alone: Hcexport, organization: Organization, error_of: Callable[..., Any]
) -> None:
    hung, bad = organization.ids[-1], organization.ids[-9]

    def turn(line: Line, run_id: str) -> bool:
        if run_id == hung:
            line.stall()
        elif run_id == bad:
            say(line, {"error": {"code": 400, "message": "broken"}})
        return run_id in {hung, bad}

    organization.turn = turn
    began = time.monotonic()
    error_of(hcexport_alone("show", "--all", "-Fjson"), 6)
    assert time.monotonic() - began < 3
    assert len(organization.asked) < REPORTS


def test_ctrl_c_keeps_what_was_read(
    hcexport_alone: Hcexport, organization: Organization, running: Callable[..., Any]
) -> None:
    def turn(line: Line, run_id: str) -> bool:
        if len(organization.asked) > 16:
            line.stall()
        return len(organization.asked) > 16

    organization.turn = turn
    argv = hcexport_alone.argv("show", "--all", "-Fjson")
    with running(argv, env=hcexport_alone.env, cwd=hcexport_alone.cwd) as process:
        while len(organization.asked) <= 16:
            time.sleep(0.01)
        time.sleep(0.2)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=10)
        assert time.monotonic() - sent < 2  # a second, and a second for a machine that is busy elsewhere
    assert (process.returncode, stdout) == (130, "")
    assert json.loads(stderr.splitlines()[-1])["error"]["code"] == "interrupted"
    assert 4 <= len(kept(hcexport_alone)) <= 16


def test_a_429_holds_all_of_them_back(hcexport_alone: Hcexport, organization: Organization) -> None:
    refused_at: list[float] = []
    early: list[str] = []

    def turn(line: Line, run_id: str) -> bool:
        if len(organization.asked) > 8 and not refused_at:
            refused_at.append(time.monotonic())
            say(line, {"error": {"code": 429, "message": "busy"}}, 429, retry_after="1")
            return True
        if refused_at and 0.5 < time.monotonic() - refused_at[0] < 0.9:
            early.append(run_id)
        return False

    organization.turn = turn
    done = hcexport_alone("show", "--all", "-Fjson")
    assert done.returncode == 0, done.stderr
    assert len(organization.asked) == REPORTS + 1
    assert early == []


def test_a_token_that_ends_is_renewed_once(hcexport_alone: Hcexport, organization: Organization) -> None:
    """All threads hold the old token when it ends; a new one is asked for by one of them."""
    made: list[str] = []

    def turn(line: Line, _run_id: str) -> bool:
        is_old = len(organization.asked) > 12 and "token-2" not in line.request.headers["x-esri-authorization"]
        if is_old:
            say(line, {"error": {"code": 498, "message": "Invalid token."}})
        return is_old

    organization.turn = turn

    def answer(line: Line) -> None:
        if "generateToken" not in line.request.target:
            return organization(line)
        made.append("")
        return say(line, {"token": f"token-{len(made)}-abcdefgh", "expires": int(time.time() * 1000) + 3_600_000})

    del hcexport_alone.env["HCEXPORT_TOKEN"]
    with Server(answer) as server:
        url = f"http://127.0.0.1:{server.port}/gis"
        hcexport_alone.env.update(HCEXPORT_URL=url, HCEXPORT_USERNAME="user", HCEXPORT_PASSWORD="secret-word")
        done = hcexport_alone("show", "--all", "-Fjson")
        assert done.returncode == 0, done.stderr
    assert len(made) == 2
    assert len(json.loads(done.stdout)) == REPORTS


def test_a_single_report_needs_no_thread(hcexport_alone: Hcexport, organization: Organization) -> None:
    assert hcexport_alone("show", "--latest", "1").returncode == 0
    assert organization.asked == organization.ids[-1:]
