"""Ninety days in the life of an organization: nightly checks, upgrades, and checks that people ran by hand.

The answers that tests may rely on, counted in nights ago (0 is last night, at three o'clock UTC), whatever the seed and
the date: each test of a nightly check passes but for these.

=====================  =====================================================  =========
nights ago             test                                                   says
=====================  =====================================================  =========
61                     ``HC_112_008`` publishing tools                        fail
39                     ``HC_112_003`` object store                            warning
38 to 34               ``HC_112_003`` object store                            fail
12                     ``HC_112_002`` relational store (critical)             fail
0 2 5 9 17 22 30 46    ``HC_112_013`` indices in sync, which flickers         warning
6 22 49 55 79          ``HC_112_010`` spatial analysis, which flickers        warning
28 63                  ``HC_112_012`` log queries                             unknown
=====================  =====================================================  =========

So of 90 nightly checks 7 are failed (61, 38 to 34, 12), 2 unknown (28, 63), 13 warning (0, 2, 5, 6, 9, 17, 22, 30, 39,
46, 49, 55, 79; two tests warn in night 22) and 68 passed. Last night differs from the night before by one test.

An upgrade made two reports each 74 days ago (to 11.5) and 20 days ago (to 12.0); their owner is ``system``. People ran
four checks by hand, some with names that are hard to put into a file name: see OCCASIONS.

Ids, and how many seconds a check took, follow from the seed and the day: two sandboxes of one day show the same past.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from hcexport.sandbox.options import Options
from hcexport.sandbox.world.reports import Report
from hcexport.sandbox.world.suites import BASIC, Suite

DAY = 86_400
NIGHT = 3 * 3600  # the check runs at three o'clock UTC
DIGITS = b"0123456789abcdefghijklmnopqrstuvwxyz"
TO_DIGITS = bytes(DIGITS[byte % len(DIGITS)] for byte in range(256))

OBJECT_STORE, PUBLISHING, RELATIONAL = "HC_112_003", "HC_112_008", "HC_112_002"
ANALYSIS, LOGS, INDICES = "HC_112_010", "HC_112_012", "HC_112_013"

# The table of the docstring: a test, what it says, and in which nights.
FAILURES = (
    (PUBLISHING, "fail", {61}),
    (OBJECT_STORE, "warning", {39}),
    (OBJECT_STORE, "fail", {38, 37, 36, 35, 34}),
    (RELATIONAL, "fail", {12}),
    (INDICES, "warning", {0, 2, 5, 9, 17, 22, 30, 46}),
    (ANALYSIS, "warning", {6, 22, 49, 55, 79}),
    (LOGS, "unknown", {28, 63}),
)

NO_FAILURES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Occasion:
    """A check that was not a nightly one; ``created_by`` is empty for the administrator."""

    days_ago: int
    hour: int
    name: str
    owner: str
    created_by: str = ""
    failures: Mapping[str, str] = field(default_factory=dict)


OCCASIONS = (
    Occasion(74, 14, "PreUpgrade 11.5", "system"),
    Occasion(74, 16, "PostUpgrade 11.5", "system"),
    Occasion(34, 9, "Object store: before/after?", "user", "operator", {OBJECT_STORE: "fail"}),
    Occasion(33, 10, "Basic check", "user", "operator"),
    Occasion(33, 11, "Basic check", "user", "operator"),
    Occasion(20, 14, "PreUpgrade 12.0", "system"),
    Occasion(20, 17, "PostUpgrade 12.0", "system", failures={INDICES: "warning"}),
    Occasion(11, 8, "Überprüfung <Datenbank> \u2713", "user"),
)


def history(options: Options) -> Iterator[Report]:
    """Make the reports of the past as seen from the present of ``options.clock``, oldest first."""
    midnight = int((options.clock() - NIGHT - 120) // DAY) * DAY
    yield from _make_archive(options, midnight - options.report_days * DAY)
    reports = [_nightly(options, midnight, ago) for ago in range(options.report_days)]
    reports += [_occasional(options, midnight, each) for each in OCCASIONS if each.days_ago < options.report_days]
    yield from sorted(reports, key=lambda report: report.start_time)


def make_report(
    options: Options,
    name: str,
    start: float,
    *,
    owner: str = "user",
    created_by: str = "",
    failures: Mapping[str, str] = NO_FAILURES,
    suites: tuple[Suite, ...] = (BASIC,),
    seconds: float | None = None,
    salt: str = "",
) -> Report:
    """Make the report of a check, by default the administrator's and about as long as the documented one.

    Reports of the same name and time have the same id unless ``salt`` differs.
    """
    began = int(start * 1000)
    took = 11_000 + began % 2_500 if seconds is None else int(seconds * 1000)
    return Report(
        id=_make_id(options.seed, name, began, salt),
        name=name,
        owner=owner,
        created_by=created_by or options.username,
        start_time=began,
        end_time=began + took,
        failures=failures,
        suites=suites,
    )


def _make_id(*parts: object) -> str:
    """Make an id as the documented ones: ten digits to the base 36, the same for the same parts."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=10).digest().translate(TO_DIGITS).decode()


def _nightly(options: Options, midnight: int, ago: int) -> Report:
    day = midnight - ago * DAY
    second = random.Random(f"{options.seed} {day}").uniform(0, 60)  # noqa: S311 # a story, not a secret
    failures = {test: result for test, result, nights in FAILURES if ago in nights}
    name = f"Nightly check {datetime.fromtimestamp(day, UTC):%Y-%m-%d}"
    return make_report(options, name, day + NIGHT + second, failures=failures)


def _occasional(options: Options, midnight: int, occasion: Occasion) -> Report:
    start = midnight - occasion.days_ago * DAY + occasion.hour * 3600 + 25.031
    return make_report(
        options,
        occasion.name,
        start,
        owner=occasion.owner,
        created_by=occasion.created_by,
        failures=occasion.failures,
    )


def _make_archive(options: Options, before: int) -> Iterator[Report]:
    """Fill the time before the nightly checks with a check every ten minutes; one in fifty of them failed."""
    for number in range(options.extra_reports, 0, -1):
        failures = {OBJECT_STORE: "fail"} if number % 50 == 0 else NO_FAILURES
        yield make_report(options, f"Archived check {number}", before - 600 * number, failures=failures)
