"""The crontab line of the README: one line, which runs in cron's environment and mails nothing."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hcexport.sandbox import Sandbox

ROOT = Path(__file__).parents[2]


def recipe() -> str:
    (line,) = re.findall(r"^30 3 \* \* \* (.*hcexport export .*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    return line


@pytest.mark.parametrize("scenario", ["normal", "flaky"])
def test_it_prints_nothing_and_can_run_twice(hcexport_alone: Any, tmp_path: Path, scenario: str) -> None:
    program, folder = tmp_path / "hcexport", tmp_path / "health"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {hcexport_alone.argv()[0]} -m hcexport "$@"\n')
    program.chmod(0o755)
    folder.mkdir()
    password = tmp_path / "password"
    line = recipe().replace("/usr/local/bin/hcexport", str(program)).replace("/var/backups/gis", str(folder))
    with Sandbox(scenario=scenario, job_seconds=0.1) as box:
        password.write_text(box.password)
        password.chmod(0o600)
        env = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "HCEXPORT_URL": box.url,
            "HCEXPORT_USERNAME": box.username,
            "HCEXPORT_PASSWORD_FILE": str(password),
        }
        for _ in range(2):
            done = subprocess.run(["/bin/sh", "-c", line], env=env, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(list(folder.glob("*.zip"))) == 1
