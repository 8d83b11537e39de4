"""Run a health check, and find the report that it makes.

The server does not say which report a check makes, and its job may be COMPLETED before the report is there. So the
check gets a name of its own, and its report is found again by that name and the user: the first that started after
the check was asked for. The newest report is never taken for it, because that may be of somebody else's check.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from hcexport.api.client import Client
from hcexport.errors import NotFound
from hcexport.health.results import has_ended
from hcexport.models import Job, JobStatus, Report
from hcexport.store.ledger import RUN
from hcexport.times import Clock
from hcexport.transfer.submit import Operation, is_of

CLOCK_SLACK = timedelta(seconds=2)  # HTTP dates have whole seconds, and the clocks of a cluster's nodes differ a little
REPORT_EVERY_S = 60.0  # how often a report is looked at while its job is under way: the job may never say its end
_LATEST = datetime.max.replace(tzinfo=UTC)  # a report without a start counts as the last to start
_LEFT_OUT = 5  # the look that sends nothing, because the look that saw the job end sent two requests, for job and list
_URI = "/healthcheck/run"
_UNDER_WAY, _COMPLETED = JobStatus.parse("EXECUTING"), JobStatus.parse("COMPLETED")


@dataclass(frozen=True)
class Check:
    """A check that was asked for: its name, its user (empty: not known), and when by the server's clock.

    ``others`` are the ids of reports of that name that were there before.
    """

    name: str
    username: str = ""
    since: datetime | None = None
    others: frozenset[str] = frozenset()

    def find(self, reports: Iterable[Report]) -> Report | None:
        """The report of the check: the first of its name and user that started after the check was asked for.

        A report that started a little earlier by the server's clock is taken where there is no other.
        """
        fitting = sorted(self.all(reports), key=_start)
        later = (report for report in fitting if self.since is None or _start(report) >= self.since)
        return next(later, fitting[-1] if fitting else None)

    def all(self, reports: Iterable[Report]) -> list[Report]:
        """Every report that may be of this check."""
        return [report for report in reports if self._fits(report)]

    def _fits(self, report: Report) -> bool:
        users = {self.username.casefold(), report.created_by.casefold()} - {""}
        is_late = self.since is None or _start(report) >= self.since - CLOCK_SLACK
        is_ours = report.name.strip() == self.name.strip() and report.id not in self.others
        return is_ours and len(users) < 2 and is_late


def _start(report: Report) -> datetime:
    return report.start_time or _LATEST


def check_of(suite_ids: Sequence[str], check: Check) -> Operation:
    """Make the operation that runs suites, and gives the report the name of the check."""
    ids, name = tuple(suite_ids), check.name

    def has_begun(client: Client, username: str, since: datetime) -> bool:
        sought = replace(check, username=check.username or username, since=since)
        return any(sought.find(page) for page in client.query_reports())

    return Operation(
        "check",
        partial(Client.run_check, suite_ids=ids, name=name),
        _URI,
        (),
        ("hcexport", "run", *ids, "--name", name),
        kind=RUN,
        title=name,
        lookup=("hcexport", "run", "--resume", name),
        has_begun=has_begun,
    )


def is_check(job: Job) -> bool:
    """Whether a job of the server is a run of a health check."""
    return is_of(job, _URI)


def find_name(job: Job, reports: Iterable[Report]) -> str:
    """The name of the report that a check's job makes: the only one of its user that started when the job did.

    Empty where there is no such report or several, because the job does not say its name.
    """
    if job.start_time is None:
        return ""
    near = [
        each.name
        for each in reports
        if each.start_time
        and abs(each.start_time - job.start_time) <= CLOCK_SLACK
        and len({job.username.casefold(), each.created_by.casefold()} - {""}) < 2
    ]
    return near[0] if len(near) == 1 else ""


class CheckWatch:
    """Looks at a check as ``transfer.poll`` looks at a job: as a job that is COMPLETED once the report has ended.

    While the job is under way it is asked alone, because the list of reports may be long; after that the list, until
    the report is there. A job that is not known (its id is empty) or not there any more does not end the watch.
    ``on_late`` is told once of a job that is COMPLETED before its report has ended.
    """

    def __init__(
        self, client: Client, check: Check, on_late: Callable[[Job], None], clock: Clock = time.monotonic
    ) -> None:
        self.report: Report | None = None
        self._client, self._check, self._on_late, self._clock = client, check, on_late, clock
        self._last: Job | None = None
        self._is_gone = False
        self._late_looks = 0  # at the list, of a job that has ended
        self._listed_at = clock()

    def job(self, job_id: str, *, attempts: int = 3) -> Job:
        """Look once. A job that FAILED is returned as it is."""
        job = self._look(job_id, attempts) if job_id and not self._is_gone else None
        if job and job.status.is_final and not job.status.succeeded:
            return job
        if job and not job.has_ended and self._clock() - self._listed_at < REPORT_EVERY_S:
            return job
        self._late_looks += bool(job and job.has_ended)
        if job and job.has_ended and self._late_looks == _LEFT_OUT:
            return replace(job, status=_UNDER_WAY, end_time=None)
        self._listed_at = self._clock()
        self.report = self._check.find(each for page in self._client.query_reports() for each in page)
        known = job or self._last or Job(job_id, _UNDER_WAY)
        if self.report and has_ended(self.report):
            return replace(known, status=_COMPLETED)
        if job and job.has_ended and self._late_looks == 1:
            self._on_late(job)
        return replace(known, status=_UNDER_WAY, end_time=None)

    def _look(self, job_id: str, attempts: int) -> Job | None:
        if self._last and self._last.has_ended:
            return self._last
        try:
            self._last = self._client.job(job_id, attempts=attempts)
        except NotFound:
            self._is_gone = self._last is not None  # a job that was never seen may be known in a moment
            return None
        return self._last
