"""The scenarios of ``hcexport sandbox --scenario NAME``: one row for each way to misbehave.

How to add a scenario:

1. Add a row to ROWS. Its key is the name, its description a line of ``hcexport sandbox --help``: 55 characters
   at most, because the help has to fit a screen.
2. In ``faults`` map each endpoint that misbehaves to a fault: a function of ``faults.py``, or ``change_json`` with a
   function of this file. It is a lambda, because faults have state and each sandbox needs its own.
3. If the organization itself differs from the one that was chosen (it lives elsewhere, has more reports), say so in
   ``organization``.
4. Write ``test_NAME`` in test_sandbox_scenarios.py (a test there finds a scenario without one) and regenerate the man
   page and the completions: the tests of both print the command.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from hcexport.sandbox.context import Endpoint, RequestContext
from hcexport.sandbox.endpoints import admin, health, sharing
from hcexport.sandbox.faults import (
    Fault,
    Outage,
    block_large_bodies,
    change_body,
    change_job,
    change_json,
    cut,
    in_turn,
    instead,
    late,
    lose_answer,
    normally,
    retry_later,
    slowly,
)
from hcexport.sandbox.http import Json, Response, page
from hcexport.sandbox.options import Options
from hcexport.sandbox.routes import ROUTES

FOREIGN = "http://arcgis-private-ingress.arcgis.svc.cluster.local/internal/"
ADMINISTRATION = tuple(route.endpoint for route in ROUTES if route.path.startswith("admin"))
LATE_SECONDS = 3.0  # between a job's end and the appearance of what it made
FIREWALL_LIMIT = 8 * 1024  # bytes; the limit of AWS's common rules
MANY_REPORTS = 1000  # their ids are more than FIREWALL_LIMIT, so that exporting all reports is blocked
PAGE_LIMIT = 25


@dataclass(frozen=True)
class Scenario:
    """One row: its description, the faults of its endpoints, and the organization that it makes of the chosen one."""

    description: str
    faults: Callable[[], Mapping[Endpoint, Fault]] = dict
    organization: Callable[[Options], Options] = lambda options: options
    has_object_store: bool = False  # whether downloads come from a second port


def _fail_run(context: RequestContext, answer: Json) -> Json:
    if "jobid" in answer:
        job = context.world.jobs.alter(answer["jobid"], ending="FAILED", result={"message": "A test could not start."})
        context.world.reports.delete([job.makes])
    return answer


def _hide_report(context: RequestContext, answer: Json) -> Json:
    job = context.world.jobs.get(answer.get("jobid", ""))
    if job:
        appears = context.world.now() + context.world.options.job_seconds + LATE_SECONDS
        context.world.reports.alter(job.makes, appears_time=int(appears * 1000))
    return answer


def _forget_tokens(context: RequestContext, answer: Json) -> Json:
    context.world.tokens.clear()
    return answer


def _rehost(context: RequestContext, answer: Json) -> Json:
    body: Json = json.loads(json.dumps(answer).replace(context.url(""), FOREIGN))
    return body


def _page_oddly(query: Endpoint) -> Endpoint:
    """Give short pages, each beginning with the last row of the page before, and every number as text."""

    def faulty(context: RequestContext) -> Json | Response:
        parameters = dict(context.request.query)
        parameters["num"] = str(min(context.number("num", PAGE_LIMIT), PAGE_LIMIT))
        answer = query(replace(context, request=replace(context.request, query=parameters)))
        if isinstance(answer, dict):
            repeated = 1 if answer["nextStart"] > 0 and answer["num"] > 1 else 0
            numbers = {name: answer[name] for name in ("total", "num", "start")}
            numbers["nextStart"] = answer["nextStart"] - repeated
            answer |= {name: str(value) for name, value in numbers.items()}
        return answer

    return faulty


def _redirect_to_store(download: Endpoint) -> Endpoint:
    def faulty(context: RequestContext) -> Json | Response:
        download(context)  # an unknown item is an error here, not at the store
        location = context.world.signed_urls.make(context.ids["item"])
        return Response(302, (("Location", location), ("Cache-Control", "no-store")), 0, ())

    return faulty


def _bad_gateway(_context: RequestContext) -> Response:
    return page("502 Bad Gateway", "", 502)


def _login_page(_context: RequestContext) -> Response:
    return page("Sign In", "<form><input name='username'><input type='password' name='password'></form>")


def _hang_up(_context: RequestContext) -> Response:
    raise ConnectionAbortedError


def _queue_full(_context: RequestContext) -> Response:
    return retry_later(429, "Too Many Requests", 1)


def _damage(answer: Response) -> Iterable[bytes]:
    """Change one byte of the first member's data, so that its CRC is wrong."""
    for number, chunk in enumerate(answer.chunks):
        if number == 0 and chunk.startswith(b"PK\x03\x04"):
            head = 30 + int.from_bytes(chunk[26:28], "little") + int.from_bytes(chunk[28:30], "little")
            yield chunk[: head + 20] + bytes([chunk[head + 20] ^ 0xFF]) + chunk[head + 21 :]
        else:
            yield chunk


def _elsewhere(options: Options) -> Options:
    return replace(options, context="arcgis" if options.context != "arcgis" else "web")


ROWS = {
    "normal": Scenario("everything works"),
    "slow": Scenario(
        "jobs, answers and downloads are slow",
        lambda: {admin.job: late(0.5), admin.download: slowly(20_000)},
        lambda options: replace(options, job_seconds=20 * options.job_seconds),
    ),
    "failed": Scenario(
        "every export and every check ends FAILED",
        lambda: {
            health.export: change_job(
                ending="FAILED",
                result={
                    "message": "The reports could not be packaged: the object store is not available.",
                    "details": [],
                },
            ),
            health.run: change_json(_fail_run),
        },
    ),
    "flaky": Scenario(
        "every other poll fails, and a download breaks twice",
        lambda: {
            admin.job: in_turn(
                instead(_bad_gateway), normally, instead(_login_page), normally, instead(_hang_up), normally
            ),
            admin.download: in_turn(cut(0.3), cut(0.5), normally),
        },
    ),
    "expired-token": Scenario(
        "tokens end when an export or a check is submitted",
        lambda: dict.fromkeys((health.export, health.run), change_json(_forget_tokens)),
    ),
    "unavailable": Scenario(
        "503 for 3 s at first, and after each export or check",
        lambda: dict.fromkeys(ADMINISTRATION, Outage(3, health.export, health.run)),
    ),
    "full-queue": Scenario(
        "429 twice before an export or a check is accepted",
        lambda: dict.fromkeys(
            (health.export, health.run), in_turn(instead(_queue_full), instead(_queue_full), normally)
        ),
    ),
    "read-only": Scenario(
        "read-only, as in an upgrade: refuses every operation",
        organization=lambda options: replace(options, read_only=True),
    ),
    "foreign-urls": Scenario(
        "answers name an internal host, not to be followed",
        lambda: dict.fromkeys((health.export, health.run, admin.job, sharing.info), change_json(_rehost)),
    ),
    "wrong-context": Scenario("HCEXPORT_URL has a wrong context; /arcgis is right", organization=_elsewhere),
    "firewall": Scenario(
        "403 for requests above 8 KiB, as for 1,098 reports",
        lambda: dict.fromkeys(ADMINISTRATION, block_large_bodies(FIREWALL_LIMIT)),
        lambda options: replace(options, extra_reports=max(options.extra_reports, MANY_REPORTS)),
    ),
    "paging-quirks": Scenario(
        "pages of 25 reports that overlap, with text for numbers",
        lambda: {health.query: _page_oddly},
    ),
    "early-completed": Scenario(
        "exports: COMPLETED 3 s before the result names a file",
        lambda: {health.export: change_job(result_delay=LATE_SECONDS)},
    ),
    "redirected-download": Scenario(
        "302 to an object store that refuses a token",
        lambda: {admin.download: _redirect_to_store},
        has_object_store=True,
    ),
    "corrupt-zip": Scenario("every download has a damaged byte", lambda: {admin.download: change_body(_damage)}),
    "completed-early": Scenario(
        "checks: COMPLETED 3 s before the report exists",
        lambda: {health.run: change_json(_hide_report)},
    ),
    "no-result": Scenario("checks: COMPLETED without a result", lambda: {health.run: change_job(result=None)}),
    "run-lost": Scenario("checks: started, but the answer is lost", lambda: {health.run: lose_answer}),
}

SCENARIOS: Mapping[str, str] = MappingProxyType({name: row.description for name, row in ROWS.items()})


def get_scenario(name: str) -> Scenario:
    """Find a scenario; raises ValueError with the names that exist."""
    if name not in ROWS:
        raise ValueError(f"there is no scenario '{name}'; there are {', '.join(ROWS)}")
    return ROWS[name]
