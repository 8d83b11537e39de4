"""Pings and the notify command, as runs of hcexport: what is sent when, and that neither changes a run."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport
from tests.support.server import Line, Server

KEY = "0b9f4c1e-2a77-4c55-9d0e-6f1c3a5e7d21"
LOGGER = """import json, os, sys
with open(sys.argv[1], "a") as log:
    told = {name: value for name, value in os.environ.items() if name.startswith("HCEXPORT_")}
    log.write(json.dumps({"stdin": sys.stdin.read(), "env": told}) + chr(10))
sys.exit(os.path.exists(sys.argv[1] + ".broken"))
"""


@pytest.fixture
def monitor() -> Iterator[Server]:
    with Server(Line.answer) as server:
        yield server


def ping_url(monitor: Server) -> str:
    return f"http://127.0.0.1:{monitor.port}/{KEY}"


def pings(monitor: Server) -> list[str]:
    return [urlsplit(request.target).path.removeprefix(f"/{KEY}/") for request in monitor.requests]


def configure(hcexport: Hcexport, *lines: str) -> None:
    home = Path(hcexport.env["HCEXPORT_HOME"])
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "config.toml").write_text("\n".join(["[defaults]", *lines]) + "\n")


def report_id(box: Sandbox, result: str) -> str:
    return next(report.id for report in box.reports if report.result == result)


class TestPing:
    def test_start_and_end_of_each_command_that_works_on_reports(
        self, hcexport: Hcexport, box: Sandbox, monitor: Server
    ) -> None:
        ping = {"HCEXPORT_PING": ping_url(monitor)}
        assert hcexport("export", "--latest", "1", "--out", "a.zip", env=ping).returncode == 0
        assert hcexport("show", "no-such-report", env=ping).returncode == 5
        assert hcexport("list", env=ping).returncode == 0
        assert pings(monitor) == ["start", "0", "start", "5"]
        assert "no-such-report" in monitor.requests[3].body.decode()
        assert box.requests  # the organization was asked, and the monitor was not told the token
        token = hcexport.env["HCEXPORT_TOKEN"]
        assert not any(token in request.raw.decode() for request in monitor.requests)

    def test_a_run_that_is_kept_off_says_log(self, hcexport: Hcexport, monitor: Server) -> None:
        with Sandbox(job_seconds=3) as slow:
            env = {"HCEXPORT_URL": slow.url, "HCEXPORT_TOKEN": slow.new_token(), "HCEXPORT_PING": ping_url(monitor)}
            done: list[Any] = []
            first = threading.Thread(target=lambda: done.append(other_process(hcexport, env)))
            first.start()
            while not any(request.path.endswith("/export") for request in slow.requests):
                time.sleep(0.01)
            assert hcexport("export", "--new", "--out", "b.zip", env=env).returncode == 75
            first.join()
        assert done == [0]
        assert sorted(pings(monitor)) == ["0", "log", "start", "start"]

    def test_from_a_file_and_from_the_profile(self, hcexport: Hcexport, box: Sandbox, monitor: Server) -> None:
        file = hcexport.cwd / "ping"
        file.write_text(ping_url(monitor) + "\n")
        file.chmod(0o600)
        configure(hcexport, f'ping = "{ping_url(monitor)}-of-the-profile"')
        run_id = box.reports[0].id
        assert hcexport("show", run_id, env={"HCEXPORT_PING_FILE": str(file)}).returncode == 0
        assert pings(monitor) == ["start", "0"]
        assert hcexport("show", run_id).returncode == 0
        assert pings(monitor)[2:] == [f"/{KEY}-of-the-profile/start", f"/{KEY}-of-the-profile/0"]

    @pytest.mark.parametrize("url", ["http://monitor.invalid/uuid-of-somebody", "no url", "http://127.0.0.1:1/x"])
    def test_its_failure_is_a_warning(self, hcexport: Hcexport, box: Sandbox, url: str) -> None:
        done = hcexport("show", box.reports[0].id, "-F", "json", env={"HCEXPORT_PING": url})
        assert done.returncode == 0
        assert json.loads(done.stdout)
        assert "warning" in done.stderr
        assert "uuid-of-somebody" not in done.stderr

    @pytest.mark.parametrize("words", [("config", "list"), ("status",), ("config", "get", "ping")])
    def test_the_address_is_shown_nowhere(self, hcexport: Hcexport, words: tuple[str, ...]) -> None:
        configure(hcexport, f'ping = "https://hc.example.com/{KEY}"')
        done = hcexport(*words, "-vv")
        assert done.returncode == 0, done.stderr
        assert KEY not in done.stdout + done.stderr

    def test_several_profiles_are_told_each_and_in_all(
        self, hcexport_alone: Hcexport, box: Sandbox, monitor: Server
    ) -> None:
        secret = hcexport_alone.cwd / "password"
        secret.write_text(box.password)
        secret.chmod(0o600)
        home = Path(hcexport_alone.env["HCEXPORT_HOME"])
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text(
            "".join(
                f'[profiles.{name}]\nurl = "{box.url}"\nusername = "{box.username}"\npassword_file = "{secret}"\n'
                f'store = "file"\nping = "{ping_url(monitor)}/{name}"\n'
                for name in ("a", "b")
            )
        )
        done = hcexport_alone(
            *("export", "--latest", "1", "--out", "all/", "-p", "*"), env={"HCEXPORT_PING": ping_url(monitor)}
        )
        assert done.returncode == 0, done.stderr
        assert sorted(pings(monitor)) == ["0", "a/0", "a/start", "b/0", "b/start", "start"]
        assert pings(monitor)[-1] == "0"


def other_process(hcexport: Hcexport, env: dict[str, str]) -> int:
    whole = {**hcexport.env, **env, "PYTHONPATH": str(Path(__file__).parents[2])}
    words = hcexport.argv("export", "--new", "--out", "a.zip")
    return subprocess.run(words, env=whole, cwd=hcexport.cwd, capture_output=True, timeout=30, check=False).returncode


class TestNotify:
    @pytest.fixture
    def told(self, hcexport: Hcexport) -> Callable[[], list[Any]]:
        """What the command was told since the last call."""
        program, log = hcexport.cwd / "page.py", hcexport.cwd / "log"
        program.write_text(LOGGER)
        configure(hcexport, f"notify = {json.dumps([sys.executable, str(program), str(log)])}")

        def read() -> list[Any]:
            lines = log.read_text().splitlines() if log.exists() else []
            log.unlink(missing_ok=True)
            return [json.loads(line) for line in lines]

        return read

    def test_only_a_change_is_told(self, hcexport: Hcexport, box: Sandbox, told: Callable[[], list[Any]]) -> None:
        failed, passed = report_id(box, "failed"), report_id(box, "passed")
        assert hcexport("show", failed).returncode == 0
        (call,) = told()
        assert call["env"]["HCEXPORT_EVENT"] == "broke"
        assert call["env"]["HCEXPORT_EXIT_STATUS"] == "0"
        assert call["env"]["HCEXPORT_PROFILE"]
        (report,) = json.loads(call["stdin"])
        assert report["id"] == failed
        failing = [test["id"] for test in report["tests"] if test["result"] == "failed"]
        assert failing
        assert all(test_id in call["env"]["HCEXPORT_SUMMARY"] for test_id in failing)
        assert hcexport.env["HCEXPORT_TOKEN"] not in json.dumps(call)
        assert hcexport("show", failed).returncode == 0
        assert told() == []
        assert hcexport("show", passed).returncode == 0
        assert [call["env"]["HCEXPORT_EVENT"] for call in told()] == ["recovered"]

    def test_an_error_and_that_it_works_again(self, hcexport: Hcexport, told: Callable[[], list[Any]]) -> None:
        export = ("export", "--latest", "1", "--wait")
        assert hcexport(*export, env={"HCEXPORT_TOKEN": "no-token-at-all"}).returncode == 4
        (call,) = told()
        assert (call["env"]["HCEXPORT_EVENT"], call["env"]["HCEXPORT_EXIT_STATUS"]) == ("error", "4")
        assert json.loads(call["stdin"])["error"]["code"] == "auth"
        assert hcexport(*export).returncode == 0
        (call,) = told()
        assert call["env"]["HCEXPORT_EVENT"] == "works"
        assert json.loads(call["stdin"])["status"] == "COMPLETED"

    def test_a_call_that_failed_is_tried_again(
        self, hcexport: Hcexport, box: Sandbox, told: Callable[[], list[Any]]
    ) -> None:
        broken = hcexport.cwd / "log.broken"
        broken.touch()
        failed = report_id(box, "failed")
        done = hcexport("show", failed)
        assert done.returncode == 0
        assert "warning" in done.stderr
        broken.unlink()
        assert len(told()) == 1
        assert hcexport("show", failed).returncode == 0
        assert len(told()) == 1
        assert hcexport("show", failed).returncode == 0
        assert told() == []

    def test_too_old_and_young_again(self, hcexport: Hcexport, box: Sandbox, told: Callable[[], list[Any]]) -> None:
        passed = report_id(box, "passed")
        assert hcexport("show", passed, "--max-age", "1s").returncode == 10
        (call,) = told()
        assert (call["env"]["HCEXPORT_EVENT"], call["env"]["HCEXPORT_EXIT_STATUS"]) == ("stale", "10")
        assert "not healthy" in call["env"]["HCEXPORT_SUMMARY"]
        assert hcexport("show", passed).returncode == 0  # no age was asked for
        assert told() == []
        assert hcexport("show", passed, "--max-age", "3650d").returncode == 0
        assert [call["env"]["HCEXPORT_EVENT"] for call in told()] == ["fresh"]

    def test_an_export_tells_of_the_reports_that_it_judged(
        self, hcexport: Hcexport, box: Sandbox, told: Callable[[], list[Any]]
    ) -> None:
        export = ("export", "--run-ids", report_id(box, "failed"), "--fail-on", "failed", "--out", "new/")
        assert hcexport(*export).returncode == 10
        (call,) = told()
        assert call["env"]["HCEXPORT_EVENT"] == "broke"
        assert Path(json.loads(call["stdin"])["path"]).exists()

    @pytest.mark.parametrize("form", ["text", "json"])
    def test_diff_and_run_tell_of_the_report_that_they_read(
        self, hcexport: Hcexport, box: Sandbox, told: Callable[[], list[Any]], form: str
    ) -> None:
        failed, passed = report_id(box, "failed"), report_id(box, "passed")
        assert hcexport("diff", passed, failed, "-F", form).returncode == 0
        assert [call["env"]["HCEXPORT_EVENT"] for call in told()] == ["broke"]
        assert hcexport("diff", failed, passed, "-F", form).returncode == 0
        assert [call["env"]["HCEXPORT_EVENT"] for call in told()] == ["recovered"]
        assert hcexport("diff", passed, failed, "-F", form).returncode == 0
        assert len(told()) == 1
        done = hcexport("run", "-F", form)
        assert done.returncode == 0, done.stderr
        assert [call["env"]["HCEXPORT_EVENT"] for call in told()] == ["recovered"]

    def test_other_commands_tell_nobody(self, hcexport: Hcexport, told: Callable[[], list[Any]]) -> None:
        assert hcexport("list", env={"HCEXPORT_TOKEN": "no-token-at-all"}).returncode == 4
        assert told() == []

    def test_the_state_is_private(self, hcexport: Hcexport, box: Sandbox, told: Callable[[], list[Any]]) -> None:
        assert hcexport("show", report_id(box, "failed")).returncode == 0
        history = Path(hcexport.env["HCEXPORT_HOME"], "history.db")
        assert stat.S_IMODE(history.stat().st_mode) == 0o600

    def test_a_text_in_place_of_a_list_is_one_word(self, hcexport: Hcexport, box: Sandbox) -> None:
        configure(hcexport, 'notify = "touch never"')
        done = hcexport("show", report_id(box, "failed"))
        assert done.returncode == 0
        assert "cannot be started" in done.stderr
        assert not (hcexport.cwd / "never").exists()
