"""A job is waited for through everything that passes, and not beyond what does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.support.process import Ended, ForkServer
from tests.support.server import Server

from . import turns
from .jobs import Exporter, job_json, say, shows
from .organization import CANARY, ITEM_PATH, Turn, good
from .process import SMALL, environment
from .table import A

JOB = "j0861f797-e646-4a9b-af92-f5e86b2cd824"
PATH = f"/gis/admin/jobs/{JOB}"
GONE = turns.json_says(b'{"error":{"code":404,"message":"no such job","details":[]}}', 404)
EXECUTING, SUBMITTED, COMPLETED = shows("EXECUTING"), shows("SUBMITTED"), shows("COMPLETED")
PAGE = turns.says(content_type="text/html")


class Waiter:
    """hcexport wait, for a job that goes through ``seen``."""

    def __init__(self, seen: Sequence[Turn], fork_server: ForkServer, folder: Path) -> None:
        self.exporter = Exporter([])
        self.exporter.turns |= {PATH: seen}
        self._fork_server, self._folder = fork_server, folder

    def wait(self, *more: str) -> Ended:
        """To its end."""
        with Server(self.exporter) as server:
            (work := self._folder / "work").mkdir()
            argv = ["hcexport", "wait", JOB, "--url", f"http://127.0.0.1:{server.port}/gis", "--timeout", "5", *more]
            ended = self._fork_server.run(argv, environment(self._folder / "home", HCEXPORT_TOKEN=CANARY), work, 9)
        assert server.errors == []
        assert "Traceback" not in ended.stderr
        assert CANARY not in ended.stderr
        return ended

    @property
    def looks(self) -> int:
        """How often the job was looked at."""
        return self.exporter.asked[PATH]


Waiters = Callable[..., Waiter]


@pytest.fixture
def waiter(fork_server: ForkServer, tmp_path: Path) -> Waiters:
    return lambda *seen: Waiter(seen, fork_server, tmp_path)


PASSES = {
    "a burst of every trouble": [
        turns.says(502),
        turns.says(503),
        turns.hangs_up,
        turns.raw(b"?\r\n"),
        turns.says(500),
    ],
    "a login page": [PAGE, PAGE],
    "broken JSON": [turns.json_says(b"{"), turns.json_says(b"[" * 5000)],
    "not there yet on this replica": [GONE, GONE],
    "gone for a moment": [EXECUTING, GONE, GONE, EXECUTING],
    "a status that goes backwards": [EXECUTING, SUBMITTED, EXECUTING, SUBMITTED],
    "not available now": [shows("UNAVAILABLE"), shows("CANCELLING"), EXECUTING],
    "an unknown word": [shows("PONDERING"), shows("PONDERING"), shows("PONDERING")],
    "no status at all": [lambda line, _now: say(line, {"jobid": JOB})],
    "busy": [turns.says(429, retry_after="0"), turns.says(503, retry_after="0")],
    "a job of another id": [lambda line, _now: say(line, job_json("j-another", "FAILED"))],
}


@pytest.mark.parametrize("trouble", PASSES)
def test_what_passes_is_waited_through(trouble: str, waiter: Waiters) -> None:
    waiting = waiter(*PASSES[trouble], COMPLETED)
    ended = waiting.wait()
    assert (ended.status, ended.stdout) == (0, f"{JOB}\tCOMPLETED\n"), ended.stderr
    assert waiting.looks == len(PASSES[trouble]) + 1


def test_a_status_that_is_not_known_is_named_once(waiter: Waiters) -> None:
    ended = waiter(*PASSES["an unknown word"], COMPLETED).wait("--progress", "none")
    assert ended.stderr.count("PONDERING") == 1


def test_trouble_is_said_once(waiter: Waiters) -> None:
    ended = waiter(*PASSES["a burst of every trouble"], COMPLETED).wait("--progress", "none")
    assert ended.stderr.count("retrying") == 1


ENDS = {
    "502 for ever": (6, [EXECUTING, turns.says(502)]),
    "a login page for ever": (6, [EXECUTING, PAGE]),
    "never a good answer": (6, [turns.hangs_up]),
    "vanished": (3, [EXECUTING, GONE]),
    "never there": (5, [GONE]),
    "token expired": (4, [EXECUTING, turns.json_says(b'{"error":{"code":498,"message":"Invalid token."}}')]),
    "forbidden": (4, [turns.json_says(b'{"error":{"code":403,"message":"No."}}')]),
    "a wait of a year asked for": (6, [EXECUTING, turns.says(503, retry_after="31536000")]),
    "cancelled": (3, [EXECUTING, shows("CANCELLED")]),
    "timed out": (3, [EXECUTING, shows("time out")]),
    "an error": (3, [shows("ERROR")]),
    "canceled": (3, [EXECUTING, shows("canceled")]),
    "an unknown word with an end": (3, [EXECUTING, shows("PONDERED", endtime=1_700_000_000_000)]),
    "an error in a failed job": (3, [shows("FAILED", error={"code": 500, "message": "the store is full"})]),
    "a code that fits nothing": (6, [EXECUTING, turns.json_says(b'{"error":{"code":409,"message":"No."}}')]),
    "a code of 5,000 digits, for ever": (6, [turns.json_says(b'{"error":{"code":"%b"}}' % (b"9" * 5000), 503)]),
}


@pytest.mark.parametrize("case", ENDS)
def test_what_does_not_pass_ends_the_wait(case: str, waiter: Waiters) -> None:
    status, seen = ENDS[case]
    ended = waiter(*seen).wait()
    assert ended.status == status, ended.stderr
    errors = [line for line in ended.stderr.splitlines() if line.startswith("hcexport: error: ")]
    assert len(errors) == 1
    assert JOB in ended.stderr
    if status not in {3, 5}:
        assert f"hcexport wait {JOB}" in ended.stderr


def test_gone_is_confirmed_twice(waiter: Waiters) -> None:
    waiting = waiter(EXECUTING, GONE)
    waiting.wait()
    assert waiting.looks == 1 + 3


def test_the_deadline_leaves_the_job_and_the_command_to_go_on(waiter: Waiters) -> None:
    ended = waiter(EXECUTING).wait("--timeout", "1s", "--poll-interval", "2s")
    assert ended.status == 124
    assert ended.seconds < 1 + 2
    assert f"hcexport wait {JOB}" in ended.stderr


@pytest.mark.parametrize(
    "where",
    [
        {"result": "the store is full"},
        {"result": {"message": "the store is full", "details": []}},
        {"result": {"error": {"message": "the store is full"}}},
        {"messages": ["the store is full"]},
        {"messages": [{"type": "error", "description": "the store is full"}]},
        {"messages": "the store is full"},
        {"message": "the store is full"},
    ],
    ids=str,
)
def test_failed_says_the_servers_reason_wherever_it_stands(where: dict[str, object], waiter: Waiters) -> None:
    ended = waiter(shows("FAILED", **where)).wait()
    assert ended.status == 3
    assert "the store is full" in ended.stderr


@pytest.mark.parametrize(
    "result", [None, {}, [], "", {"URL": None}, {"URL": ""}, {"URL": 7}, {"message": "done"}], ids=str
)
def test_completed_without_an_item_is_no_failure_of_the_job(result: object, waiter: Waiters) -> None:
    waiting = waiter(EXECUTING, shows("COMPLETED", result=result))
    ended = waiting.wait("--out", "reports.zip")
    assert ended.status == 6, ended.stderr
    assert "hcexport download ITEM --url" in ended.stderr
    assert f"hcexport wait {JOB}" in ended.stderr
    assert waiting.looks > 2
    if result == {"message": "done"}:
        assert "done" in ended.stderr


def test_an_item_that_is_named_a_moment_later_is_saved(waiter: Waiters) -> None:
    ended = waiter(EXECUTING, shows("COMPLETED", result=None), shows("COMPLETED", result=None), COMPLETED).wait(
        "--out", "reports.zip"
    )
    assert ended.status == 0, ended.stderr


def test_a_job_that_is_no_export_needs_no_item(waiter: Waiters) -> None:
    waiting = waiter(shows("COMPLETED", result=None, operationURI="/gis/admin/healthCheck/run"))
    assert waiting.wait().status == 0
    assert waiting.looks == 1


@pytest.mark.parametrize("place", ["http://127.0.0.1:1", "https://arcgis-private-ingress.svc.cluster.local", ""])
def test_the_upload_is_fetched_from_our_own_root(place: str, waiter: Waiters) -> None:
    url = f"{place}/other/admin/uploads/{ITEM_PATH.rpartition('/')[2]}"
    waiting = waiter(EXECUTING, shows("COMPLETED", result={"URL": url}))
    waiting.exporter.turns[f"{ITEM_PATH}/download"] = [good]
    ended = waiting.wait("--out", "reports.zip")
    assert ended.status == 0, ended.stderr
    assert Path(ended.stdout.strip()).read_bytes() == A.body


def test_an_unknown_word_with_an_end_and_a_result_is_saved(waiter: Waiters) -> None:
    url = {"URL": f"/admin/uploads/{ITEM_PATH.rpartition('/')[2]}"}
    waiting = waiter(EXECUTING, shows("SUCCEEDED", endtime=1_700_000_000_000, result=url))
    ended = waiting.wait("--out", "reports.zip")
    assert ended.status == 0, ended.stderr
    assert ended.stderr.count("SUCCEEDED") == 1 + ended.stderr.count("job SUCCEEDED")


@pytest.mark.parametrize("where", ["result", "messages", "message", "status"])
def test_what_a_job_says_fits_on_a_screen(where: str, waiter: Waiters) -> None:
    said = {"status": "FAILED", where: "why " * 250_000}
    ended = waiter(lambda line, _now: say(line, job_json(JOB, **said))).wait("--timeout", "1")
    assert ended.status in {3, 124}
    assert len(ended.stderr) < 2500


def test_trouble_that_comes_again_is_said_once(waiter: Waiters) -> None:
    ended = waiter(*[turns.says(502), EXECUTING] * 4, COMPLETED).wait("--progress", "none")
    assert ended.status == 0
    assert ended.stderr.count("HTTP 502") == 1


def test_a_download_that_is_tried_again_says_so_once(waiter: Waiters) -> None:
    waiting = waiter(COMPLETED)
    waiting.exporter.turns[f"{ITEM_PATH}/download"] = [*[turns.cut(0.2)] * 4, good]
    ended = waiting.wait("--out", "reports.zip", "--progress", "none")
    assert ended.status == 0, ended.stderr
    assert ended.stderr.count("hcexport: warning: ") == 1
    assert "4 further attempts" in ended.stderr


def test_what_is_unexpected_names_the_job_too(waiter: Waiters, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that anything is known to be: a constant that is no number stands for what nobody thought of."""
    monkeypatch.setitem(SMALL, "hcexport.transfer.poll.INTERVAL_RATIO", "x")  # type: ignore[arg-type]
    ended = waiter(EXECUTING).wait()
    assert ended.status == 1
    assert f"hcexport wait {JOB}" in ended.stderr
