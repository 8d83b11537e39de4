"""What is said of trouble that passes: on a terminal, with -v, with -q, in the log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from tests.support.script import Script, answer
from tests.support.server import Line, Server

NOTHING = {"items": [], "reports": [], "total": 0, "nextStart": -1, "healthChecks": []}


@contextmanager
def busy_at_first(hcexport: Any, retry_after: str = "1") -> Iterator[Script]:
    with Script(answer(b"", 503, Retry_After=retry_after), answer(NOTHING)) as server:
        hcexport.env.update(HCEXPORT_URL=server.url, HCEXPORT_TOKEN="abcdefgh")
        yield server


def on_terminal(hcexport: Any, *words: str) -> str:
    screen: str = hcexport.at_terminal(*words).screen
    return screen


def test_a_terminal_shows_what_is_tried_again(hcexport_alone: Any) -> None:
    with busy_at_first(hcexport_alone):
        shown = on_terminal(hcexport_alone, "list")
    assert "next try in 1.0 s (1 of 4)" in shown
    assert "\r\x1b[K" in shown[shown.index("next try") :]


@pytest.mark.slow
def test_a_retry_shows_below_how_many_reports_were_read(hcexport_alone: Any) -> None:
    ids = [f"run{number:07}" for number in range(20)]
    rows = [{"id": run_id, "name": "N", "result": "passed", "startTime": 1_699_148_551_031} for run_id in ids]
    listed = json.dumps({"total": 20, "num": 1000, "start": 1, "nextStart": -1, "runs": rows}).encode()

    def respond(line: Line) -> None:
        if "query" in line.request.target:
            line.answer(200, listed)
        else:
            line.answer(503, Retry_After="1")

    with Server(respond) as server:
        hcexport_alone.env.update(HCEXPORT_URL=f"http://127.0.0.1:{server.port}/e", HCEXPORT_TOKEN="abcdefgh")
        shown = on_terminal(hcexport_alone, "show", "--latest", "20", "--timeout", "5s")
    after = shown[shown.rindex("0 of 20 reports read") :]
    assert "next try in 1.0 s" in after


@pytest.mark.slow
def test_a_retry_of_one_of_several_profiles_is_said(hcexport_alone: Any) -> None:
    home = Path(hcexport_alone.env["HCEXPORT_HOME"])
    home.mkdir(mode=0o700)
    (home / "password").write_text("secret-word")
    (home / "password").chmod(0o600)
    token = answer({"token": "token-abcdefgh", "expires": 4_102_444_800_000})
    busy = answer(b"", 503, Retry_After="1")
    with Server(lambda line: (token if "generateToken" in line.request.target else busy)(line)) as server:
        about = f'url = "http://127.0.0.1:{server.port}/e"\nusername = "anna"\npassword_file = "password"\n'
        (home / "config.toml").write_text(f"[profiles.a]\n{about}[profiles.b]\n{about}")
        shown = on_terminal(hcexport_alone, "list", "-p", "*", "--timeout", "5s")
    assert all(f"{name}: the server is busy (HTTP 503); next try" in shown for name in "ab")
    assert "\x1b[K" not in shown


@pytest.mark.parametrize("words", [["-q"], ["--progress", "none"]])
def test_who_wants_no_progress_sees_none(hcexport_alone: Any, words: list[str]) -> None:
    with busy_at_first(hcexport_alone):
        assert "next try" not in on_terminal(hcexport_alone, "list", *words)


def test_elsewhere_it_is_said_with_v_and_in_the_log(hcexport_alone: Any) -> None:
    with busy_at_first(hcexport_alone):
        assert "next try in 1.0 s" in hcexport_alone("list", "-v").stderr
    with busy_at_first(hcexport_alone):
        assert "next try" not in hcexport_alone("list", "--log-file", "log").stderr
    assert "next try in 1.0 s" in Path(hcexport_alone.cwd, "log").read_text()


def test_a_silent_server_shows_after_three_seconds(hcexport_alone: Any) -> None:
    with Script(lambda line: line.stall(4)) as server:
        hcexport_alone.env.update(HCEXPORT_URL=server.url, HCEXPORT_TOKEN="abcdefgh")
        done = hcexport_alone("list", "-v", "--timeout", "4s")
    assert done.returncode == 124
    assert "waiting for 127.0.0.1" in done.stderr


class TestQuiet:
    @pytest.fixture
    def troubled(self, hcexport_alone: Any) -> Iterator[Callable[..., Any]]:
        """Export from an organization whose job cannot be asked about at first."""
        with Sandbox(scenario="flaky", job_seconds=0.1) as box:
            hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
            yield lambda *words: hcexport_alone("export", "--latest", "3", "--out", "a.zip", *words, timeout=60)

    def test_says_nothing_of_what_went_well_in_the_end(self, troubled: Callable[..., Any], tmp_path: Path) -> None:
        log = tmp_path / "log"
        done = troubled("-q", "--log-file", str(log))
        assert (done.returncode, done.stderr) == (0, "")
        assert " warning: " in log.read_text()

    def test_says_it_when_the_command_fails(self, hcexport_alone: Any) -> None:
        with Script(answer(b"", 503)) as server:
            hcexport_alone.env.update(HCEXPORT_URL=server.url, HCEXPORT_TOKEN="abcdefgh")
            job_id = "j0861f797-e646-4a9b-af92-f5e86b2cd824"
            done = hcexport_alone("wait", job_id, "-q", "--timeout", "2s")
        assert done.returncode == 124
        assert "hcexport: warning: " in done.stderr
