"""How tests did over time: since, in a row, changes, flapping, the strip of signs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from health_samples import NOW, F, P, U, W, a_report, a_test, over_time

from hcexport.health.trend import TestTrend, trend
from hcexport.models import Report, ReportDetail, Result


def row_of(*results: Result | None) -> TestTrend:
    """The trend of HC_1."""
    return next(row for row in trend(over_time(*results)) if row.test.id == "HC_1")


@pytest.mark.parametrize(
    ("results", "in_a_row", "since_days_ago", "at_least"),
    [
        ([P, P, F], 1, 0, False),
        ([P, F, W, U], 3, 2, False),
        ([F, P, F, F], 2, 1, False),
        ([F, P], 0, None, False),
        ([F, F], 2, 1, True),
        ([P, F, None, F], 2, 2, False),
        ([P, F, None], 1, 1, False),
    ],
)
def test_since(results: list[Result | None], in_a_row: int, since_days_ago: int | None, at_least: bool) -> None:
    row = row_of(*results)
    assert row.in_a_row == in_a_row
    assert row.since == (None if since_days_ago is None else NOW - timedelta(days=since_days_ago))
    assert row.since_at_least is at_least


@pytest.mark.parametrize(
    ("results", "changes", "flapping"),
    [
        ([P, F] * 2, 3, False),
        ([P, F, P, F, P, P, P], 4, False),  # seven results are too few
        ([P, F, P, F, P, P, P, P], 4, True),
        ([F, W, F, U, F, W, F, W], 0, False),  # from one trouble to another is no change
        ([P, F, P, F, P, *[P] * 16], 4, True),  # 21
        ([P, F, P, F, P, *[P] * 17], 3, False),  # the first change has left the last 21
        ([P, F, P, F, None, P, P, P, P], 4, True),
    ],
)
def test_flapping(results: list[Result | None], changes: int, flapping: bool) -> None:
    row = row_of(*results)
    assert (row.changes, row.flapping) == (changes, flapping)


def test_the_strip() -> None:
    row = row_of(*[F] * 5, *[P] * 17, W, F, U, None)
    assert row.strip() == "✓" * 17 + "!✗?·"
    assert row.strip(ascii_only=True) == "." * 17 + "!x?-"


def test_worst_first() -> None:
    tests = [
        a_test("ok", P),
        a_test("warns", W),
        a_test("fails", F),
        a_test("unknown", U),
        a_test("worst", F, "critical"),
    ]
    rows = trend([a_report(0, *tests)])
    assert [row.test.id for row in rows] == ["worst", "fails", "unknown", "warns", "ok"]


def test_reports_in_any_order_without_those_under_way() -> None:
    reports = over_time(P, F, F)
    running = ReportDetail(Report("x", state="running", start_time=NOW), (a_test("HC_1", P),))
    (row, _) = trend([running, *reversed(reports), reports[0]])
    assert (row.test.id, row.in_a_row, [cell for _, cell in row.results]) == ("HC_1", 2, [P, F, F])


def test_a_test_with_a_new_id_is_followed_by_its_name() -> None:
    old, new = a_test("HC_112_1", F, name="store"), a_test("HC_120_1", F, name="store")
    (row,) = trend([a_report(3, old), a_report(2, new), a_report(1, old), a_report(0, new)])
    assert (row.test.id, row.in_a_row) == ("HC_120_1", 4)
    both = trend([a_report(1, old), a_report(0, old, new)])
    assert {row.test.id for row in both} == {"HC_112_1", "HC_120_1"}


def test_turns() -> None:
    row = row_of(P, P, W, F, P)
    assert [(report.id, before, now) for report, before, now in row.turns] == [
        ("r4", None, P),
        ("r2", P, W),
        ("r1", W, F),
        ("r0", F, P),
    ]


def test_reports_of_another_suite_say_nothing_of_a_test() -> None:
    """Nightly reports of one suite, and by hand others of another: each test has its own strip and its own run."""
    nightly = [a_report(2 * night, a_test("HC_1", F if night < 3 else P), suite="Basic") for night in range(25)]
    by_hand = [a_report(2 * night - 1, a_test("MY_1", P if night % 2 else W), suite="Ours") for night in range(1, 25)]
    rows = {row.test.id: row for row in trend([*nightly, *by_hand])}
    assert rows["HC_1"].strip(ascii_only=True) == "." * 18 + "xxx"
    assert (rows["HC_1"].in_a_row, rows["HC_1"].since, rows["HC_1"].changes) == (3, NOW - timedelta(days=4), 1)
    assert rows["MY_1"].strip(ascii_only=True) == ".!" * 10 + "."
    assert (rows["MY_1"].changes, rows["MY_1"].flapping) == (20, True)
    assert len(rows["HC_1"].cells) == len(nightly) + len(by_hand)  # one a report, for the matrix


def test_a_test_that_its_own_suite_does_not_have_is_a_gap() -> None:
    tests = a_test("HC_1", F), a_test("HC_2", P)
    reports = [a_report(4, *tests), a_report(3, tests[1]), a_report(2, a_test("MY_1", P), suite="Ours")]
    both = a_report(1, *tests)
    rows = {row.test.id: row for row in trend([*reports, both])}
    assert rows["HC_1"].strip(ascii_only=True) == "x-x"
    assert (rows["HC_1"].in_a_row, rows["HC_1"].since) == (2, NOW - timedelta(days=4))


def test_an_id_that_is_used_again_is_another_test() -> None:
    nights = [a_test("A", F, name="store")], [a_test("B", F, name="store")], [a_test("A", P, name="index")]
    rows = {row.test.id: row for row in trend(a_report(2 - day, *tests) for day, tests in enumerate(nights))}
    assert rows["B"].cells == (F, F, None)
    assert rows["A"].cells == (None, None, P)


def test_a_test_without_a_suite_is_missed_in_every_report() -> None:
    rows = trend([a_report(1, a_test("A", F), suite=""), a_report(0, a_test("B", P), suite="Basic")])
    assert next(row for row in rows if row.test.id == "A").recent == (F, None)
