"""How soon polling notices an end, and with how many requests, by simulation; and which failures it survives."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from hcexport.errors import (
    CertificateError,
    HcexportError,
    JobFailed,
    NetworkError,
    NotFound,
    SignInRequired,
    TimedOut,
)
from hcexport.models import Job, JobStatus
from hcexport.retry import GIVE_UP_AFTER_S
from hcexport.times import NO_DEADLINE, Deadline
from hcexport.transfer.poll import poll


@dataclass
class Server:
    """A job that ends after ``seconds``, seen over a line with a round trip; its clock is the only one.

    ``script`` has a word or a failure for each look; after its end the job does as ``seconds`` says.
    """

    seconds: float
    round_trip_s: float = 0.0
    script: Iterator[str | HcexportError] = field(default_factory=lambda: iter(()))
    now: float = 0.0
    looks: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def job(self, job_id: str, *, attempts: int = 3) -> Job:
        assert attempts == 1  # the loop itself is the retry
        self.looks.append(self.now)
        self.now += self.round_trip_s / 2
        said = next(self.script, "COMPLETED" if self.now >= self.seconds else "EXECUTING")
        self.now += self.round_trip_s / 2
        if isinstance(said, HcexportError):
            raise said
        return Job(job_id, JobStatus.parse(said))

    def poll(self, deadline_s: float | None = None, **options: Any) -> list[str]:
        """The words that are seen."""
        options = {"on_trouble": self.no_trouble, **options}
        deadline = NO_DEADLINE if deadline_s is None else Deadline.after(deadline_s, self.clock)
        seen = poll(self, "j1", deadline=deadline, clock=self.clock, sleep=self.sleep, **options)
        return [job.status.word for job in seen]

    @staticmethod
    def no_trouble(error: HcexportError) -> None:
        raise AssertionError(error)


def delay_s(seconds: float, round_trip_s: float) -> float:
    """From the server's end to ours."""
    server = Server(seconds, round_trip_s, now=round_trip_s / 2)  # the answer to the submit was on its way
    assert server.poll()[-1] == "COMPLETED"
    return server.now - seconds


def durations() -> Iterator[float]:
    """From 50 ms to four hours, 2 % apart: every phase between two looks is met."""
    seconds = 0.05
    while seconds < 4 * 3600:
        yield seconds
        seconds *= 1.02


@pytest.mark.parametrize("round_trip_s", [0.0, 0.005, 0.02, 0.045])
def test_an_end_is_noticed_in_time(round_trip_s: float) -> None:
    for seconds in durations():
        allowed = min(max(0.3, 0.1 * seconds), 10 + round_trip_s)
        assert delay_s(seconds, round_trip_s) <= allowed, seconds


@pytest.mark.parametrize("round_trip_s", [0.2, 1.0, 3.0])
def test_over_a_slow_line_the_round_trip_is_added(round_trip_s: float) -> None:
    for seconds in durations():
        allowed = max(0.3, 0.1 * (seconds + round_trip_s)) + 1.5 * round_trip_s  # half of it in the look before
        assert delay_s(seconds, round_trip_s) <= min(allowed, 10 + round_trip_s) + 1e-9, seconds


@pytest.mark.parametrize("round_trip_s", [0.0, 0.01, 0.1, 1.0])
def test_the_server_gets_few_requests(round_trip_s: float) -> None:
    server = Server(2 * 3600, round_trip_s)
    server.poll()
    assert bisect_left(server.looks, 60.0) < 60
    for number, look in enumerate(server.looks):
        if look >= 60:
            assert bisect_left(server.looks, look + 60) - number < 10


def test_a_poll_interval_is_an_upper_bound_only() -> None:
    server = Server(600)
    server.poll(longest_interval_s=2.0)
    gaps = [later - earlier for earlier, later in zip(server.looks, server.looks[1:], strict=False)]
    assert max(gaps) == pytest.approx(2.0)
    assert min(gaps) == pytest.approx(0.1)  # it does not make the beginning slower
    long = Server(600)
    long.poll(longest_interval_s=3600.0)
    assert max(b - a for a, b in zip(long.looks, long.looks[1:], strict=False)) <= 10.0 + 1e-9


@pytest.mark.parametrize("word", ["COMPLETED", "FAILED", "CANCELLED", "TIMED OUT", "TIME_OUT", "timeout", "ERROR"])
def test_every_final_word_ends_it(word: str) -> None:
    words = ["SUBMITTED", "CANCELLING", "UNAVAILABLE", "EXECUTING", "PONDERING", word]
    server = Server(1e9, script=iter(words))
    assert len(server.poll()) == len(words)


def test_the_deadline_is_kept_to_the_moment() -> None:
    server = Server(1e9)
    with pytest.raises(TimedOut):
        server.poll(deadline_s=33.3)
    assert server.now == pytest.approx(33.3)


def test_failed_looks_are_told_and_tried_again() -> None:
    told: list[HcexportError] = []
    trouble = [NetworkError("HTTP 502"), NetworkError("reset"), NotFound("not there yet")]
    later = NetworkError("again")
    server = Server(0, script=iter([*trouble, "EXECUTING", later, "COMPLETED"]))
    assert server.poll(on_trouble=told.append) == ["EXECUTING", "COMPLETED"]
    assert told == [*trouble, later]


def test_what_the_server_asks_for_is_waited() -> None:
    server = Server(0, script=iter([NetworkError("busy", refused=True, retry_after_s=42.0), "COMPLETED"]))
    server.poll(on_trouble=lambda _: None)
    assert server.looks[1] - server.looks[0] == pytest.approx(42.0)


def test_five_minutes_without_a_good_answer_are_the_end() -> None:
    server = Server(1e9, script=iter(lambda: NetworkError("down"), None))
    with pytest.raises(NetworkError, match="down"):
        server.poll(on_trouble=lambda _: None)
    assert GIVE_UP_AFTER_S <= server.now <= GIVE_UP_AFTER_S + 60
    assert GIVE_UP_AFTER_S == 300


def test_a_good_answer_starts_the_five_minutes_anew() -> None:
    def script() -> Iterator[str | HcexportError]:
        for _ in range(5):
            began = server.now
            while server.now - began < 200:
                yield NetworkError("down")
            yield "EXECUTING"
        yield "COMPLETED"

    server = Server(1e9, script=script())
    assert server.poll(on_trouble=lambda _: None) == [*["EXECUTING"] * 5, "COMPLETED"]
    assert server.now > 1000


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([CertificateError("expired")], CertificateError),  # asking again changes nothing
        ([SignInRequired("no token")], SignInRequired),
        ([NetworkError("down"), *[NotFound("no such job")] * 3], NotFound),  # twice confirmed: it was never there
        (["EXECUTING", *[NotFound("no such job")] * 3], JobFailed),  # twice confirmed: it vanished
    ],
)
def test_what_ends_it_for_good(script: list[str | HcexportError], kind: type[HcexportError]) -> None:
    server = Server(1e9, script=iter(script))
    with pytest.raises(kind):
        server.poll(on_trouble=lambda _: None)
    assert len(server.looks) == len(script)


def test_an_unknown_word_ends_it_where_the_job_has_an_end_time() -> None:
    class Ended(Server):
        def job(self, job_id: str, *, attempts: int = 3) -> Job:
            seen = super().job(job_id, attempts=attempts)
            return Job(
                job_id, JobStatus.parse("PONDERED"), end_time=datetime.now(UTC) if self.now > 30 else seen.end_time
            )

    server = Ended(1e9)
    assert set(server.poll(deadline_s=100)) == {"PONDERED"}
    assert server.now < 40


def test_a_job_that_is_only_slow_to_appear_is_waited_for() -> None:
    server = Server(0, script=iter([NotFound("replicas lag"), NotFound("still"), "COMPLETED"]))
    assert server.poll(on_trouble=lambda _: None) == ["COMPLETED"]


def test_a_result_that_is_late_is_waited_for() -> None:
    server = Server(3)
    assert server.poll(lacks_result=lambda _job: server.now < 8)[-1] == "COMPLETED"
    assert 8 <= server.now < 9


@pytest.mark.parametrize("seconds", [0.05, 3, 40, 3000])
def test_the_lack_of_a_result_is_believed_after_ten_seconds(seconds: float) -> None:
    server = Server(seconds)
    server.poll(lacks_result=lambda _job: True)
    assert seconds + 10 <= server.now <= seconds + 10 + max(0.3, min(10, seconds / 10))
    assert bisect_left(server.looks, 60) <= 60
