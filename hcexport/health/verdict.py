"""Is it healthy: reports judged at a level, known failures left out, and whether the newest report is too old.

What is unknown is never healthy: a test or a report whose result is unknown counts as failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from hcexport.health.ignores import Ignore, known_until
from hcexport.health.results import CRITICAL, badness, distinct, has_ended, is_critical, start_time_of
from hcexport.models import Report, ReportDetail, Result, TestResult

IDS_IN_A_MESSAGE = 10


class Level(StrEnum):
    """What makes a report unhealthy: a critical test that failed, any that failed, any that failed or warned."""

    CRITICAL = "critical"
    FAILED = "failed"
    WARNING = "warning"


class Rules(NamedTuple):
    """What is asked for: no ``level`` judges no report, no ``max_age`` takes a report of any age."""

    level: Level | None = None
    max_age: timedelta | None = None
    ignores: tuple[Ignore, ...] = ()


class Finding(NamedTuple):
    """A test that did not pass; ``ignored_until`` is the last day on which that is known."""

    test: TestResult
    ignored_until: date | None = None


class Judgement(NamedTuple):
    """One report judged. ``failing`` counts at the level; ``known`` would, or did not pass, and is ignored.

    ``reason`` says of the report why it is not healthy where no test does: ``says failed, none of its tests does``.
    """

    report: Report
    healthy: bool
    failing: tuple[Finding, ...] = ()
    known: tuple[Finding, ...] = ()
    reason: str = ""


class Verdict(NamedTuple):
    """Reports judged by rules, in the order given.

    ``stale_seconds`` is the age of the newest report where it is older than allowed, infinite where none has ended;
    None where it is young enough or no age was asked for. ``notices`` are for a person. ``expired`` are the ignores
    whose day has passed while their test still fails.
    """

    rules: Rules
    judged: tuple[Judgement, ...] = ()
    stale_seconds: float | None = None
    newest: datetime | None = None
    notices: tuple[str, ...] = ()
    expired: tuple[Ignore, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether every report that was judged is healthy and the newest is young enough."""
        return self.stale_seconds is None and all(each.healthy for each in self.judged)

    def message(self) -> str:
        """What is said of reports that are not healthy: ``not healthy: …``; empty where they are."""
        parts = [self.staleness] if self.staleness else []
        if failing := [each for each in self.judged if each.failing]:
            parts.append(_failing_text(failing, len(self.judged)))
        if wordless := [f"{describe(each.report)} {each.reason}" for each in self.judged if each.reason]:
            parts.append(join_ids(wordless))
        parts += [f"the exception for {each.test} ended on {each.until}" for each in self.expired]
        return f"not healthy: {'; '.join(parts)}" if parts else ""

    @property
    def staleness(self) -> str:
        """Why the reports are too old; empty where they are not."""
        if self.stale_seconds is None:
            return ""
        if self.newest is None or self.rules.max_age is None:
            return "no report has ended" if not self.judged else "the start time of the newest report is unknown"
        age, allowed = map(_duration, (self.stale_seconds, self.rules.max_age.total_seconds()))
        day = f"{self.newest.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return f"the newest report is from {day}, {age} ago; at most {allowed} is allowed"


def judge(reports: Iterable[Report | ReportDetail], rules: Rules, now: datetime) -> Verdict:
    """Judge reports, each in full or by its row; ``now`` is aware. Those that have not ended are left out, and named.

    Where ``judged`` is empty afterwards, nothing had ended.
    """
    given = list(reports)
    ended = [each for each in given if has_ended(_row(each))]
    under_way = [_row(each).id for each in given if not has_ended(_row(each))]
    judged = tuple(judge_report(each, rules, now) for each in ended)
    newest = max((_row(each) for each in ended), key=start_time_of, default=None)
    tests = [test for each in given if isinstance(each, ReportDetail) for test in each.tests]
    failing = [finding.test for each in judged for finding in each.failing]
    over = tuple(each for each in rules.ignores if each.is_over(now) and any(each.fits(test) for test in failing))
    notices = [f"report {run_id} has not ended and is not judged" for run_id in under_way]
    notices += [f"the exception for {each.test} ended on {each.until}: it counts again" for each in over]
    if tests:
        strangers = [each for each in rules.ignores if not any(each.fits(test) for test in tests)]
        notices += [f"no report has a test {each.test}, which is ignored until {each.until}" for each in strangers]
    return Verdict(rules, judged, _stale_seconds(newest, rules, now), _time(newest), tuple(notices), over)


def needs_details(report: Report) -> bool:
    """Whether a row alone cannot be judged: what passed is healthy by its row, of the others the tests are named."""
    return has_ended(report) and report.result is not Result.PASSED


def judge_report(report: Report | ReportDetail, rules: Rules, now: datetime) -> Judgement:
    """Judge one report, whatever its age. Without a level every report is healthy, and its known failures are told."""
    row, level = _row(report), rules.level
    tests = distinct(report.tests) if isinstance(report, ReportDetail) else ()
    bad = [Finding(test, known_until(test, rules.ignores, now)) for test in tests if badness(test.result)]
    known = tuple(finding for finding in bad if finding.ignored_until)
    if level is None:
        return Judgement(row, healthy=True, known=known)
    failing = tuple(each for each in bad if not each.ignored_until and _counts(each.test, level))
    reason = "" if failing else _reason(report, bad, level)
    return Judgement(row, not failing and not reason, failing, known, reason)


def _counts(test: TestResult, level: Level) -> bool:
    if level is Level.CRITICAL and not is_critical(test):
        return False
    return badness(test.result) >= (1 if level is Level.WARNING else 2)


def _reason(report: Report | ReportDetail, bad: Sequence[Finding], level: Level) -> str:
    """Why the report's own word makes it unhealthy: none of its tests, ignored or not, is as bad as that word."""
    row, said = _row(report), badness(_row(report).result)
    if said < (1 if level is Level.WARNING else 2):
        return ""
    if isinstance(report, Report):
        return f"says {row.result}"
    if level is Level.CRITICAL or any(badness(each.test.result) >= said for each in bad):
        return ""
    return f"says {row.result}, none of its tests does"


def _stale_seconds(newest: Report | None, rules: Rules, now: datetime) -> float | None:
    if rules.max_age is None:
        return None
    time = _time(newest)
    if time is None:
        return float("inf")
    return (now - time).total_seconds() if now - time > rules.max_age else None


def _time(report: Report | None) -> datetime | None:
    return (report.start_time or report.end_time) if report else None


def _row(report: Report | ReportDetail) -> Report:
    return report.report if isinstance(report, ReportDetail) else report


def _by_severity(findings: Iterable[Finding]) -> dict[str, int]:
    counted = Counter(each.test.severity.strip().lower() or "other" for each in findings)
    return dict(sorted(counted.items(), key=lambda pair: (pair[0] != CRITICAL, pair[0])))


def _failing_text(failing: Sequence[Judgement], judged: int) -> str:
    findings = [finding for each in failing for finding in each.failing]
    reports = join_ids([each.report.id for each in failing])
    where = describe(failing[0].report) if len(failing) == 1 else f"{len(failing)} of {judged} reports ({reports})"
    tests = join_ids(list(dict.fromkeys(each.test.id for each in findings)))
    return f"{count_text(findings)} in {where}: {tests}"


def describe(report: Report) -> str:
    """``report ID (NAME)``."""
    return f"report {report.id}" + (f" ({report.name})" if report.name else "")


def count_text(findings: Sequence[Finding]) -> str:
    """Counts by severity as a person says them: ``1 critical and 2 general tests failed``."""
    counts = [f"{count} {severity}" for severity, count in _by_severity(findings).items()]
    warned = sum(each.test.result is Result.WARNING for each in findings)
    verb = "warned" if warned == len(findings) else "failed or warned" if warned else "failed"
    amount = " and ".join(filter(None, [", ".join(counts[:-1]), counts[-1]]))
    return f"{amount} {'test' if len(findings) == 1 else 'tests'} {verb}"


def join_ids(ids: Sequence[str]) -> str:
    """The first ten, and how many more there are."""
    more = len(ids) - IDS_IN_A_MESSAGE
    return ", ".join(ids[:IDS_IN_A_MESSAGE]) + (f" and {more} more" if more > 0 else "")


def _duration(seconds: float) -> str:
    """Whole days or hours or minutes, rounded to one that a person would say."""
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length or seconds == length:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.0f}s"
