"""When to look at a job again.

The law: ``interval_s`` after a job has been watched for t seconds is 8.5 % of t, but at least 0.1 s and at most 10 s,
counted from the moment the last look was sent. Its worst case, for an end just after a look was answered:

- a job of D seconds is seen to have ended 0.085 D + one round trip later; below 1.2 s of watching 0.1 s + one round
  trip; never more than 10 s + one round trip. contract.md 6.2 allows the larger of 0.3 s and 0.1 D: the tightest
  point is D = 3 s, where 45 ms are left for the round trip.
- looks come at 0.1, 0.2 … 1.2 and then grow by 8.5 % each: 58 in the first minute (60 allowed), at most 9 in the
  second (10 allowed), at most 7 a minute from 118 s on. Round trips only make them fewer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from hcexport.errors import HcexportError, JobFailed, NetworkError, NotFound, TimedOut
from hcexport.models import Job
from hcexport.retry import backoff_s
from hcexport.times import Clock, Deadline, Sleep

INTERVAL_MIN_S = 0.1
INTERVAL_MAX_S = 10.0  # contract.md 6.2
INTERVAL_RATIO = 0.085  # below the contract's 0.1, to leave room for the round trip
PATIENCE_S = 300.0  # without one good answer: contract.md 6.4
GONE_CONFIRMATIONS = 2  # further looks before "no such job" is believed: replicas lag


class Jobs(Protocol):
    """What polling needs of the client."""

    def job(self, job_id: str, *, attempts: int = 3) -> Job:
        """A snapshot of a job."""


def interval_s(watched_s: float, longest_s: float = INTERVAL_MAX_S) -> float:
    """Seconds from one look to the next, after ``watched_s`` seconds of watching."""
    return min(longest_s, INTERVAL_MAX_S, max(INTERVAL_MIN_S, INTERVAL_RATIO * watched_s))


@dataclass(frozen=True)
class FailureStreak:
    """Looks that failed in a row: how many, since when on the clock, and how the last one failed.

    ``missing`` counts the last of them that said "no such job": an ingress that is restarted says that, too.
    """

    failures: int
    since: float
    error: HcexportError
    missing: int = 0

    @classmethod
    def after(cls, last: FailureStreak | None, now: float, error: HcexportError) -> FailureStreak:
        """One more failure."""
        last = last or cls(0, now, error)
        missing = last.missing + 1 if isinstance(error, NotFound) else 0
        return cls(last.failures + 1, last.since, error, missing)


def poll(
    client: Jobs,
    job_id: str,
    *,
    deadline: Deadline,
    longest_interval_s: float = INTERVAL_MAX_S,
    on_trouble: Callable[[FailureStreak], None],
    clock: Clock = time.monotonic,
    sleep: Sleep = time.sleep,
    first_look_s: float = INTERVAL_MIN_S,
    is_new: bool = True,
) -> Iterator[Job]:
    """Yield snapshots of a job until one has ended, which is the last.

    ``is_new`` says that the job may have been made a moment ago: then "no such job" is asked again.
    Looks that fail are counted, told to ``on_trouble`` and repeated. Raises TimedOut past the deadline (the job goes
    on), NetworkError after five minutes without a good answer, NotFound for a job that was never there, JobFailed for
    one that has vanished, and what a client raises for a token that cannot be renewed.
    """
    watched_since = clock()
    trouble: FailureStreak | None = None
    job: Job | None = None
    wait = first_look_s
    while True:
        _sleep_within(deadline, wait, sleep)
        looked_at = clock()
        try:
            job = client.job(job_id, attempts=1)
        except (NetworkError, NotFound) as error:
            trouble = FailureStreak.after(trouble, looked_at, error)
            lasted_s = clock() - trouble.since
            if not is_new and job is None and isinstance(error, NotFound):
                raise
            _give_up(trouble, lasted_s, job)
            on_trouble(trouble)
            wait = max(backoff_s(trouble.failures, error), interval_s(clock() - watched_since, longest_interval_s))
            wait = min(wait, max(0.0, PATIENCE_S - lasted_s))  # however long the server would have us wait
            continue
        trouble = None
        yield job
        if job.has_ended:
            return
        wait = max(0.0, looked_at + interval_s(clock() - watched_since, longest_interval_s) - clock())


def _sleep_within(deadline: Deadline, seconds: float, sleep: Sleep) -> None:
    """Sleep, but only up to the deadline; raises TimedOut there."""
    sleep(min(seconds, deadline.remaining()))
    if deadline.passed:
        raise TimedOut("--timeout has passed; the job goes on")


def _give_up(trouble: FailureStreak, lasted_s: float, seen: Job | None) -> None:
    """Raise when there is no point in looking again."""
    error = trouble.error
    if isinstance(error, NotFound):
        if trouble.missing > GONE_CONFIRMATIONS:
            raise _vanished(seen) if seen else error
    elif not error.retryable or lasted_s >= PATIENCE_S:
        raise error


def _vanished(job: Job) -> JobFailed:
    return JobFailed(
        f"job {job.id} was {job.status}, and now the server knows no such job", hint="its result is lost: export again"
    )
