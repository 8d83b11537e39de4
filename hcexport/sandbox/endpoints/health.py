"""Health checks: the suites, running a check, and the reports."""

import time
import uuid
from collections.abc import Sequence

from hcexport.sandbox import errors
from hcexport.sandbox.context import RequestContext
from hcexport.sandbox.http import Json, Response, respond
from hcexport.sandbox.world.archive import Archive
from hcexport.sandbox.world.history import make_report
from hcexport.sandbox.world.jobs import Item, Job
from hcexport.sandbox.world.reports import RESULT_WORDS, Report
from hcexport.sandbox.world.suites import Suite, suites_of

RUN = "admin/healthCheck/run"
REPORTS = "admin/healthCheck/reports"
ALL_RESULTS = ",".join(RESULT_WORDS.values())


def suites(context: RequestContext) -> Json:
    """``healthCheck/suites``."""
    return {"userSuites": [suite.resource() for suite in suites_of(context.world.options)]}


def suite(context: RequestContext) -> Json:
    """``healthCheck/suites/<id>``."""
    return _find_suite(context, context.ids["suite"]).resource()


def run(context: RequestContext) -> Json:
    """``healthCheck/run``: the report is listed as running at once, and ends with its job.

    Never published: the key of the synchronous answer and the result of the job (ours is ``URL`` for both), and the
    rules for ``runName`` (ours: any text, also the name of another report).
    """
    wanted = [_find_suite(context, suite_id) for suite_id in dict.fromkeys(context.require_list("suiteIds"))]
    report = _start_report(context, context.require("runName"), wanted)
    if context.get("async").lower() == "true":
        return _submit(context, "runHealthCheck", RUN, f"{REPORTS}/{report.id}", report.id)
    time.sleep(context.world.options.job_seconds)
    return {"URL": f"/reports/{report.id}"}


def query(context: RequestContext) -> Json:
    """``reports/query``, oldest first; the order of the real one was never published."""
    size, start = context.number("num", 1000), context.number("start", 1)
    world = context.world
    reports = world.reports.select(_result_words(context))
    end = start + size
    return {
        "total": len(reports),
        "num": size,
        "start": start,
        "nextStart": end if end <= len(reports) else -1,
        "runs": [report.row(world.now() * 1000) for report in reports[start - 1 : end - 1]],
    }


def report(context: RequestContext) -> Json:
    """``reports/<id>``; of a running check the tests that have ended."""
    return _find_report(context, context.ids["report"]).resource(context.world.now() * 1000)


def rename(context: RequestContext) -> Json:
    """``reports/<id>/rename``."""
    report_id = _find_report(context, context.ids["report"]).id
    context.world.reports.alter(report_id, name=context.require("reportName"))
    return {"success": True}


def delete_one(context: RequestContext) -> Response:
    """``reports/<id>/delete``, which is documented to return nothing."""
    context.world.reports.delete([_find_ended(context, context.ids["report"]).id])
    return respond(b"", "application/json;charset=UTF-8")


def delete(context: RequestContext) -> Json:
    """``reports/delete``: deletes all of the reports, or none when an id is unknown or a check is running."""
    context.world.reports.delete([each.id for each in _find_named(context)])
    return {"success": True}


def export(context: RequestContext) -> Json:
    """``reports/export``: submits the job that makes an upload item.

    An unknown id or a running check refuses the whole request; what the real one does was never published.
    """
    world = context.world
    date = int(world.now() * 1000)
    item = Item(f"healthCheckReports_{date}.zip", date, Archive(_find_named(context), world.options.item_bytes))
    answer = _submit(context, "exportDiagnosticReports", f"{REPORTS}/export", f"admin/uploads/{item.id}", item.id)
    world.uploads.add(item, answer["jobid"])
    return answer


def _find_suite(context: RequestContext, suite_id: str) -> Suite:
    for each in suites_of(context.world.options):
        if each.id == suite_id:
            return each
    raise errors.unknown("Health check suite", suite_id)


def _start_report(context: RequestContext, name: str, wanted: Sequence[Suite]) -> Report:
    now, options = context.world.now(), context.world.options
    failures = {check.id: check.when_run for suite in wanted for check in suite.checks if check.when_run != "pass"}
    report = make_report(
        options,
        name,
        now,
        seconds=options.job_seconds,
        created_by=context.username,
        failures=failures,
        suites=tuple(wanted),
        salt=str(uuid.uuid4()),
    )
    context.world.reports.add(report)
    return report


def _result_words(context: RequestContext) -> frozenset[str]:
    words = frozenset(word.strip() for word in context.get("runResult", ALL_RESULTS).split(","))
    if wrong := words.difference(RESULT_WORDS.values()):
        raise errors.admin(400, f"'runResult' must be of {ALL_RESULTS}, not '{min(wrong)}'.")
    return words


def _find_report(context: RequestContext, report_id: str) -> Report:
    found = context.world.reports.get(report_id)
    if not found:
        raise errors.unknown("Health check report", report_id)
    return found


def _find_ended(context: RequestContext, report_id: str) -> Report:
    found = _find_report(context, report_id)
    if found.is_running(context.world.now() * 1000):
        raise errors.admin(400, f"Health check report '{report_id}' is still running.")
    return found


def _find_named(context: RequestContext) -> list[Report]:
    return [_find_ended(context, report_id) for report_id in dict.fromkeys(context.require_list("runIds"))]


def _submit(context: RequestContext, name: str, operation: str, result: str, makes: str) -> Json:
    world = context.world
    job = Job(
        name=name,
        operation=context.path(operation),
        username=context.username,
        started=world.now(),
        seconds=world.options.job_seconds,
        result={"URL": result},
        makes=makes,
    )
    world.jobs.add(job)
    return {"jobsUrl": context.url(f"admin/jobs/{job.id}"), "jobid": job.id, "status": "SUBMITTED"}
