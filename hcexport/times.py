"""Durations and points in time as people type them, and the deadline of a command."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from hcexport.errors import TimedOut, UsageError

_UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_S = 3650 * 86400.0  # ten years: more than any wait, and no clock of the system overflows
_NUMBER = r"([0-9]{1,12}(?:\.[0-9]{1,6})?)"
_DURATION = re.compile(rf"(?=.)(?:{_NUMBER}d)?(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?|{_NUMBER}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Clock = Callable[[], float]
Sleep = Callable[[float], None]


def parse_duration(text: str) -> float:
    """Read ``90``, ``90s``, ``10m``, ``1h30m`` or ``1d``, also with a fraction, as seconds. Raises UsageError."""
    match = _DURATION.fullmatch(text.strip())
    units = ("d", "h", "m", "s", "")
    seconds = sum(float(n or 0) * _UNIT_S[unit] for n, unit in zip(match.groups(), units, strict=True)) if match else -1
    if not 0 <= seconds <= _LONGEST_S:
        raise UsageError(f"{text!r} is not a duration", hint="write it as 90, 90s, 10m, 1h30m or 1d")
    return seconds


def parse_when(text: str, now: datetime) -> datetime:
    """Read ``2026-11-01``, ``2026-11-01T03:00Z``, ``24h`` (ago), ``today`` or ``yesterday``. Raises UsageError.

    ``now`` is aware. A time without a zone is in this machine's zone, and a day means its midnight.
    """
    word = text.strip().lower()
    try:
        if word in {"today", "yesterday"}:
            return _midnight(now.astimezone() - timedelta(days=word == "yesterday"))
        if _DATE.match(word):
            return datetime.fromisoformat(word.upper()).astimezone()
        if word[-1:] in _UNIT_S:
            return now - timedelta(seconds=parse_duration(word))
    except (ValueError, OverflowError, UsageError):
        pass
    forms = "2026-11-01, 2026-11-01T03:00Z, 24h or 7d (ago), today or yesterday"
    raise UsageError(f"{text!r} is not a point in time", hint=f"write it as {forms}")


def type_duration(seconds: float) -> str:
    """Write seconds as ``parse_duration`` reads them: ``1.5s``, ``90s``, ``30m``, ``2h`` or ``1d``."""
    for unit in "dhm":
        if seconds and seconds % _UNIT_S[unit] == 0:
            return f"{seconds // _UNIT_S[unit]:.0f}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def to_local(time: datetime) -> datetime:
    """Convert to this machine's zone, but for the end of year 9999: servers send it for "never", and it overflows."""
    try:
        return time.astimezone()
    except (OverflowError, ValueError):
        return time


def _midnight(day: datetime) -> datetime:
    return datetime(day.year, day.month, day.day).astimezone()


class Deadline(NamedTuple):
    """A point on a monotonic clock, in seconds; infinity is no deadline. ``limit_s`` is the time that was given."""

    ends_at: float
    clock: Clock = time.monotonic
    limit_s: float | None = None

    @classmethod
    def after(cls, seconds: float | None, clock: Clock = time.monotonic) -> Deadline:
        """The deadline ``seconds`` from now; None or 0 is no deadline, as for ``--timeout 0``."""
        return cls(clock() + seconds if seconds else math.inf, clock, seconds)

    def within(self, seconds: float) -> Deadline:
        """The earlier of this deadline and ``seconds`` from now, as a limit for a single step."""
        ends_at = self.clock() + seconds
        return self if self.ends_at <= ends_at else Deadline(ends_at, self.clock, seconds)

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
            raise self.timed_out()

    def timed_out(self) -> TimedOut:
        """Make the error for a command that reached this deadline."""
        return TimedOut("timed out" + (f" after {type_duration(self.limit_s)}" if self.limit_s else ""))


NO_DEADLINE = Deadline(math.inf)
