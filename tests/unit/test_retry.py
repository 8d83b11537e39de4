"""When a request is tried again, and when to give up: on a simulated clock."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from hcexport.errors import CertificateError, NetworkError, ProtocolError, TimedOut
from hcexport.retry import (
    BACKOFF_MAX_S,
    GIVE_UP_AFTER_S,
    LONGEST_ATTEMPT_S,
    NONSENSE_LIMIT,
    PROGRESS_BYTES,
    STALL_S,
    RetryBudget,
    TransferBudget,
    backoff_s,
)
from hcexport.times import Deadline

BROKEN = NetworkError("broken")


class Scene:
    """A clock, the sleeps that move it, and a budget whose jitter is the longest that is allowed."""

    def __init__(self, timeout_s: float = math.inf, jitter: float = 1.0) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.told: list[float] = []
        self.budget = TransferBudget(
            Deadline(self.now + timeout_s, lambda: self.now),
            self.sleep,
            on_retry=lambda _failure, delay_s: self.told.append(delay_s),
            jitter=lambda low, high: low + (high - low) * jitter,
        )

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def wait_until_given_up(self, failure: NetworkError) -> None:
        with pytest.raises(type(failure)):
            forever(lambda: self.budget.wait(failure))


def forever(action: Callable[[], object]) -> None:
    while True:
        action()


def test_the_longest_wait_doubles_up_to_20_s() -> None:
    scene = Scene()
    scene.wait_until_given_up(BROKEN)
    assert scene.slept[:8] == [0.5, 1, 2, 4, 8, 16, BACKOFF_MAX_S, BACKOFF_MAX_S]
    assert scene.told[:8] == scene.slept[:8]


def test_the_shortest_wait_is_none() -> None:
    scene = Scene(jitter=0.0)
    scene.budget.wait(BROKEN)
    assert scene.slept == [0]


def test_gives_up_after_five_minutes_without_progress() -> None:
    scene = Scene()
    scene.wait_until_given_up(BROKEN)
    assert scene.now == 1000 + GIVE_UP_AFTER_S


def test_the_time_of_a_suspended_machine_does_not_count() -> None:
    scene = Scene()
    scene.now += 3600
    scene.wait_until_given_up(BROKEN)
    assert scene.now == 1000 + 3600 + GIVE_UP_AFTER_S - LONGEST_ATTEMPT_S


def test_bytes_reset_the_waits_and_enough_the_five_minutes() -> None:
    scene = Scene()
    for _ in range(5):
        scene.budget.wait(BROKEN)
    scene.budget.start_timing()
    scene.budget.count_bytes(PROGRESS_BYTES)
    progressed_at = scene.now
    scene.slept.clear()
    scene.wait_until_given_up(BROKEN)
    assert scene.slept[0] == 0.5
    assert scene.now == progressed_at + GIVE_UP_AFTER_S


def test_a_few_bytes_are_no_progress() -> None:
    scene = Scene()

    def break_after_a_byte() -> None:
        scene.budget.start_timing()
        scene.budget.count_bytes(1)
        scene.budget.wait(BROKEN)

    with pytest.raises(NetworkError):
        forever(break_after_a_byte)
    assert scene.now == 1000 + GIVE_UP_AFTER_S


def test_an_answer_that_drips_is_dropped() -> None:
    scene = Scene()
    scene.budget.start_timing()

    def drip() -> None:
        scene.now += 1
        scene.budget.count_bytes(100)

    with pytest.raises(NetworkError):
        forever(drip)
    assert scene.now == 1000 + STALL_S + 1


def test_a_slow_answer_is_not() -> None:
    scene = Scene()
    scene.budget.start_timing()
    for _ in range(10):
        scene.now += STALL_S - 1
        scene.budget.count_bytes(PROGRESS_BYTES)


def test_a_retry_after_is_honoured_as_the_least_wait() -> None:
    scene = Scene()
    scene.budget.wait(NetworkError("busy", retry_after_s=70))
    scene.budget.wait(NetworkError("busy", retry_after_s=0))
    assert scene.slept == [70, 1]


@pytest.mark.parametrize(("timeout_s", "asked"), [(math.inf, GIVE_UP_AFTER_S + 1), (30, 31)])
def test_a_retry_after_that_is_too_long_ends_it_now(timeout_s: float, asked: float) -> None:
    scene = Scene(timeout_s)
    scene.wait_until_given_up(NetworkError("busy", retry_after_s=asked))
    assert scene.slept == []


def test_nobody_sleeps_beyond_the_deadline() -> None:
    scene = Scene(timeout_s=10)
    scene.wait_until_given_up(BROKEN)
    assert scene.slept == [0.5, 1, 2, 4]


def test_the_deadline_ends_bytes_that_arrive() -> None:
    scene = Scene(timeout_s=10)
    scene.now += 10
    with pytest.raises(TimedOut):
        scene.budget.count_bytes(1)


def test_what_cannot_get_better_is_not_tried_again() -> None:
    scene = Scene()
    scene.wait_until_given_up(CertificateError("self-signed"))
    assert scene.slept == []


def test_a_page_that_stays_is_not_asked_for_during_five_minutes() -> None:
    scene = Scene()
    scene.wait_until_given_up(ProtocolError("a page"))
    assert len(scene.slept) == NONSENSE_LIMIT - 1


def test_jitter_spreads_clients_that_failed_together() -> None:
    delays = {backoff_s(5, BROKEN) for _ in range(100)}
    assert len(delays) > 50
    assert all(0 <= delay <= 16 for delay in delays)


def test_a_budget_is_used_up_by_time_and_renewed_by_progress() -> None:
    now = 0.0
    budget = RetryBudget(lambda: now, jitter=max)
    assert [budget.next_delay_s(BROKEN) for _ in range(3)] == [0.5, 1, 2]
    now = GIVE_UP_AFTER_S - 1
    assert budget.next_delay_s(NetworkError("busy", retry_after_s=3600)) == 1
    budget.note_progress()
    assert budget.next_delay_s(BROKEN) == 0.5
    now += GIVE_UP_AFTER_S
    with pytest.raises(NetworkError):
        budget.next_delay_s(BROKEN)
