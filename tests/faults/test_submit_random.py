"""Random faults around two exports that run side by side: each is made once, and no zip stands under another's name.

The two are of one account or of two, of one home or of two, now and then of the same report: as on machines that share
a service account. Every answer of the table is given, with and without a job where it leaves that open, and the search
for the job meets faults of its own.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from hcexport.store.ledger import Ledger
from tests.support.process import ForkServer
from tests.support.server import Line, Server

from .jobs import job_json, make_reports, say
from .organization import not_found
from .process import SMALL, environment
from .submit_answers import CASES, ROWS
from .turns import HTML

ROUNDS = int(os.environ.get("HCEXPORT_TEST_SUBMITS", "25"))  # 300 is the whole promise
TOKENS = {"token-of-alice-0123456789": "alice", "token-of-bob-0123456789": "bob"}
EXPORT, JOBS, UPLOADS = "/gis/admin/healthCheck/reports/export", "/gis/admin/jobs", "/gis/admin/uploads"


@dataclass
class Cluster:
    """Makes jobs and zips of what it is asked for; answers to submits, and some of the others, are faulty."""

    random: random.Random
    jobs: dict[str, dict[str, object]] = field(default_factory=dict)
    reports: dict[str, list[str]] = field(default_factory=dict)
    posts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, line: Line) -> None:
        """Answer one request."""
        path = line.request.target.partition("?")[0]
        kind, _, last = path.rpartition("/")
        if path == EXPORT:
            return self._export(line)
        if path.endswith("/community/self"):
            return say(line, {"username": self._user(line), "role": "org_admin", "privileges": []})
        if JOBS in {path, kind}:
            return self._job(line, last)
        if path.startswith(UPLOADS):
            return self._item(line, path.removeprefix(f"{UPLOADS}/"))
        return not_found(line)

    def _user(self, line: Line) -> str:
        return TOKENS[line.request.headers["x-esri-authorization"].removeprefix("Bearer ")]

    def _export(self, line: Line) -> None:
        reports = parse_qs(line.request.body.decode())["runIds"][0].split(",")
        with self.lock:
            self.posts[reports[0]] += 1
            number, name = self.random.choice([*CASES, *[(1, "JSON")] * 20])
            may_be_made = not ROWS[number].proves and number != 5  # these tokens cannot be renewed, to search with
            is_made = number == 1 or (may_be_made and self.random.random() < 0.5)
            job_id = f"j{len(self.jobs):07}-{self.random.randrange(16**8):08x}" if is_made else "j-none"
            if is_made:
                self.reports[job_id] = reports
                result = {"URL": f"https://elsewhere.invalid/admin/uploads/u{job_id}"}
                self.jobs[job_id] = job_json(job_id, username=self._user(line), result=result)
            pause_s = self.random.choice([0.0, 0.0, 0.05, 0.2])
        time.sleep(pause_s)
        ROWS[number].answers[name](line, job_id)

    def _job(self, line: Line, job_id: str) -> None:
        with self.lock:
            dice = self.random.random()
            known = list(self.jobs)
        if dice < 0.05:
            return line.reset()
        if dice < 0.1:
            return line.answer(502, HTML)
        if line.request.target.partition("?")[0] == JOBS:
            return say(line, {"jobs": known})
        return say(line, self.jobs[job_id]) if job_id in self.jobs else not_found(line)

    def _item(self, line: Line, path: str) -> None:
        item, _, operation = path.partition("/")
        if item.removeprefix("u") not in self.reports:
            return not_found(line)
        if operation == "download":
            return line.answer(200, make_reports(self.reports[item.removeprefix("u")]), content_type="application/zip")
        return say(line, {"itemID": item, "itemName": "reports.zip", "committed": True})


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[ForkServer, ForkServer]]:
    both = (ForkServer(SMALL), ForkServer(SMALL))
    yield both
    for one in both:
        one.close()


def entries_of(home: Path) -> list[str | None]:
    ledger = Ledger(home / "ledger.db", pytest.fail)
    try:
        return [entry.job_id for entry in ledger.entries()]
    finally:
        ledger.close()


def play(number: int, pair: tuple[ForkServer, ForkServer], folder: Path) -> Counter[tuple[int, bool]]:
    """One round: two exports at once. Returns how they ended, and whether their jobs were adopted."""
    dice = random.Random(number)
    cluster = Cluster(dice)
    shares_home, shares_account = dice.choice([(True, True), (False, True), (False, False)])
    same_report = dice.random() < 0.15
    reports = ["vegcl1xm6u", "vegcl1xm6u" if same_report else "zfelr5o957"]
    tokens = list(TOKENS)
    homes = [folder / "home", folder / "home" if shares_home else folder / "home2"]
    works = [folder / "one", folder / "two"]
    with Server(cluster) as server:
        url = f"http://127.0.0.1:{server.port}/gis"
        for which, fork_server in enumerate(pair):
            works[which].mkdir(parents=True)
            token = tokens[0 if shares_account else which]
            argv = ["hcexport", "export", "--run-ids", reports[which], "--url", url, "--out", "x.zip", "-F", "json"]
            fork_server.start(argv, environment(homes[which], HCEXPORT_TOKEN=token), works[which])
            time.sleep(dice.choice([0.0, 0.0, 0.1]))
        ended = [fork_server.wait(30) for fork_server in pair]
    assert server.errors == []
    made = Counter(reports[0] for reports in cluster.reports.values())
    for which, end in enumerate(ended):
        why = (number, which, end.status, end.stderr, made, dict(cluster.posts))
        assert end.status in {0, 4, 5, 6, 9, 1}, why
        assert "Traceback" not in end.stderr, why
        assert made[reports[which]] <= (2 if same_report else 1), why
        saved = works[which] / "x.zip"
        assert saved.exists() is (end.status == 0), why
        if end.status == 0:
            assert saved.read_bytes() == make_reports([reports[which]]), why
        elif end.status != 9 and not same_report:
            assert made[reports[which]] == 0 or any(job in end.stderr for job in cluster.jobs), why
    unknown = sum(entries_of(home).count(None) for home in set(homes))
    assert unknown == sum(end.status == 9 for end in ended), (number, [end.stderr for end in ended])
    return Counter((end.status, bool(end.stdout) and _record(end.stdout)["adopted"]) for end in ended)


def _record(stdout: str) -> Mapping[str, bool]:
    record: Mapping[str, bool] = json.loads(stdout)
    return record


@pytest.mark.slow
@pytest.mark.timeout(60 + 6 * ROUNDS)
def test_two_exports_at_once_each_get_their_own_job(pair: tuple[ForkServer, ForkServer], tmp_path: Path) -> None:
    seen: Counter[tuple[int, bool]] = Counter()
    for number in range(ROUNDS):
        seen += play(number, pair, tmp_path / str(number))
    assert {(0, False), (0, True), (9, False)} <= set(seen)  # else the faults were not met
