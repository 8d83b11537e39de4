"""When to look at a job again.

Looks are 8.5 % of the time that the job has been watched apart, but at least 0.1 s and at most 10 s, counted from the
moment the last look was sent. Users are promised two things of that, and tests/unit/test_transfer_poll.py simulates
both:

- An end is noticed within 10 % of the job's duration, or 0.3 s if that is longer, and always within 10 s. The worst
  case is an end just after a look was answered: then a job of D seconds is seen to have ended 0.085 D + one round trip
  later; below 1.2 s of watching 0.1 s + one round trip. The tightest point is D = 3 s, where 45 ms are left for the
  round trip.
- The server gets at most 60 requests in the first minute and 10 in any later minute. Looks come at 0.1, 0.2 ... 1.2 s
  and then grow by 8.5 % each: 58 in the first minute, at most 9 in the second, at most 7 a minute from 118 s on.
  Round trips only make them fewer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from hcexport.errors import HcexportError, JobFailed, NetworkError, NotFound
from hcexport.models import Job
from hcexport.retry import RetryBudget, backoff_s
from hcexport.times import Clock, Deadline, Sleep

INTERVAL_MIN_S = 0.1
INTERVAL_MAX_S = 10.0  # promised to users
INTERVAL_RATIO = 0.085  # below the 0.1 that are promised, to leave room for the round trip
LATE_S = 10.0  # promised to users: some servers say COMPLETED before they name the result
GONE_CONFIRMATIONS = 2  # more looks before "no such job" is believed: replicas lag, a restarting ingress says so too


class Jobs(Protocol):
    """The part of the API client that polling uses."""

    def job(self, job_id: str, *, attempts: int = 3) -> Job:
        """Return a snapshot of a job."""


def interval_s(watched_s: float, longest_s: float = INTERVAL_MAX_S) -> float:
    """Return the seconds from one look to the next, after ``watched_s`` seconds of watching."""
    return min(longest_s, INTERVAL_MAX_S, max(INTERVAL_MIN_S, INTERVAL_RATIO * watched_s))


def poll(
    client: Jobs,
    job_id: str,
    *,
    deadline: Deadline,
    longest_interval_s: float = INTERVAL_MAX_S,
    on_trouble: Callable[[HcexportError], None],
    clock: Clock = time.monotonic,
    sleep: Sleep = time.sleep,
    is_new: bool = True,
    lacks_result: Callable[[Job], bool] = lambda _job: False,
) -> Iterator[Job]:
    """Yield snapshots of a job until it has ended; the last snapshot is that of its end.

    A job that has ended and ``lacks_result`` is looked at again for LATE_S before that is believed.
    ``is_new`` says that the job may have been made a moment ago: then "no such job" is asked again.
    ``on_trouble`` is told of each look that failed and is repeated. Raises TimedOut past the deadline (the job goes
    on), NetworkError after five minutes without a good answer, NotFound for a job that was never there, JobFailed for
    a job that has disappeared, and what the client raises for a token that cannot be renewed.
    """
    watched_since = clock()
    budget = RetryBudget(clock)
    job: Job | None = None
    missing = 0  # how often in a row the server said "no such job"
    believed_at = math.inf  # when the lack of a result is believed
    wait = INTERVAL_MIN_S
    while True:
        _sleep_within(deadline, wait, sleep)
        looked_at = clock()
        try:
            job = client.job(job_id, attempts=1)
        except NotFound as error:
            missing += 1
            if job and missing > GONE_CONFIRMATIONS:
                raise _make_disappeared_error(job) from error
            if not job and (missing > GONE_CONFIRMATIONS or not is_new):
                raise
            delay = backoff_s(missing, error)
            on_trouble(error)
        except NetworkError as error:
            missing = 0
            delay = budget.next_delay_s(error)
            on_trouble(error)
        else:
            missing = 0
            budget.note_progress()
            yield job
            if job.has_ended:
                believed_at = min(believed_at, clock() + LATE_S)
                if clock() >= believed_at or not lacks_result(job):
                    return
            next_look = looked_at + interval_s(clock() - watched_since, longest_interval_s)
            wait = max(0.0, min(next_look, believed_at) - clock())
            continue
        wait = max(delay, interval_s(clock() - watched_since, longest_interval_s))


def _sleep_within(deadline: Deadline, seconds: float, sleep: Sleep) -> None:
    """Sleep, but not beyond the deadline. Raises TimedOut there."""
    sleep(min(seconds, deadline.remaining()))
    deadline.check()


def _make_disappeared_error(job: Job) -> JobFailed:
    return JobFailed(
        f"job {job.id} was {job.status}, and now the server knows no such job", hint="its result is lost: export again"
    )
