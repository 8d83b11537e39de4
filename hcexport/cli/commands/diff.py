"""``hcexport diff``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from hcexport.cli.app import App
from hcexport.cli.command import complete_with, option
from hcexport.cli.judging import Judging, judging_options
from hcexport.cli.options import app_command, parse_ids
from hcexport.cli.outcome import Outcome
from hcexport.cli.reading import list_reports, offline_option, read_reports, require_reports
from hcexport.cli.report_files import Reporting, report_option
from hcexport.cli.selection import newest_first
from hcexport.errors import NotFound, UsageError
from hcexport.health import verdict as health
from hcexport.health.compare import TestChange, compare, shares_a_suite
from hcexport.health.results import has_ended
from hcexport.health.verdict import judge_report
from hcexport.models import Report, ReportDetail, Result
from hcexport.output.trends import CHANGE_FIELDS, CHANGE_JSON_FIELDS, comparison_fields, describe_report


@app_command(
    "diff",
    profiles=True,
    formats=("text", "table", "json", "csv"),
    examples=["hcexport diff", "hcexport diff --against passed --fail-on failed"],
)
@click.argument("old", required=False, shell_complete=complete_with("report ids"))
@click.argument("new", required=False, shell_complete=complete_with("report ids"))
@option("--against", type=click.Choice(["passed"]), metavar="passed", help="Compare with the last report that passed.")
@option("--all-tests", is_flag=True, help="Also list the tests that passed in both.")
@offline_option
@judging_options
@report_option
def command(
    app: App,
    *,
    old: str | None,
    new: str | None,
    against: str | None,
    all_tests: bool,
    offline: bool,
    fail_on: str | None,
    max_age: float | None,
    report: tuple[str, ...],
) -> Outcome:
    """Show what changed between two reports, test by test.

    Compares the newest report with the one before it that has a suite in common; OLD with the newest; or OLD with
    NEW. With --fail-on only what broke, became worse, or is new and does not pass makes status 10.
    """
    if old and against:
        raise UsageError("--against cannot be combined with OLD", hint="give one or the other")
    judging = Judging.plan(app, fail_on, max_age)
    Reporting.plan(app, report, judging, of_reports=False)
    ids = [run_id for given in (old, new) if given for run_id in parse_ids([given], "OLD and NEW")]
    before, after = _pair(app, ids, against, offline=offline)
    comparison = compare(before, after, app.history.latest())
    verdict = judging.judge([comparison.to_judge(after)])
    same = comparison.counts["same"]
    pair = f"from {_describe_report(before.report)} to {_describe_report(after.report)}"
    app.messages.notice(
        f"{pair}: {len(comparison.changed)} of {len(comparison.tests)} tests changed or fail, {same} still pass"
    )
    rows = comparison.tests if all_tests else comparison.changed

    def shape(kind: str) -> Outcome:
        if kind != "json":
            return Outcome(CHANGE_FIELDS, records=rows)
        return Outcome(_json_fields(app, replace(judging, format=kind), rows, before, verdict), comparison)

    return replace(shape(app.common.format), verdict=verdict, shape=shape, reports=lambda: [after])


def _json_fields(
    app: App, judging: Judging, rows: Sequence[TestChange], before: ReportDetail, verdict: health.Verdict | None
) -> Any:
    def describe(report: Report) -> dict[str, Any]:
        said = describe_report(report)
        if verdict is None or judging.rules.level is None:
            return said
        if report.id == before.report.id:
            return {**said, "healthy": judge_report(before, judging.rules, app.session.server_now()).healthy}
        return {**said, "healthy": all(each.healthy for each in verdict.judged)}

    fields = judging.test_fields(CHANGE_JSON_FIELDS, lambda row: row.test)
    return comparison_fields(lambda _found: rows, fields, describe)


def _pair(app: App, ids: Sequence[str], against: str | None, *, offline: bool) -> tuple[ReportDetail, ReportDetail]:
    """The two reports to compare, the older first. Raises NotFound where there are not two."""
    if len(ids) > 2:
        raise UsageError("diff compares two reports", hint="hcexport diff OLD NEW")
    if len(ids) == 2:
        before, after = _named_reports(app, ids, offline=offline)
        return before, after
    rows = [report for report in newest_first(list_reports(app, offline=offline)) if has_ended(report)]
    if not rows:
        raise NotFound("no report has ended yet", hint="run a check: hcexport run")
    (newest,) = read_reports(app, rows[:1])
    if ids:
        (before,) = _named_reports(app, ids, offline=offline)
        if before.report.id == newest.report.id:
            raise NotFound(f"report {ids[0]} is the newest: there is nothing to compare it with")
        return before, newest
    candidates = [row for row in rows[1:] if against is None or row.result is Result.PASSED]
    for row in candidates:
        (before,) = read_reports(app, [row])
        if shares_a_suite(before, newest):
            return before, newest
    wanted = "passed" if against else "was made before"
    raise NotFound(f"no report that {wanted} can be compared with {_describe_report(newest.report)}")


def _named_reports(app: App, ids: Sequence[str], *, offline: bool) -> list[ReportDetail]:
    details = require_reports(app, ids, offline=offline)
    for detail in details:
        if not has_ended(detail.report):
            raise NotFound(
                f"report {detail.report.id} has not ended", hint="list the reports that have ended: hcexport list"
            )
    return details


def _describe_report(report: Report) -> str:
    return f"{report.id} ({report.name})" if report.name else report.id
