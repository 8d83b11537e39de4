"""Is it healthy: every level against every result, severity and exception; what is unknown is never healthy."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from health_samples import NOW, F, P, U, W, a_report, a_test

from hcexport.errors import UsageError
from hcexport.health.ignores import Ignore, known_until
from hcexport.health.results import has_ended, newest_first
from hcexport.health.verdict import Level, Rules, judge, needs_details
from hcexport.models import Report, ReportDetail, Result

HELD, OVER = Ignore("hc_1", date(2026, 11, 23)), Ignore("hc_1", date(2026, 11, 22))

# For each level and severity the results that make a report unhealthy.
UNHEALTHY = {
    (Level.CRITICAL, "critical"): {F, U},
    (Level.CRITICAL, "general"): set(),
    (Level.FAILED, "critical"): {F, U},
    (Level.FAILED, "general"): {F, U},
    (Level.WARNING, "critical"): {F, U, W},
    (Level.WARNING, "general"): {F, U, W},
    (None, "critical"): set(),
    (None, "general"): set(),
}


@pytest.mark.parametrize("ignore", [None, HELD, OVER])
@pytest.mark.parametrize("result", list(Result))
@pytest.mark.parametrize(("level", "severity"), UNHEALTHY)
def test_the_truth_table(level: Level | None, severity: str, result: Result, ignore: Ignore | None) -> None:
    rules = Rules(level, ignores=(ignore,) if ignore else ())
    report = a_report(0.2, a_test("HC_1", result, severity), a_test("HC_2", P, "critical"))
    verdict = judge([report], rules, NOW)
    counts = result in UNHEALTHY[level, severity] and ignore is not HELD
    assert verdict.healthy is not counts
    (judgement,) = verdict.judged
    assert [each.test.id for each in judgement.failing] == (["HC_1"] if counts else [])
    assert [each.ignored_until for each in judgement.known] == (
        [HELD.until] if ignore is HELD and result is not P else []
    )
    assert bool(verdict.message()) is counts
    assert bool(verdict.expired) is (counts and ignore is OVER)
    assert ("2026-11-22" in verdict.message()) is (counts and ignore is OVER)


@pytest.mark.parametrize(
    ("level", "says", "test", "healthy"),
    [
        (Level.FAILED, F, P, False),
        (Level.WARNING, F, P, False),
        (Level.CRITICAL, F, P, True),
        (Level.FAILED, F, W, False),
        (Level.FAILED, U, P, False),
        (Level.FAILED, W, P, True),
        (Level.WARNING, W, P, False),
        (Level.FAILED, P, F, False),
    ],
)
def test_the_word_of_the_report_counts_too(level: Level, says: Result, test: Result, healthy: bool) -> None:
    verdict = judge([a_report(0, a_test("HC_1", test), says=says)], Rules(level), NOW)
    assert verdict.healthy is healthy
    assert ("r0" in verdict.message()) is not healthy


def test_a_known_failure_explains_the_result_of_its_report() -> None:
    report = a_report(0, a_test("HC_1", F), says=F)
    assert judge([report], Rules(Level.WARNING, ignores=(HELD,)), NOW).healthy
    warned = a_report(0, a_test("HC_1", W), says=F)
    assert not judge([warned], Rules(Level.FAILED, ignores=(HELD,)), NOW).healthy


def test_of_two_tests_with_one_id_the_worse_counts() -> None:
    for tests in ([P, F], [F, P], [U, W]):
        report = a_report(0, *(a_test("HC_1", result) for result in tests))
        verdict = judge([report], Rules(Level.FAILED), NOW)
        assert [finding.test.result for finding in verdict.judged[0].failing] == [F if F in tests else U]


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("result", list(Result))
def test_judging_by_row(level: Level, result: Result) -> None:
    row = Report("a", result=result, state="completed")
    assert needs_details(row) is (result is not P)
    healthy = result is P or (result is W and level is not Level.WARNING)
    assert judge([row], Rules(level), NOW).healthy is healthy


@pytest.mark.parametrize(
    ("report", "ended"),
    [
        (Report("a", result=P), True),
        (Report("a"), True),
        (Report("a", state="completed", start_time=NOW), True),
        (Report("a", state="running", end_time=NOW), True),
        (Report("a", state="EXECUTING", start_time=NOW), False),
        (Report("a", result=P, state="running"), False),
        (Report("a", start_time=NOW), False),
    ],
)
def test_what_has_not_ended_is_not_judged(report: Report, ended: bool) -> None:
    assert has_ended(report) is ended
    verdict = judge([report], Rules(Level.FAILED), NOW)
    assert len(verdict.judged) == ended
    assert any(report.id in notice for notice in verdict.notices) is not ended


@pytest.mark.parametrize(("hours", "stale"), [(25.9, False), (26, False), (26.1, True)])
def test_the_newest_report_may_be_too_old(hours: float, stale: bool) -> None:
    reports = [a_report(days, a_test("HC_1", P)) for days in (hours / 24, 9)]
    verdict = judge(reports, Rules(max_age=timedelta(hours=26)), NOW)
    assert verdict.healthy is not stale
    assert verdict.stale_seconds == (pytest.approx(hours * 3600) if stale else None)
    assert ("2026-11-22 05:54 UTC" in verdict.message()) is stale


def test_no_report_at_all_is_too_old() -> None:
    verdict = judge([Report("a", state="running")], Rules(max_age=timedelta(days=1)), NOW)
    assert (verdict.judged, verdict.healthy) == ((), False)
    assert "no report has ended" in verdict.message()
    without_times = judge([Report("a", result=P)], Rules(max_age=timedelta(days=1)), NOW)
    assert not without_times.healthy


@pytest.mark.parametrize(
    ("text", "test", "fits"),
    [
        ("HC_1:2026-12-31", a_test("hc_1", F), True),
        ("urn:x:2026-12-31", a_test("URN:X", F), True),
        ("hc_*:2026-12-31", a_test("HC_12", F), True),
        ("*store*:2026-12-31", a_test("1", F, name="ObjectStore"), True),
        ("a[b]:2026-12-31", a_test("A[B]", F), True),
        ("HC_1:2026-12-31", a_test("HC_12", F), False),
        ("*:2026-12-31", a_test("HC_12", F), True),
    ],
)
def test_which_test_is_known(text: str, test: object, fits: bool) -> None:
    assert Ignore.parse(text).fits(test) is fits  # type: ignore[arg-type] # a test


@pytest.mark.parametrize(
    "text", ["HC_1", "HC_1:", ":2026-12-31", "HC_1:2026-13-01", "HC_1:20261231", "HC_1:tomorrow", ""]
)
def test_an_exception_needs_its_day(text: str) -> None:
    with pytest.raises(UsageError):
        Ignore.parse(text)


@pytest.mark.parametrize(
    ("now", "over"),
    [
        (datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 24, 0, 0, tzinfo=UTC), True),
        (datetime.fromisoformat("2026-11-24T01:30+02:00"), False),
        (datetime.fromisoformat("2026-11-23T22:30-02:00"), True),
    ],
)
def test_a_day_is_whole_and_in_utc(now: datetime, over: bool) -> None:
    assert HELD.is_over(now) is over


def test_an_exception_that_no_report_has_is_told() -> None:
    report = a_report(0, a_test("HC_1", P))
    stranger = Ignore("HC_9", date(2026, 12, 31))
    verdict = judge([report], Rules(Level.FAILED, ignores=(stranger, HELD)), NOW)
    assert [notice for notice in verdict.notices if "HC_9" in notice]
    assert len(verdict.notices) == 1


def test_the_message_names_counts_report_and_ten_tests() -> None:
    tests = [a_test(f"T{number:02}", F, "critical" if number < 2 else "general") for number in range(12)]
    message = judge([a_report(0, *tests)], Rules(Level.FAILED), NOW).message()
    assert message.startswith("not healthy: 2 critical and 10 general tests failed in report r0 (check 0): T00, ")
    assert "T09" in message
    assert "T10" not in message
    assert message.endswith("and 2 more")


def test_several_reports_in_one_message() -> None:
    reports = [
        a_report(1, a_test("A", F)),
        a_report(2, a_test("B", P)),
        a_report(3, says=F),
        a_report(4, a_test("A", W)),
    ]
    verdict = judge(reports, Rules(Level.WARNING), NOW)
    message = verdict.message()
    assert "r1" in message
    assert "r2" not in message
    assert "r3" in message
    assert [each.healthy for each in verdict.judged] == [False, True, False, False]
    assert [len(each.failing) for each in verdict.judged] == [1, 0, 0, 1]


def test_critical_tests_are_named_first_and_each_id_once() -> None:
    tests = a_test("A", F, "advisory"), a_test("B", F, "critical")
    message = judge([a_report(day, *tests) for day in (1, 2)], Rules(Level.FAILED), NOW).message()
    assert message.index("2 critical") < message.index("2 advisory")
    assert (message.count("A, B"), message.count("B")) == (1, 1)


def test_of_two_tests_alike_the_critical_one_counts() -> None:
    tests = a_test("A", F), a_test("A", F, "critical")
    assert not judge([a_report(0, *tests)], Rules(Level.CRITICAL), NOW).healthy


def test_a_report_that_tells_its_end_alone_has_an_age() -> None:
    for hours, healthy in ((1, True), (25, False)):
        row = Report("a", result=P, end_time=NOW - timedelta(hours=hours))
        assert judge([row], Rules(max_age=timedelta(days=1)), NOW).healthy is healthy


def test_of_two_exceptions_the_later_day_holds() -> None:
    later = Ignore("HC_*", HELD.until + timedelta(days=1))
    for ignores in ((HELD, later), (later, HELD)):
        assert known_until(a_test("HC_1", F), ignores, NOW) == later.until


def test_of_two_reports_with_one_id_the_first_given_counts() -> None:
    first, second = a_report(1, a_test("A", F)), a_report(1, a_test("A", P))
    assert newest_first([first, second]) == (first,)


def test_a_report_without_tests_is_judged_by_its_word() -> None:
    assert judge([ReportDetail(Report("a", result=P, state="completed"), ())], Rules(Level.WARNING), NOW).healthy
    assert not judge([ReportDetail(Report("a", result=U, state="completed"), ())], Rules(Level.FAILED), NOW).healthy
