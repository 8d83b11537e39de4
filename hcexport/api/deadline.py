"""How long a command may still take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from hcexport.errors import TimedOut

Clock = Callable[[], float]
Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Deadline:
    """A point on a monotonic clock (seconds). ``ends_at`` may be infinity: no deadline."""

    ends_at: float
    clock: Clock = time.monotonic

    @classmethod
    def after(cls, seconds: float | None, clock: Clock = time.monotonic) -> Deadline:
        """The deadline ``seconds`` from now; None or 0 is no deadline, as for ``--timeout 0``."""
        return cls(clock() + seconds if seconds else math.inf, clock)

    def within(self, seconds: float) -> Deadline:
        """The earlier of this deadline and ``seconds`` from now: a limit for one step of a longer work."""
        return Deadline(min(self.ends_at, self.clock() + seconds), self.clock)

    def remaining(self) -> float:
        """Seconds left, never negative; infinity without a deadline."""
        return max(0.0, self.ends_at - self.clock())

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return self.clock() >= self.ends_at

    def check(self) -> None:
        """Raise TimedOut once the time is up."""
        if self.passed:
            raise TimedOut("the time allowed by --timeout has passed")


NO_DEADLINE = Deadline(math.inf)
