"""Submit an operation exactly once.

The server starts a job for every POST that reaches it, and if the response is lost it has mostly done so. So the
intent is in the ledger before the POST, and the job's id right after it. What a response proves, and what follows:

=== ============================================================ ==================== =================================
No. answer to the POST                                           proves               then
=== ============================================================ ==================== =================================
1   a job id in JSON, in ``Location`` or in the job's page       it is done           that job
2   none: the request did not leave (DNS, connect, TLS, proxy)   nothing happened     sent again, or the error
3   4xx, JSON or page, API codes below 500, but for 4 to 7, 10   nothing happened     the error
4   429 in a page, without ``Retry-After``                       nothing happened     the error
5   498, 499                                                     nothing              new token, search; sent again once
6   429, 503 with ``Retry-After``                                nothing              waiting, search; sent again
7   408, 425, 429 and codes of 500 and above, said by the API    nothing              search; the error
8   other 5xx, 408, 425: a page, or JSON without a code          nothing              search; unknown
9   none, half of one, a page, a redirect, JSON without an id    nothing              search; unknown
10  401                                                          nothing happened     new token; sent again once
=== ============================================================ ==================== =================================

"Then" follows a search that finds no job. Without a new token (row 5) nothing can be searched, and the error is that
of the old token. If the search finds exactly one job, that job is adopted, and its zip must confirm it
(``confirmation``). If it finds several jobs, or fails, or cannot decide because another submit of this machine is
open, the outcome is unknown: OutcomeUnknown is raised, and only then does the intent stay in the ledger.

A job matches if it has the operation and the user (without regard to case), is not in the ledger, and was
started between the first sending and the last lost answer by the API's own clock, or has not been started yet.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from functools import partial
from typing import NamedTuple

from hcexport.api.client import Client
from hcexport.errors import CannotCreate, HcexportError, NetworkError, NotFound, OutcomeUnknown, TimedOut, TokenRejected
from hcexport.models import Job, JobStatus
from hcexport.retry import ATTEMPTS
from hcexport.store.ledger import EXPORT, Ledger, LedgerEntry

SEARCHED_JOBS = 500  # a request for each; more jobs than that would take minutes
CLOCK_SLACK = timedelta(seconds=1)  # the clocks of a cluster's nodes differ a little
DATE_STEP = timedelta(seconds=1)  # HTTP dates have whole seconds, so a time by them is up to this much early
LOOK_AGAIN_S = 1.0  # after a search without a match, because the job may be made just now
_EXPORT_URI = "/healthcheck/reports/export"
SENT_WITHIN_S = 60.0  # of the intent: a token is got first, and the connection may be tried again
OPEN_FOR = timedelta(hours=1)  # longer than any submit takes, so an older intent cannot have made the job


class Submitter(NamedTuple):
    """The user who submits, for the ledger and for the search."""

    organization: str
    username: str
    profile: str


class Operation(NamedTuple):
    """An operation to submit: ``send`` POSTs it once, and the ``operationURI`` of its jobs ends in ``uri``.

    ``run_ids``, ``kind`` and ``title`` go into the ledger, ``command`` is what a person types to submit it again.
    ``lookup`` is what a person types to find out what became of the operation.
    ``needs_ledger`` says that nothing may be sent that the ledger does not keep.
    ``has_begun`` finds proof, other than a job, that the server has begun the operation for this user since a time. The
    operation is adopted then, also where its job is not found, with a job that has no id.
    """

    name: str
    send: Callable[[Client], Job]
    uri: str
    run_ids: tuple[str, ...]
    command: tuple[str, ...]
    kind: str = EXPORT
    title: str = ""
    lookup: tuple[str, ...] = ("hcexport", "jobs", "--server")
    needs_ledger: bool = False
    has_begun: Callable[[Client, str, datetime], bool] | None = None


class Submitted(NamedTuple):
    """A job. ``adopted`` says that the response was lost, and that the job was found among the server's jobs.

    The job's id is empty where only another proof was found, as ``Operation.has_begun`` says.
    """

    job: Job
    adopted: bool = False


def export_of(run_ids: Sequence[str]) -> Operation:
    """Make the operation that exports reports."""
    ids = tuple(run_ids)
    command = ("hcexport", "export", "--run-ids", ",".join(ids))
    return Operation("export", partial(Client.export_reports, run_ids=ids), _EXPORT_URI, ids, command)


def is_export(job: Job) -> bool:
    """Whether a job of the server is an export of health check reports."""
    return is_of(job, _EXPORT_URI)


def submit(
    client: Client, ledger: Ledger, origin: Submitter, operation: Operation, *, on_lost: Callable[[str], None]
) -> Submitted:
    """Submit an operation once, and return its job, which is in the ledger by then.

    ``on_lost`` is told why a response proves nothing, before the job is searched for; the session's ``on_warning``,
    which job was adopted. Raises OutcomeUnknown if nobody knows whether the server started a job, what the client
    raises if it surely did not, and CannotCreate if the ledger does not keep what it needs to.
    """
    entry = ledger.intend(
        origin.organization,
        origin.username,
        operation.run_ids,
        origin.profile,
        kind=operation.kind,
        name=operation.title,
    )
    if operation.needs_ledger and not ledger.is_writable():
        raise CannotCreate(
            f"the {operation.name} was not sent: the ledger cannot be written, so the next run would send it again",
            hint="free some space, or name another folder with HCEXPORT_HOME",
        )
    search = _Search(client, ledger, origin, operation, entry)
    attempts_left, may_renew = ATTEMPTS, True
    while True:
        attempts_left -= 1
        try:
            job = operation.send(client)
        except HcexportError as error:
            verdict = _verdict(error, may_renew=may_renew)
            if verdict is _Verdict.NOTHING_HAPPENED:
                ledger.withdraw(entry)
                raise
            search.note_loss()
            if verdict is _Verdict.RENEW:
                may_renew = False
                _renew(client, ledger, search)
            else:
                on_lost(f"{error.message.rstrip('.')}; looking for the job")
            may_repeat = verdict is _Verdict.RENEW or (verdict is _Verdict.BUSY and _wait(client, error))
            if found := search.run(error):
                ledger.note_adopted(entry, found.id)
                client.session.on_warning(_describe_adoption(found, operation))
                return Submitted(found, adopted=True)
            if verdict is _Verdict.LOST:
                raise search.unknown(f"{error.message.rstrip('.')}; no job on the server matches") from None
            if not may_repeat or not attempts_left:
                ledger.withdraw(entry)
                raise
        else:
            ledger.note_submitted(entry, job.id)
            return Submitted(job)


def _describe_adoption(job: Job, operation: Operation) -> str:
    if job.id:
        return f"job {job.id} is assumed to be this {operation.name}: its user and its time match"
    return f"the {operation.name} has started: there is a report with its name"


def find_job_of_dead(
    client: Client, ledger: Ledger, origin: Submitter, operation: Operation, entry: LedgerEntry
) -> Submitted | None:
    """Find the job of an intent whose process was killed before it had the answer, and adopt it.

    None unless exactly one job matches; the caller submits again then.
    """
    search = _Search(client, ledger, origin, operation, entry)
    search.search_around(entry.intended)
    try:
        found = search.find()
    except OutcomeUnknown:
        return None
    if len(found) != 1:
        return None
    ledger.note_adopted(entry, found[0].id)
    return Submitted(found[0], adopted=True)


class _Verdict(Enum):
    """What a response proves; the rows are those of the table above."""

    NOTHING_HAPPENED = auto()  # rows 2 to 4
    RENEW = auto()  # row 5
    BUSY = auto()  # row 6
    FAILED = auto()  # row 7, and row 5 the second time
    LOST = auto()  # rows 8 and 9


def _verdict(error: HcexportError, *, may_renew: bool) -> _Verdict:
    match error:
        case TokenRejected():
            return _Verdict.RENEW if may_renew else _Verdict.FAILED
        case NetworkError(unsent=True) | NetworkError(refused=True) | TimedOut(unsent=True):
            return _Verdict.NOTHING_HAPPENED
        case NetworkError(retry_after_s=float()):
            return _Verdict.BUSY
        case NetworkError(by_api=True):
            return _Verdict.FAILED
        case NetworkError() | TimedOut():
            return _Verdict.LOST
    return _Verdict.NOTHING_HAPPENED


def _renew(client: Client, ledger: Ledger, search: _Search) -> None:
    """Get a new token, which the search needs as well. Raises what the client raises if there is no new token."""
    try:
        client.renew_token()
    except (NetworkError, TimedOut) as error:
        raise search.unknown(f"the token was refused, and there is no new one: {error.message}") from None
    except HcexportError:
        ledger.withdraw(search.entry)
        raise


def _wait(client: Client, busy: HcexportError) -> bool:
    """Wait as long as the server asks; return False if that is too long for another attempt."""
    try:
        client.session.pause(getattr(busy, "retry_after_s", 0.0), busy)
    except HcexportError:
        return False
    return True


class _Search:
    """Searches the server's jobs for the job of a lost response."""

    def __init__(
        self, client: Client, ledger: Ledger, origin: Submitter, operation: Operation, entry: LedgerEntry
    ) -> None:
        self._client, self._ledger, self._origin = client, ledger, origin
        self._operation, self.entry = operation, entry
        self._clock = client.session.deadline.clock
        self._sent = self._lost = self._clock()
        self._others: set[str] = set()  # ids of jobs that do not match

    def note_loss(self) -> None:
        """Note the time: a response has just been lost."""
        self._lost = self._clock()

    def search_around(self, intended: datetime) -> None:
        """Search around the time when the intent was written down: its process died soon after it."""
        age_s = max(0.0, (datetime.now(UTC) - intended).total_seconds())
        self._sent = self._clock() - age_s
        self._lost = min(self._clock(), self._sent + SENT_WITHIN_S)

    def run(self, lost: HcexportError) -> Job | None:
        """Return the only match, None without a match. Raises OutcomeUnknown for several, and if the search fails."""
        try:
            found = self.find()
            if not found:
                self._client.session.sleep(LOOK_AGAIN_S)
                found = self.find()
        except HcexportError as error:
            why = f"{lost.message.rstrip('.')}; and the server's jobs cannot be searched: {error.message}"
            raise self.unknown(why) from None
        if len(found) > 1:
            raise self.unknown(f"{lost.message.rstrip('.')}; {len(found)} jobs on the server match")
        return found[0] if found else None

    def unknown(self, message: str) -> OutcomeUnknown:
        """Make the error for an unknown outcome, with what to type next."""
        look, again = map(self._of_profile, (self._operation.lookup, self._operation.command))
        return OutcomeUnknown(
            f"the {self._operation.name} was sent, and whether the server accepted it is unknown: {message}",
            hint=f"look for it with: {look}; if it is not there: {again}",
        )

    def _of_profile(self, command: Sequence[str]) -> str:
        profile = self._origin.profile if "--profile" not in command else ""
        return shlex.join([*command, *(["--profile", profile] if profile else [])])

    def find(self) -> list[Job]:
        """Return the jobs that match; where there is other proof, one job at most, which may have no id.

        Raises OutcomeUnknown if that cannot be decided, and what the client raises.
        """
        # A token from the environment has no name with it.
        username = self._origin.username or self._client.account().username
        if not username:
            raise OutcomeUnknown("the server does not say whose token it is")
        has_begun = self._operation.has_begun
        if has_begun is None or not has_begun(self._client, username, self._window()[0]):
            return self._matches(username)
        with suppress(HcexportError):
            jobs = self._matches(username)
            if len(jobs) == 1:
                return jobs
        return [Job("", JobStatus.parse("UNAVAILABLE"))]

    def _matches(self, username: str) -> list[Job]:
        known = {entry.job_id for entry in self._ledger.entries()} | self._others
        fresh = [job_id for job_id in dict.fromkeys(self._client.job_ids()) if job_id not in known]
        if len(fresh) > SEARCHED_JOBS:
            raise OutcomeUnknown(f"there are {len(fresh)} jobs to look through")
        since, until = self._window()
        jobs = [job for job_id in fresh if (job := self._job_if_there(job_id))]
        matches = [
            job
            for job in jobs
            if is_of(job, self._operation.uri)
            and job.username.casefold() == username.casefold()
            and (since <= job.start_time <= until if job.start_time else not job.status.is_final)
        ]
        self._others.update(job.id for job in jobs if job not in matches)
        return self._without_those_of_others(matches)

    def _without_those_of_others(self, jobs: list[Job]) -> list[Job]:
        """Drop jobs of other submits from this machine. Raises OutcomeUnknown if another submit is still open.

        The ledger is read once and after the jobs, because a submit is in it before its job is made and until its end.
        """
        entries = self._ledger.entries()
        known = {entry.job_id for entry in entries}
        left = [job for job in jobs if job.id not in known]
        if left and any(self._is_open(entry) for entry in entries):
            raise OutcomeUnknown(f"{left[0].id} may belong to another submit from here, whose outcome is unknown too")
        return left

    def _is_open(self, other: LedgerEntry) -> bool:
        return (
            other.job_id is None
            and other.number != self.entry.number
            and other.organization == self.entry.organization
            and other.intended > datetime.now(UTC) - OPEN_FOR
        )

    def _window(self) -> tuple[datetime, datetime]:
        """Return the time from the first sending to the last loss, by the API's clock."""
        now, there = self._clock(), self._client.session.server_now()
        since = there - timedelta(seconds=now - self._sent) - CLOCK_SLACK
        return since, there - timedelta(seconds=now - self._lost) + DATE_STEP + CLOCK_SLACK

    def _job_if_there(self, job_id: str) -> Job | None:
        try:
            return self._client.job(job_id)
        except NotFound:
            return None


def is_of(job: Job, uri: str) -> bool:
    """Whether a job is of the operation whose URI ends in ``uri``."""
    return job.operation_uri.lower().rstrip("/").endswith(uri)
