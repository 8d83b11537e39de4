"""What counts as a change: nights with and without outages, and exactly the calls that they lead to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcexport.notify.events import Event, Facts, State, find_changes

ids = st.frozensets(st.sampled_from(["HC_1", "HC_2", "HC_3"]))
facts = st.builds(
    Facts, st.sampled_from([0, 10, 6, 8, 124, 143]), ids | st.none(), ids | st.none(), st.booleans() | st.none()
)


def judged(*failing: str, stale: bool | None = None, tests: str | None = None) -> Facts:
    seen = None if tests is None else frozenset(tests.split())
    return Facts(10 if failing or stale else 0, frozenset(failing), seen, stale)


def ended(status: int) -> Facts:
    return Facts(status)


def calls(*nights: Facts) -> list[str]:
    """The events of each night, each night told."""
    state, told = State(), []
    for night in nights:
        events, state = find_changes(state, night)
        told.append(" ".join(events))
    return told


@pytest.mark.parametrize(
    ("nights", "expected"),
    [
        ([judged(), judged()], ["", ""]),
        ([judged("a"), judged("a"), judged(), judged()], ["broke", "", "recovered", ""]),
        ([judged("a"), judged("a", "b"), judged("b"), judged()], ["broke", "broke", "", "recovered"]),
        ([judged("a", "b"), judged("b"), judged("a", "b"), judged()], ["broke", "", "", "recovered"]),
        ([judged("a"), judged("b"), judged()], ["broke", "broke", "recovered"]),
        ([judged(""), judged(""), judged()], ["broke", "", "recovered"]),
        ([judged("", tests="a"), judged(tests="a")], ["broke", "recovered"]),
        ([judged(stale=True), judged(stale=True), judged(stale=False)], ["stale", "", "fresh"]),
        ([judged(stale=True), judged(), judged(stale=True)], ["stale", "", ""]),
        ([ended(6), ended(6), ended(0), ended(0)], ["error", "", "works", ""]),
        ([ended(6), ended(124), ended(6), ended(10)], ["error", "error", "", "works"]),
        ([ended(75), ended(0)], ["error", "works"]),
        ([judged("a"), ended(6), judged("a"), judged()], ["broke", "error", "works", "recovered"]),
        ([judged("a"), ended(6), judged()], ["broke", "error", "works recovered"]),
        ([ended(6), judged("a", stale=True)], ["error", "broke stale works"]),
        ([judged("a", stale=True), judged("a"), judged(stale=False)], ["broke stale", "", "recovered fresh"]),
        ([ended(6), ended(143), ended(130), ended(0)], ["error", "", "", "works"]),
        ([Facts(8, frozenset({"a"})), judged()], ["error broke", "works recovered"]),
    ],
)
def test_calls(nights: list[Facts], expected: list[str]) -> None:
    assert calls(*nights) == expected


def test_two_suites_in_turn_do_not_heal_each_other() -> None:
    """A run of a suite says nothing about the tests of another."""
    first, second = judged("a", tests="a b"), judged(tests="c d")
    assert calls(first, second, first, second, judged(tests="a b"), second) == ["broke", "", "", "", "recovered", ""]


def test_ninety_nights() -> None:
    """Two calls an outage, however long it is; what is no outage is silent."""
    failing = dict.fromkeys((*range(10, 17), 30, *range(50, 60)), ("a",)) | {52: ("a", "b"), 55: ("b",)}
    down, old = set(range(70, 75)), set(range(80, 83))
    nights = [ended(6) if night in down else judged(*failing.get(night, ()), stale=night in old) for night in range(90)]
    said = {night: events for night, events in enumerate(calls(*nights)) if events}
    assert said == {
        10: "broke",
        17: "recovered",
        30: "broke",
        31: "recovered",
        50: "broke",
        52: "broke",
        60: "recovered",
        70: "error",
        75: "works",
        80: "stale",
        83: "fresh",
    }


@given(st.lists(facts, max_size=8))
def test_the_same_night_again_is_no_change(nights: list[Facts]) -> None:
    state = State()
    for night in nights:
        _, state = find_changes(state, night)
        assert find_changes(state, night) == ((), state)


@given(st.lists(facts, max_size=8))
def test_a_state_is_read_as_it_was_written(nights: list[Facts]) -> None:
    state = State()
    for night in nights:
        _, state = find_changes(state, night)
        assert State.from_json(state.to_json()) == state
        assert state.to_json() == State.from_json(state.to_json()).to_json()


@given(st.lists(facts, max_size=8))
def test_good_news_follows_bad_news_alone(nights: list[Facts]) -> None:
    bad = {Event.WORKS: Event.ERROR, Event.RECOVERED: Event.BROKE, Event.FRESH: Event.STALE}
    state, open_news = State(), set[Event]()
    for night in nights:
        events, state = find_changes(state, night)
        for event in events:
            if event in bad:
                assert bad[event] in open_news
                open_news.remove(bad[event])
            else:
                open_news.add(event)


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "null", "7", '{"errors": ["x"]}', '{"broken": 7}', '{"stale": "yes"}', "[" * 99_999]
)
def test_nonsense_is_the_state_of_a_first_run(text: str | None) -> None:
    assert State.from_json(text) == State()
