"""When a broken transfer is tried again, and when it is given up."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from hcexport.errors import HcexportError, NetworkError, ProtocolError
from hcexport.times import Deadline, Sleep

if TYPE_CHECKING:
    pass


GIVE_UP_AFTER_S = 300.0  # five minutes without progress
PROGRESS_BYTES = 64 * 1024  # so many bytes are progress: a drip is not
STALL_S = 60.0  # an open answer that brings less than PROGRESS_BYTES in this time is dropped
WAIT_MAX_S = 60.0  # faults.md, retry: uniform(0, min(60, 2^n))
NONSENSE_LIMIT = 3  # answers in a row that are not the API: a login page will not go away


class RetryBudget:
    """Counts failures, resets with progress, and waits in between: full jitter, or what the server asked for."""

    def __init__(
        self,
        deadline: Deadline,
        sleep: Sleep,
        *,
        on_retry: Callable[[NetworkError, float], None],
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.deadline = deadline
        self.sleep = sleep
        self._on_retry = on_retry
        self._jitter = jitter
        self._failures = 0
        self._nonsense = 0
        self._since = self._opened = deadline.clock()
        self._bytes = 0

    def opened(self) -> None:
        """An answer has come: its bytes are timed from now."""
        self._opened = self.deadline.clock()

    def progressed(self) -> None:
        """Something is done that need not be done again."""
        self._failures = self._nonsense = self._bytes = 0
        self._since = self._opened = self.deadline.clock()

    def arrived(self, count: int) -> float:
        """``count`` bytes have come; returns the time. Raises TimedOut, and NetworkError for an answer that drips."""
        self.deadline.check()
        now = self.deadline.clock()
        self._failures = self._nonsense = 0
        self._bytes += count
        if self._bytes >= PROGRESS_BYTES:
            self.progressed()
        elif now - self._opened > STALL_S:
            raise NetworkError(f"the server sent less than {PROGRESS_BYTES} bytes in {STALL_S:.0f} s")
        return now

    def wait(self, failure: NetworkError) -> None:
        """Sleep before the next attempt, or raise the failure when there should be none."""
        self._nonsense += isinstance(failure, ProtocolError)
        asked = failure.retry_after_s or 0.0
        delay = max(asked, self._jitter(0, min(WAIT_MAX_S, 2.0**self._failures)))
        self._failures += 1
        left = self._since + GIVE_UP_AFTER_S - self.deadline.clock()
        is_hopeless = left <= 0 or asked > left or delay >= self.deadline.remaining()
        if not failure.retryable or self._nonsense >= NONSENSE_LIMIT or is_hopeless:
            raise failure
        self._on_retry(failure, delay)
        self.sleep(min(delay, left))


BACKOFF_BASE_S, BACKOFF_CAP_S = 0.5, 20.0  # full jitter: uniform(0, min(cap, base * 2^n))


def backoff_s(failures: int, error: HcexportError) -> float:
    """Seconds to wait after ``failures`` in a row: what the server asked for, or full jitter."""
    asked: float | None = getattr(error, "retry_after_s", None)
    if asked is not None:
        return asked
    return random.uniform(0, min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2**failures))  # noqa: S311 # jitter, not a secret
