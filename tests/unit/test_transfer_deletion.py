"""Deleting on a server that loses answers, refuses, or deletes half: nothing is sent twice, and the list decides."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest

from hcexport.api.client import Client
from hcexport.api.session import Session
from hcexport.errors import HcexportError, OutcomeUnknown
from hcexport.organization import Organization
from hcexport.redaction import Secret
from hcexport.times import Deadline
from hcexport.transfer.deletion import BATCH, Deletion, delete_reports
from tests.support.server import Line, Server

Behaviour = Callable[[Line, Callable[[], None]], None]
REFUSED = b'{"error": {"code": 403, "message": "You do not have permissions", "details": []}}'
FAILED = b'{"error": {"code": 500, "message": "Internal error", "details": []}}'


class Tokens:
    def current(self) -> Secret:
        return Secret("some-token-of-a-test")

    def renewed(self, rejected: Secret) -> Secret:
        return rejected

    renew = renewed


class Reports:
    """An organization with reports, whose deletions go as they are told, the last for ever."""

    def __init__(self, count: int, *behaviours: Behaviour, has_list: bool = True) -> None:
        self.ids = [f"r{number}" for number in range(count)]
        self.there = list(self.ids)
        self.batches: list[list[str]] = []
        self._behaviours, self._has_list = list(behaviours), has_list

    def answer(self, line: Line) -> None:
        if line.request.method == "POST":
            batch = parse_qs(line.request.body.decode())["runIds"][0].split(",")
            self.batches.append(batch)
            behave = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
            behave(line, lambda: self._remove(batch))
        elif self._has_list:
            rows = [{"id": run_id, "name": run_id, "result": "passed"} for run_id in self.there]
            body = {"runs": rows, "total": len(rows), "start": 1, "num": 1000, "nextStart": -1}
            line.answer(200, json.dumps(body).encode())
        else:
            line.answer(400, b'{"error": {"code": 400, "message": "no list", "details": []}}')

    def _remove(self, batch: list[str]) -> None:
        self.there = [run_id for run_id in self.there if run_id not in batch]


def delete(reports: Reports) -> Deletion:
    with Server(reports.answer) as server:
        session = Session(
            Organization.parse(f"http://127.0.0.1:{server.port}/x"), deadline=Deadline.after(20), sleep=lambda _: None
        )
        try:
            return delete_reports(Client(session, Tokens()), reports.ids, on_lost=lambda _why: None)
        finally:
            session.close()
            sent = [run_id for batch in reports.batches for run_id in batch]
            assert len(sent) == len(set(sent)), "a report was sent twice"


def succeed(line: Line, remove: Callable[[], None]) -> None:
    remove()
    line.answer(200, b'{"success": true}')


def say_it_badly(line: Line, remove: Callable[[], None]) -> None:
    """As documented: what is no JSON."""
    remove()
    line.answer(200, b"{success: true}")


def lose(line: Line, remove: Callable[[], None]) -> None:
    remove()
    line.reset()


def ignore(line: Line, _remove: Callable[[], None]) -> None:
    line.reset()


def refuse(line: Line, _remove: Callable[[], None]) -> None:
    line.answer(200, REFUSED)


def fail(line: Line, _remove: Callable[[], None]) -> None:
    line.answer(200, FAILED)


def lie(line: Line, _remove: Callable[[], None]) -> None:
    line.answer(200, b'{"success": true}')


@pytest.mark.parametrize("behaviour", [succeed, say_it_badly, lose])
def test_everything_is_gone(behaviour: Behaviour) -> None:
    reports = Reports(2 * BATCH + 7, behaviour)
    done = delete(reports)
    assert (done.gone, done.left, done.error) == (tuple(reports.ids), (), None)
    assert [len(batch) for batch in reports.batches] == [BATCH, BATCH, 7]


@pytest.mark.parametrize("behaviour", [ignore, refuse, fail, lie])
def test_some_are_left(behaviour: Behaviour) -> None:
    reports = Reports(2 * BATCH + 7, succeed, behaviour)
    done = delete(reports)
    assert done.error
    assert done.error.status == 8
    assert done.gone == tuple(reports.ids[:BATCH])
    assert done.left == tuple(reports.ids[BATCH:])


@pytest.mark.parametrize(("behaviour", "status"), [(refuse, 4), (fail, 6), (ignore, 9), (lie, 9)])
def test_nothing_is_gone(behaviour: Behaviour, status: int) -> None:
    reports = Reports(3, behaviour)
    with pytest.raises(HcexportError) as raised:
        delete(reports)
    assert raised.value.status == status
    assert reports.there == reports.ids


@pytest.mark.parametrize("behaviour", [lose, ignore, fail, succeed])
def test_without_a_list_nobody_knows(behaviour: Behaviour) -> None:
    with pytest.raises(OutcomeUnknown):
        delete(Reports(3, behaviour, has_list=False))


def test_a_refusal_needs_no_list() -> None:
    with pytest.raises(HcexportError) as raised:
        delete(Reports(3, refuse, has_list=False))
    assert raised.value.status == 4
