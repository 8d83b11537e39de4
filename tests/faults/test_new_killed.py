"""``export --new``, killed before a call that reaches the disk, the ledger or the network: the run after it completes.

Each moment has a home and an organization of its own. 30 moments are spread over a whole run; ``HCEXPORT_TEST_MOMENTS``
says how many are tried, and more than a run has means all.
"""

from __future__ import annotations

import json
import os
import signal
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from hcexport.sandbox import Sandbox
from tests.support.process import Ended, ForkServer

from .process import environment

MOMENTS = int(os.environ.get("HCEXPORT_TEST_MOMENTS", "30"))
NEVER = 10**9


class Night:
    """An organization, and the home and folder of a machine that exports what is new there."""

    def __init__(self, fork_server: ForkServer, box: Sandbox, folder: Path, out: str) -> None:
        self.fork_server, self.box, self.folder, self.out = fork_server, box, folder, out
        folder.mkdir()
        self.env = environment(folder / "home", HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        self.moments = folder / "moments"

    def run(self, *, dies_at: int = NEVER) -> Ended:
        env = {**self.env, "TEST_DIES_AT": str(dies_at), "TEST_MOMENTS": str(self.moments)}
        argv = ["hcexport", "export", "--new", "--out", self.out]
        return self.fork_server.run(argv, env, self.folder, 20, program="tests.support.dying")

    def exports(self) -> int:
        """How many the server has made; a request without its body makes none."""
        return len(self.box._world.jobs.ids())

    def saved(self) -> Counter[str]:
        """How many of the zips hold each report."""
        found: Counter[str] = Counter()
        for path in [*self.folder.glob("*.zip"), *self.folder.glob("new/*.zip")]:
            with zipfile.ZipFile(path) as archive:
                found.update({json.loads(archive.read(name))["id"] for name in archive.namelist() if "json" in name})
        return found


def wrong(night: Night, dies_at: int) -> list[str]:
    """What is not as it should be after a run that was killed at a moment, and two runs after it."""
    killed, again, third = night.run(dies_at=dies_at), night.run(), night.run()
    told = [f"{each.status}: {each.stderr.strip()}" for each in (killed, again, third)]
    facts = {
        "the run was not killed and failed": killed.status in {-signal.SIGKILL, 0},  # a quick run has fewer moments
        "the run after it failed": again.status == 0,
        "the third run found something new": (third.status, third.stdout) == (0, ""),
        f"{night.exports()} exports": night.exports() == 1,
        "not every report was saved once": night.saved() == Counter(report.id for report in night.box.reports),
    }
    return [f"moment {dies_at}: {what}: {told}" for what, is_so in facts.items() if not is_so]


@pytest.mark.slow
@pytest.mark.timeout(120 + 3 * MOMENTS)
@pytest.mark.parametrize("out", ["new/", "new.zip"])
def test_the_run_after_a_kill_saves_each_report_once(fork_server: ForkServer, tmp_path: Path, out: str) -> None:
    with Sandbox(job_seconds=0.05) as box:
        whole = Night(fork_server, box, tmp_path / "whole", out)
        assert whole.run().status == 0
    moments = int(whole.moments.read_text())
    assert moments > 60
    stories: list[str] = []
    for number in sorted({round(1 + each * (moments - 2) / MOMENTS) for each in range(MOMENTS)}):
        with Sandbox(job_seconds=0.05) as box:
            stories += wrong(Night(fork_server, box, tmp_path / str(number), out), number)
    assert stories == []
