"""Known failures, each until a day: ``--ignore TEST:DATE``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase

from hcexport.errors import UsageError
from hcexport.models import TestResult

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Ignore:
    """A failure that is known: ``test`` is a test's id, its name or a glob; it counts again after the day ``until``."""

    test: str
    until: date

    @classmethod
    def parse(cls, text: str) -> Ignore:
        """Read ``TEST:YYYY-MM-DD``, split at the last colon. Raises UsageError."""
        test, _, day = text.strip().rpartition(":")
        try:
            if test.strip() and _DATE.fullmatch(day.strip()):
                return cls(test.strip(), date.fromisoformat(day.strip()))
        except ValueError:
            pass
        raise UsageError(
            f"{text!r} does not say which test is known to fail, and until when",
            hint="write it as TEST:DATE, for example HC_112_008:2026-12-31",
        )

    def __str__(self) -> str:
        return f"{self.test}:{self.until}"

    def fits(self, test: TestResult) -> bool:
        """Whether the test is meant, by id or name, without regard to case."""
        pattern = self.test.casefold()
        names = {test.id.casefold(), test.name.casefold()} - {""}
        return any(name == pattern or fnmatchcase(name, pattern) for name in names)

    def is_over(self, now: datetime) -> bool:
        """Whether the day has passed: up to its end, in UTC, the failure is known."""
        return now.astimezone(UTC).date() > self.until


def known_until(test: TestResult, ignores: Iterable[Ignore], now: datetime) -> date | None:
    """The last day on which a failure of the test is known; None where it counts."""
    return max((each.until for each in ignores if not each.is_over(now) and each.fits(test)), default=None)
