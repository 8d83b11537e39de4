"""Each scenario misbehaves as its line says, and where it says nothing the organization works as ever."""

import http.client
import io
import time
import zipfile
import zlib
from contextlib import contextmanager

import pytest
from test_sandbox_wire import Caller, called

from hcexport.sandbox import SCENARIOS, Sandbox

REPORTS = "admin/healthCheck/reports"


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


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_a_scenario_does_not_touch_works(scenario):
    with played(scenario) as (box, caller):
        assert caller.get("sharing/rest/portals/self").json["user"]["username"] == box.username
        if scenario != "unavailable":
            assert len(caller.get(f"{REPORTS}/query?num=1000").json["runs"]) == 98


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
