"""Streams that are closed, full or gone, terminals that know little, users that do not exist. Real processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from shlex import join, quote
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from tests.support.process import ROOT, ForkServer, Hcexport

from .saving import Saving
from .turns import json_says

LIST = ["list", "--latest", "3"]
Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def shell(hcexport: Hcexport, tmp_path: Path) -> Shell:
    """Run a line of shell in which HC stands for hcexport."""

    def run(line: str, prefix: tuple[str, ...] = (), **env: str) -> subprocess.CompletedProcess[str]:
        argv = hcexport.argv()
        bash = ["bash", "-c", re.sub(r"\bHC\b", join(argv), line)]
        given = {**hcexport.env, **env}
        return subprocess.run(
            [*prefix, *bash], env=given, cwd=tmp_path / "work", capture_output=True, text=True, timeout=20, check=False
        )

    return run


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert "Traceback" not in done.stderr
    return [line for line in done.stderr.splitlines() if line.startswith(("hcexport: error: ", '{"error": '))]


@pytest.mark.parametrize("where", [">&-", ">/dev/full"])
@pytest.mark.parametrize("command", ["list --latest 3", "list --format json", "status"])
def test_a_result_that_goes_nowhere_is_an_error(command: str, where: str, shell: Shell) -> None:
    done = shell(f"HC {command} {where}")
    assert done.returncode == 73
    assert len(errors(done)) == 1


@pytest.mark.parametrize("where", [">&-", ">/dev/full"])
def test_a_saved_file_stays_when_its_path_cannot_be_said(where: str, shell: Shell, tmp_path: Path) -> None:
    done = shell(f"HC export --latest 1 --out reports.zip {where}")
    assert done.returncode == 73
    assert (tmp_path / "work" / "reports.zip").exists()


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full", "<&-", "<&- 2>&-"])
def test_other_streams_may_be_missing(where: str, shell: Shell) -> None:
    done = shell(f"HC list --latest 3 {where}")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 3), done.stderr


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_status_needs_no_stream(where: str, shell: Shell) -> None:
    assert shell(f"HC show no-such-report {where}").returncode == 5


def test_no_file_of_ours_takes_the_number_of_a_closed_stream(shell: Shell, tmp_path: Path) -> None:
    assert shell("HC export --latest 1 --out reports.zip <&- >&- 2>&-").returncode == 73
    done = shell("unzip -tq reports.zip")
    assert done.returncode == 0, done.stdout


def test_a_reader_that_leaves_is_quiet(shell: Shell) -> None:
    done = shell("HC list --format json | head -c 1; echo ${PIPESTATUS[0]}")
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in {"[0", "0"}


def test_export_to_a_reader_that_leaves(shell: Shell) -> None:
    done = shell("HC export --latest 40 --out - --quiet | head -c 4; echo; echo ${PIPESTATUS[0]}")
    assert done.stdout.splitlines()[0] == "PK\x03\x04"
    assert errors(done) == []


@pytest.mark.parametrize(
    "env", [{"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}], ids=str
)
def test_a_terminal_of_few_letters(env: dict[str, str], shell: Shell, box: Sandbox) -> None:
    done = shell(f"HC show {box.reports[0].id} --progress plain", **env)
    assert done.returncode == 0, done.stderr
    assert shell("HC show 'Отчёт-№7'", **env).returncode == 5


def test_no_home_at_all(shell: Shell, tmp_path: Path) -> None:
    done = shell(f"env -u HOME -u HCEXPORT_HOME HC {join(LIST)}")
    assert done.returncode in {0, 78}
    assert not (tmp_path / "work" / "~").exists()


def test_a_user_that_does_not_exist(hcexport: Hcexport, as_user: Callable[[int], tuple[list[str], Path]]) -> None:
    """Without a home there is nowhere to keep anything: said in a line, with what to do."""
    words, folder = as_user(54321)
    argv = [*words, *hcexport.argv("list", "--latest", "1")]
    env = {name: value for name, value in hcexport.env.items() if name not in {"HOME", "HCEXPORT_HOME"}}
    env["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(argv, env=env, cwd=folder, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode in {0, 78}, done.stderr
    assert len(errors(done)) == (done.returncode == 78)
    assert done.returncode == 0 or "HCEXPORT_HOME" in done.stderr
    assert not (folder / "~").exists()


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 0), pytest.param("localhost", 6, marks=pytest.mark.slow)])
def test_no_thread_can_be_started(
    host: str, status: int, hcexport: Hcexport, as_user: Callable[..., Any], need_part: Callable[[str], str]
) -> None:
    """A limit on processes: what only shows that it takes long is left out, and a name is not found."""
    words, folder = as_user(54322)
    (folder / "home").mkdir(mode=0o777)
    os.chown(folder / "home", 54322, -1)
    command = hcexport.argv("list", "--latest", "1", "--log-file", "home/log")
    argv = [need_part("prlimit"), "--nproc=1", *words, *command]
    url = hcexport.env["HCEXPORT_URL"].replace("127.0.0.1", host)
    env = {**hcexport.env, "HCEXPORT_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), "HCEXPORT_URL": url}
    done = subprocess.run(argv, env=env, cwd=folder, capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode == status, done.stderr
    assert len(errors(done)) == (status != 0)


@pytest.mark.parametrize(
    "proxy",
    [
        {"NO_PROXY": "[::1],fe80::/10,10.0.0.0/8"},
        {"HTTPS_PROXY": "nonsense://x", "HTTP_PROXY": ":::"},
        {"ALL_PROXY": "socks5://127.0.0.1:1"},
        {"HTTP_PROXY": "http://user:secret-of-the-proxy@127.0.0.1:1"},
    ],
    ids=str,
)
def test_an_odd_proxy_environment_is_no_crash(proxy: dict[str, str], shell: Shell) -> None:
    done = shell(f"HC {join(LIST)}", **proxy)
    assert done.returncode in {0, 6, 78}, done.stderr
    assert len(errors(done)) == (done.returncode != 0)
    assert "secret-of-the-proxy" not in done.stderr


@pytest.mark.parametrize(
    "line",
    ["HC show ''", "HC list --since yesterdayish", "HC export --run-ids a,,b", f"HC show {quote(chr(27) + '[31m')}"],
)
def test_bad_input_is_one_line(line: str, shell: Shell) -> None:
    done = shell(line)
    assert done.returncode in {2, 5}
    assert len(errors(done)) == 1
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Europe/Berlin"])
def test_the_date_for_never_is_one_in_every_zone(zone: str, fork_server: ForkServer, tmp_path: Path) -> None:
    """East of Greenwich the last second of year 9999 is past the end of the calendar."""
    row = {"id": "vegcl1xm6u", "startTime": 253_402_300_799_000, "endTime": 253_402_300_799_000}
    with Saving(fork_server, tmp_path) as saving:
        path = "/gis/admin/healthCheck/reports/query"
        saving.organization.turns[path] = [json_says(json.dumps({"runs": [row]}).encode())]
        argv = ["hcexport", "list", "--url", f"{saving.origin}/gis"]
        ended = fork_server.run(argv, {**saving.env, "TZ": zone}, saving.work, 9)
    assert ended.status == 0, ended.stderr
    assert "9999-12-31" in ended.stdout
