"""Ways for the sandbox to lose an answer or to say an odd one, once: so that what a hint says to type then works."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

from hcexport.sandbox.context import Endpoint, RequestContext
from hcexport.sandbox.endpoints import admin, health
from hcexport.sandbox.faults import Fault, change_job, change_json, instead, lose_answer
from hcexport.sandbox.http import Json, Response, page
from hcexport.sandbox.scenarios import Scenario
from hcexport.sandbox.world.reports import RESULT_WORDS

UNREADABLE_S = 4.0  # how long the list cannot be read after a deletion


def once(fault: Fault) -> Fault:
    """Misbehave for the first request only."""

    def apply(endpoint: Endpoint) -> Endpoint:
        faulty, number = fault(endpoint), itertools.count()

        def in_turn(context: RequestContext) -> Json | Response:
            return faulty(context) if next(number) == 0 else endpoint(context)

        return in_turn

    return apply


def _stall(endpoint: Endpoint) -> Endpoint:
    """Do what was asked, and answer late: a signal comes before that."""

    def faulty(context: RequestContext) -> Json | Response:
        answer = endpoint(context)
        time.sleep(3)
        return answer

    return faulty


def _hang_up(_context: RequestContext) -> Response:
    raise ConnectionAbortedError


def _forbid(_context: RequestContext) -> Response:
    return page("403 Forbidden", "<p>Request blocked.</p>", 403)


def _export_another(export: Endpoint) -> Endpoint:
    """Take the export of another report for ours, whose answer is lost: nobody can tell from the jobs alone."""

    def faulty(context: RequestContext) -> Json | Response:
        other = next(each for each in context.world.reports.select(frozenset(RESULT_WORDS.values())))
        form = {**context.request.form, "runIds": other.id}
        return lose_answer(export)(replace(context, request=replace(context.request, form=form)))

    return faulty


def _date_oddly(_context: RequestContext, answer: Json) -> Json:
    for row in answer["runs"]:
        row["startTime"] = row["starttime"] = "soon"
    return answer


class _Unreadable:
    """Loses the answer to a deletion, and the list with it for some seconds."""

    def __init__(self) -> None:
        self._until = 0.0

    def delete(self, delete: Endpoint) -> Endpoint:
        def faulty(context: RequestContext) -> Json | Response:
            self._until = time.monotonic() + UNREADABLE_S
            return lose_answer(delete)(context)

        return faulty

    def query(self, query: Endpoint) -> Endpoint:
        def faulty(context: RequestContext) -> Json | Response:
            return _hang_up(context) if time.monotonic() < self._until else query(context)

        return faulty


def _delete_unreadably() -> dict[Endpoint, Fault]:
    trouble = _Unreadable()
    return {health.delete: trouble.delete, health.query: trouble.query}


SCENARIOS = {
    "export-vanishes": Scenario("no job", lambda: {health.export: once(instead(_hang_up))}),
    "export-unlisted": Scenario(
        "a job, and no list", lambda: {health.export: once(lose_answer), admin.jobs: once(instead(_forbid))}
    ),
    "export-of-another": Scenario("another's job", lambda: {health.export: once(_export_another)}),
    "export-stalls": Scenario("", lambda: {health.export: once(_stall)}),
    "export-late": Scenario("no item for long", lambda: {health.export: change_job(result_delay=13.0)}),
    "download-stalls": Scenario("", lambda: {admin.download: once(_stall)}),
    "run-vanishes": Scenario("no check", lambda: {health.run: once(instead(_hang_up))}),
    "run-stalls": Scenario("", lambda: {health.run: once(_stall)}),
    "deletion-vanishes": Scenario("nothing deleted", lambda: {health.delete: once(instead(_hang_up))}),
    "deletion-unreadable": Scenario("deleted, and no list", _delete_unreadably),
    "deletion-stalls": Scenario("", lambda: {health.delete: once(_stall)}),
    "odd-dates": Scenario("no start can be read", lambda: {health.query: change_json(_date_oddly)}),
}
