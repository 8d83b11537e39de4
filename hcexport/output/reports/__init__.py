"""Report files: health check reports for a person, a build server and a monitoring system, a module for each format.

Every format is a function from one ``ReportSet`` to text; nothing here reads a file, a clock or the network. Names from
a server are text in each format: control characters are made visible, and what the format would obey is escaped.

``html.render``, ``markdown.render``, ``junit.render``, ``prometheus.render`` return what a file holds;
``nagios.render`` returns the exit status of a monitoring plugin and its line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hcexport.health.ignores import known_until
from hcexport.health.results import newest_first
from hcexport.health.trend import TestTrend, trend
from hcexport.health.verdict import Judgement, Level, Rules, Verdict, judge, judge_report
from hcexport.models import Report, ReportDetail, TestResult


@dataclass(frozen=True)
class LastRun:
    """The run of hcexport that writes the files: when it ended, how, and when one last succeeded (status 0 or 10)."""

    ended: datetime
    exit_status: int
    duration: timedelta
    last_success: datetime | None = None


@dataclass(frozen=True)
class ReportSet:
    """All that a report file tells.

    ``reports`` have ended, the newest first, each in full: those of the command and those before them that trends are
    made from; ``trend`` has a row for each of their tests, worst first. ``verdict`` judges the reports of the command.
    ``error`` is why the run failed; then ``reports`` are what was known before, or none. ``generated`` is aware.
    """

    profile: str
    organization: str
    generated: datetime
    reports: tuple[ReportDetail, ...]
    verdict: Verdict
    trend: tuple[TestTrend, ...]
    error: str | None = None
    last_run: LastRun | None = None

    @classmethod
    def make(
        cls,
        profile: str,
        organization: str,
        generated: datetime,
        reports: Iterable[ReportDetail],
        *,
        earlier: Iterable[ReportDetail] = (),
        rules: Rules | None = None,
        verdict: Verdict | None = None,
        error: str | None = None,
        last_run: LastRun | None = None,
    ) -> ReportSet:
        """Put together the reports of a command and ``earlier`` ones that they are shown with.

        ``verdict`` is the command's where it has one; else the reports are judged by ``rules``.
        """
        given = tuple(reports)
        known = newest_first([*given, *earlier])
        judged = verdict or judge(given, rules or Rules(), generated)
        return cls(profile, organization, generated, known, judged, trend(known), error, last_run)

    @property
    def newest(self) -> ReportDetail | None:
        """The newest report."""
        return self.reports[0] if self.reports else None

    def known_until(self, test: TestResult) -> date | None:
        """The last day on which a failure of the test is known; None where it counts."""
        return known_until(test, self.verdict.rules.ignores, self.generated)

    def judge_newest(self, level: Level) -> Judgement:
        """The newest report judged at a level of the format's own; without a report nothing is healthy."""
        if self.newest is None:
            return Judgement(Report(""), healthy=False, reason=self.error or "no report has ended")
        return judge_report(self.newest, Rules(level, ignores=self.verdict.rules.ignores), self.generated)
