"""The table of answers in ``hcexport.transfer.submit``, row by row: what follows with a job, and what without."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from hcexport.api.client import Client
from hcexport.api.session import Session
from hcexport.errors import HcexportError, Interrupted, SignInRequired
from hcexport.organization import Organization
from hcexport.redaction import Secret
from hcexport.store.ledger import Ledger
from hcexport.times import Deadline
from hcexport.transfer import submit as module
from hcexport.transfer.submit import Submitted, Submitter, export_of, submit
from tests.support.server import Line, Server

from .jobs import RUN_ID, USER, Exporter, accepted, say
from .submit_answers import CASES, ROWS, api_error, page

JOBS = "/gis/admin/jobs"


WITH_A_JOB = [case for case in CASES if case[0] == 1 or not ROWS[case[0]].proves]
WITHOUT = [case for case in CASES if case[0] != 1]


def test_every_row_of_the_table_is_tried() -> None:
    assert {int(row) for row in re.findall(r"^(\d+) {2,3}(?=\S)", module.__doc__ or "", re.MULTILINE)} == {2, *ROWS}


class Tokens:
    """Renewed as often as somebody asks, or never."""

    def __init__(self, *, renews: bool = True) -> None:
        self.number, self.renews = 1, renews

    def current(self) -> Secret:
        return Secret(f"token-{self.number}")

    def renew(self, rejected: Secret, *, is_certain: bool = True) -> Secret:
        assert rejected == self.current()
        if not self.renews:
            raise SignInRequired("there is nothing to renew it with")
        self.number += 1
        return self.current()


@dataclass
class Desk:
    """Submits exports to an exporter, in this process."""

    folder: Path
    slept: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    tokens: Tokens = field(default_factory=Tokens)
    timeout_s: float = 20

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.folder / "ledger.db", pytest.fail)
        self.sleep: Callable[[float], None] = self.slept.append

    def submit(self, exporter: Exporter, username: str = USER, port: int | None = None) -> Submitted:
        """Submit once."""
        with Server(exporter) as server:
            organization = Organization.parse(f"http://127.0.0.1:{port or server.port}/gis")
            self.url = organization.url
            session = Session(organization, deadline=Deadline.after(self.timeout_s), sleep=self.sleep)
            try:
                origin = Submitter("the organization", username, "")
                client = Client(session, self.tokens)
                return submit(client, self.ledger, origin, export_of([RUN_ID]), on_lost=self.lost.append)
            finally:
                session.close()
                assert server.errors == []

    def refusal(self, exporter: Exporter, **more: str) -> HcexportError:
        """Submit, and be refused."""
        with pytest.raises(HcexportError) as caught:
            self.submit(exporter, **more)
        return caught.value

    def known(self) -> list[str | None]:
        """The ledger's job ids; None is an export of which nobody knows what became."""
        return [entry.job_id for entry in self.ledger.entries()]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.ledger.close()


@pytest.mark.parametrize(("number", "name"), WITH_A_JOB)
def test_a_job_that_was_made_is_never_made_again(number: int, name: str, desk: Desk) -> None:
    exporter = Exporter([ROWS[number].answers[name], accepted])
    submitted = desk.submit(exporter)
    assert (list(exporter.ran), exporter.posts) == ([submitted.job.id], 1)
    assert submitted.adopted is (number != 1)
    assert desk.known() == [submitted.job.id]
    assert [entry.submitted is None for entry in desk.ledger.entries()] == [submitted.adopted]


@pytest.mark.parametrize(("number", "name"), WITHOUT)
def test_a_job_that_was_not_made(number: int, name: str, desk: Desk) -> None:
    row, exporter = ROWS[number], Exporter([ROWS[number].answers[name], accepted], [False, True])
    if row.without == "again":
        submitted = desk.submit(exporter)
        assert (submitted.adopted, list(exporter.ran), exporter.posts) == (False, [submitted.job.id], 2)
        assert desk.known() == [submitted.job.id]
        return
    error = desk.refusal(exporter)
    assert exporter.posts == 1
    assert error.status in ({row.without} if isinstance(row.without, int) else set(range(1, 7)))
    assert desk.known() == ([None] if row.without == 9 else [])
    assert exporter.asked.get(JOBS, 0) == (0 if row.without == "refused" else 2)  # a second look at an empty list
    if error.status == 9:
        assert error.hint
        assert "hcexport jobs --server" in error.hint


def test_what_did_not_leave_leaves_nothing_to_look_for(desk: Desk) -> None:
    exporter = Exporter([accepted])
    with Server(exporter) as gone:
        pass
    assert desk.refusal(exporter, port=gone.port).status == 6
    assert (exporter.posts, desk.known()) == (0, [])


def test_a_token_that_nothing_renews_is_refused_at_once(desk: Desk) -> None:
    desk.tokens.renews = False
    exporter = Exporter([api_error(498)], [False])
    assert desk.refusal(exporter).status == 4
    assert (exporter.posts, desk.known()) == (1, [])


def test_a_token_is_renewed_once(desk: Desk) -> None:
    exporter = Exporter([api_error(498)], [False])
    assert desk.refusal(exporter).status == 4
    assert (exporter.posts, desk.tokens.number, desk.known()) == (2, 2, [])


def test_a_busy_server_is_asked_so_often_and_no_more(desk: Desk) -> None:
    exporter = Exporter([page(503, retry_after="7")], [False])
    assert desk.refusal(exporter).status == 6
    assert (exporter.posts, desk.slept.count(7.0), desk.known()) == (5, 5, [])


def test_search_comes_between_the_wait_and_the_second_post(desk: Desk) -> None:
    """The job of the first one shows while we wait."""
    exporter = Exporter([page(503, retry_after="7")], [False])
    desk.sleep = lambda _seconds: exporter.runs() and None
    submitted = desk.submit(exporter)
    assert (submitted.adopted, exporter.posts) == (True, 1)


@pytest.mark.parametrize("way", [(8, "502 page"), (7, "500"), (6, "503 page"), (5, "498")], ids=str)
@pytest.mark.parametrize("wrong", ["refused", "without a list", "a job that cannot be read"])
def test_a_search_that_fails_leaves_the_outcome_unknown(way: tuple[int, str], wrong: str, desk: Desk) -> None:
    exporter = Exporter([ROWS[way[0]].answers[way[1]], accepted])
    if wrong == "refused":
        exporter.turns[JOBS] = [lambda line, _now: line.answer(403, b"{}")]
    elif wrong == "without a list":
        exporter.turns[JOBS] = [lambda line, _now: say(line, {})]
    else:
        exporter.turns[f"{JOBS}/j00000000-e646-4a9b-af92-f5e86b2cd824"] = [lambda line, _now: line.answer(500)]
    assert desk.refusal(exporter).status == 9
    assert (exporter.posts, desk.known()) == (1, [None])


def test_deadline_before_the_connection_searches_nothing(desk: Desk) -> None:
    desk.timeout_s = 1e-9
    exporter = Exporter([accepted])
    assert desk.refusal(exporter).status == 124
    assert (exporter.posts, desk.known()) == (0, [])


def test_deadline_before_the_answer_is_an_unknown_outcome(desk: Desk) -> None:
    desk.timeout_s = 0.3
    exporter = Exporter([lambda line, _: line.stall(1.0)])
    assert desk.refusal(exporter).status == 9
    assert desk.known() == [None]


# Which job is ours


def dated(exporter: Exporter, date: datetime) -> None:
    """Give the list of jobs a ``Date``."""
    said = format_datetime(date, usegmt=True)
    exporter.turns[JOBS] = [
        lambda line, _now: line.answer(200, json.dumps({"jobs": [*exporter.ran]}).encode(), date=said)
    ]


def epoch_ms(time_: datetime) -> int:
    return int(time_.timestamp() * 1000)


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=5), timedelta(days=-700)], ids=str)
@pytest.mark.parametrize(
    ("started", "is_ours"),
    [(0.0, True), (0.9, True), (-4.0, False), (-3600.0, False), (4.0, False), (3600.0, False)],
)
def test_a_job_is_ours_by_its_start_on_the_apis_clock(
    ahead: timedelta, started: float, is_ours: bool, desk: Desk
) -> None:
    """The clock of the gateway that lost the answer is an hour wrong, and does not count."""
    there = datetime.now(UTC) + ahead
    wrong = format_datetime(there - timedelta(hours=1), usegmt=True)
    exporter = Exporter([page(502, date=wrong)], [False])
    exporter.on_post = lambda: exporter.runs(starttime=epoch_ms(there + timedelta(seconds=started))) and None
    dated(exporter, there)
    if is_ours:
        assert desk.submit(exporter).adopted
    else:
        assert desk.refusal(exporter).status == 9
    assert exporter.posts == 1


CANDIDATES = [
    ({"username": USER.upper()}, True),
    ({"username": "somebody"}, False),
    ({"username": ""}, False),
    ({"operationURI": "/GIS/admin/HealthCheck/Reports/Export/"}, True),
    ({"operationURI": "/gis/admin/logs/export"}, False),
    ({"status": "SUBMITTED", "starttime": 0}, True),
    ({"status": "COMPLETED", "starttime": 0}, False),
]


@pytest.mark.parametrize(("made", "is_ours"), CANDIDATES, ids=str)
def test_who_may_be_adopted(made: dict[str, object], is_ours: bool, desk: Desk) -> None:
    exporter = Exporter([page(502)], [False])
    exporter.on_post = lambda: exporter.runs(**made) and None  # type: ignore[arg-type] # a status among them
    if is_ours:
        assert desk.submit(exporter).adopted
    else:
        assert desk.refusal(exporter).status == 9


def test_a_job_that_is_listed_twice_is_one(desk: Desk) -> None:
    exporter = Exporter([page(502)])
    exporter.turns[JOBS] = [lambda line, _now: say(line, {"jobs": [*exporter.ran, *exporter.ran]})]
    assert desk.submit(exporter).adopted


OTHERS: dict[str, tuple[Callable[[Ledger], object], bool]] = {
    "of now": (lambda ledger: ledger.intend("the organization", "another", ["x"]), False),
    "of another organization": (lambda ledger: ledger.intend("elsewhere", USER, ["x"]), True),
    "that has its job": (
        lambda ledger: ledger.note_submitted(ledger.intend("the organization", USER, ["x"]), "j9"),
        True,
    ),
}


@pytest.mark.parametrize("other", OTHERS)
def test_no_job_is_adopted_while_another_submit_is_open(other: str, desk: Desk) -> None:
    make, may_adopt = OTHERS[other]
    make(desk.ledger)
    exporter = Exporter([page(502)])
    if may_adopt:
        assert desk.submit(exporter).adopted
    else:
        assert desk.refusal(exporter).status == 9
        assert desk.known() == [None, None]


def test_an_old_intent_has_made_no_job_just_now(desk: Desk, tmp_path: Path) -> None:
    long_ago = Ledger(tmp_path / "ledger.db", pytest.fail, lambda: datetime.now(UTC) - timedelta(hours=2))
    long_ago.intend("the organization", USER, ["x"])
    long_ago.close()
    assert desk.submit(Exporter([page(502)])).adopted


def test_a_job_that_another_submit_got_is_not_adopted(desk: Desk) -> None:
    """It is in the ledger without a job while the jobs are read, and with one afterwards."""
    other = desk.ledger.intend("the organization", USER, ["x"])
    exporter = Exporter([page(502)], [False])
    exporter.on_post = lambda: exporter.runs() and None
    job_path = f"{JOBS}/j00000000-e646-4a9b-af92-f5e86b2cd824"

    def answered_meanwhile(line: Line, _now: object) -> None:
        ledger = Ledger(desk.folder / "ledger.db", pytest.fail)
        ledger.note_submitted(other, job_path.rpartition("/")[2])
        ledger.close()
        say(line, next(iter(exporter.ran.values())))

    exporter.turns[job_path] = [answered_meanwhile]
    assert desk.refusal(exporter).status == 9
    assert desk.known() == [None, job_path.rpartition("/")[2]]


def test_a_signal_leaves_the_intent(desk: Desk) -> None:
    def interrupt(_seconds: float) -> None:
        raise Interrupted(15, "SIGTERM")

    desk.sleep = interrupt
    with pytest.raises(Interrupted):
        desk.submit(Exporter([page(502)], [False]))
    assert desk.known() == [None]
