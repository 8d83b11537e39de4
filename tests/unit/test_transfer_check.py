"""The report of a check: found by name, user and time; and how often the server is asked while it is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from hcexport.api.client import Client
from hcexport.errors import NotFound
from hcexport.models import Job, JobStatus, Report, Result
from hcexport.times import NO_DEADLINE
from hcexport.transfer.check import Check, CheckWatch
from hcexport.transfer.poll import poll

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
CHECK = Check("mine", "Administrator", NOW, frozenset({"known"}))


def report(run_id: str, seconds: float | None = 1, name: str = "mine", user: str = "administrator") -> Report:
    start = None if seconds is None else NOW + timedelta(seconds=seconds)
    return Report(run_id, name, Result.PASSED, "completed", created_by=user, start_time=start)


@pytest.mark.parametrize(
    ("reports", "found"),
    [
        ([report("a", 9), report("b", 5), report("c", 3600)], "b"),  # the first after it was asked for
        ([report("a", name="mine too"), report("b", user="operator")], None),
        ([report("a", -3600), report("b", -3)], None),
        ([report("a", -1), report("b", 30)], "b"),
        ([report("a", -1)], "a"),  # clocks differ a little
        ([report("known"), report("b", 7)], "b"),
        ([report("a", None)], "a"),  # not started yet
        ([report("a", None), report("b", 60)], "b"),
        ([report("a", name=" mine", user="")], "a"),
        ([], None),
    ],
)
def test_find(reports: list[Report], found: str | None) -> None:
    taken = CHECK.find(reports)
    assert (taken.id if taken else None) == found


class Server:
    """A job and a report that end at given seconds, on a clock of their own."""

    def __init__(self, job_s: float, report_s: float) -> None:
        self.now = 0.0
        self.job_s, self.report_s = job_s, report_s
        self.asked: list[float] = []

    def job(self, job_id: str, *, attempts: int = 3) -> Job:
        assert attempts == 1
        self._ask()
        return Job(job_id, JobStatus.parse("COMPLETED" if self.now >= self.job_s else "EXECUTING"))

    def query_reports(self) -> Iterator[list[Report]]:
        self._ask()
        has_ended = self.now >= self.report_s
        yield [Report("a", "mine", state="completed" if has_ended else "running", start_time=NOW)]

    def _ask(self) -> None:
        self.asked.append(self.now)
        self.now += 0.02

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def wait(server: Server, job_id: str = "j1") -> CheckWatch:
    late: list[Job] = []
    watch = CheckWatch(cast("Client", server), CHECK, late.append, lambda: server.now)
    fixed: dict[str, Any] = {"deadline": NO_DEADLINE, "clock": lambda: server.now, "sleep": server.sleep}
    for _ in poll(watch, job_id, on_trouble=lambda error: pytest.fail(str(error)), **fixed):
        pass
    assert watch.report
    assert len(late) == (bool(job_id) and server.report_s > server.job_s + 10)
    return watch


@pytest.mark.parametrize("job_id", ["j1", ""])
@pytest.mark.parametrize("ended", [0.5, 3.0, 13.0, 59.0, 600.0])
@pytest.mark.parametrize("after", [0.0, 100.0])
def test_the_end_is_seen_soon_and_the_server_is_asked_seldom(job_id: str, ended: float, after: float) -> None:
    server = Server(ended, ended + after)
    wait(server, job_id)
    assert server.now - server.report_s <= min(max(0.3, 0.1 * server.report_s), 10.1)
    assert sum(at < 60 for at in server.asked) < 60
    for minute in range(1, int(server.now // 60) + 1):
        assert sum(60 * minute <= at < 60 * minute + 60 for at in server.asked) <= 10


def test_a_job_that_never_says_its_end_does_not_matter() -> None:
    server = Server(1e9, 70.0)
    wait(server)
    assert server.now < 70 + 61


def test_a_job_that_is_gone_is_not_asked_for_again() -> None:
    server = Server(1e9, 5.0)
    jobs = iter([server.job("j1", attempts=1)])

    def job(_job_id: str, **_: Any) -> Job:
        found = next(jobs, None)
        if found is None:
            raise NotFound("no such job")
        return found

    server.job = job  # type: ignore[method-assign]
    assert wait(server).report == Report("a", "mine", state="completed", start_time=NOW)
