"""Ninety nights of an organization through the nightly line: the user's command is called twice an outage."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

DAY_S = 86_400
NIGHTS = range(89, -1, -1)  # nights ago; what failed in which is told in hcexport/sandbox/world/history.py
OUTAGES = [(63, 63), (61, 61), (38, 34), (28, 28), (12, 12)]  # from the first night that fails to the last
LOGGER = """import json, os, sys
json.load(sys.stdin)
with open(sys.argv[1], "a") as log:
    log.write(os.environ["HCEXPORT_EVENT"] + chr(10))
"""


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_two_calls_an_outage(hcexport_alone: Hcexport) -> None:
    program, log = hcexport_alone.cwd / "page.py", hcexport_alone.cwd / "log"
    program.write_text(LOGGER)
    home = Path(hcexport_alone.env["HCEXPORT_HOME"])
    home.mkdir(mode=0o700)
    notify = json.dumps([sys.executable, str(program), str(log)])
    (home / "config.toml").write_text(f"[defaults]\nnotify = {notify}\n")
    late_s = (time.time() - 4 * 3600) % DAY_S  # at four o'clock, an hour after the organization's check
    called: dict[int, str] = {}
    with Sandbox(job_seconds=0.05, clock=lambda: time.time() - late_s) as box:
        assert box.reports  # the past is made as seen from the last night
        for ago in NIGHTS:
            late_s = late_s % DAY_S + ago * DAY_S
            env = {"HCEXPORT_URL": box.url, "HCEXPORT_TOKEN": box.new_token()}
            done = hcexport_alone("export", "--new", "--out", "new/", "--fail-on", "failed", env=env)
            assert done.returncode in {0, 10}, done.stderr
            if log.exists():
                called[ago] = log.read_text().strip()
                log.unlink()
    assert called == {first: "broke" for first, _ in OUTAGES} | {end - 1: "recovered" for _, end in OUTAGES}
