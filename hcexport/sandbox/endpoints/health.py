"""Health checks: the suites, running one, and its reports."""

import random
import time

from hcexport.sandbox import http as refusals
from hcexport.sandbox.context import RequestContext
from hcexport.sandbox.http import Json, Response, whole
from hcexport.sandbox.world.archive import Archive
from hcexport.sandbox.world.history import flickers, make
from hcexport.sandbox.world.jobs import Item, Job
from hcexport.sandbox.world.reports import BASIC_ID, WORDS, Report, basic_suite

REPORTS = "admin/healthCheck/reports"
EVERYTHING = ",".join(WORDS.values())


def suites(_call: RequestContext) -> Json:
    """``healthCheck/suites``."""
    return {"userSuites": [basic_suite()]}


def suite(call: RequestContext) -> Json:
    """``healthCheck/suites/<id>``."""
    _check_suite(call.ids["suite"])
    return basic_suite()


def _check_suite(suite_id: str) -> None:
    if suite_id != BASIC_ID:
        raise refusals.unknown("Health check suite", suite_id)


def run(call: RequestContext) -> Json:
    """``healthCheck/run``; the synchronous answer and the result of the job were never published: ours is ``URL``."""
    for suite_id in call.listed("suiteIds"):
        _check_suite(suite_id)
    report = _new_report(call, call.required("runName"))
    call.world.reports.add(report)
    if call.get("async", "false").lower() == "true":
        return _submit(call, "runHealthCheck", "admin/healthCheck/run", f"{REPORTS}/{report.id}")
    time.sleep(call.world.options.job_seconds)
    return {"URL": f"/reports/{report.id}"}


def _new_report(call: RequestContext, name: str) -> Report:
    now, options = call.world.now(), call.world.options
    troubles = flickers(random.Random(f"{options.seed} {now}"))  # noqa: S311 - a story, not a secret
    return make(options, name, now, seconds=options.job_seconds, created_by=call.username, troubles=troubles)


def query(call: RequestContext) -> Json:
    """``reports/query``, oldest first; the order of the real one was never published."""
    size, start = call.number("num", 1000), call.number("start", 1)
    reports = call.world.reports.having(_results(call))
    end = start + size
    return {
        "total": len(reports),
        "num": size,
        "start": start,
        "nextStart": end if end <= len(reports) else -1,
        "runs": [report.row() for report in reports[start - 1 : end - 1]],
    }


def _results(call: RequestContext) -> frozenset[str]:
    words = frozenset(word.strip() for word in call.get("runResult", EVERYTHING).split(","))
    if wrong := words.difference(WORDS.values()):
        raise refusals.admin(400, f"'runResult' must be of {EVERYTHING}, not '{min(wrong)}'.")
    return words


def report(call: RequestContext) -> Json:
    """``reports/<id>``."""
    return _find(call, call.ids["report"]).resource()


def rename(call: RequestContext) -> Json:
    """``reports/<id>/rename``."""
    call.world.reports.rename(_find(call, call.ids["report"]).id, call.required("reportName"))
    return {"success": True}


def delete_one(call: RequestContext) -> Response:
    """``reports/<id>/delete``, which is documented to return nothing."""
    call.world.reports.delete([_find(call, call.ids["report"]).id])
    return whole(b"", "application/json;charset=UTF-8")


def delete(call: RequestContext) -> Json:
    """``reports/delete``: all or, when one is unknown, none."""
    call.world.reports.delete([it.id for it in _named(call)])
    return {"success": True}


def export(call: RequestContext) -> Json:
    """``reports/export``: the job, and the upload item that it will leave.

    An unknown id refuses the whole request; what the real one does was never published.
    """
    world = call.world
    date = int(world.now() * 1000)
    item = Item(f"healthCheckReports_{date}.zip", date, Archive(_named(call), world.options.item_bytes))
    answer = _submit(call, "exportDiagnosticReports", f"{REPORTS}/export", f"admin/uploads/{item.id}")
    world.uploads.add(item, answer["jobid"])
    return answer


def _find(call: RequestContext, report_id: str) -> Report:
    found = call.world.reports.get(report_id)
    if not found:
        raise refusals.unknown("Health check report", report_id)
    return found


def _named(call: RequestContext) -> list[Report]:
    return [_find(call, report_id) for report_id in dict.fromkeys(call.listed("runIds"))]


def _submit(call: RequestContext, name: str, operation: str, result: str) -> Json:
    world = call.world
    job = Job(
        name=name,
        operation=call.path(operation),
        username=call.username,
        started=world.now(),
        seconds=world.options.job_seconds,
        result={"URL": result},
    )
    world.jobs.add(job)
    return {"jobsUrl": call.url(f"admin/jobs/{job.id}"), "jobid": job.id, "status": "SUBMITTED"}
