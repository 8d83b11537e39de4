"""What a page for people says, whatever its format: the answer at the top, what does not pass, and in which words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from hcexport.health.results import WORST_FIRST, badness, distinct, is_critical
from hcexport.health.trend import SIGNS, TestTrend
from hcexport.health.verdict import Level, count_text
from hcexport.models import Report, ReportDetail, Result, TestResult
from hcexport.output.reports import ReportSet

SYSTEM_SIGN = "▲"  # over reports that the server made by itself


@dataclass(frozen=True)
class Headline:
    """Is it healthy: the answer in a few words, the state that colours it, and what there is to say besides."""

    state: Result
    words: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Failing:
    """A test that did not pass when it was last checked; ``in_newest`` says whether the newest report has it."""

    row: TestTrend
    known_until: date | None
    in_newest: bool

    @property
    def since(self) -> str:
        """Since when it does not pass: ``at least`` where no report is known in which it passed."""
        if self.row.since is None:
            return "not known"
        return ("at least " if self.row.since_at_least else "") + utc(self.row.since)


def headline(reports: ReportSet) -> Headline:
    """The answer for the newest report, and what the run has to say about the others."""
    if reports.newest is None:
        return Headline(Result.UNKNOWN, "No report", tuple(_notes(reports)))
    broken, all_of_it = reports.judge_newest(Level.FAILED), reports.judge_newest(Level.WARNING)
    level, verdict = reports.verdict.rules.level, reports.verdict
    said = count_text(all_of_it.failing) if all_of_it.failing else ""
    said = said or (f"The report {all_of_it.reason}" if all_of_it.reason else _all_passed(reports.newest, reports))
    notes = [said, *_notes(reports)]
    if verdict.stale_seconds is not None:
        return Headline(Result.FAILED, "Too old to tell", tuple(notes))
    tolerated = level is not None and reports.judge_newest(level).healthy
    if not broken.healthy:
        words, state = ("Healthy by its rules", Result.WARNING) if tolerated else ("Not healthy", Result.FAILED)
        return Headline(state, words, tuple(notes))
    if all_of_it.healthy:
        return Headline(Result.PASSED, "Healthy", tuple(notes))
    return Headline(
        Result.WARNING, "Healthy, with warnings" if level is not Level.WARNING else "Not healthy", tuple(notes)
    )


def _all_passed(newest: ReportDetail, reports: ReportSet) -> str:
    total, known = len(distinct(newest.tests)), len(reports.judge_newest(Level.WARNING).known)
    if not total:
        return "The newest report shows no test"
    return f"All {total} tests passed" if not known else f"{total - known} of {total} tests passed"


def _notes(reports: ReportSet) -> list[str]:
    notes, verdict, newest = [], reports.verdict, reports.newest
    known = reports.judge_newest(Level.WARNING).known if newest else ()
    if known:
        notes.append(f"{_many(len(known), 'known failure')} not counted")
    others = [each.healthy for each in verdict.judged if newest is None or each.report.id != newest.report.id]
    if bad := others.count(False):
        notes.append(f"{bad} of {_many(len(others), 'earlier report')} were not healthy")
    if verdict.rules.level:
        notes.append(f"Rule: a report is not healthy when {_LEVELS[verdict.rules.level]}")
    stale = [verdict.staleness] if verdict.staleness else []
    return [*notes, *(note[:1].upper() + note[1:] for note in (*stale, *verdict.notices))]


_LEVELS = {
    Level.CRITICAL: "a critical test failed",
    Level.FAILED: "any test failed",
    Level.WARNING: "any test failed or warned",
}


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def failing(reports: ReportSet) -> list[Failing]:
    """What does not pass, worst first: known failures after the others, tests that the newest report lacks last."""
    here = {test.id for test in reports.newest.tests} if reports.newest else set()
    rows = [
        Failing(row, reports.known_until(row.test), row.test.id in here) for row in reports.trend if badness(row.result)
    ]
    return sorted(rows, key=lambda each: (not each.in_newest, each.known_until is not None))


def tally(tests: Sequence[TestResult]) -> list[tuple[Result, int]]:
    """How many tests have each result, all four of them, passed first."""
    counted = Counter(test.result for test in distinct(tests))
    return [(result, counted[result]) for result in reversed(WORST_FIRST)]


def count_words(result: Result, count: int) -> str:
    """How many tests have a result, in words."""
    return f"{count} {result}s" if result is Result.WARNING and count > 1 else f"{count} {result}"


def by_suite(detail: ReportDetail) -> list[tuple[str, tuple[TestResult, ...]]]:
    """The tests of a report, worst first, by suite; tests without a suite stand below an empty name."""
    groups: dict[str, list[TestResult]] = {}
    for test in detail.tests:
        groups.setdefault(test.suite_name or test.suite_id, []).append(test)
    return [(suite, tuple(sorted(tests, key=_worst_first))) for suite, tests in groups.items()]


def _worst_first(test: TestResult) -> tuple[int, bool, str]:
    return (WORST_FIRST.index(test.result), not is_critical(test), test.id)


def suite_seconds(reports: ReportSet) -> list[tuple[str, list[tuple[Report, float]]]]:
    """How long each suite took in each report, oldest first; a report whose tests tell no times counts as a whole."""
    lines: dict[str, list[tuple[Report, float]]] = {}
    for detail in reversed(reports.reports):
        suites = by_suite(detail)
        for suite, tests in suites or [("", ())]:
            starts = [test.start_time for test in tests if test.start_time]
            ends = [test.end_time for test in tests if test.end_time]
            if len(suites) <= 1 and detail.report.duration is not None:
                lines.setdefault(suite, []).append((detail.report, detail.report.duration.total_seconds()))
            elif starts and ends:
                lines.setdefault(suite, []).append((detail.report, (max(ends) - min(starts)).total_seconds()))
    return [(suite, points) for suite, points in lines.items() if points]


def is_of_system(report: Report) -> bool:
    """Whether the server made the report by itself, at an upgrade."""
    return report.owner.strip().lower() == "system"


def utc(time: datetime | None) -> str:
    """A point in time to the minute with its zone."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if time else "not known"


def sign(result: Result | None) -> str:
    """The sign of a result; of none, of a report that does not have the test."""
    return SIGNS[result]
