"""One of each trouble in one call of several organizations: what is promised of it holds time after time."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hcexport.sandbox import Sandbox
from tests.support.server import Line, Server

from .process import environment

STATUSES = {"wrong": 4, "mute": 124, "full": 73, "unhealthy": 10, "healthy": 0}  # in the order of the config file
TIMES = 20
LARGEST_FILE = 500_000  # bytes; the zip of one organization is larger, the databases are not
FAILED = {"HC_112_002": "fail"}


def fall_silent(line: Line) -> None:
    """Sign in, and answer nothing else."""
    if not line.request.target.split("?")[0].endswith("generateToken"):
        line.stall(10)
    line.answer(200, json.dumps({"token": "some-token", "expires": 4_102_444_800_000}).encode())


@pytest.fixture
def organizations(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a machine with a profile for each trouble."""
    home = tmp_path / "machine"
    home.mkdir(mode=0o700)
    with ExitStack() as stack:
        mute = stack.enter_context(Server(fall_silent))
        boxes = {name: Sandbox(job_seconds=0.05, item_bytes=10**6 * (name == "full")) for name in STATUSES}
        tables = []
        for name, box in boxes.items():
            stack.enter_context(box)
            box._world.reports.alter(box.reports[0].id, failures=FAILED if name == "unhealthy" else {})
            secret = home / f"password-{name}"
            secret.write_text("not the password" if name == "wrong" else box.password)
            secret.chmod(0o600)
            url = f"http://127.0.0.1:{mute.port}/x" if name == "mute" else box.url
            about = f'url = "{url}"\nusername = "{box.username}"\npassword_file = "{secret}"\nstore = "file"\n'
            tables.append(f"[profiles.{name}]\n{about}")
        (home / "config.toml").write_text("".join(tables))
        yield environment(home)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_each_has_its_status_and_place(organizations: dict[str, str], tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "hcexport", "export", "-p", "*", "--latest", "1", "--fail-on", "failed"]
    argv += ["--out", "{profile}.zip", "--timeout", "3s", "-F", "json"]
    for number in range(TIMES):
        work = tmp_path / str(number)
        work.mkdir()
        done = subprocess.run(
            argv,
            env=organizations,
            cwd=work,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE)),
        )
        assert done.returncode == 8, done.stderr
        objects = json.loads(done.stdout)
        assert [(each["profile"], each["exit_status"]) for each in objects] == list(STATUSES.items())
        assert {each["profile"] for each in objects if "error" not in each} == {"healthy"}
        assert json.loads(done.stderr.splitlines()[-1])["error"]["code"] == "partial"
        saved = sorted(work.glob("*.zip"))
        assert [path.name for path in saved] == ["healthy.zip", "unhealthy.zip"]
        for path in saved:
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
