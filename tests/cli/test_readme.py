"""README: its commands run as they stand, and what it shows exists."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process import ROOT, Hcexport

README = (ROOT / "README.md").read_text()
ELSEWHERE = ("hcexport login https://gis.example.com/",)  # an address that stands for the reader's own
LINES = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.startswith("hcexport ") and not line.startswith(ELSEWHERE)
]
STATUSES = {0, 10}  # a report of the sandbox may be unhealthy


@pytest.fixture
def in_a_shell(hcexport: Hcexport, tmp_path: Path) -> dict[str, str]:
    """An environment with ``hcexport`` on the PATH, signed in to the sandbox."""
    program = tmp_path / "bin" / "hcexport"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {shlex.quote(sys.executable)} -m hcexport "$@"\n')
    program.chmod(0o755)
    return {**hcexport.env, "PATH": f"{program.parent}:{hcexport.env['PATH']}"}


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_its_commands_run_as_pasted(hcexport: Hcexport, in_a_shell: dict[str, str]) -> None:
    assert len(LINES) > 12
    for line in LINES:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line], cwd=hcexport.cwd, env=in_a_shell, capture_output=True, check=False
        )
        assert done.returncode in STATUSES, (line, done.stderr.decode())


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)]+)\)", README))
def test_what_it_shows_exists(path: str) -> None:
    assert (ROOT / path).is_file()
