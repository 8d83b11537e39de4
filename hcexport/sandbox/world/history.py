"""Ninety days in the life of an organization: nightly checks, upgrades, and what people tried by hand.

All of it follows from the seed and the day, so that two sandboxes of one day show the same past.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from hcexport.sandbox.options import Options
from hcexport.sandbox.world.reports import Report

DAY = 86_400
NIGHT = 3 * 3600  # the check runs at three o'clock UTC
DIGITS = b"0123456789abcdefghijklmnopqrstuvwxyz"
TO_DIGITS = bytes(DIGITS[byte % len(DIGITS)] for byte in range(256))

OBJECT_STORE, PUBLISHING, RELATIONAL = "HC_112_003", "HC_112_008", "HC_112_002"
ANALYSIS, LOGS, INDICES = "HC_112_010", "HC_112_012", "HC_112_013"

# What lasted: nights ago it began and ended, the test, what it said.
OUTAGES = (
    (61, 61, PUBLISHING, "fail"),
    (39, 39, OBJECT_STORE, "warning"),
    (38, 34, OBJECT_STORE, "fail"),
    (12, 12, RELATIONAL, "fail"),
)
# What flickers: the chance of it in a night, the test, what it says.
FLICKERS = ((0.12, INDICES, "warning"), (0.06, ANALYSIS, "warning"), (0.02, LOGS, "unknown"))


NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Occasion:
    """A check that was not a nightly one; ``created_by`` is empty for the administrator."""

    days_ago: int
    hour: int
    name: str
    owner: str
    created_by: str = ""
    troubles: Mapping[str, str] = field(default_factory=dict)


OCCASIONS = (
    Occasion(74, 14, "PreUpgrade 11.5", "system"),
    Occasion(74, 16, "PostUpgrade 11.5", "system"),
    Occasion(34, 9, "Object store: before/after?", "user", "operator", {OBJECT_STORE: "fail"}),
    Occasion(33, 10, "Basic check", "user", "operator"),
    Occasion(33, 11, "Basic check", "user", "operator"),
    Occasion(20, 14, "PreUpgrade 12.0", "system"),
    Occasion(20, 17, "PostUpgrade 12.0", "system"),
    Occasion(11, 8, "Überprüfung <Datenbank> \u2713", "user"),
)


def new_id(*what: object) -> str:
    """Make an id as the documented ones: ten digits to the base 36, the same for the same ``what``."""
    return hashlib.blake2b(repr(what).encode(), digest_size=10).digest().translate(TO_DIGITS).decode()


def make(
    options: Options,
    name: str,
    start: float,
    *,
    owner: str = "user",
    created_by: str = "",
    troubles: Mapping[str, str] = NOTHING,
    seconds: float | None = None,
) -> Report:
    """Make the report of a check, the administrator's unless told otherwise, which took about as long as documented."""
    began = int(start * 1000)
    took = 11_000 + began % 2_500 if seconds is None else int(seconds * 1000)
    return Report(
        new_id(options.seed, name, began), name, owner, created_by or options.username, began, began + took, troubles
    )


def history(options: Options) -> Iterator[Report]:
    """Tell the past as seen from the present of ``options.clock``, oldest first."""
    midnight = int((options.clock() - NIGHT - 120) // DAY) * DAY
    yield from _extras(options, midnight - options.report_days * DAY)
    reports = [_night(options, midnight, ago) for ago in range(options.report_days)]
    reports += [_occasion(options, midnight, it) for it in OCCASIONS if it.days_ago < options.report_days]
    yield from sorted(reports, key=lambda report: report.start_time)


def flickers(chance: random.Random) -> dict[str, str]:
    """Roll the dice for the tests that warn now and then."""
    return {test: word for odds, test, word in FLICKERS if chance.random() < odds}


def _night(options: Options, midnight: int, ago: int) -> Report:
    day = midnight - ago * DAY
    chance = random.Random(f"{options.seed} {day}")  # noqa: S311 - a story, not a secret
    troubles = flickers(chance) | {test: word for first, last, test, word in OUTAGES if first >= ago >= last}
    name = f"Nightly check {datetime.fromtimestamp(day, UTC):%Y-%m-%d}"
    return make(options, name, day + NIGHT + chance.uniform(0, 60), troubles=troubles)


def _occasion(options: Options, midnight: int, it: Occasion) -> Report:
    start = midnight - it.days_ago * DAY + it.hour * 3600 + 25.031
    return make(options, it.name, start, owner=it.owner, created_by=it.created_by, troubles=it.troubles)


def _extras(options: Options, before: int) -> Iterator[Report]:
    """Fill the years before with checks every ten minutes, one in fifty of them with a failure."""
    for number in range(options.extra_reports, 0, -1):
        troubles = {OBJECT_STORE: "fail"} if number % 50 == 0 else NOTHING
        yield make(options, f"Archived check {number}", before - 600 * number, troubles=troubles)
