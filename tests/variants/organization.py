"""An organization as documented, each of whose answers a variant can replace or change."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.support.server import Line

Json = dict[str, Any]
ITEM = "f57951c9-37aa-4d4a-b444-9ad0316737d3"
JOB = "j0861f797-e646-4a9b-af92-f5e86b2cd824"
USER, TOKEN = "administrator", "canary-8f1c0a77d2be4e6f9b"
INTERNAL = "https://arcgis-private-ingress.arcgis.svc.cluster.local/x/admin"
FIRST_START = 1_790_000_000_000  # milliseconds; a report an hour from there on
HOUR = 3_600_000
_ENDPOINTS = {
    "query": r"/gis/admin/healthCheck/reports/query",
    "export": r"/gis/admin/healthCheck/reports/export",
    "jobs": r"/gis/admin/jobs",
    "job": r"/gis/admin/jobs/([^/]+)/?",
    "item": r"/gis/admin/uploads/([^/]+)",
    "download": r"/gis/admin/uploads/([^/]+)/download/?",
    "self": r"/gis/sharing/rest/community/self",
    "portals": r"/gis/sharing/rest/portals/self",
    "token": r"/gis/sharing/rest/generateToken",
    "root": r"/gis/admin",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _ENDPOINTS.items()}


@dataclass
class Call:
    """A request: its line, the organization, the id in its path, its parameters, and its number at its endpoint."""

    line: Line
    organization: Organization
    id: str
    parameters: Mapping[str, str]
    number: int


Answer = Callable[[Call], None]


def say(body: object, status: int = 200, **headers: str | int) -> Answer:
    """Answer JSON."""
    headers = {"content_type": "application/json;charset=UTF-8", "date": formatdate(usegmt=True), **headers}
    return lambda call: call.line.answer(status, json.dumps(body).encode(), **headers)


def error(code: int, message: str = "No.", status: int = 200, **more: object) -> Answer:
    """Answer an error of the API."""
    return say({"error": {"code": code, "message": message, "details": [], **more}}, status)


def page(status: int = 200, body: bytes = b"<html><title>Sign In</title></html>", **headers: str | int) -> Answer:
    """Answer an HTML page."""
    return lambda call: call.line.answer(status, body, **{"content_type": "text/html", **headers})


def changed(change: Callable[[Json, Call], object]) -> Answer:
    """Answer what the documented organization does, changed."""
    return lambda call: say(change(documented(call), call))(call)


def merged(**more: object) -> Answer:
    """Answer what the documented organization does, with more fields; those that are None are left out."""
    return changed(lambda body, _: {key: value for key, value in {**body, **more}.items() if value is not None})


def at_first(times: int, answer: Answer, then: Answer | None = None) -> Answer:
    """Answer so a number of times, and then as documented."""
    return lambda call: answer(call) if call.number <= times else (then or give)(call)


class Organization:
    """Answers for ``Server``. ``answers`` replace those of endpoints; ``guard`` may answer before any endpoint."""

    def __init__(
        self, answers: Mapping[str, Answer], guard: Callable[[Call], Answer | None] | None = None, reports: int = 3
    ) -> None:
        self._answers, self._guard = answers, guard
        self.rows = [_row(number) for number in range(1, reports + 1)]
        self.page = 1000  # rows of a page, at most
        self.posted: list[list[str]] = []  # the report ids of each export
        self.jobs: dict[str, list[str]] = {JOB: ["r1"]}  # and JOB ended long ago
        self.zip = b""  # as it was last served
        self.numbers: dict[str, int] = {}

    def __call__(self, line: Line) -> None:
        """Answer one request."""
        path, _, query = line.request.target.partition("?")
        found = ((name, match) for name, pattern in _PATTERNS.items() if (match := pattern.fullmatch(path)))
        name, match = next(found, ("", None))
        number = self.numbers[name] = self.numbers.get(name, 0) + 1
        raw = parse_qs(query) | parse_qs(line.request.body.decode())
        parameters = {key: values[-1] for key, values in raw.items()}
        call = Call(line, self, unquote(match[1]) if match and match.groups() else "", parameters, number)
        refusal = self._guard(call) if self._guard else None
        if match is None:
            return page(200 if "signin" in path else 404)(call)
        return (refusal or self._answers.get(name) or give)(call)


def _row(number: int) -> Json:
    start = FIRST_START + number * HOUR
    return {
        "id": f"r{number}",
        "name": f"Nightly {number}",
        "owner": "system",
        "createdBy": USER,
        "startTime": start,
        "endTime": start + 60_000,
        "result": "passed",
        "state": "completed",
    }


def documented(call: Call) -> Json:
    """Make the JSON of the documented organization."""
    name = next(
        name for name, pattern in _PATTERNS.items() if pattern.fullmatch(call.line.request.target.split("?")[0])
    )
    body: Json = _BODIES[name](call)
    return body


def give(call: Call) -> None:
    """Answer as documented."""
    if _PATTERNS["download"].fullmatch(call.line.request.target.split("?")[0]):
        return give_zip()(call)
    return say(documented(call))(call)


def give_zip(make: Callable[[list[str]], bytes] | None = None, status: int = 200, **headers: str | int) -> Answer:
    """Answer the zip of the export, or what ``make`` makes of its report ids."""

    def answer(call: Call) -> None:
        if call.id != ITEM:
            return error(404, "Item was not found.")(call)
        organization = call.organization
        ids = organization.posted[-1] if organization.posted else ["r1"]
        organization.zip = (make or zip_of)(ids)
        said = {"content_type": "application/octet-stream", "etag": '"1"', **headers}
        return call.line.answer(status, organization.zip, **said)

    return answer


def zip_of(ids: list[str]) -> bytes:
    """Make a zip of a CSV and a JSON for each report."""
    return packed({name: data for run_id in ids for name, data in files_of(run_id).items()})


def files_of(run_id: str) -> dict[str, bytes]:
    """Make the files of a report."""
    return {f"{run_id}.csv": b"id,result\r\nHC_1,pass\r\n", f"{run_id}.json": json.dumps({"id": run_id}).encode()}


def packed(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Make a zip of files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def submitted(job_id: str) -> Json:
    """Make the answer to a submit."""
    return {"jobsUrl": f"{INTERNAL}/jobs/{job_id}", "jobid": job_id, "status": "SUBMITTED"}


def start_job(call: Call) -> str:
    """Start the job of a submit, and return its id."""
    organization = call.organization
    job_id = f"j0000000{len(organization.posted)}-e646-4a9b-af92-f5e86b2cd824"
    organization.posted.append(call.parameters["runIds"].split(","))
    organization.jobs[job_id] = organization.posted[-1]
    return job_id


def is_over(call: Call) -> bool:
    """Whether the job has ended: at the second poll."""
    return call.id == JOB or call.number > 1


def show_job(call: Call, result: object) -> Json:
    """Make the page of a job with this result, once it has ended."""
    over, now = is_over(call), int(time.time() * 1000) - (24 * HOUR if call.id == JOB else 0)
    return {
        "jobid": call.id,
        "status": "COMPLETED" if over else "EXECUTING",
        "username": USER,
        "operationURI": "/gis/admin/healthCheck/reports/export",
        "starttime": now - 100,
        "updatedtime": now,
        "endtime": now if over else 0,
        **({"result": result} if over and result is not None else {}),
    }


def _query(call: Call) -> Json:
    rows, start = call.organization.rows, int(call.parameters["start"])
    end = start - 1 + min(int(call.parameters["num"]), call.organization.page)
    following = end + 1 if end < len(rows) else -1
    listed = rows[start - 1 : end]
    return {"total": len(rows), "num": len(listed), "start": start, "nextStart": following, "runs": listed}


def _job(call: Call) -> Json:
    if call.id not in call.organization.jobs:
        return {"error": {"code": 404, "message": "Job was not found.", "details": []}}
    return show_job(call, {"URL": f"{INTERNAL}/uploads/{ITEM}"})


def _item(call: Call) -> Json:
    if call.id != ITEM:
        return {"error": {"code": 404, "message": "Item was not found.", "details": []}}
    return {"itemID": ITEM, "itemName": "reports.zip", "committed": True, "contentType": "application/octet-stream"}


_BODIES: dict[str, Callable[[Call], Json]] = {
    "query": _query,
    "export": lambda call: submitted(start_job(call)),
    "jobs": lambda call: {"jobs": [*call.organization.jobs]},
    "job": _job,
    "item": _item,
    "self": lambda _: {"username": USER, "role": "org_admin", "privileges": []},
    "portals": lambda _: {"id": "0123456789ABCDEF", "portalDeploymentType": "ArcGISEnterpriseOnKubernetes"},
    "token": lambda call: {"token": f"{TOKEN}-{call.number}", "expires": int(time.time() * 1000) + HOUR, "ssl": True},
    "root": lambda _: {"currentVersion": "12.0"},
}
