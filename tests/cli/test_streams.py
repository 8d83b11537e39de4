"""What goes where, for commands of every kind: the result to stdout, messages to stderr, and nothing else."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hcexport.cli import root
from hcexport.cli.boundary import _format_of
from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

COMMANDS = sorted(root.list_commands(None))  # type: ignore[arg-type] # it needs no context


def test_version_and_help(hcexport_alone: Hcexport) -> None:
    from hcexport import __version__

    assert hcexport_alone("--version").stdout == f"hcexport {__version__}\n"
    for words in (["--help"], ["-h"]):
        done = hcexport_alone(*words)
        assert (done.returncode, done.stderr) == (0, "")
        for name in COMMANDS:
            assert f"\n  {name} " in done.stdout


def test_help_and_version_are_commands_too(hcexport_alone: Hcexport) -> None:
    assert hcexport_alone("version").stdout == hcexport_alone("--version").stdout
    assert hcexport_alone("help").stdout == hcexport_alone("--help").stdout
    assert hcexport_alone("help", "wait").stdout == hcexport_alone("wait", "--help").stdout
    assert hcexport_alone("help", "nosuch").returncode == 2
    for words in (("help", "--help"), ("help", "-h"), ("version", "--help")):
        assert hcexport_alone(*words).stdout == hcexport_alone("--help").stdout


def test_every_command_has_help_of_a_screen(hcexport_alone: Hcexport) -> None:
    for name in COMMANDS:
        done = hcexport_alone(name, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == hcexport_alone(name, "-h").stdout
        assert f"hcexport {name}" in done.stdout
        assert all(len(line) <= 80 for line in done.stdout.splitlines()), name


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("list -pF json", False),
        ("list -vqFjson", True),
        ("export -oFjson", False),
        ("list -F json -F text", False),
        ("list -F text --format=json", True),
        ("sandbox -- hcexport list -F json", False),
        ("list -x -F json", True),
        ("list - -Fjson", True),
        ("list --no-such-option=1 -qFjson", True),
        ("-Fjson list --no-such-option", True),
        ("-F json list -F text", False),
        ("--no-such-option list -F json", True),
        ("exprot -F json", True),
        ("-F json", True),
    ],
)
def test_which_lines_ask_for_json(words: str, wanted: bool) -> None:
    assert (_format_of(root, words.split()) == "json") is wanted


def test_a_command_that_does_not_exist(hcexport_alone: Hcexport, refused: Callable[..., Any]) -> None:
    said = refused(hcexport_alone("exprot"), 2)
    assert "'export'" in said
    assert "--help" in said
    done = hcexport_alone()
    assert done.returncode == 2
    assert "export" in done.stderr + done.stdout


def test_an_error_is_a_line_and_a_hint(hcexport: Hcexport, refused: Callable[..., Any]) -> None:
    lines = refused(hcexport("export"), 2).splitlines()
    assert lines[0].startswith("hcexport: error: ")
    assert lines[1].startswith("hint: ")
    assert len(lines) == 2


@pytest.mark.parametrize(
    "spelling",
    [["--format", "json"], ["--format=json"], ["-F", "json"], ["-Fjson"], ["-qFjson"], ["-vF", "json"]],
)
def test_json_errors_also_of_lines_that_cannot_be_understood(
    hcexport: Hcexport, error_of: Callable[..., Any], spelling: list[str]
) -> None:
    error_of(hcexport("list", *spelling, "--no-such-option"), 2)
    error_of(hcexport("list", "--no-such-option", *spelling), 2)
    error_of(hcexport("show", "nosuch", *spelling), 5)


def test_words_after_two_dashes_are_no_options(hcexport_alone: Hcexport) -> None:
    done = hcexport_alone("sandbox", "--scenario", "nosuch", "--", "x", "--format", "json")
    assert done.returncode == 2
    assert done.stderr.startswith("hcexport: error: ")


@pytest.mark.parametrize("spelling", [["--format", "json"], ["--format=json"], ["-Fjson"], ["-qFjson"]])
def test_shared_options_stand_before_the_command_too(
    hcexport: Hcexport, error_of: Callable[..., Any], spelling: list[str]
) -> None:
    assert len(json.loads(hcexport(*spelling, "list", "--latest", "1").stdout)) == 1
    error_of(hcexport(*spelling, "show", "nosuch"), 5)
    error_of(hcexport(*spelling, "list", "--no-such-option"), 2)


def test_the_value_after_the_command_wins(hcexport: Hcexport, box: Sandbox) -> None:
    done = hcexport(
        "-F", "json", "--url", "https://other.invalid/x", "list", "--latest", "1", "-F", "ids", "--url", box.url
    )
    assert (done.returncode, done.stdout) == (0, f"{box.reports[0].id}\n")
    assert hcexport("-F", "csv", "export", "--latest", "1").returncode == 2  # which export has not


def test_a_command_that_asks_the_server_has_a_limit(hcexport_alone: Hcexport, error_of: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        env = {"HCEXPORT_URL": f"http://127.0.0.1:{mute.getsockname()[1]}/x", "HCEXPORT_TOKEN": "t0ken"}
        for words in (["list"], ["show", "x"], ["status"]):
            error_of(hcexport_alone(*words, "-F", "json", "--timeout", "0.3s", env=env, timeout=10), 124)


def test_quiet_keeps_errors_and_warnings(hcexport: Hcexport, refused: Callable[..., Any]) -> None:
    refused(hcexport("show", "nosuch", "--quiet"), 5)
    done = hcexport("list", "--latest", "1", "--quiet", "--insecure")
    assert done.returncode == 0
    assert done.stderr.startswith("hcexport: warning: --insecure")


def test_verbose_says_more_and_the_log_says_all(hcexport: Hcexport) -> None:
    plain = hcexport("list", "--latest", "1").stderr
    wire = hcexport("list", "--latest", "1", "-vv").stderr
    assert plain == ""
    assert "GET http" in wire
    assert hcexport("list", "--latest", "1", "--log-file", "log").stderr == ""
    log = hcexport.cwd / "log"
    assert "GET http" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    size = log.stat().st_size
    hcexport("list", "--latest", "1", "--log-file", "log")
    assert log.stat().st_size > size  # appended to
    assert hcexport("list", "--log-file", "missing/log").returncode == 73


def test_a_log_file_that_cannot_grow_does_not_end_the_work(hcexport: Hcexport) -> None:
    done = hcexport("list", "--latest", "1", "-F", "ids", "--log-file", "/dev/full")
    assert (done.returncode, len(done.stdout.split())) == (0, 1)
    assert done.stderr.count("log file") == 1


def test_a_working_folder_that_is_gone_is_named(hcexport: Hcexport, box: Sandbox) -> None:
    words = ["-m", "hcexport", "export", "--latest", "1", "--out", "x.zip"]
    script = 'mkdir gone; cd gone; rmdir ../gone; exec "$@"'
    env = {**hcexport.env, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        ["sh", "-c", script, "sh", sys.executable, *words],
        cwd=hcexport.cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (73, "")
    assert "folder" in done.stderr
    assert "standard output" not in done.stderr
    assert not any(request.path.endswith("/export") for request in box.requests)


def test_a_log_file_is_made_private_and_never_waited_for(hcexport: Hcexport) -> None:
    log = hcexport.cwd / "log"
    log.touch()
    log.chmod(0o666)
    assert hcexport("list", "--latest", "1", "--log-file", "log").returncode == 0
    assert log.stat().st_mode & 0o777 == 0o600
    assert hcexport("list", "--latest", "1", "--log-file", "/dev/null").returncode == 0
    os.mkfifo(hcexport.cwd / "pipe")
    assert hcexport("list", "--latest", "1", "--log-file", "pipe").returncode == 73


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_log_file_of_somebody_else_is_refused(hcexport: Hcexport) -> None:
    (hcexport.cwd / "own").touch()
    (hcexport.cwd / "log").touch()
    (hcexport.cwd / "link").symlink_to("own")
    for name in ("log", "link"):
        os.chown(hcexport.cwd / name, 12345, -1, follow_symlinks=False)
        assert hcexport("list", "--latest", "1", "--log-file", name).returncode == 73


def test_a_home_that_everybody_may_write_is_refused(hcexport: Hcexport, refused: Callable[..., Any]) -> None:
    home = Path(hcexport.env["HCEXPORT_HOME"])
    home.mkdir()
    home.chmod(0o777)
    said = refused(hcexport("list"), 78)
    assert f"chmod o-w {home}" in said


@pytest.mark.parametrize("env", [{"FORCE_COLOR": "1"}, {"CLICOLOR_FORCE": "1"}, {"HCEXPORT_COLOR": "always"}])
def test_no_escape_sequence_in_a_pipe_whatever_is_wanted(hcexport: Hcexport, env: dict[str, str]) -> None:
    for words in (["list"], ["show", hcexport("list", "-F", "ids", "--limit", "1").stdout.strip()], ["status"]):
        done = hcexport(*words, "--color", "always", env=env)
        assert done.returncode == 0
        assert "\x1b" not in done.stdout + done.stderr


def test_a_latin_terminal_is_no_reason_to_fail(hcexport: Hcexport, box: Sandbox) -> None:
    box._world.reports.alter(box.reports[0].id, name="\u65e5\u672c \u2603 caf\u00e9")
    argv = hcexport.argv("list", "--latest", "1")
    for encoding in ("latin-1", "ascii"):
        env = {**hcexport.env, "PYTHONIOENCODING": encoding}
        done = subprocess.run(argv, env=env, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"\\u65e5" in done.stdout


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_closed_streams(hcexport: Hcexport, closed: str) -> None:
    script = f'"$@" {closed}'
    argv = ["/bin/sh", "-c", script, "sh", *hcexport.argv("export", "--latest", "1", "--out", "x.zip")]
    done = subprocess.run(argv, env=hcexport.env, cwd=hcexport.cwd, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{hcexport.cwd / 'x.zip'}\n")


def test_a_home_that_is_not_there(hcexport: Hcexport, box: Sandbox) -> None:
    env = {"HOME": "/nonexistent", "HCEXPORT_HOME": "/proc/nowhere"}
    done = hcexport("export", "--latest", "1", "--out", "x.zip", env=env)
    assert done.returncode == 0  # a ledger is in nobody's way
    assert done.stdout == f"{hcexport.cwd / 'x.zip'}\n"


def test_the_json_of_every_command_is_one_document(hcexport: Hcexport, box: Sandbox) -> None:
    job = json.loads(hcexport("export", "--latest", "1", "--wait", "-F", "json").stdout)["job_id"]
    for words in (
        ["list"], ["show", box.reports[0].id], ["status"], ["jobs"], ["wait", job], ["download", job],
        ["config", "list"],
    ):  # fmt: skip
        done = hcexport(*words, "-F", "json")
        assert done.returncode == 0, done.stderr
        json.loads(done.stdout)
        assert done.stdout.isascii()


def test_nothing_of_the_shared_options_is_missing_anywhere(hcexport_alone: Hcexport) -> None:
    shared = (
        *(
            "--profile",
            "--url",
            "--format",
            "--quiet",
            "--verbose",
            "--log-file",
            "--no-input",
            "--color",
            "--progress",
        ),
        *("--ca-bundle", "--client-cert", "--client-key", "--insecure", "--connect-timeout"),
    )
    for name in COMMANDS:
        command = root.get_command(None, name)  # type: ignore[arg-type] # it needs no context
        assert command
        spelt = {spelling for parameter in command.params for spelling in parameter.opts}
        assert set(shared) <= spelt, name
        assert {"-p", "-F", "-q", "-v"} <= spelt
    assert {name for name in COMMANDS if not _has(name, "--timeout")} == {
        "config",
        "completion",
        "sandbox",
        "schedule",
        "schema",
    }
    help_text = hcexport_alone("--help").stdout
    assert all(option in help_text for option in shared)


def _has(name: str, option: str) -> bool:
    command = root.get_command(None, name)  # type: ignore[arg-type] # it needs no context
    return command is not None and any(option in parameter.opts for parameter in command.params)
