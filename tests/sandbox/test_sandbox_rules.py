"""The sandbox refuses what a real organization refuses."""

import time

import pytest
from test_sandbox_wire import Caller, called

from hcexport.sandbox import Sandbox

REPORTS = "admin/healthCheck/reports"
TOKEN = "sharing/rest/generateToken"
OPERATIONS = (
    "admin/healthCheck/run",
    f"{REPORTS}/export",
    f"{REPORTS}/delete",
    f"{REPORTS}/x/rename",
    f"{REPORTS}/x/delete",
    "admin/uploads/x/delete",
    "admin/mode/update",
)
RESOURCES = ("admin", "admin/jobs", "admin/uploads", "admin/mode", "admin/healthCheck/suites", f"{REPORTS}/query?num=5")


@pytest.fixture
def caller(box):
    return called(box)


def error(answer):
    assert answer.status == 200
    return answer.json["error"]["code"]


def said(answer):
    body = answer.json
    assert body["status"] == "error"
    return answer.status, body["code"]


def is_page(answer):
    return answer.status == 200 and answer.body.startswith(b"<!DOCTYPE html>")


class TestFormat:
    @pytest.mark.parametrize("path", [*RESOURCES, *OPERATIONS, TOKEN, "sharing/rest/portals/self"])
    @pytest.mark.parametrize("f", ["", "html", "JSON"])
    def test_without_f_json_there_is_a_page(self, caller, path, f):
        assert is_page(caller.get(path, f=f))

    def test_a_post_without_f_json_does_nothing(self, caller, box):
        assert is_page(caller.post(f"{REPORTS}/delete", runIds=box.reports[0].id, f=""))
        assert len(box.reports) == 98

    @pytest.mark.parametrize("path", ["admin/healthCheck", "admin/healthCheck/reports"])
    def test_some_resources_are_pages_only(self, caller, path):
        assert is_page(caller.get(path))

    def test_pjson_is_pretty(self, caller):
        assert b'\n  "' in caller.get("admin", f="pjson").body

    @pytest.mark.parametrize("path", ["admin/nothing", f"{REPORTS}/a/b/c", "sharing/rest/nothing", "manager"])
    def test_an_unknown_path_is_not_there(self, caller, path):
        assert said(caller.get(path)) == (404, 404)
        assert caller.get(path, f="html").status == 404

    @pytest.mark.parametrize("path", [*OPERATIONS, TOKEN])
    def test_an_operation_takes_no_get(self, caller, path):
        assert said(caller.get(path)) == (405, 405)

    @pytest.mark.parametrize("path", ["admin", f"{REPORTS}/query", "admin/jobs/x"])
    def test_a_resource_takes_no_post(self, caller, path):
        assert said(caller.post(path)) == (405, 405)

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_other_methods_are_refused(self, caller, method):
        assert caller.send(method, "admin?f=json").status == 405


class TestTokens:
    @pytest.mark.parametrize("path", [*RESOURCES, "sharing/rest/community/self"])
    def test_it_is_asked_for(self, box, path):
        assert error(Caller(box).get(path)) == 499

    @pytest.mark.parametrize("path", [*RESOURCES, "sharing/rest/portals/self", "admin/uploads/x/download"])
    def test_a_wrong_one_is_refused(self, box, path):
        assert error(Caller(box, "wrong").get(path)) == 498

    @pytest.mark.parametrize("name", ["X-Esri-Authorization", "Authorization"])
    def test_it_is_taken_from_either_header(self, box, name):
        headers = {name: f"Bearer {box.new_token()}"}
        assert "fullVersion" in Caller(box).get("admin", headers=headers).json

    def test_it_is_taken_from_the_query_of_a_get(self, box):
        assert "fullVersion" in Caller(box).get(f"admin?token={box.new_token()}").json

    @pytest.mark.parametrize("path", OPERATIONS)
    def test_a_post_has_it_in_the_body_or_not_at_all(self, box, path):
        token = box.new_token()
        caller, headers = Caller(box), {"X-Esri-Authorization": f"Bearer {token}"}
        assert error(caller.post(path, headers=headers)) == 499
        assert error(caller.post(f"{path}?token={token}")) == 499
        assert error(caller.post(f"{path}?f=json", headers={"Content-Type": "text/plain"}, token=token)) == 499

    def test_it_expires(self):
        now = time.time()
        with Sandbox(clock=lambda: now) as box:
            caller = Caller(box, box.new_token(seconds=5))
            assert "fullVersion" in caller.get("admin").json
            now += 5
            assert error(caller.get("admin")) == 498

    def test_all_can_be_revoked(self, box, caller):
        box.revoke_all_tokens()
        assert error(caller.get("admin")) == 498

    @pytest.mark.parametrize(
        ("referer", "good"),
        [
            ("https://a/app", True),
            ("https://a/app/page", True),
            ("https://a/apple", False),
            ("http", False),
            ("", False),
        ],
    )
    def test_it_is_bound_to_its_referer(self, box, referer, good):
        answer = Caller(box, box.new_token(referer="https://a/app")).get("admin", headers={"Referer": referer}).json
        assert ("fullVersion" in answer) == good

    def test_a_guest_sees_the_organization_but_no_user(self, box, caller):
        assert "user" not in Caller(box).get("sharing/rest/portals/self").json
        assert caller.get("sharing/rest/portals/self").json["user"]["username"] == box.username


class TestGenerateToken:
    def ask(self, box, **form):
        known = {"username": box.username, "password": box.password, "client": "referer", "referer": "http"}
        return Caller(box).post(TOKEN, **(known | form))

    def test_a_right_password_gives_a_token_that_works(self, box):
        caller = Caller(box, self.ask(box).json["token"])
        assert caller.get("sharing/rest/community/self", headers={"Referer": "http"}).json["role"] == "org_admin"
        assert error(caller.get("sharing/rest/community/self")) == 498

    @pytest.mark.parametrize("wrong", [{"username": "Administrator"}, {"password": "wrong"}, {"username": "nobody"}])
    def test_a_wrong_name_or_password_is_refused_alike(self, box, wrong):
        assert self.ask(box, **wrong).json["error"]["details"] == ["Invalid username or password."]

    @pytest.mark.parametrize(
        "form",
        [{"referer": ""}, {"client": "ip"}, {"client": "mail"}, {"expiration": "soon"}, {"expiration": "0"}],
    )
    def test_what_makes_no_sense_is_refused(self, box, form):
        assert error(self.ask(box, **form)) == 400

    def test_a_client_may_be_left_out(self, box):
        assert "token" in self.ask(box, client="").json

    def test_a_token_may_be_bound_to_an_address(self, box):
        here = Caller(box, self.ask(box, client="requestip").json["token"])
        elsewhere = Caller(box, self.ask(box, client="ip", ip="10.1.2.3").json["token"])
        assert "fullVersion" in here.get("admin").json
        assert error(elsewhere.get("admin")) == 498

    @pytest.mark.parametrize("query", ["username=administrator", "password=x", "username=a&password=b"])
    def test_credentials_in_the_query_are_refused(self, box, query):
        answer = Caller(box).post(f"{TOKEN}?{query}", username=box.username, password=box.password, referer="http")
        assert "should not contain username and password" in answer.json["error"]["message"]

    @pytest.mark.parametrize(("minutes", "granted"), [("1", 60), ("", 1800), ("60", 1800), ("21600", 1800)])
    def test_a_life_is_granted_up_to_the_longest(self, minutes, granted):
        with Sandbox(clock=lambda: 1_700_000_000.0, token_seconds=1800) as box:
            assert self.ask(box, expiration=minutes).json["expires"] == (1_700_000_000 + granted) * 1000
            assert Caller(box).get("sharing/rest/portals/self").json["maxTokenExpirationMinutes"] == 30

    def test_five_failures_in_a_row_lock_the_account_for_a_while(self):
        now = time.time()
        with Sandbox(clock=lambda: now, lock_seconds=900) as box:
            for _ in range(4):
                self.ask(box, password="wrong")
            assert "token" in self.ask(box).json  # and the count begins anew
            for _ in range(5):
                self.ask(box, password="wrong")
            details = self.ask(box).json["error"]["details"]
            assert details == ["Too many invalid attempts. Please try again later."]
            assert "token" in self.ask(box, username="viewer").json
            now += 900
            assert "token" in self.ask(box).json


class TestPrivileges:
    def test_an_operator_may_export_but_not_download(self, box):
        operator, administrator = called(box, "operator"), called(box)
        job = operator.post(f"{REPORTS}/export", runIds=box.reports[0].id).json["jobid"]
        while "result" not in (found := operator.get(f"admin/jobs/{job}").json):
            time.sleep(0.01)
        item = found["result"]["URL"].partition("/enterprise/")[2]
        for path in ("admin/uploads", item, f"{item}/download"):
            assert error(operator.get(path)) == 403
            assert administrator.get(path).status == 200
        assert error(operator.post(f"{item}/delete")) == 403
        assert found["username"] == "operator"

    @pytest.mark.parametrize("path", [*RESOURCES, "admin/uploads/x/download"])
    def test_a_viewer_may_do_nothing_here(self, box, path):
        assert error(called(box, "viewer").get(path)) == 403
        assert error(called(box, "viewer").post(f"{REPORTS}/export", runIds="x")) == 403


class TestValues:
    @pytest.mark.parametrize("run_ids", ["", " ", "unknown", "{known},unknown", "{known},", ","])
    def test_run_ids_are_all_known_or_all_refused(self, box, caller, run_ids):
        run_ids = run_ids.format(known=box.reports[0].id)
        for operation in ("export", "delete"):
            assert said(caller.post(f"{REPORTS}/{operation}", runIds=run_ids))[0] == 200
        assert len(box.reports) == 98
        assert caller.get("admin/jobs").json == {"jobs": []}

    def test_parameters_of_a_post_are_not_read_from_its_query(self, box, caller):
        assert said(caller.post(f"{REPORTS}/export?runIds={box.reports[0].id}")) == (200, 400)

    @pytest.mark.parametrize("query", ["num=0", "num=-1", "num=ten", "num=5&start=0", "runResult=pass", "runResult="])
    def test_a_query_that_makes_no_sense_is_refused(self, caller, query):
        assert said(caller.get(f"{REPORTS}/query?{query}")) == (200, 400)

    @pytest.mark.parametrize(
        "path",
        [f"{REPORTS}/x", "admin/jobs/x", "admin/uploads/x", "admin/uploads/x/download", "admin/healthCheck/suites/x"],
    )
    def test_an_unknown_id_is_said(self, caller, path):
        assert said(caller.get(path)) == (200, 404)

    @pytest.mark.parametrize(
        "form", [{}, {"suiteIds": "BSHC-001"}, {"runName": "x"}, {"suiteIds": "X", "runName": "x"}]
    )
    def test_a_run_needs_a_suite_and_a_name(self, caller, form):
        assert said(caller.post("admin/healthCheck/run", **form))[0] == 200


class TestDeployments:
    def test_before_its_release_there_is_no_health_check(self):
        with Sandbox(version="11.1") as box:
            caller = called(box)
            assert caller.get("admin").json["fullVersion"] == "11.1"
            assert said(caller.get(f"{REPORTS}/query?num=5")) == (404, 404)

    def test_before_its_release_there_is_no_operational_suite(self):
        with Sandbox(version="11.5") as box:
            (suite,) = called(box).get("admin/healthCheck/suites").json["userSuites"]
            assert suite["id"] == "BSHC-001"

    def test_windows_and_linux_have_no_such_administrator_api(self):
        with Sandbox(deployment="ArcGISEnterprise") as box:
            caller = called(box)
            assert caller.get("sharing/rest/portals/self").json["portalDeploymentType"] == "ArcGISEnterprise"
            assert said(caller.get("admin")) == (404, 404)

    @pytest.mark.parametrize("wrong", [{"context": "/gis"}, {"version": "new"}])
    def test_what_no_organization_can_be_is_refused(self, wrong):
        with pytest.raises(ValueError, match=next(iter(wrong.values()))):
            Sandbox(**wrong)
