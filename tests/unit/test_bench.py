"""The bench leaves nothing behind, and measures part by part."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.bench.__main__ import _rows_of
from tests.bench.measure import Row

ROOT = Path(__file__).parents[2]
DIES = """
import os, signal
from tests.bench import parts
with parts.organization() as place, parts.slow_line(int(place.url.split(":")[2].split("/")[0])) as port:
    print(port, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_no_server_outlives_a_bench_that_is_killed() -> None:
    """They hold standard error, whose end is waited for."""
    dies = [sys.executable, "-c", DIES]
    killed = subprocess.run(dies, cwd=ROOT, capture_output=True, text=True, check=False, timeout=20)
    assert (killed.returncode, int(killed.stdout) > 0) == (-signal.SIGKILL, True), killed.stderr


def test_rows_that_were_measured_before_are_found() -> None:
    rows = [str(Row(what, "x", [1.0], 2)) for what in ("start: --help", "the same")]
    found = _rows_of(Row.HEAD, "\n".join(["about", "", Row.HEAD, *rows, "", "more"]))
    assert found == dict(zip(("start: --help", "the same"), rows, strict=True))
    assert _rows_of(Row.HEAD, "no table") == {}
