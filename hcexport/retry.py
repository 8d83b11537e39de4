"""When a request is tried again, how long to wait before that, and when to give up.

``Session`` repeats a request up to ``ATTEMPTS`` times. Watching a job and downloading go on until ``GIVE_UP_AFTER_S``
seconds have passed without progress, because a server may be down for the minutes of a restart.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from hcexport.errors import HcexportError, NetworkError, ProtocolError
from hcexport.times import Clock, Deadline, Sleep

ATTEMPTS = 5  # of one request
GIVE_UP_AFTER_S = 300.0  # promised to users: five minutes without progress; also the longest Retry-After obeyed
LONGEST_ATTEMPT_S = 130.0  # from the last progress: an answer takes 120 s at most, the wait before it 10 s
BACKOFF_BASE_S, BACKOFF_MAX_S = 0.5, 20.0
PROGRESS_BYTES = 64 * 1024  # fewer bytes than this are no progress, else a server could hold us with a byte a minute
STALL_S = 60.0  # a response that brings less than PROGRESS_BYTES in this time is dropped
NONSENSE_LIMIT = 3  # responses in a row that are not the API's: a login page will not go away

Jitter = Callable[[float, float], float]


def backoff_s(failures: int, error: HcexportError, jitter: Jitter = random.uniform) -> float:
    """Return the seconds to wait after ``failures`` earlier failures and this one.

    Full jitter, ``uniform(0, min(max, base * 2^failures))``, so that clients that failed together do not come back
    together; and never less than the server asked for.
    """
    asked: float = getattr(error, "retry_after_s", None) or 0.0
    return max(asked, jitter(0, min(BACKOFF_MAX_S, BACKOFF_BASE_S * 2.0**failures)))


class RetryBudget:
    """Counts failures in a row, and is used up after GIVE_UP_AFTER_S seconds without progress.

    Time in which the process was stopped is no part of them, because nobody has tried anything.
    """

    def __init__(self, clock: Clock, jitter: Jitter = random.uniform) -> None:
        self._clock = clock
        self._jitter = jitter
        self._failures = 0
        self._has_failed = False  # since the last progress
        self._since = clock()

    def note_progress(self) -> None:
        """Forget the failures: something is done that need not be done again."""
        self._failures = 0
        self._has_failed = False
        self._since = self._clock()

    def next_delay_s(self, failure: NetworkError) -> float:
        """Return the seconds until the next attempt, which is due at the end of the budget at the latest.

        Raises ``failure`` if the budget is used up, or if another attempt cannot help.
        """
        now = self._clock()
        if not self._has_failed:
            self._has_failed = True
            self._since = max(self._since, now - LONGEST_ATTEMPT_S)
        left = self._since + GIVE_UP_AFTER_S - now
        if not failure.retryable or left <= 0:
            raise failure
        delay = backoff_s(self._failures, failure, self._jitter)
        self._failures += 1
        return min(delay, left)


class TransferBudget(RetryBudget):
    """A budget for a download: bytes are progress, and every wait keeps the deadline."""

    def __init__(
        self,
        deadline: Deadline,
        sleep: Sleep,
        *,
        on_retry: Callable[[NetworkError, float], None],
        jitter: Jitter = random.uniform,
    ) -> None:
        super().__init__(deadline.clock, jitter)
        self.deadline = deadline
        self.sleep = sleep
        self._on_retry = on_retry
        self._nonsense = 0
        self._bytes = 0
        self._opened = self._since

    def start_timing(self) -> None:
        """Begin to time the bytes of a response."""
        self._opened = self._clock()

    def note_progress(self) -> None:
        """Forget the failures and the bytes so far."""
        super().note_progress()
        self._nonsense = self._bytes = 0
        self._opened = self._since

    def count_bytes(self, count: int) -> float:
        """Count bytes, and return the time. Raises TimedOut, and NetworkError if the response is too slow."""
        self.deadline.check()
        now = self._clock()
        self._failures = self._nonsense = 0
        self._bytes += count
        if self._bytes >= PROGRESS_BYTES:
            self.note_progress()
        elif now - self._opened > STALL_S:
            raise NetworkError(f"the server sent less than {PROGRESS_BYTES} bytes in {STALL_S:.0f} s")
        return now

    def wait(self, failure: NetworkError) -> None:
        """Sleep before the next attempt; raise ``failure`` instead if there is no point in another one."""
        self._nonsense += isinstance(failure, ProtocolError)
        delay = self.next_delay_s(failure)
        is_too_long = (failure.retry_after_s or 0.0) > delay or delay >= self.deadline.remaining()
        if self._nonsense >= NONSENSE_LIMIT or is_too_long:
            raise failure
        self._on_retry(failure, delay)
        self.sleep(delay)
