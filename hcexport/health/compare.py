"""What changed between two reports, test by test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from hcexport.health.results import badness, distinct, is_critical, start_time_of
from hcexport.health.trend import trend
from hcexport.models import Report, ReportDetail, Result, TestResult


class Change(StrEnum):
    """What became of a test, in the order in which changes are shown; a failure that is gone is not fixed."""

    BROKE = "broke"
    WORSE = "worse"
    STILL = "still"
    BETTER = "better"
    FIXED = "fixed"
    NEW = "new"
    GONE = "gone"
    SAME = "same"  # passed and passes; listed only where all tests are asked for


_ORDER = list(Change)
_COUNTED = {Change.BROKE, Change.WORSE, Change.NEW}


@dataclass(frozen=True)
class TestChange:
    """One test of two reports; ``was`` or ``now`` is None where that report does not have it.

    ``since`` is the start of the first report of the run in which it does not pass, None where it passes or is gone.
    """

    __test__ = False  # a class of this name is not a test to pytest

    change: Change
    test: TestResult
    was: Result | None
    now: Result | None
    since: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether ``--fail-on`` looks at it: it broke, became worse, or is new and does not pass."""
        return self.change in _COUNTED and self.now is not None and badness(self.now) > 0


@dataclass(frozen=True)
class Comparison:
    """Two reports and every test of either, in the order of the changes; within one, critical tests first."""

    old: Report
    new: Report
    tests: tuple[TestChange, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many tests there are of each kind of change, ``same`` included."""
        return {change.value: sum(each.change is change for each in self.tests) for change in Change}

    @property
    def changed(self) -> tuple[TestChange, ...]:
        """All but the tests that passed and pass."""
        return tuple(each for each in self.tests if each.change is not Change.SAME)

    def to_judge(self, new: ReportDetail) -> ReportDetail:
        """The new report as if every test had passed that ``--fail-on`` does not look at."""
        tests = tuple(
            each.test if each.counts else replace(each.test, result=Result.PASSED)
            for each in self.tests
            if each.now is not None
        )
        worst = max((test.result for test in tests), key=badness, default=Result.PASSED)
        return ReportDetail(replace(new.report, result=worst), tests)


def compare(old: ReportDetail, new: ReportDetail, known: Iterable[ReportDetail] = ()) -> Comparison:
    """What changed from the old report to the new; ``known`` are further reports, for how long a test fails already."""
    before, now = distinct(old.tests), distinct(new.tests)
    former = _pairs(before, now)
    earlier = [each for each in known if start_time_of(each.report) <= start_time_of(new.report)]
    since = {row.test.id: row.since for row in trend([new, old, *earlier])}
    changes = [_change(former.get(test.id), test, since.get(test.id)) for test in now]
    matched = {test.id for test in former.values()}
    changes += [TestChange(Change.GONE, test, test.result, None) for test in before if test.id not in matched]
    return Comparison(old.report, new.report, tuple(sorted(changes, key=_place)))


def shares_a_suite(one: ReportDetail, other: ReportDetail) -> bool:
    """Whether two reports can be compared: they have a suite in common, or a test where suites have no names."""
    suites = [{suite.id or suite.name for suite in each.suites} - {""} for each in (one, other)]
    tests = [{test.id for test in each.tests} for each in (one, other)]
    return bool(suites[0] & suites[1] if all(suites) else tests[0] & tests[1])


def _pairs(before: Iterable[TestResult], now: Iterable[TestResult]) -> dict[str, TestResult]:
    """For the id of a test of now the test that it was: the same id, else the same name."""
    left = {test.id: test for test in before}
    now = list(now)
    found = {test.id: left.pop(test.id) for test in now if test.id in left}
    by_name = {test.name: test for test in left.values() if test.name}
    for test in now:
        if test.id not in found and test.name in by_name:
            found[test.id] = by_name.pop(test.name)
    return found


def _change(was: TestResult | None, now: TestResult, since: datetime | None) -> TestChange:
    if was is None:
        return TestChange(Change.NEW, now, None, now.result, since)
    return TestChange(_kind(badness(was.result), badness(now.result)), now, was.result, now.result, since)


def _kind(was: int, now: int) -> Change:
    if was == now:
        return Change.STILL if now else Change.SAME
    if now > was:
        return Change.WORSE if was else Change.BROKE
    return Change.BETTER if now else Change.FIXED


def _place(each: TestChange) -> tuple[int, bool, str]:
    return (_ORDER.index(each.change), not is_critical(each.test), each.test.id)
