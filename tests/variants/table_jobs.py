"""Variants of the submit and of the job: answers, errors, statuses, results."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any

from .case import TO_FOLDER, Variant
from .organization import (
    INTERNAL,
    ITEM,
    JOB,
    Answer,
    Call,
    at_first,
    changed,
    error,
    give_zip,
    is_over,
    merged,
    packed,
    page,
    say,
    show_job,
    start_job,
    submitted,
)

UPLOAD = f"{INTERNAL}/uploads/{ITEM}"


def _submit(name: str, status: int, answer: Answer, **more: Any) -> Variant:
    return Variant("submit", name, status, {"export": answer}, **more)


def _started(make: Callable[[str], object], status: int = 200, **headers: str) -> Answer:
    """Start the job, and answer as ``make`` says."""
    return lambda call: say(make(start_job(call)), status, **headers)(call)


def _started_then(answer: Callable[[str], Answer]) -> Answer:
    return lambda call: answer(start_job(call))(call)


def _job(name: str, status: int, answer: Answer, **more: Any) -> Variant:
    return Variant("job", name, status, {"job": answer}, **more)


def _result(name: str, result: object, status: int = 0, **more: Any) -> Variant:
    def answer(call: Call) -> None:
        say(show_job(call, result))(call)

    return Variant("result", name, status, {"job": answer}, **more)


def _ends(word: str, **fields: object) -> Answer:
    """End the job with a word, and other fields of its page."""
    return changed(lambda body, call: {**body, "status": word, **fields} if is_over(call) else body)


def _fails(**reason: object) -> Answer:
    return _ends("FAILED", **{"result": None, **reason})


def _missing_result(times: int) -> Answer:
    return changed(lambda body, call: {**body, "result": None} if call.number <= times else body)


def _refused(kind: str, answer: Answer) -> Mapping[str, Answer]:
    """Refuse this kind of resource, whatever its id."""
    return {kind: answer}


_FORBIDDEN: dict[str, Answer] = {"jobs": error(403), "self": error(403)}
_GZIP: Answer = _started_then(
    lambda job: (
        lambda call: call.line.answer(200, gzip.compress(json.dumps(submitted(job)).encode()), content_encoding="gzip")
    )
)
_REFUSALS = {
    "404": error(404),
    "404 HTTP": error(404, status=404),
    "400": error(400, "Invalid job ID."),
    "403": error(403),
    "500": error(500),
    "an empty object": say({}),
    "UNAVAILABLE": say({"status": "UNAVAILABLE"}),
    "server style": say({"status": "error", "messages": ["Could not find it."]}),
    "HTML 400": page(400),
    "HTML 404": page(404),
}

SUBMIT = (
    _submit("as documented", 0, merged()),
    _submit("jobId", 0, _started(lambda job: {"jobId": job, "status": "SUBMITTED"})),
    _submit("JOBID", 0, _started(lambda job: {"JOBID": job})),
    _submit("jobsUrl alone", 0, _started(lambda job: {"jobsUrl": f"{INTERNAL}/jobs/{job}"})),
    _submit("JobsUrl alone", 0, _started(lambda job: {"JobsUrl": f"{INTERNAL}/jobs/{job}"})),
    _submit("a relative jobsUrl", 0, _started(lambda job: {"jobsUrl": f"/gis/admin/jobs/{job}"})),
    _submit("a jobsUrl with query", 0, _started(lambda job: {"jobsUrl": f"{INTERNAL}/jobs/{job}?f=json"})),
    _submit("a jobsUrl with slash", 0, _started(lambda job: {"jobsUrl": f"{INTERNAL}/jobs/{job}/"})),
    _submit("HTTP 201", 0, _started(submitted, 201)),
    _submit("HTTP 202", 0, _started(submitted, 202)),
    _submit("jobUrl", 0, _started(lambda job: {"jobUrl": f"{INTERNAL}/jobs/{job}"})),
    _submit("id", 0, _started(lambda job: {"id": job})),
    _submit("wrapped", 0, _started(lambda job: {"job": submitted(job)})),
    _submit("an empty object", 0, _started(lambda _: {})),
    _submit("an HTML job page", 0, _started_then(lambda job: page(body=f'<a href="/gis/admin/jobs/{job}">'.encode()))),
    *(
        _submit(
            f"{status} to the job", 0, _started_then(lambda job, s=status: page(s, location=f"{INTERNAL}/jobs/{job}"))
        )
        for status in (302, 303, 307)
    ),
    _submit("gzip", 0, _GZIP),
    _submit(
        "finished at once", 0, _started(lambda job: {"jobid": job, "status": "COMPLETED", "result": {"URL": UPLOAD}})
    ),
    _submit("FAILED at once", 0, _started(lambda job: {"jobid": job, "status": "FAILED"})),
    Variant("submit", "no id, jobs forbidden", 9, {"export": _started(lambda _: {}), **_FORBIDDEN}),
    _submit("400", 6, error(400, "Invalid run IDs."), says=("Invalid run IDs.",)),
    _submit("400 HTTP", 6, error(400, "Invalid run IDs.", 400), says=("Invalid run IDs.",)),
    _submit("404", 5, error(404)),
    _submit("403", 4, error(403)),
    _submit("500", 6, error(500, "Out of memory."), says=("Out of memory.",)),
    _submit("500 HTTP", 6, error(500, "Out of memory.", 500), says=("Out of memory.",)),
    _submit("a gateway's 504 in JSON, job made", 0, _started(lambda _: {"message": "Endpoint request timed out"}, 504)),
    _submit("a gateway's 504 in JSON, no job", 9, say({"error": "upstream request timeout"}, 504)),
    _submit("HTML 502, job made", 0, _started_then(lambda _: page(502))),
    _submit("HTML 502, no job", 9, page(502)),
    _submit("HTML 429", 6, page(429)),
    _submit("429 with Retry-After, once", 0, at_first(1, page(429, retry_after="0"))),
    _submit("HTML 403 of a firewall", 4, page(403)),
    _submit("HTML 413", 6, page(413)),
)
STATES = (
    _job("id of another job", 0, merged(jobid="j14ef2bef-e646-4a9b-af92-f5e86b2cd824"), says=("j14ef2bef",)),
    _job("id without its j", 0, changed(lambda body, _: {**body, "jobid": str(body["jobid"])[1:]})),
    _job("no id", 0, merged(jobid=None)),
    _job("completed", 0, _ends("completed")),
    _job("Completed ", 0, _ends("Completed ")),
    _job("SUCCEEDED", 0, _ends("SUCCEEDED")),
    _job("SUCCESS", 0, _ends("SUCCESS")),
    _job("COMPLETED_WITH_WARNINGS", 0, _ends("COMPLETED_WITH_WARNINGS")),
    _job("jobStatus", 0, changed(lambda body, _: {**body, "jobStatus": body["status"], "status": None})),
    *(_job(word, 3, _ends(word, result=None)) for word in ("CANCELED", "CANCELLED", "TIMED OUT", "timed_out", "ERROR")),
    _job("an unknown word, over, without a result", 3, _ends("DONE_BADLY", result=None), says=("DONE_BADLY",)),
    _job(
        "an unknown word at first", 0, changed(lambda body, call: body if is_over(call) else {**body, "status": "HMM"})
    ),
    _job("not there at first", 0, at_first(2, error(404))),
    _job("a page at first", 0, at_first(3, page())),
    _job("500 at first", 0, at_first(3, error(500))),
    _job(
        "never over",
        124,
        changed(lambda body, _: {**body, "status": "EXECUTING", "endtime": 0}),
        says=("hcexport wait j",),
    ),
    _job("409", 6, error(409, "Something failed."), says=("hcexport wait j",)),
    _job("forbidden", 4, error(403), says=("hcexport wait j",)),
    *(
        _job(f"FAILED, {name}", 3, _fails(**reason), says=("the store is full",))
        for name, reason in {
            "message": {"message": "the store is full"},
            "messages": {"messages": ["the store is full"]},
            "messages as objects": {"messages": [{"type": "error", "description": "the store is full"}]},
            "error": {"error": {"code": 500, "message": "the store is full"}},
            "result as text": {"result": "the store is full"},
            "result as object": {"result": {"message": "the store is full"}},
        }.items()
    ),
    _job("FAILED without a reason", 3, _fails()),
)
RESULTS = (
    _result("URL", {"URL": UPLOAD}),
    _result("url", {"url": UPLOAD}),
    _result("a relative URL", {"URL": f"/gis/admin/uploads/{ITEM}"}),
    _result("a path without context", {"URL": f"uploads/{ITEM}/"}, 0),
    _result("URL of the download", {"URL": f"{UPLOAD}/download"}),
    _result("URL with query", {"URL": f"{UPLOAD}?f=json"}),
    _result("URL with slash", {"URL": f"{UPLOAD}/"}),
    _result("another host and context", {"URL": f"https://gis.example.com:7443/arcgis/admin/uploads/{ITEM}"}),
    _result("text", UPLOAD),
    _result("a list of objects", [{"URL": UPLOAD}]),
    _result("a list of texts", [UPLOAD]),
    _result("JSON in text", json.dumps({"URL": UPLOAD})),
    _result("itemID", {"itemID": ITEM}),
    _result("nested", {"value": {"URL": UPLOAD}}),
    _result("a bare id", ITEM, 6, says=(ITEM, "hcexport download ITEM")),
    _result("a signed URL", {"URL": "https://s3.example.com/x.zip?sig=1"}, 6, says=("hcexport download ITEM",)),
    _result("null", None, 6, says=("hcexport download ITEM", "hcexport wait j")),
    _result("an empty object", {}, 6),
    _result("two items", [UPLOAD, f"{INTERNAL}/uploads/another"], 6, says=("another",)),
    Variant("result", "results", 0, {"job": changed(lambda body, _: {**body, "results": body.pop("result", None)})}),
    Variant("result", "a moment late", 0, {"job": _missing_result(3)}),
    Variant("result", "null, waited for", 6, {"job": _missing_result(99)}, argv=("wait", JOB), says=("download ITEM",)),
    Variant("result", "a moment late, download", 0, {"job": _missing_result(2)}, argv=("download", JOB)),
    Variant("result", "a moment late, waited for", 0, {"job": _missing_result(2)}, argv=("wait", JOB)),
    Variant(
        "result",
        "none, and no export",
        0,
        {"job": merged(result=None, operationURI="/gis/admin/healthCheck/run")},
        argv=("wait", JOB),
    ),
)
IDS = (
    *(
        Variant("ids", f"item as job: {name}", 0, {"job": answer}, argv=("download", ITEM))
        for name, answer in _REFUSALS.items()
    ),
    *(
        Variant("ids", f"job as item: {name}", 0, {"item": answer}, argv=("download", JOB, "--out", "x.zip"))
        for name, answer in _REFUSALS.items()
    ),
    Variant("ids", "item whose id begins with i", 5, {}, argv=("download", f"i{ITEM}"), says=(ITEM,)),
    Variant("ids", "neither: 404", 5, {}, argv=("download", "something"), says=("something",)),
    Variant(
        "ids", "neither: 400", 6, {"job": error(400, "Invalid job ID.")}, argv=("download", "some"), says=("Invalid",)
    ),
    Variant("ids", "wait for an unknown job: 404", 5, {}, argv=("wait", "jnosuch")),
    Variant("ids", "wait for an unknown job: 400", 6, {"job": error(400)}, argv=("wait", "jnosuch")),
    Variant("ids", "wait for an unknown job: 403", 4, {"job": error(403)}, argv=("wait", "jnosuch")),
    Variant("ids", "wait for an unknown job: 500", 6, {"job": error(500)}, argv=("wait", "jnosuch")),
    Variant("ids", "show an unknown report: 400", 6, {}, argv=("show", "nosuch")),
)


def _lacks(*names: str) -> Answer:
    return give_zip(lambda ids: packed({f"{run_id}.csv": b"a\r\n" for run_id in ids if run_id not in names}))


UNKNOWN = (
    Variant("run ids", "404", 5, {"export": error(404, "Report r9 was not found.")}, says=("r9",)),
    Variant("run ids", "400", 6, {"export": error(400, "Invalid run IDs.")}, says=("Invalid run IDs.",)),
    Variant("run ids", "500", 6, {"export": error(500, "Null pointer.")}, says=("Null pointer.",)),
    Variant("run ids", "a FAILED job", 3, {"job": _fails(message="No report r9.")}, says=("No report r9.",)),
    Variant("run ids", "a zip that lacks one", 0, {"download": _lacks("r2")}, says=("r2",)),
    Variant("run ids", "an empty zip", 7, {"download": _lacks("r1", "r2")}),
    Variant("run ids", "an empty zip, to a folder", 7, {"download": _lacks("r1", "r2")}, argv=TO_FOLDER),
)

JOBS = (*SUBMIT, *STATES, *RESULTS, *IDS, *UNKNOWN)
