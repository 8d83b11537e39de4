"""What changed between two reports."""

from __future__ import annotations

from datetime import timedelta

import pytest
from health_samples import NOW, F, P, U, W, a_report, a_test, over_time

from hcexport.health.compare import Change, compare, shares_a_suite
from hcexport.health.verdict import Level, Rules, judge
from hcexport.models import Result

TABLE = [
    (P, W, Change.BROKE),
    (P, F, Change.BROKE),
    (P, U, Change.BROKE),
    (W, F, Change.WORSE),
    (W, U, Change.WORSE),
    (F, U, Change.STILL),
    (U, F, Change.STILL),
    (W, W, Change.STILL),
    (F, F, Change.STILL),
    (F, W, Change.BETTER),
    (U, W, Change.BETTER),
    (F, P, Change.FIXED),
    (W, P, Change.FIXED),
    (None, F, Change.NEW),
    (None, P, Change.NEW),
    (F, None, Change.GONE),
    (P, None, Change.GONE),
    (P, P, Change.SAME),
]
COUNTED = {(P, W), (P, F), (P, U), (W, F), (W, U), (None, F)}


@pytest.mark.parametrize(("was", "now", "change"), TABLE)
def test_classes(was: Result | None, now: Result | None, change: Change) -> None:
    old, new = over_time(was, now)
    comparison = compare(old, new)
    (found,) = [each for each in comparison.tests if each.test.id == "HC_1"]
    assert (found.change, found.was, found.now) == (change, was, now)
    assert found.counts is ((was, now) in COUNTED)
    assert comparison.counts == {each.value: (each is change) + (each is Change.SAME) for each in Change}
    assert [each.test.id for each in comparison.changed] == ([] if change is Change.SAME else ["HC_1"])
    assert (found.since is not None) is (now not in {P, None})
    assert judge([comparison.to_judge(new)], Rules(Level.WARNING), NOW).healthy is ((was, now) not in COUNTED)


def test_the_order_of_the_classes() -> None:
    pairs = {str(number): pair for number, pair in enumerate(TABLE)}
    old = a_report(1, *(a_test(key, was) for key, (was, _, _) in pairs.items() if was))
    new = a_report(0, *(a_test(key, now) for key, (_, now, _) in pairs.items() if now))
    found = [each.change for each in compare(old, new).tests]
    order = ["broke", "worse", "still", "better", "fixed", "new", "gone", "same"]
    assert found == sorted(found, key=order.index)
    assert {each.value for each in found} == set(order)


def test_tests_are_matched_by_id_else_by_name() -> None:
    old = a_report(1, a_test("A1", F, name="store"), a_test("B", P, name="x"))
    new = a_report(0, a_test("A2", F, name="store"), a_test("B", F, name="y"))
    found = {each.test.id: each.change for each in compare(old, new).tests}
    assert found == {"A2": Change.STILL, "B": Change.BROKE}


def test_since_looks_into_earlier_reports() -> None:
    first, second, old, new = over_time(P, F, F, F)
    (found,) = compare(old, new, [first, second]).changed
    assert found.since == NOW - timedelta(days=2)
    (short,) = compare(old, new).changed
    assert short.since == NOW - timedelta(days=1)


def test_what_came_after_the_new_report_does_not_count() -> None:
    old, new, later = over_time(F, F, P)
    (found,) = compare(old, new, [later]).changed
    assert found.since == NOW - timedelta(days=2)


def test_which_reports_can_be_compared() -> None:
    basic, other = a_report(1, a_test("A", P)), a_report(0, a_test("A", P), suite="Operational")
    assert shares_a_suite(basic, a_report(2, a_test("Z", P)))
    assert not shares_a_suite(basic, other)
    nameless = a_report(3, a_test("A", P), suite="")
    assert shares_a_suite(basic, nameless)
    assert not shares_a_suite(nameless, a_report(4, a_test("Z", P), suite=""))


def test_within_a_class_critical_tests_come_first() -> None:
    tests = ("A", "general"), ("B", "critical")
    old, new = (
        a_report(day, *(a_test(key, result, level) for key, level in tests)) for day, result in ((1, P), (0, F))
    )
    assert [each.test.id for each in compare(old, new).tests] == ["B", "A"]


def test_a_test_of_before_is_matched_by_name_once() -> None:
    old = a_report(1, a_test("A", P, name="store"))
    new = a_report(0, a_test("B", F, name="store"), a_test("C", F, name="store"))
    assert [(each.test.id, each.change) for each in compare(old, new).tests] == [
        ("B", Change.BROKE),
        ("C", Change.NEW),
    ]
