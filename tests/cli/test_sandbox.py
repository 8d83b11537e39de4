"""``hcexport sandbox``: a command run inside of it, and a server for a person."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import Hcexport

PROGRAM = "import os, json; print(json.dumps(dict(os.environ)))"


@pytest.mark.parametrize("script", ["exit 3", "exit 0", "kill -TERM $$"])
def test_it_ends_with_the_status_of_the_command(hcexport_alone: Hcexport, script: str) -> None:
    done = hcexport_alone("sandbox", "--", "sh", "-c", script)
    assert done.returncode == {"exit 3": 3, "exit 0": 0}.get(script, 143)
    assert done.stdout == ""


def test_what_the_command_finds_in_its_environment(hcexport_alone: Hcexport) -> None:
    foreign = {
        "HCEXPORT_URL": "https://gis.example.com/x",
        "HCEXPORT_PASSWORD": "of a real organization",
        "ARCGIS_ENTERPRISE_PASSWORD": "of a real organization",
        "KEPT": "yes",
    }
    done = hcexport_alone("sandbox", "--", sys.executable, "-c", PROGRAM, env=foreign)
    found = json.loads(done.stdout)
    assert found["HCEXPORT_URL"].startswith("http://127.0.0.1:")
    assert found["HCEXPORT_TOKEN"]
    assert found["HCEXPORT_HOME"] not in {"", hcexport_alone.env["HCEXPORT_HOME"]}
    assert not Path(found["HCEXPORT_HOME"]).exists()  # private, and gone with the sandbox
    assert found["KEPT"] == "yes"
    assert "of a real organization" not in found.values()
    assert Path(found["PATH"].split(os.pathsep)[0]).is_dir()
    assert found["PATH"].endswith(hcexport_alone.env["PATH"])


def test_plain_hcexport_is_the_one_that_runs_the_sandbox(hcexport_alone: Hcexport, tmp_path: Path) -> None:
    folder = tmp_path / "own bin"
    folder.mkdir()
    script = folder / "hcexport"
    script.write_text(f"#!{sys.executable}\nfrom hcexport.cli import main\nmain()\n")
    script.chmod(0o755)
    done = subprocess.run(
        [
            script,
            "sandbox",
            "--job-time",
            "0.1s",
            "--",
            "hcexport",
            "export",
            "--latest",
            "3",
            "--wait",
            "--out",
            "r.zip",
        ],
        env={**hcexport_alone.env, "PATH": "/usr/bin:/bin"},
        cwd=hcexport_alone.cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{hcexport_alone.cwd / 'r.zip'}\n"


def test_scenarios_are_chosen_and_listed(hcexport_alone: Hcexport, error_of: Callable[..., Any]) -> None:
    inner = hcexport_alone.argv("export", "--latest", "1", "--wait", "-q", "-F", "json")
    error_of(hcexport_alone("sandbox", "--scenario", "failed", "--job-time", "0.1", "--", *inner), 3)
    text = hcexport_alone("sandbox", "--help").stdout
    for name in (
        "slow",
        "failed",
        "flaky",
        "expired-token",
        "unavailable",
        "full-queue",
        "foreign-urls",
        "corrupt-zip",
    ):
        assert name in text
    assert hcexport_alone("sandbox", "--scenario", "nosuch").returncode == 2


def test_a_command_that_is_not_there(hcexport_alone: Hcexport, refused: Callable[..., Any]) -> None:
    assert "no-such-program" in refused(hcexport_alone("sandbox", "--", "no-such-program"), 2)


def test_it_serves_until_interrupted(
    hcexport_alone: Hcexport, running: Callable[..., Any], refused: Callable[..., Any]
) -> None:
    with running(hcexport_alone.argv("sandbox"), env=hcexport_alone.env) as process:
        settings = dict(process.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(3))
        assert set(settings) == {"HCEXPORT_URL", "HCEXPORT_TOKEN", "HCEXPORT_HOME"}
        done = hcexport_alone("list", "--latest", "1", "-F", "ids", env=settings)
        assert len(done.stdout.split()) == 1
        port = settings["HCEXPORT_URL"].split(":")[2].split("/")[0]
        assert port in refused(hcexport_alone("sandbox", "--port", port, "--", "true"), 73)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=5)
    assert process.returncode == 0  # Ctrl-C is the normal end
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(settings["HCEXPORT_URL"])


def test_a_signal_reaches_the_command(hcexport_alone: Hcexport, running: Callable[..., Any]) -> None:
    script = "trap 'echo told; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    with running(hcexport_alone.argv("sandbox", "--", "sh", "-c", script), env=hcexport_alone.env) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "told\n"
        assert process.wait(5) == 7


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_signal_while_the_command_is_started_reaches_it(
    hcexport_alone: Hcexport, running: Callable[..., Any], moment: str
) -> None:
    """The pipe of standard output closes when the command is gone, so an orphan would hold it open."""
    program = f"""
import os, signal, subprocess
from hcexport.cli import main
start = subprocess.Popen
def interrupted(*args, **kwargs):
    if {moment == "before"}:
        os.kill(os.getpid(), signal.SIGTERM)
    child = start(*args, **kwargs)
    if {moment == "after"}:
        os.kill(os.getpid(), signal.SIGTERM)
    return child
subprocess.Popen = interrupted
main()
"""
    words = [sys.executable, "-c", program, "sandbox", "--", "sleep", "30"]
    with running(words, env=hcexport_alone.env) as process:
        assert process.communicate(timeout=10) == ("", "")
        assert process.returncode == 143


def test_over_tls(hcexport_alone: Hcexport, need_part: Callable[[str], str]) -> None:
    need_part("openssl")
    began = time.monotonic()
    inner = hcexport_alone.argv("list", "--latest", "1", "-F", "ids")
    done = hcexport_alone("sandbox", "--tls", "--", *inner)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 1
    assert time.monotonic() - began < 20


def test_a_terminal_shows_how_to_sign_in_before_the_command(hcexport_alone: Hcexport) -> None:
    words = hcexport_alone.argv("sandbox", "--", "sh", "-c", "echo url $HCEXPORT_URL >&2")
    leader, follower = pty.openpty()
    try:
        done = subprocess.run(words, env=hcexport_alone.env, cwd=hcexport_alone.cwd, stderr=follower, check=False)
        os.close(follower)
        said = os.read(leader, 4096).decode()
    finally:
        os.close(leader)
    assert done.returncode == 0
    before, _, url = said.partition("url ")
    assert url.strip() in before
    assert "administrator" in before
    assert "administrator" not in hcexport_alone(*words[-5:]).stderr
