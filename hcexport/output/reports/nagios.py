"""One line as monitoring plugins print it: Nagios, Icinga, Checkmk, Centreon and Sensu read it.

``TEXT | 'label'=value[unit];warn;crit;min;max``, and the exit status 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Sequence

from hcexport.health.results import distinct, is_critical, start_time_of
from hcexport.health.verdict import Finding, Judgement, Level, count_text, describe, join_ids
from hcexport.models import ReportDetail, Result
from hcexport.output.reports import ReportSet
from hcexport.output.sanitize import escape_controls

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def render(reports: ReportSet) -> tuple[int, str]:
    """The exit status and the line, without its line end.

    CRITICAL is what makes the newest report unhealthy at the level asked for, by default a critical test that failed,
    and a report that is too old; WARNING is any other test that failed or warned.
    """
    newest = reports.newest
    if reports.error is not None:
        return unknown(reports.error)
    if newest is None:
        stale = reports.verdict.stale_seconds is not None
        return critical("no report has ended") if stale else unknown("no report has ended")
    level = reports.verdict.rules.level or Level.CRITICAL
    whole = reports.judge_newest(Level.WARNING)
    too_old = reports.verdict.stale_seconds is not None
    status = CRITICAL if too_old or not reports.judge_newest(level).healthy else OK if whole.healthy else WARNING
    text = _text(newest, whole) + (f"; {reports.verdict.staleness}" if too_old else "")
    return status, _line(status, text) + " | " + " ".join(_performance(reports, newest, whole, level))


def critical(message: str) -> tuple[int, str]:
    """What a selection becomes in which no report has ended, though one had to be young enough."""
    return CRITICAL, _line(CRITICAL, message)


def unknown(message: str) -> tuple[int, str]:
    """What any error of ours becomes."""
    return UNKNOWN, _line(UNKNOWN, message)


def _line(status: int, text: str) -> str:
    """The part before the performance data, which begins at the first ``|``."""
    return f"HEALTH {_WORDS[status]} - " + escape_controls(" ".join(text.split())).replace("|", "/")


def _text(newest: ReportDetail, whole: Judgement) -> str:
    report = newest.report
    where = f"in {describe(report)}"
    if whole.failing:
        said = f"{count_text(whole.failing)} {where}: {_ids(whole.failing)}"
    elif whole.reason:
        said = f"report {report.id} {whole.reason}"
    else:
        tests = distinct(newest.tests)
        passed = sum(test.result is Result.PASSED for test in tests)
        said = f"{passed} of {len(tests)} tests passed {where}"
    return said + (f"; known: {_ids(whole.known)}" if whole.known else "")


def _ids(findings: Sequence[Finding]) -> str:
    return join_ids([each.test.id for each in findings])


def _performance(reports: ReportSet, newest: ReportDetail, whole: Judgement, level: Level) -> list[str]:
    """Counts of tests that are not known failures, the report's age and duration, with the thresholds in force."""
    total = len(distinct(newest.tests))
    failed = [each.test for each in whole.failing if each.test.result is not Result.WARNING]
    warned = len(whole.failing) - len(failed)
    at = {False: "0;", True: ";0"}  # more than 0 is a WARNING, or CRITICAL
    data = [
        f"critical={sum(map(is_critical, failed))};;0;0;{total}",
        f"failed={len(failed)};{at[level is not Level.CRITICAL]};0;{total}",
        f"warnings={warned};{at[level is Level.WARNING]};0;{total}",
        f"known={len(whole.known)};;;0;{total}",
    ]
    if newest.report.start_time or newest.report.end_time:
        allowed = reports.verdict.rules.max_age
        limit = "" if allowed is None else f"{allowed.total_seconds():.0f}"
        data.append(
            f"age={max(0.0, (reports.generated - start_time_of(newest.report)).total_seconds()):.0f}s;;{limit};0"
        )
    if newest.report.duration is not None:
        data.append(f"duration={newest.report.duration.total_seconds():.0f}s")
    return data
