"""An organization that takes exports: what it ran is counted, whatever it says of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from zipfile import ZipInfo

from tests.support.server import Line
from tests.support.zips import make_zip

from .organization import ITEM, Organization, Turn, Version, not_found
from .table import A

RUN_ID = "vegcl1xm6u"
USER = "administrator"
_EXPORT, _JOBS = "/gis/admin/healthCheck/reports/export", "/gis/admin/jobs"
_SELF = "/gis/sharing/rest/community/self"

Answering = Callable[[Line, str], None]


def make_reports(run_ids: Iterable[str], key: str = "id") -> bytes:
    """Return the zip of an export of reports, as small as it can be; ``key`` is what its JSON calls their ids."""
    return make_zip(
        *(
            (ZipInfo(f"nightly_{run_id}.{kind}"), content)
            for run_id in run_ids
            for kind, content in (("json", json.dumps({key: run_id})), ("csv", "id,result\r\n"))
        )
    )


def accepted(line: Line, job_id: str) -> None:
    """What the documentation shows."""
    say(line, {"jobsUrl": f"https://elsewhere.invalid/admin/jobs/{job_id}", "jobid": job_id, "status": "SUBMITTED"})


def say(line: Line, body: object) -> None:
    """JSON."""
    line.answer(200, json.dumps(body).encode(), content_type="application/json")


def job_json(job_id: str, status: str = "COMPLETED", **more: object) -> dict[str, object]:
    """A job as ``jobs/<id>`` shows it."""
    result = {"URL": f"https://elsewhere.invalid/admin/uploads/{ITEM}"} if status == "COMPLETED" else None
    now = int(time.time() * 1000)
    return {
        "jobid": job_id,
        "status": status,
        "username": USER,
        "operationURI": "/gis/admin/healthCheck/reports/export",
        "starttime": now,
        "updatedtime": now,
        "endtime": now if result else 0,
        **({"result": result} if result else {}),
        **more,
    }


def shows(status: str, **more: object) -> Turn:
    """A turn of ``jobs/<id>``."""
    return lambda line, _now: say(line, job_json(line.request.target.split("/")[-1].partition("?")[0], status, **more))


class Exporter(Organization):
    """Takes exports, answered in turn by ``answers``; ``ran`` are the jobs it has made, and what it shows of them."""

    def __init__(self, answers: Sequence[Answering], runs: Sequence[bool] = (True,)) -> None:
        super().__init__({_EXPORT: [self._export], _JOBS: [self._list]}, [A])
        self._answers, self._runs = answers, runs
        self.ran: dict[str, dict[str, object]] = {}
        self.posts = 0
        self.on_post: Callable[[], None] = lambda: None
        self.turns[_SELF] = [lambda line, _now: say(line, {"username": USER, "role": "org_admin", "privileges": []})]

    def __call__(self, line: Line) -> None:
        """Jobs are shown as they are, but where a turn says otherwise."""
        path = line.request.target.partition("?")[0]
        job_id = path.removeprefix(f"{_JOBS}/")
        if job_id != path and path not in self.turns:
            return say(line, self.ran[job_id]) if job_id in self.ran else not_found(line)
        return super().__call__(line)

    def runs(self, **more: object) -> str:
        """Start a job."""
        job_id = f"j0000000{len(self.ran)}-e646-4a9b-af92-f5e86b2cd824"
        self.ran[job_id] = job_json(job_id, **more)
        return job_id

    def _export(self, line: Line, _now: Version) -> None:
        self.on_post()
        number, self.posts = self.posts, self.posts + 1
        really = self._runs[min(number, len(self._runs) - 1)]
        job_id = self.runs() if really else "j-none"
        self._answers[min(number, len(self._answers) - 1)](line, job_id)

    def _list(self, line: Line, _now: Version) -> None:
        say(line, {"jobs": list(self.ran)})
