"""What the simulated organization knows: its past, its paging, and the zip that it makes."""

import csv
import io
import json
import time
import zipfile
from collections import Counter
from datetime import UTC, datetime

import pytest
from test_sandbox_wire import called

from hcexport.sandbox import Sandbox

REPORTS = "admin/healthCheck/reports"
UNSAFE = set('\\:*?"<>|')


@pytest.fixture
def caller(box):
    return called(box)


def rows(caller, query, limit=200):
    """Every row, page by page, with the number of pages."""
    found, start, pages = [], 1, 0
    while start != -1:
        page = caller.get(f"{REPORTS}/query?{query}&start={start}").json
        found, start, pages = found + page["runs"], page["nextStart"], pages + 1
        assert pages < limit
    assert len(found) == page["total"]
    return found, pages


def exported(box, *ids):
    """The path of an item, once it is there."""
    caller = called(box)
    job = caller.post(f"{REPORTS}/export", runIds=",".join(ids)).json["jobid"]
    while "result" not in (found := caller.get(f"admin/jobs/{job}").json):
        time.sleep(0.01)
    return found["result"]["URL"].partition("/enterprise/")[2]


def unzipped(caller, path):
    return zipfile.ZipFile(io.BytesIO(caller.get(f"{path}/download", f="").body))


class TestHistory:
    def test_it_is_the_same_for_a_seed_and_a_day(self):
        now = 1_795_000_000.0
        one, same, other = (Sandbox(clock=lambda: now, seed=seed).reports for seed in (1, 1, 2))
        assert one == same
        assert {it.id for it in one}.isdisjoint(it.id for it in other)

    @pytest.mark.parametrize("hour", [0, 2, 3, 4, 23])
    def test_it_ends_last_night(self, hour):
        now = datetime(2026, 11, 20, hour, 2, 30, tzinfo=UTC).timestamp()
        newest = Sandbox(clock=lambda: now).reports[0]
        assert 0 < now - newest.end_time / 1000 < 24.1 * 3600

    def test_it_is_told_with_failures_warnings_and_upgrades(self, box):
        reports = box.reports
        assert reports == sorted(reports, key=lambda it: it.start_time, reverse=True)
        assert len({it.id for it in reports}) == len(reports) == 98
        assert all(len(it.id) == 10 and it.id.isalnum() and it.id.islower() for it in reports)
        assert sum(it.owner == "system" for it in reports) == 4
        assert any(UNSAFE.intersection(it.name) for it in reports)
        assert max(Counter(it.name for it in reports).values()) == 2

    @pytest.mark.parametrize(("seed", "now"), [(1, 1_795_000_000.0), (7, 1_800_000_000.0)])
    def test_nights_have_the_known_answers(self, seed, now):
        reports = Sandbox(seed=seed, clock=lambda: now).reports
        nights = [it for it in reports if it.name.startswith("Nightly")]
        assert len(nights) == 90
        known = {night: {} for night in range(90)}
        for test, word, when in (
            ("HC_112_008", "fail", [61]),
            ("HC_112_003", "warning", [39]),
            ("HC_112_003", "fail", range(34, 39)),
            ("HC_112_002", "fail", [12]),
            ("HC_112_013", "warning", [0, 2, 5, 9, 17, 22, 30, 46]),
            ("HC_112_010", "warning", [6, 22, 49, 55, 79]),
            ("HC_112_012", "unknown", [28, 63]),
        ):
            for night in when:
                known[night][test] = word
        assert [dict(it.failures) for it in nights] == list(known.values())
        assert Counter(it.result for it in nights) == {"passed": 68, "warning": 13, "failed": 7, "unknown": 2}

    def test_an_upgrade_is_the_systems(self, box):
        system = {it.name: it.result for it in box.reports if it.owner == "system"}
        assert system == {
            "PostUpgrade 12.0": "warning",
            "PreUpgrade 12.0": "passed",
            "PostUpgrade 11.5": "passed",
            "PreUpgrade 11.5": "passed",
        }

    @pytest.mark.parametrize(("days", "count"), [(0, 0), (1, 1), (10, 10)])
    def test_it_can_be_shorter(self, days, count):
        assert len(Sandbox(report_days=days).reports) == count

    def test_a_hundred_thousand_more_are_made_when_asked_for(self):
        began = time.perf_counter()
        with Sandbox(extra_reports=100_000) as box:
            assert time.perf_counter() - began < 1
            page = called(box).get(f"{REPORTS}/query?num=1000&start=50001").json
        assert (page["total"], page["nextStart"], len(page["runs"])) == (100_098, 51_001, 1000)


class TestQuery:
    @pytest.mark.parametrize(("num", "pages"), [(1000, 1), (98, 1), (97, 2), (49, 2), (10, 10)])
    def test_every_report_is_on_one_page(self, box, caller, num, pages):
        found, read = rows(caller, f"num={num}")
        assert [row["id"] for row in found] == [it.id for it in reversed(box.reports)]
        assert read == pages

    def test_a_page_behind_the_end_is_empty(self, caller):
        page = caller.get(f"{REPORTS}/query?num=10&start=99").json
        assert (page["runs"], page["nextStart"], page["total"]) == ([], -1, 98)

    @pytest.mark.parametrize("words", ["passed", "failed", "warning", "unknown", "failed,warning"])
    def test_results_select(self, caller, box, words):
        found, _ = rows(caller, f"num=7&runResult={words}")
        wanted = [it.id for it in reversed(box.reports) if it.result in words.split(",")]
        assert [row["id"] for row in found] == wanted

    def test_num_is_a_thousand_when_left_out(self, caller):
        assert caller.get(f"{REPORTS}/query").json["num"] == 1000


class TestChanges:
    def test_a_report_gets_another_name(self, box, caller):
        oldest = box.reports[-1].id
        assert caller.post(f"{REPORTS}/{oldest}/rename", reportName="The first").json == {"success": True}
        assert rows(caller, "num=1000")[0][0]["name"] == box.reports[-1].name == "The first"

    def test_reports_are_deleted_for_good(self, box, caller):
        first, second, third, *_ = [it.id for it in box.reports]
        assert caller.post(f"{REPORTS}/delete", runIds=f"{first}, {second}").json == {"success": True}
        assert caller.post(f"{REPORTS}/{third}/delete").body == b""
        assert len(box.reports) == len(rows(caller, "num=1000")[0]) == 95
        assert caller.get(f"{REPORTS}/{first}").json["code"] == 404

    def test_a_run_in_the_background_is_a_job_that_leaves_a_report(self, box, caller):
        form = {"suiteIds": "BSHC-001", "runName": "By hand", "async": "true"}
        job = caller.post("admin/healthCheck/run", **form).json["jobid"]
        while "result" not in (found := caller.get(f"admin/jobs/{job}").json):
            time.sleep(0.01)
        report = caller.get(found["result"]["URL"].partition("/enterprise/")[2]).json
        assert (report["name"], report["createdBy"], report["owner"]) == ("By hand", "administrator", "user")
        assert box.reports[0].id == report["id"]

    def test_a_report_is_running_and_then_ended(self):
        now = 1_795_000_000.0
        with Sandbox(clock=lambda: now, job_seconds=13) as box:
            caller = called(box, "operator")
            form = {"suiteIds": "BSHC-001", "runName": "By hand", "async": "true"}
            job = caller.post("admin/healthCheck/run", **form).json["jobid"]
            row = rows(caller, "num=1000")[0][-1]
            report = f"{REPORTS}/{row.pop('id')}"
            begun = {"name": "By hand", "owner": "user", "createdBy": "operator", "startTime": 1_795_000_000_000}
            assert row == begun | {"state": "running"}
            assert len(rows(caller, "num=1000&runResult=passed,failed,warning,unknown")[0]) == 99
            assert len(rows(caller, "num=1000&runResult=passed,failed,warning")[0]) == 96
            for action in ("export", "delete"):
                said = caller.post(f"{REPORTS}/{action}", runIds=report.rpartition("/")[2]).json
                assert (said["status"], said["code"]) == ("error", 400)
            assert caller.post(f"{report}/delete").json["code"] == 400

            now += 5
            half = caller.get(report).json
            (suite,) = half["suiteStatus"]
            assert len(suite["criticalTestStatus"] + suite["generalTestStatus"]) == 5
            assert "result" not in half.keys() | suite.keys()
            assert caller.get(f"admin/jobs/{job}").json["status"] == "EXECUTING"

            now += 8
            row = rows(caller, "num=1000")[0][-1]
            ended = {"state": "completed", "result": "passed", "endTime": 1_795_000_013_000}
            assert row.items() >= (begun | ended).items()
            assert caller.get(f"admin/jobs/{job}").json["status"] == "COMPLETED"
            assert caller.get(report).json["suiteStatus"][0]["result"] == "passed"

    def test_two_runs_of_a_moment_and_a_name_are_two_reports(self):
        with Sandbox(clock=lambda: 1_795_000_000.0) as box:
            caller = called(box)
            for _ in range(2):
                form = {"suiteIds": "BSHC-001", "runName": "Twice", "async": "true"}
                assert caller.post("admin/healthCheck/run", **form).json["status"] == "SUBMITTED"
            assert [it.name for it in box.reports[:3]].count("Twice") == 2

    def test_a_run_takes_several_suites(self, box, caller):
        basic, operational = caller.get("admin/healthCheck/suites").json["userSuites"]
        assert "invented" in operational["name"]
        ids = f"{basic['id']},{operational['id']},{basic['id']}"
        answer = caller.post("admin/healthCheck/run", suiteIds=ids, runName="Both").json
        report = caller.get(f"admin/healthCheck{answer['URL']}").json
        assert [(it["id"], it["result"]) for it in report["suiteStatus"]] == [
            (basic["id"], "passed"),
            (operational["id"], "warning"),
        ]
        assert (report["result"], box.reports[0].name) == ("warning", "Both")
        archive = unzipped(caller, exported(box, report["id"]))
        assert json.loads(archive.read(archive.namelist()[1])) == report
        assert len(list(csv.DictReader(io.StringIO(archive.read(archive.namelist()[0]).decode())))) == 17

    def test_a_run_in_the_foreground_answers_where_its_report_is(self, box, caller):
        answer = caller.post("admin/healthCheck/run", suiteIds="BSHC-001", runName="By hand").json
        assert caller.get(f"admin/healthCheck{answer['URL']}").json["name"] == "By hand"

    def test_an_item_lasts_from_the_end_of_its_job_to_its_deletion(self):
        now = time.time()
        with Sandbox(clock=lambda: now, job_seconds=12) as box:
            caller = called(box)
            caller.post(f"{REPORTS}/export", runIds=box.reports[0].id)
            assert caller.get("admin/uploads").json == {"uploadItems": []}
            now += 12
            (item,) = caller.get("admin/uploads").json["uploadItems"]
            path = f"admin/uploads/{item['itemID']}"
            assert caller.get(path).json == item
            caller.post(f"{path}/delete")
            assert caller.get(path).json["code"] == caller.get(f"{path}/download").json["code"] == 404


class TestArchive:
    def test_it_holds_a_csv_and_a_json_of_each_report(self, box, caller):
        ids = [it.id for it in box.reports]
        archive = unzipped(caller, exported(box, *ids))
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len(set(names)) == 2 * len(ids)
        assert all(sum(i in name for name in names) == 2 for i in ids)
        assert not any(UNSAFE.intersection(name) or name.count("/") != 1 for name in names)

    def test_the_json_is_the_report_and_the_csv_has_each_test(self, box, caller):
        failed = next(it for it in box.reports if it.result == "failed")
        archive = unzipped(caller, exported(box, failed.id))
        table, document = archive.namelist()
        assert json.loads(archive.read(document)) == caller.get(f"{REPORTS}/{failed.id}").json
        tests = list(csv.DictReader(io.StringIO(archive.read(table).decode())))
        assert len(tests) == 13
        assert {it["id"] for it in tests if it["result"] == "fail"} == set(failed.failures)

    def test_what_happens_after_the_export_does_not_change_it(self, box, caller):
        report = box.reports[0]
        path = exported(box, report.id)
        before = caller.get(f"{path}/download")
        caller.post(f"{REPORTS}/{report.id}/rename", reportName="Later")
        after = caller.get(f"{path}/download")
        assert (before.headers["ETag"], before.body) == (after.headers["ETag"], after.body)

    def test_it_can_be_padded_to_a_size(self):
        with Sandbox(job_seconds=0, item_bytes=20_000_003) as box:
            caller = called(box)
            answer = caller.get(f"{exported(box, box.reports[0].id)}/download", f="")
        assert 20_000_003 < int(answer.headers["Content-Length"]) == len(answer.body) < 20_010_000
        assert zipfile.ZipFile(io.BytesIO(answer.body)).testzip() is None


class TestDownload:
    @pytest.fixture
    def path(self, box):
        return exported(box, *[it.id for it in box.reports[:3]]) + "/download"

    @pytest.fixture
    def whole(self, caller, path):
        return caller.get(path, f="")

    def test_the_whole_says_what_it_is(self, whole):
        assert whole.status == 200
        assert whole.headers["ETag"].startswith('"')
        assert whole.headers["Accept-Ranges"] == "bytes"
        assert whole.headers["Content-Disposition"].startswith('attachment; filename="healthCheckReports_')
        assert int(whole.headers["Content-Length"]) == len(whole.body)

    @pytest.mark.parametrize(
        ("asked", "part"),
        [
            ("0-0", slice(0, 1)),
            ("5-9", slice(5, 10)),
            ("100-", slice(100, None)),
            ("-10", slice(-10, None)),
            ("10-99999999", slice(10, None)),
            ("-99999999", slice(0, None)),
        ],
    )
    def test_a_range_is_given_exactly(self, caller, path, whole, asked, part):
        answer = caller.get(path, headers={"Range": f"bytes={asked}"})
        size = len(whole.body)
        start, stop, _ = part.indices(size)
        assert (answer.status, answer.body) == (206, whole.body[part])
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
        assert answer.headers["ETag"] == whole.headers["ETag"]

    @pytest.mark.parametrize("asked", ["bytes=9-5", "bytes=-", "bytes=0-1,5-6", "items=0-5", "bytes=a-b", "5-9"])
    def test_what_is_no_range_gets_the_whole(self, caller, path, whole, asked):
        answer = caller.get(path, headers={"Range": asked})
        assert (answer.status, answer.body) == (200, whole.body)

    @pytest.mark.parametrize("asked", ["{size}-", "99999999-", "-0"])
    def test_a_range_behind_the_end_is_refused(self, caller, path, whole, asked):
        size = len(whole.body)
        answer = caller.get(path, headers={"Range": f"bytes={asked.format(size=size)}"})
        assert (answer.status, answer.headers["Content-Range"], answer.body) == (416, f"bytes */{size}", b"")

    @pytest.mark.parametrize(
        ("validator", "status"),
        [("{etag}", 206), ("W/{etag}", 200), ('"other"', 200), ("Mon, 23 Nov 2026 10:00:00 GMT", 200)],
    )
    def test_if_range_holds_for_the_strong_validator_alone(self, caller, path, whole, validator, status):
        condition = validator.format(etag=whole.headers["ETag"])
        answer = caller.get(path, headers={"Range": "bytes=5-", "If-Range": condition})
        assert answer.status == status
        assert whole.body.endswith(answer.body)

    def test_head_has_no_body(self, caller, path, whole):
        answer = caller.send("HEAD", path, headers=caller.signed())
        assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(whole.body)))
        assert answer.body == b""

    def test_an_expired_token_is_said_in_json_with_status_200(self, box, caller, path):
        box.revoke_all_tokens()
        assert caller.get(path, f="").json["error"]["code"] == 498
