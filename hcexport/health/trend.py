"""How each test did over reports: since when it fails, how often in a row, whether it flaps.

A test is followed by its id; where a release gives it another id, by its name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from hcexport.health.results import WORST_FIRST, badness, distinct, is_critical, newest_first
from hcexport.models import Report, ReportDetail, Result, TestResult

RECENT = 21  # results: what Nagios looks at for flapping
FLAPPING_CHANGES = 4  # of at most 20 in 21 results: Nagios' 20 %, unweighted
FLAPPING_RESULTS = 8  # with fewer known nothing flaps

SIGNS = {Result.PASSED: "✓", Result.WARNING: "!", Result.FAILED: "✗", Result.UNKNOWN: "?", None: "·"}
ASCII_SIGNS = {Result.PASSED: ".", Result.WARNING: "!", Result.FAILED: "x", Result.UNKNOWN: "?", None: "-"}


@dataclass(frozen=True)
class TestTrend:
    """One test over reports, oldest first.

    ``test`` is as the newest report that has it says it. ``cells`` has a result for each report, None where the report
    does not have the test; ``foreign`` says which reports are of other suites, where nobody expects it. ``since`` is
    the start of the first report of the unbroken run of not passing, None while the test passes; ``since_at_least``
    says that the run reaches back to the first result that is known.
    """

    __test__ = False  # a class of this name is not a test to pytest

    test: TestResult
    reports: tuple[Report, ...]
    cells: tuple[Result | None, ...]
    foreign: tuple[bool, ...] = ()

    @property
    def recent(self) -> tuple[Result | None, ...]:
        """The cells of the last RECENT reports, without those of other suites."""
        foreign = self.foreign or (False,) * len(self.cells)
        return tuple(cell for cell, is_foreign in zip(self.cells, foreign, strict=True) if not is_foreign)[-RECENT:]

    @property
    def results(self) -> tuple[tuple[Report, Result], ...]:
        """The reports that have the test, with its result, oldest first."""
        return tuple((report, cell) for report, cell in zip(self.reports, self.cells, strict=True) if cell is not None)

    @property
    def result(self) -> Result:
        """The newest result."""
        return self.test.result

    @property
    def in_a_row(self) -> int:
        """How many of the newest results are not passed, without a break; 0 while the test passes."""
        known = [cell for cell in self.cells if cell is not None]
        return next((count for count, cell in enumerate(reversed(known)) if not badness(cell)), len(known))

    @property
    def since(self) -> datetime | None:
        """The start of the first report of the present run of not passing."""
        return self.results[-self.in_a_row][0].start_time if self.in_a_row else None

    @property
    def since_at_least(self) -> bool:
        """Whether the test has not passed in any report that is known."""
        return self.in_a_row == len(self.results)

    @property
    def changes(self) -> int:
        """How often it changed between passing and not within its last RECENT results."""
        passing = [not badness(result) for _, result in self.results[-RECENT:]]
        return sum(before is not after for before, after in pairwise(passing))

    @property
    def flapping(self) -> bool:
        """Whether it changed so often that its present result says little."""
        return self.changes >= FLAPPING_CHANGES and len(self.results) >= FLAPPING_RESULTS

    @property
    def turns(self) -> tuple[tuple[Report, Result | None, Result], ...]:
        """Each change of the result: the report that shows it, what was before (None: the first), what is."""
        befores = [None, *(result for _, result in self.results)]
        pairs = zip(befores, self.results, strict=False)
        return tuple((report, before, now) for before, (report, now) in pairs if before is not now)

    def strip(self, *, ascii_only: bool = False) -> str:
        """A sign for each of ``recent``, oldest first."""
        signs = ASCII_SIGNS if ascii_only else SIGNS
        return "".join(signs[cell] for cell in self.recent)


def trend(details: Iterable[ReportDetail]) -> tuple[TestTrend, ...]:
    """A row for each test of the reports that have ended, worst first."""
    oldest_first = newest_first(details)[::-1]
    reports = tuple(detail.report for detail in oldest_first)
    tracks: list[_Track] = []
    by_id: dict[str, _Track] = {}
    for column, detail in enumerate(oldest_first):
        tests = distinct(detail.tests)
        here = {test.id for test in tests}
        strangers = {track.test.name: track for track in tracks if track.test.name and track.test.id not in here}
        for test in tests:
            track = by_id.get(test.id) or (strangers.pop(test.name, None) if test.name else None)
            if track is None:
                track = _Track(test, [None] * len(reports))
                tracks.append(track)
            by_id.pop(track.test.id, None)
            by_id[test.id] = track
            track.test = test
            track.cells[column] = test.result
            track.suites.add(test.suite_id or test.suite_name)
    suites = [{suite.id or suite.name for suite in detail.suites} - {""} for detail in oldest_first]
    rows = [
        TestTrend(track.test, reports, tuple(track.cells), tuple(map(track.is_foreign, suites))) for track in tracks
    ]
    return tuple(sorted(rows, key=_worst_first))


@dataclass
class _Track:
    test: TestResult
    cells: list[Result | None]
    suites: set[str] = field(default_factory=set)

    def is_foreign(self, suites: set[str]) -> bool:
        """Whether a report of these suites is not expected to have the test; unknown where either has no names."""
        return bool(suites) and "" not in self.suites and not suites & self.suites


def _worst_first(row: TestTrend) -> tuple[int, bool, int, int, str]:
    return (WORST_FIRST.index(row.result), not is_critical(row.test), -row.in_a_row, -row.changes, row.test.id)
