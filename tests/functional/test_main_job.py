"""The main job as a newcomer has it: from an address and a password to a verified zip."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport


def test_sign_in_look_export_wait_save_sign_out(hcexport_alone: Hcexport, box: Sandbox) -> None:
    run = hcexport_alone
    address = f"{box.url}/home/index.html"
    done = run("login", address, "-u", box.username, "--password-stdin", "--store", "file", stdin=f"{box.password}\n")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr

    assert json.loads(run("status", "-F", "json").stdout)["url"] == box.url
    failed = run("list", "--result", "failed", "--latest", "2", "-F", "ids").stdout
    assert len(failed.split()) == 2
    done = run("export", "--run-ids", "-", "--out", "health-{date}.zip", "--extract", "health", stdin=failed)
    saved = Path(done.stdout.strip())
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
    assert {str(path.relative_to(run.cwd / "health")) for path in (run.cwd / "health").rglob("*.*")} == names
    for run_id in failed.split():
        assert any(run_id in name for name in names) or any(
            run_id in path.read_text() for path in (run.cwd / "health").rglob("*.json")
        )
    assert run("jobs", "-F", "json").stdout.count(str(saved)) == 1

    job_id = run("export", "--latest", "1").stdout.strip()
    assert run("wait", job_id).stdout == f"{job_id}\tCOMPLETED\n"
    assert run("download", job_id, "-o", "again.zip").stdout == f"{run.cwd / 'again.zip'}\n"

    assert run("logout").returncode == 0
    assert run("list").returncode == 4

    everything = "".join(done.stdout + done.stderr for done in run.finished)
    assert box.password not in everything
    kept = [path for path in (run.cwd.parent / "home").rglob("*") if path.is_file()]
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept)
    assert all(box.password.encode() not in path.read_bytes() for path in kept)


def test_from_the_environment_of_cron(hcexport_alone: Hcexport, box: Sandbox) -> None:
    """No HOME, no terminal, standard input closed, another folder, an umask that shows what is ours."""
    env = {"HCEXPORT_URL": box.url, "HCEXPORT_TOKEN": box.new_token(), "HCEXPORT_HOME": str(hcexport_alone.cwd / "h")}
    if path := os.environ.get("PYTHONPATH"):
        env["PYTHONPATH"] = path
    argv = hcexport_alone.argv("export", "--latest", "1", "--quiet", "--out", str(hcexport_alone.cwd / "x.zip"))
    script = 'umask 000; exec "$@" <&-'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *argv], env=env, cwd="/", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{hcexport_alone.cwd / 'x.zip'}\n"
    assert (hcexport_alone.cwd / "h" / "ledger.db").stat().st_mode & 0o777 == 0o600


def test_on_a_terminal(hcexport: Hcexport) -> None:
    """A bar that settles, and the path on standard output; the same without colour where it is not wanted."""
    shown = on_terminal(hcexport, "export", "--latest", "1", "--out", "x.zip")
    assert "\x1b[" in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "COMPLETED" in plain
    assert str(hcexport.cwd / "x.zip") in plain.replace("\r\n", "")

    table = on_terminal(hcexport, "list", "--latest", "2", NO_COLOR="1")
    assert "RESULT" in table  # a heading
    assert "\x1b[3" not in table
    assert all(len(line) <= 80 for line in table.splitlines())


def on_terminal(hcexport: Hcexport, *args: str, status: int = 0, **env: str) -> str:
    """What a terminal of 80 columns gets to see of a command."""
    ended = hcexport.at_terminal(*args, env={"COLUMNS": "80", **env})
    assert ended.status == status, ended.screen
    return ended.screen


def test_as_a_module_and_as_a_script_it_is_the_same_version() -> None:
    by_module = subprocess.run(
        [sys.executable, "-m", "hcexport", "--version"], capture_output=True, text=True, check=True
    )
    from hcexport import __version__

    assert by_module.stdout == f"hcexport {__version__}\n"


def test_a_zip_is_not_written_to_a_terminal(hcexport: Hcexport) -> None:
    shown = on_terminal(hcexport, "export", "--latest", "1", "--out", "-", status=2)
    assert "PK\x03\x04" not in shown
