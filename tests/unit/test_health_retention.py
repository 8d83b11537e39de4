"""Which reports may be deleted: what must stay does, whatever the history and the options."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hcexport.health.results import badness
from hcexport.health.retention import NOT_KEPT, newest_of_suites, plan_deletion, suites_of
from hcexport.models import Report, ReportDetail, Result, SuiteResult

START = datetime(2026, 11, 1, tzinfo=UTC)
RESULTS = st.sampled_from(list(Result))
SUITES = st.frozensets(st.sampled_from(["basic", "operational", "own"]), max_size=3)


def detail(number: int, result: Result, suites: frozenset[str], *, state: str = "completed") -> ReportDetail:
    """A report; the higher its number, the newer it is."""
    start = START + timedelta(days=number)
    report = Report(id=f"r{number}", name="x", result=result, state=state, start_time=start, end_time=None)
    return ReportDetail(report, (), tuple(SuiteResult(id=suite, name="", result=result, tests=()) for suite in suites))


@given(
    reports=st.lists(st.tuples(RESULTS, SUITES, st.sampled_from(["completed", "running"])), max_size=12),
    chosen=st.sets(st.integers(0, 11)),
    saved=st.sets(st.integers(0, 11)),
    unreadable=st.sets(st.integers(0, 11)),
    unsaved=st.booleans(),
    failed_too=st.booleans(),
)
def test_what_must_stay_stays(
    *,
    reports: list[tuple[Result, frozenset[str], str]],
    chosen: set[int],
    saved: set[int],
    unreadable: set[int],
    unsaved: bool,
    failed_too: bool,
) -> None:
    all_details = [
        detail(number, result, suites, state=state) for number, (result, suites, state) in enumerate(reports)
    ]
    ended = [each for each in reversed(all_details) if each.report.state == "completed"]
    details = {each.report.id: each for number, each in enumerate(all_details) if number not in unreadable}
    picked = [each.report for number, each in enumerate(all_details) if number in chosen]
    wanted = {suite for report in picked if report.id in details for suite in suites_of(details[report.id])}
    newest = newest_of_suites([each.report for each in ended], lambda report: details.get(report.id), wanted)
    decisions = plan_deletion(
        picked,
        details,
        newest=newest,
        saved={f"r{number}" for number in saved},
        unsaved=unsaved,
        failed_too=failed_too,
    )
    assert [decision.report for decision in decisions] == picked
    for each in (each for each in all_details if each.report.id in {d.report.id for d in decisions if not d.reason}):
        number = int(each.report.id[1:])
        assert each.report.state == "completed"
        assert number not in unreadable
        assert unsaved or number in saved
        assert failed_too or badness(each.report.result) == 0
        for suite in suites_of(each):
            assert any(suite in suites_of(other) and int(other.report.id[1:]) > number for other in ended)


def test_the_newest_of_each_suite_needs_few_reports() -> None:
    details = [detail(number, Result.PASSED, frozenset([f"s{number % 2}"])) for number in range(9, -1, -1)]
    read: list[str] = []

    def look(report: Report) -> ReportDetail:
        read.append(report.id)
        return next(each for each in details if each.report is report)

    assert newest_of_suites([each.report for each in details], look, {"s0", "s1"}) == {"r9", "r8"}
    assert read == ["r9", "r8"]


def test_a_report_that_is_not_kept_here_stays() -> None:
    report = detail(1, Result.PASSED, frozenset()).report
    (decision,) = plan_deletion([report], {}, newest=(), saved=["r1"])
    assert (decision.action, decision.reason) == ("stay", NOT_KEPT)


def test_a_report_of_unknown_age_stays() -> None:
    for start in ("soon", None):
        kept = ReportDetail.from_json({"result": "passed", "state": "completed", "startTime": start}, run_id="r1")
        row = replace(kept.report, end_time=START if start else None)
        (decision,) = plan_deletion([row], {"r1": replace(kept, report=row)}, newest=(), saved={"r1"})
        assert decision.action == "stay"


def test_suites_are_told_apart_without_regard_to_case() -> None:
    assert suites_of(detail(0, Result.PASSED, frozenset({"Basic"}))) == {"basic"}
