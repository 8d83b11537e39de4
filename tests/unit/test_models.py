"""The API's JSON as frozen values: keys in any case, fields that are missing, what is not known kept."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcexport.errors import ProtocolError
from hcexport.models import Account, Job, JobStatus, Mode, Report, ReportDetail, Result, Suite, TestResult, UploadItem
from hcexport.redaction import Secret

SAMPLES = Path(__file__).parents[1] / "data"


def sample(name: str) -> dict[str, Any]:
    """A documented sample."""
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return found


def test_the_documented_row_of_a_query() -> None:
    (row,) = sample("query-reports")["runs"]
    report = Report.from_json(row)
    assert report == Report(
        id="prslejr7yt",
        name="DemoReport",
        result=Result.PASSED,
        state="completed",
        owner="system",
        created_by="administrator",
        start_time=datetime(2023, 11, 5, 1, 42, 31, 31000, tzinfo=UTC),
        end_time=datetime(2023, 11, 5, 1, 42, 43, 298000, tzinfo=UTC),
    )
    assert report.duration == timedelta(seconds=12, milliseconds=267)
    assert report.extra == {}
    with pytest.raises(FrozenInstanceError):
        report.name = "other"  # type: ignore[misc] # that is the point


def test_the_documented_jobs() -> None:
    submitted = Job.from_json(sample("export-submitted"))
    assert (submitted.id, submitted.status.word) == ("j0861f797-e646-4a9b-af92-f5e86b2cd824", "SUBMITTED")
    done = Job.from_json(sample("export-completed"))
    assert done.upload_id == "f57951c9-37aa-4d4a-b444-9ad0316737d3"
    assert done.status.succeeded
    assert done.end_time
    assert done.start_time
    assert done.end_time - done.start_time == timedelta(milliseconds=507)
    assert done.username == "administrator"
    running = Job.from_json(sample("job-executing"))
    assert running.end_time is None  # 0 in the API
    assert not running.status.is_final


def test_keys_count_in_any_case_and_unknown_ones_are_kept() -> None:
    report = Report.from_json({"ID": "a", "CreatedBy": "me", "starttime": "1699148551031", "Weather": "fine"})
    assert (report.id, report.created_by) == ("a", "me")
    assert report.start_time
    assert report.extra == {"Weather": "fine"}
    item = UploadItem.from_json({"itemid": "u", "ITEMNAME": "x.zip", "committed": False})
    assert (item.id, item.name, item.committed) == ("u", "x.zip", False)
    assert UploadItem.from_json({}, item_id="u").committed
    assert Suite.from_json({"id": "BSHC-001", "name": "Basic"}).name == "Basic"


@pytest.mark.parametrize(
    ("word", "result"),
    [
        ("passed", Result.PASSED),
        ("pass", Result.PASSED),
        ("FAIL", Result.FAILED),
        (" failed ", Result.FAILED),
        ("warning", Result.WARNING),
        ("warn", Result.WARNING),
        ("skipped", Result.UNKNOWN),
        (None, Result.UNKNOWN),
        (7, Result.UNKNOWN),
    ],
)
def test_results(word: object, result: Result) -> None:
    assert Result.parse(word) is result


@pytest.mark.parametrize(
    ("word", "normal", "final", "known"),
    [
        ("SUBMITTED", "SUBMITTED", False, True),
        ("executing", "EXECUTING", False, True),
        ("CANCELLING", "CANCELLING", False, True),
        ("UNAVAILABLE", "UNAVAILABLE", False, True),
        ("COMPLETED", "COMPLETED", True, True),
        ("FAILED", "FAILED", True, True),
        ("CANCELLED", "CANCELLED", True, True),
        ("ERROR", "ERROR", True, True),
        ("TIMED OUT", "TIMED_OUT", True, True),
        ("time_out", "TIMED_OUT", True, True),
        ("Timeout", "TIMED_OUT", True, True),
        ("TIMED_OUT", "TIMED_OUT", True, True),
        ("RUNNING", "RUNNING", False, False),
        ("in progress", "IN_PROGRESS", False, False),
        ("", "", False, False),
    ],
)
def test_statuses(word: str, normal: str, final: bool, known: bool) -> None:
    status = JobStatus.parse(word)
    assert (str(status), status.is_final, status.is_known) == (normal, final, known)
    assert status.succeeded is (normal == "COMPLETED")


@pytest.mark.parametrize(
    ("url", "job_id"),
    [
        ("https://x/y/admin/jobs/j1", "j1"),
        ("http://internal.svc:6080/admin/jobs/j1/", "j1"),
        ("https://x/jobs/admin/jobs/j1?f=json#top", "j1"),
        ("/admin/jobs/j%2D1", "j-1"),
    ],
)
def test_a_jobs_id_out_of_its_url(url: str, job_id: str) -> None:
    assert Job.from_json({"jobsUrl": url, "status": "SUBMITTED"}).id == job_id
    assert Job.from_json({"JobsURL": url, "jobID": "other"}).id == "other"


HOSTILE_IDS = [
    "../../uploads/x/delete?",
    "a/b",
    "a\\b",
    "a?b",
    "a#b",
    "a%2fb",
    ".",
    "..",
    "a b",
    "a\n",
    "\x7f",
    "\u2028",
]


@pytest.mark.parametrize("hostile", HOSTILE_IDS)
def test_an_id_that_would_lead_elsewhere_is_not_an_id(hostile: str) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in hostile.encode())
    for body in ({"jobid": hostile}, {"jobsUrl": f"https://x/admin/jobs/{quoted}"}):
        with pytest.raises(ProtocolError):
            Job.from_json({**body, "status": "SUBMITTED"})
    with pytest.raises(ProtocolError):
        Report.from_json({"id": hostile})
    result = {"URL": f"https://x/admin/uploads/{quoted}"}
    assert Job.from_json({"jobid": "j1", "status": "COMPLETED", "result": result}).upload_id is None


@pytest.mark.parametrize("body", [{}, {"jobsUrl": "https://x/y"}, {"jobsUrl": "https://x/jobs/"}, {"jobsUrl": 7}])
def test_an_answer_without_an_id_makes_no_sense(body: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        Job.from_json(body)
    assert Job.from_json(body, job_id="j1").id == "j1"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"result": "no room"}, "no room"),
        ({"result": {"message": "no room", "details": []}}, "no room"),
        ({"messages": ["no", "room"]}, "no; room"),
        ({"messages": [{"type": "error", "description": "no room"}]}, "no room"),
        ({"result": {}, "messages": "no\nroom"}, "no room"),
        ({"result": {"code": 7}}, "code: 7"),
        ({"message": "no room"}, "no room"),
        ({"error": {"code": 500, "message": "no room"}}, "no room"),
        ({}, ""),
    ],
)
def test_why_a_job_failed(body: dict[str, Any], reason: str) -> None:
    assert Job.from_json({"jobid": "j1", "status": "FAILED", **body}).failure == reason
    assert Job.from_json({"jobid": "j1", "status": "COMPLETED", **body}).failure == ""
    assert Job.from_json({"jobid": "j1", "status": "EXECUTING", **body}).failure == ""


def test_a_report_in_full() -> None:
    test = {"id": "HC_1", "name": "n", "result": "fail", "startTime": 1000, "endTime": 3500, "messages": ["why"]}
    body = {
        "name": "r",
        "result": "failed",
        "suiteStatus": [
            {"criticalTestStatus": [test], "generalTestStatus": [{"name": "only"}, "no test"], "other": [test]},
            "no suite",
        ],
    }
    detail = ReportDetail.from_json(body, run_id="a")
    assert detail.report.id == "a"
    first, second = detail.tests
    assert first == TestResult(
        "HC_1", "n", "", "critical", Result.FAILED, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), first.end_time
    )
    assert first.duration == timedelta(seconds=2.5)
    assert first.extra == {"messages": ["why"]}
    assert (second.id, second.severity, second.result) == ("only", "general", Result.UNKNOWN)
    assert ReportDetail.from_json({"id": "a", "suiteStatus": None}).tests == ()


def test_suites_stay_and_each_test_knows_its_own() -> None:
    first = {
        "id": "A",
        "name": "Basic",
        "result": "failed",
        "notes": ["slow", "disk"],
        "criticalTestStatus": [{"id": "1"}],
    }
    second = {"ID": "B", "result": "pass", "generalTestStatus": [{"id": "2", "result": "skipped"}], "weather": "fine"}
    detail = ReportDetail.from_json({"id": "a", "suiteStatus": [first, second]})
    basic, other = detail.suites
    assert (basic.id, basic.name, basic.result, basic.notes) == ("A", "Basic", Result.FAILED, "slow; disk")
    assert (other.id, other.name, other.result) == ("B", "", Result.PASSED)
    assert other.extra == {"weather": "fine"}
    assert basic.tests + other.tests == detail.tests
    assert [(test.id, test.suite_id, test.suite_name) for test in detail.tests] == [("1", "A", "Basic"), ("2", "B", "")]
    assert detail.tests[1].extra == {"result": "skipped"}  # a word that is not known is not lost
    assert "suiteStatus" not in detail.report.extra


def test_one_suite_may_stand_alone() -> None:
    detail = ReportDetail.from_json({"id": "a", "suiteStatus": {"id": "A", "generalTestStatus": [{"id": "1"}]}})
    assert [test.suite_id for test in detail.tests] == ["A"]


@pytest.mark.parametrize(
    "raw", [{"A": {"passed": 3}}, [{"id": "A", "tests": [{"id": "1"}]}], "all well", [["x"]], [{"xTestStatus": {}}]]
)
def test_suites_of_a_shape_that_is_not_known_are_kept_whole(raw: object) -> None:
    detail = ReportDetail.from_json({"id": "a", "suiteStatus": raw})
    assert detail.tests == ()
    assert detail.report.extra == {"suiteStatus": raw}


@pytest.mark.parametrize("value", [0, "0", None, "", "Apr 21, 2021, 10:42:17 PM", -1, 10**30, [], {}, True, 1.5])
def test_times_that_are_none(value: object) -> None:
    assert Report.from_json({"id": "a", "startTime": value}).start_time is None


START = datetime(2023, 11, 5, 1, 42, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [1699148551000, "1699148551000", 1699148551000.0, "1699148551000.0", "2023-11-05T01:42:31Z", "2023-11-05T01:42:31"],
)
def test_a_start_time_in_any_form(value: object) -> None:
    report = Report.from_json({"id": "a", "startTime": value})
    assert (report.start_time, report.has_unreadable_start) == (START, False)


@pytest.mark.parametrize("value", ["Apr 21, 2021, 10:42:17 PM", "soon", 10**30, True, ["x"]])
def test_an_unreadable_start_time_is_marked(value: object) -> None:
    for made in (
        Report.from_json({"id": "a", "startTime": value}),
        ReportDetail.from_json({"startTime": value}, run_id="a").report,
    ):
        assert (made.start_time, made.has_unreadable_start) == (None, True)


@pytest.mark.parametrize("value", [0, "0", None, "", -1])
def test_a_report_that_has_not_started_is_not_marked(value: object) -> None:
    assert not Report.from_json({"id": "a", "startTime": value}).has_unreadable_start
    assert not Report.from_json({"id": "a"}).has_unreadable_start


@pytest.mark.parametrize("key", ["id", "ID", "runId", "runid", "reportId"])
def test_a_report_id_under_each_key(key: str) -> None:
    report = Report.from_json({key: "a", "name": "n"})
    assert (report.id, report.extra) == ("a", {})


URL = "https://inside.svc:6443/x/admin/uploads/u1"


@pytest.mark.parametrize(
    "result",
    [
        {"URL": URL},
        {"URL": URL, "previous": "/uploads/u2"},
        URL,
        f"the zip is at {URL}/download?f=json",
        [{"URL": URL}],
        [URL],
        {"itemID": "u1"},
        {"item": {"itemId": "u1", "itemName": "x.zip"}},
        {"value": {"URL": URL}},
        {"zip": f"{URL}?token=x", "page": URL},
        json.dumps({"URL": URL}),
        json.dumps({"result": json.dumps([{"itemID": "u1"}])}),
    ],
)
def test_the_upload_item_is_found_in_any_shape(result: object) -> None:
    for body in ({"result": result}, {"results": result}):
        assert Job.from_json({"jobid": "j1", "status": "COMPLETED", **body}).upload_id == "u1"


DEEP: list[object] = []
for _ in range(500):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "result",
    [None, "done", {"URL": ""}, ["/uploads/a", "/uploads/b"], "/uploads/..", {"itemID": "../x"}, DEEP, "[" * 9999],
)
def test_no_upload_item_or_several_are_none(result: object) -> None:
    assert Job.from_json({"jobid": "j1", "status": "COMPLETED", "result": result}).upload_id is None


@pytest.mark.parametrize(
    ("body", "is_read_only"), [({"isReadOnly": True}, True), ({"isreadonly": "false"}, False), ({}, None)]
)
def test_the_mode(body: dict[str, Any], is_read_only: bool | None) -> None:
    assert Mode.from_json(body).is_read_only is is_read_only


def test_privileges_that_matter() -> None:
    def account(role: str, *privileges: str) -> Account:
        return Account.from_json({"username": "u", "role": role, "privileges": [*privileges]})

    admin = account("org_admin")
    assert (admin.may_check_health, admin.may_download) == (True, True)
    operator = account("custom", "portal:admin:manageSecurity")
    assert (operator.may_check_health, operator.may_download) == (True, False)
    publisher = account("org_publisher", "portal:publisher:publishServerServices")
    assert (publisher.may_check_health, publisher.may_download) == (False, True)
    unknown = account("custom")
    assert (unknown.may_check_health, unknown.may_download) == (None, None)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_KEYS = st.sampled_from(
    [
        *("id", "jobid", "jobsUrl", "status", "result", "messages", "starttime", "endTime", "suiteStatus", "itemID"),
        *("itemName", "committed", "name", "privileges", "role", "URL", "criticalTestStatus"),
    ]
)


@given(st.dictionaries(_KEYS, _ANY, max_size=8))
def test_whatever_a_server_sends_is_a_value_or_a_protocol_error(body: dict[str, Any]) -> None:
    for read in (Report, ReportDetail, TestResult, Suite, Job, UploadItem, Account, Mode):
        try:
            made = read.from_json(body)
        except ProtocolError:
            continue
        assert isinstance(made, read)


@pytest.mark.parametrize(
    ("body", "ended", "succeeded"),
    [
        ({"status": "SUCCEEDED", "endtime": 1, "result": {"URL": "/uploads/u1"}}, True, True),
        ({"status": "COMPLETED_WITH_ERRORS", "endtime": "1"}, True, False),
        ({"status": "SUCCEEDED", "endtime": 0, "result": {"URL": "/uploads/u1"}}, False, False),
        ({"status": "EXECUTING", "endtime": 1}, False, False),
        ({"status": "FAILED", "result": {"URL": "/uploads/u1"}}, True, False),
        ({"status": "canceled"}, True, False),
        ({"jobStatus": "COMPLETED"}, True, True),
    ],
)
def test_an_end_time_ends_a_job_of_an_unknown_status(body: dict[str, Any], ended: bool, succeeded: bool) -> None:
    job = Job.from_json({"jobid": "j1", "message": "why", **body})
    assert (job.has_ended, job.succeeded) == (ended, succeeded)
    assert bool(job.failure) == (ended and not succeeded)


def test_what_a_job_says_of_itself_is_no_longer_than_a_screen() -> None:
    job = Job.from_json({"jobid": "j1", "status": "FAILED", "result": "why " * 100_000})
    assert len(job.failure) <= 1000
    assert len(Job.from_json({"jobid": "j1", "status": "odd " * 100_000}).status.word) <= 100
    with pytest.raises(ProtocolError):
        Job.from_json({"jobid": "j" * 100_000})


def test_a_long_reason_is_cut_where_no_secret_stands() -> None:
    token = Secret("canary-" + "0123456789" * 30)
    for before in range(0, 1000, 100):
        job = Job.from_json({"jobid": "j1", "status": "FAILED", "result": "x" * before + token.reveal() + "y" * 1000})
        assert "canary-0" not in job.failure


def test_a_word_for_a_result_that_is_not_known_is_kept() -> None:
    suite = {"result": "skipped", "criticalTestStatus": [{"id": "HC_1", "result": "aborted"}]}
    body = {"id": "r1", "result": "cancelled", "suiteStatus": [suite]}
    detail = ReportDetail.from_json(body)
    assert Report.from_json({"id": "r1", "result": "cancelled"}).extra == {"result": "cancelled"}
    words = [detail.report.extra, detail.suites[0].extra, detail.tests[0].extra]
    assert words == [{"result": "cancelled"}, {"result": "skipped"}, {"result": "aborted"}]
    assert {detail.report.result, detail.suites[0].result, detail.tests[0].result} == {Result.UNKNOWN}
    assert Report.from_json({"id": "r1", "result": "unknown"}).extra == {}
