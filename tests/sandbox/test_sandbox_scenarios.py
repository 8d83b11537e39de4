"""Each scenario misbehaves as its line says, and where it says nothing the organization works as ever."""

import http.client
import io
import time
import zipfile
import zlib
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest
from test_sandbox_wire import Caller, called

from hcexport.sandbox import SCENARIOS, Sandbox

REPORTS = "admin/healthCheck/reports"
RUN = "admin/healthCheck/run"
CHECK = {"suiteIds": "BSHC-001", "runName": "By hand", "async": "true"}


@contextmanager
def played(scenario, **options):
    with Sandbox(**({"scenario": scenario, "job_seconds": 0} | options)) as box:
        yield box, called(box)


def export(box, caller):
    return caller.post(f"{REPORTS}/export", runIds=box.reports[0].id)


def item_path(box, caller):
    """The path of an exported item, found without a poll."""
    export(box, caller)
    return f"admin/uploads/{caller.get('admin/uploads').json['uploadItems'][0]['itemID']}/download"


def test_every_scenario_is_described_and_tested():
    tested = {name.removeprefix("test_").replace("_", "-") for name in globals() if name.startswith("test_")}
    assert {*SCENARIOS} <= {*tested}
    assert all(SCENARIOS.values())


def test_an_unknown_scenario_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no scenario 'wild'.*normal.*flaky"):
        Sandbox(scenario="wild")


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "wrong-context"])
def test_what_a_scenario_does_not_touch_works(scenario):
    with played(scenario) as (box, caller):
        assert caller.get("sharing/rest/portals/self").json["user"]["username"] == box.username
        if scenario != "unavailable":
            total = caller.get(f"{REPORTS}/query?num=1000").json["total"]
            assert int(total) == len(box.reports) == (1098 if scenario == "firewall" else 98)


def test_normal():
    with played("normal") as (box, caller):
        job = export(box, caller).json["jobid"]
        assert caller.get(f"admin/jobs/{job}").json["status"] == "COMPLETED"


def test_slow():
    now = time.time()
    with played("slow", job_seconds=1, clock=lambda: now) as (box, caller):
        job = export(box, caller).json["jobid"]
        for passed, status in ((0, "SUBMITTED"), (10, "EXECUTING"), (10, "COMPLETED")):
            now += passed
            began = time.monotonic()
            assert caller.get(f"admin/jobs/{job}").json["status"] == status
            assert time.monotonic() - began >= 0.5
        path = item_path(box, caller)
        began = time.monotonic()
        size = len(caller.get(path, f="").body)
        assert time.monotonic() - began >= size / 20_000


def test_failed():
    with played("failed") as (box, caller):
        job = caller.get(f"admin/jobs/{export(box, caller).json['jobid']}").json
        assert (job["status"], "URL" in job["result"]) == ("FAILED", False)
        assert "could not be packaged" in job["result"]["message"]
        assert caller.get("admin/uploads").json == {"uploadItems": []}
        job = caller.get(f"admin/jobs/{caller.post(RUN, **CHECK).json['jobid']}").json
        assert (job["status"], job["result"]) == ("FAILED", {"message": "A test could not start."})
        assert "By hand" not in {report.name for report in box.reports}


def test_flaky():
    with played("flaky") as (box, caller):
        path = f"admin/jobs/{export(box, caller).json['jobid']}"
        assert caller.get(path).status == 502
        assert caller.get(path).json["status"] == "COMPLETED"
        assert b"password" in caller.get(path).body
        assert caller.get(path).json["status"] == "COMPLETED"
        with pytest.raises(http.client.RemoteDisconnected):
            caller.get(path)
        assert caller.get(path).json["status"] == "COMPLETED"

        download, read = item_path(box, caller), b""
        for _ in range(2):
            with pytest.raises(http.client.IncompleteRead) as broken:
                caller.get(download, f="", headers={"Range": f"bytes={len(read)}-"})
            read += broken.value.partial
        read += caller.get(download, f="", headers={"Range": f"bytes={len(read)}-"}).body
        assert zipfile.ZipFile(io.BytesIO(read)).testzip() is None


def test_expired_token():
    with played("expired-token") as (box, caller):
        job = export(box, caller).json["jobid"]
        assert caller.get(f"admin/jobs/{job}").json["error"]["code"] == 498
        assert called(box).get(f"admin/jobs/{job}").json["status"] == "COMPLETED"


def test_unavailable():
    now = time.time()
    with played("unavailable", clock=lambda: now) as (box, caller):
        for path in ("admin", f"{REPORTS}/query?num=5", "admin/uploads"):
            answer = caller.get(path)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "3")
        assert export(box, caller).status == 503
        now += 2.5
        assert caller.get("admin").headers["Retry-After"] == "1"
        now += 0.5
        job = export(box, caller).json["jobid"]
        assert caller.get(f"admin/jobs/{job}").status == 503
        now += 3
        assert caller.get(f"admin/jobs/{job}").json["status"] == "COMPLETED"
        assert len(caller.get("admin/jobs").json["jobs"]) == 1


def test_full_queue():
    with played("full-queue") as (box, caller):
        for _ in range(2):
            answer = export(box, caller)
            assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
        assert caller.get("admin/jobs").json == {"jobs": []}
        assert caller.post(RUN, **CHECK).status == 429
        assert export(box, caller).json["status"] == "SUBMITTED"


def test_foreign_urls():
    with played("foreign-urls") as (box, caller):
        answer = export(box, caller).json
        job = caller.get(f"admin/jobs/{answer['jobid']}").json
        token_url = Caller(box).get("sharing/rest/info").json["authInfo"]["tokenServicesUrl"]
        for url in (answer["jobsUrl"], job["result"]["URL"], token_url):
            assert url.startswith("http://arcgis-private-ingress.arcgis.svc.cluster.local/internal/")
        assert answer["jobsUrl"].endswith(f"/admin/jobs/{answer['jobid']}")


@pytest.mark.parametrize("padding", [0, 9_000_000])
def test_corrupt_zip(padding):
    with played("corrupt-zip", item_bytes=padding) as (box, caller):
        answer = caller.get(item_path(box, caller), f="")
    archive = zipfile.ZipFile(io.BytesIO(answer.body))
    first, *others = archive.namelist()
    with pytest.raises((zipfile.BadZipFile, zlib.error)):
        archive.read(first)
    assert all(archive.read(name) for name in others)


def test_read_only():
    with played("read-only") as (box, caller):
        assert caller.get("admin/mode").json == {"isReadOnly": True}
        for answer in (
            export(box, caller),
            caller.post(RUN, **CHECK),
            caller.post(f"{REPORTS}/delete", runIds=box.reports[0].id),
        ):
            assert (answer.status, answer.json["status"]) == (200, "error")
            assert "read-only" in answer.json["messages"][0]
        assert caller.post("admin/mode/update", isReadOnly="true", message="Back at noon.").json["success"]
        assert export(box, caller).json["messages"] == ["Back at noon."]
        assert caller.get("admin/jobs").json == {"jobs": []}
        assert caller.post("admin/mode/update", isReadOnly="false").json == {"success": True}
        assert export(box, caller).json["status"] == "SUBMITTED"


def test_wrong_context():
    with played("wrong-context") as (box, caller):
        for answer in (
            caller.get("admin"),
            caller.get("sharing/rest/info"),
            caller.post("sharing/rest/generateToken"),
            export(box, caller),
        ):
            assert (answer.status, answer.body[:15]) == (404, b"<!DOCTYPE html>")
        assert caller.context == "/enterprise"
        caller.context = "/arcgis"
        assert export(box, caller).json["jobsUrl"].startswith(box.url.replace("/enterprise", "/arcgis/admin/jobs/"))
    with Sandbox(scenario="wrong-context", context="arcgis") as box:
        assert called(box).get("admin").status == 404


def test_firewall():
    with played("firewall") as (box, caller):
        every = ",".join(report.id for report in box.reports)
        blocked = caller.post(f"{REPORTS}/export", runIds=every)
        assert (blocked.status, blocked.body[:15]) == (403, b"<!DOCTYPE html>")
        assert caller.get("admin/jobs").json == {"jobs": []}
        half = ",".join(report.id for report in box.reports[:400])
        assert caller.post(f"{REPORTS}/export", runIds=half).json["status"] == "SUBMITTED"


@pytest.mark.parametrize(("num", "pages"), [(1000, 5), (25, 5), (10, 11), (2, 97), (1, 98)])
def test_paging_quirks(num, pages):
    with played("paging-quirks") as (box, caller):
        found, start, read = [], "1", 0
        while start != "-1":
            page = caller.get(f"{REPORTS}/query?num={num}&start={start}").json
            assert (page["total"], page["start"]) == ("98", start)
            if found and num > 1:
                assert page["runs"][0] == found[-1]
            found, start, read = found + page["runs"], page["nextStart"], read + 1
        assert list(dict.fromkeys(row["id"] for row in found)) == [report.id for report in reversed(box.reports)]
        assert (read, len(found)) == (pages, 98 + (pages - 1 if num > 1 else 0))


def test_early_completed():
    now = time.time()
    with played("early-completed", clock=lambda: now) as (box, caller):
        path = f"admin/jobs/{export(box, caller).json['jobid']}"
        for passed, is_there in ((0, False), (2.9, False), (0.2, True)):
            now += passed
            job = caller.get(path).json
            assert (job["status"], "result" in job) == ("COMPLETED", is_there)
            assert len(caller.get("admin/uploads").json["uploadItems"]) == is_there
        item = job["result"]["URL"].partition("/enterprise/")[2]
        assert caller.get(f"{item}/download", f="").body.startswith(b"PK")


def test_redirected_download():
    now = time.time()
    with played("redirected-download", clock=lambda: now) as (box, caller):
        answer = caller.get(item_path(box, caller), f="")
        url = answer.headers["Location"]
        assert (answer.status, answer.body) == (302, b"")
        assert url.startswith("http://127.0.0.1:")
        assert not url.startswith(box.url.removesuffix("enterprise"))

        with urlopen(url) as response:
            body = response.read()
        assert zipfile.ZipFile(io.BytesIO(body)).testzip() is None
        with urlopen(Request(url, headers={"Range": "bytes=5-9"})) as response:
            assert (response.status, response.read()) == (206, body[5:10])

        token = {"Authorization": f"Bearer {caller.token}"}
        assert status_of(url, token) == status_of(url, {"X-Esri-Authorization": "Bearer x"}) == 400
        assert status_of(url, {"Cookie": "esri_auth=x"}) == status_of(f"{url}&token=x") == 400
        assert status_of(url.replace("Expires=1", "Expires=2")) == status_of(url.partition("?")[0]) == 403
        now += 300
        assert status_of(url) == 403
        assert len([request for request in box.requests if request.path.startswith("/uploads/")]) == 9
        assert caller.get("admin/uploads/x/download", f="").json["code"] == 404


def status_of(url, headers=None):
    try:
        with urlopen(Request(url, headers=headers or {})) as response:
            return response.status
    except OSError as error:
        return error.status


def test_completed_early():
    now = time.time()
    with played("completed-early", clock=lambda: now, job_seconds=2) as (box, caller):
        job = caller.post(RUN, **CHECK).json["jobid"]
        now += 2
        found = caller.get(f"admin/jobs/{job}").json
        report = found["result"]["URL"].partition("/enterprise/")[2]
        assert found["status"] == "COMPLETED"
        assert caller.get(report).json["code"] == 404
        assert len(box.reports) == 98
        now += 2.9
        assert caller.get(report).json["code"] == 404
        now += 0.2
        assert caller.get(report).json["state"] == "completed"
        assert box.reports[0].name == "By hand"
        assert box.reports[0].start_time < box.reports[0].end_time <= (now - 3) * 1000


def test_no_result():
    with played("no-result") as (box, caller):
        job = caller.get(f"admin/jobs/{caller.post(RUN, **CHECK).json['jobid']}").json
        assert (job["status"], "result" in job) == ("COMPLETED", False)
        assert job["endtime"] > 0
        assert box.reports[0].name == "By hand"


def test_run_lost():
    with played("run-lost") as (box, caller):
        with pytest.raises(http.client.RemoteDisconnected):
            caller.post(RUN, **CHECK)
        assert box.reports[0].name == "By hand"
        (job,) = caller.get("admin/jobs").json["jobs"]
        found = caller.get(f"admin/jobs/{job}").json
        assert (found["operationURI"], found["status"]) == ("/enterprise/admin/healthCheck/run", "COMPLETED")
        assert export(box, caller).json["status"] == "SUBMITTED"
