"""The sandbox's answers have the names, the cases and the kinds of value of the documented samples."""

import json
import time
from pathlib import Path

import pytest
from test_sandbox_wire import Caller, called

from hcexport.sandbox import Sandbox

SAMPLES = Path(__file__).parent.parent / "data"

REFERER = {"client": "referer", "referer": "http"}


@pytest.fixture(scope="module")
def box():
    with Sandbox(job_seconds=0) as box:
        yield box


@pytest.fixture
def caller(box):
    return called(box)


def sample(name):
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def kinds(value):
    """Every key of a document by its path, and what kind of value it has; lists are seen through their first entry."""
    if isinstance(value, dict):
        return {"": "object"} | {f".{k}{path}": kind for k, v in value.items() for path, kind in kinds(v).items()}
    if isinstance(value, list):
        return {"": "list"} | {f"[]{path}": kind for path, kind in (kinds(value[0]).items() if value else ())}
    return {"": type(value).__name__}


def exported(caller, box):
    return caller.post("admin/healthCheck/reports/export", runIds=box.reports[0].id).json


def finished(caller, box):
    return caller.get(f"admin/jobs/{exported(caller, box)['jobid']}").json


def uploaded(caller, box):
    return finished(caller, box)["result"]["URL"].rpartition("/")[2]


def tokened(caller, box, **form):
    return caller.post("sharing/rest/generateToken", **form).json


WHOLE = {
    "query-reports": lambda c, b: c.get("admin/healthCheck/reports/query?num=1000").json,
    "rename-report": lambda c, b: c.post(f"admin/healthCheck/reports/{b.reports[0].id}/rename", reportName="x").json,
    "delete-reports": lambda c, b: c.post("admin/healthCheck/reports/delete", runIds=b.reports[9].id).json,
    "export-submitted": exported,
    "export-completed": finished,
    "jobs": lambda c, b: exported(c, b) and c.get("admin/jobs").json,
    "uploads": lambda c, b: uploaded(c, b) and c.get("admin/uploads").json,
    "uploaded-item": lambda c, b: c.get(f"admin/uploads/{uploaded(c, b)}").json,
    "delete-uploaded-item": lambda c, b: c.post(f"admin/uploads/{uploaded(c, b)}/delete").json,
    "generate-token": lambda c, b: tokened(c, b, username=b.username, password=b.password, **REFERER),
    "admin-root": lambda c, b: c.get("admin").json,
    "sharing-info": lambda c, b: c.get("sharing/rest/info").json,
}

# These are answered word for word.
VERBATIM = {
    "generate-token-refused": lambda c, b: tokened(c, b, username="nobody", password="wrong", **REFERER),
    "generate-token-empty": tokened,
    "invalid-token": lambda c, b: Caller(b, "wrong").get("admin").json,
    "token-required": lambda c, b: Caller(b).get("admin").json,
    "forbidden": lambda c, b: called(b, "viewer").get("admin").json,
}

# Of these the documentation shows a part only.
PARTIAL = {
    "suites": lambda c, b: c.get("admin/healthCheck/suites").json,
    "health-check-report": lambda c, b: c.get(f"admin/healthCheck/reports/{b.reports[0].id}").json,
}


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_has_the_keys_of_its_sample_and_no_others(name, caller, box):
    assert kinds(WHOLE[name](caller, box)) == kinds(sample(name))


@pytest.mark.parametrize("name", VERBATIM)
def test_a_refusal_is_the_documented_one(name, caller, box):
    assert VERBATIM[name](caller, box) == sample(name)


@pytest.mark.parametrize("name", PARTIAL)
def test_an_answer_has_what_is_documented_of_it(name, caller, box):
    assert kinds(sample(name)).items() <= kinds(PARTIAL[name](caller, box)).items()


def test_every_sample_is_held_to():
    asked = {*WHOLE, *VERBATIM, *PARTIAL, "job-executing"}
    oauth = {"oauth-token", "oauth-refresh-expired", "oauth-revoke-token"}  # held to in test_sandbox_oauth.py
    assert {path.stem for path in SAMPLES.glob("*.json")} == asked | oauth


def test_a_job_on_its_way_has_no_result_and_no_end():
    with Sandbox(job_seconds=60) as box:
        job = finished(called(box), box)
    assert kinds(sample("job-executing")).items() <= kinds(job).items()
    assert (job["status"], job["endtime"], "result" in job) == ("SUBMITTED", 0, False)


def test_a_job_goes_through_its_states_in_time():
    now = time.time()
    with Sandbox(job_seconds=10, clock=lambda: now) as box:
        caller = called(box)
        job_id, seen = exported(caller, box)["jobid"], []
        for _ in range(6):
            seen.append(caller.get(f"admin/jobs/{job_id}").json["status"])
            now += 2.5
    assert seen == ["SUBMITTED", "EXECUTING", "EXECUTING", "EXECUTING", "COMPLETED", "COMPLETED"]


def test_a_finished_export_says_what_the_documented_one_says(caller, box):
    job, documented = finished(caller, box), sample("export-completed")
    for key in ("name", "resource", "status", "username"):
        assert job[key] == documented[key]
    assert job["operationURI"] == "/enterprise/admin/healthCheck/reports/export"


def test_the_documented_tests_are_in_the_suite(caller, box):
    suite, _ = caller.get("admin/healthCheck/suites").json["userSuites"]
    tests = suite["generalTests"] + suite["criticalTests"]
    assert len(tests) == 13
    assert all(test in suite["generalTests"] for test in sample("suites")["userSuites"][0]["generalTests"])
    assert caller.get("admin/healthCheck/suites/BSHC-001").json == suite


def test_a_report_has_the_documented_test(caller, box):
    documented = sample("health-check-report")["suiteStatus"][0]["criticalTestStatus"][0]
    (suite,) = caller.get(f"admin/healthCheck/reports/{box.reports[0].id}").json["suiteStatus"]
    (test,) = [it for it in suite["criticalTestStatus"] if it["id"] == documented["id"]]
    assert test.keys() == {*documented, "endTime"}
    assert {key: test[key] for key in ("name", "description", "severity")} == {
        key: documented[key] for key in ("name", "description", "severity")
    }
    assert len(suite["criticalTestStatus"] + suite["generalTestStatus"]) == 13


def test_a_report_in_full_repeats_its_row(caller, box):
    row = caller.get("admin/healthCheck/reports/query?num=1").json["runs"][0]
    assert caller.get(f"admin/healthCheck/reports/{row['id']}").json.items() >= row.items()
