"""The client: which requests its methods make, and what it makes of the answers."""

from __future__ import annotations

from typing import Any

import pytest

from hcexport.api.client import Client
from hcexport.errors import (
    AuthError,
    FrontRefused,
    NetworkError,
    NotFound,
    PrivilegeMissing,
    ProtocolError,
    ServerError,
    SignInRequired,
    TokenRejected,
)
from hcexport.redaction import Secret
from tests.support.script import Script, answer, session_to
from tests.support.server import Answer


class Fixed:
    """Tokens that are renewed as often as somebody asks."""

    def __init__(self) -> None:
        self.handed_out = 1

    def current(self) -> Secret:
        return Secret(f"token-{self.handed_out}")

    def renew(self, rejected: Secret, *, is_certain: bool = True) -> Secret:
        assert rejected.reveal() == f"token-{self.handed_out}"
        self.handed_out += 1
        return self.current()


INVALID = answer({"error": {"code": 498, "message": "Invalid token."}})


def test_a_token_that_is_refused_is_renewed_once_a_call() -> None:
    with Script(INVALID, answer({"jobs": ["j1"]}), INVALID) as server, session_to(server) as session:
        client = Client(session, Fixed())
        assert client.job_ids() == ["j1"]
        with pytest.raises(TokenRejected):
            client.job_ids()
    tokens = [request.split(b"earer ")[1].split(b"\r\n")[0] for request in server.sent]
    assert tokens == [b"token-1", b"token-2", b"token-2", b"token-3"]


def test_an_export_is_sent_once_whatever_becomes_of_the_token() -> None:
    """The refusal of a token says nothing of what was done before: whoever submits looks before it is sent again."""
    with Script(INVALID, answer({"jobid": "j1"})) as server, session_to(server) as session:
        client = Client(session, Fixed())
        with pytest.raises(TokenRejected):
            client.export_reports(["a"])
        client.renew_token()
        assert client.export_reports(["a"]).id == "j1"
    assert [b"token-1" in request for request in server.sent] == [True, False]


def test_each_refusal_of_a_token_is_renewed_once() -> None:
    refusals = [
        answer({"error": {"message": "Unauthorized"}}, 401),
        answer({"error": {"code": 403, "message": "Token has expired."}}, 403),
        answer({"error": {"code": 500, "message": "Invalid token"}}, 500),
        answer({"error": {"code": 403, "messageCode": "GWM_0003", "message": "no"}}),
    ]
    script = [behaviour for refusal in refusals for behaviour in (refusal, answer({"jobs": ["j1"]}))]
    with Script(*script) as server, session_to(server) as session:
        tokens = Fixed()
        client = Client(session, tokens)
        for renewals in range(1, 5):
            assert client.job_ids() == ["j1"]
            assert tokens.handed_out == 1 + renewals
        assert len(server.sent) == 8


class OneToken(Fixed):
    """A token that nothing renews."""

    doubted = 0

    def renew(self, rejected: Secret, *, is_certain: bool = True) -> Secret:
        self.doubted += not is_certain
        raise SignInRequired("there is no other")


PRIVILEGE = answer({"error": {"code": 403, "messageCode": "GWM_0003", "message": "no permissions"}})


@pytest.mark.parametrize("tokens", [Fixed(), OneToken()])
def test_a_missing_privilege_stays_one(tokens: Fixed) -> None:
    """GWM_0003 may mean the token or a privilege: where a new token does not help, or there is none, a privilege."""
    with Script(PRIVILEGE) as server, session_to(server) as session:
        client = Client(session, tokens)
        for _ in range(2):
            with pytest.raises(PrivilegeMissing):
                client.job_ids()
        with pytest.raises(PrivilegeMissing, match="Security and infrastructure"):
            client.export_reports(["a"])
    assert isinstance(tokens, OneToken) or tokens.handed_out == 2
    assert getattr(tokens, "doubted", 3) == 3


def test_an_export_refused_with_401_is_sent_again() -> None:
    refusal = answer({"error": {"code": 401, "message": "Unauthorized"}}, 401)
    with Script(refusal, answer({"jobid": "j1"})) as server, session_to(server) as session:
        assert Client(session, Fixed()).export_reports(["a"]).id == "j1"
    assert [b"token-1" in request for request in server.sent] == [True, False]


@pytest.mark.parametrize("body", [b"", b"<html>401</html>"])
def test_a_401_without_words_of_the_api_is_renewed(body: bytes) -> None:
    """A gateway that checks tokens itself answers in its own way, or with nothing at all."""
    refusal = answer(body, 401)
    with Script(refusal, answer({"jobs": ["j1"]}), refusal) as server, session_to(server) as session:
        tokens = Fixed()
        client = Client(session, tokens)
        assert client.job_ids() == ["j1"]
        with pytest.raises(FrontRefused):  # nor does a new token help
            client.job_ids()
    assert (tokens.handed_out, len(server.sent)) == (3, 4)


@pytest.mark.parametrize(("status", "challenge"), [(401, "Basic realm=x"), (401, "Negotiate"), (403, "")])
def test_a_refusal_that_no_token_could_mend_is_not_renewed(status: int, challenge: str) -> None:
    refusal = answer(b"<html>no</html>", status, **({"WWW_Authenticate": challenge} if challenge else {}))
    with Script(refusal) as server, session_to(server) as session:
        tokens = Fixed()
        with pytest.raises(FrontRefused):
            Client(session, tokens).job_ids()
    assert (tokens.handed_out, len(server.sent)) == (1, 1)


NO_TOKEN = {"error": {"code": 499, "message": "Token Required"}}


@pytest.mark.parametrize("status", [200, 499])
def test_a_token_that_was_not_seen_goes_into_the_other_header(status: int) -> None:
    """Once, and then for the rest of the command: proxies remove headers that they do not know."""
    with Script(answer(NO_TOKEN, status), answer({"jobs": ["j1"]})) as server, session_to(server) as session:
        client = Client(session, Fixed())
        for _ in range(2):
            assert client.job_ids() == ["j1"]
    lines = [request.lower().split(b"\r\n") for request in server.sent]
    header, other = b"authorization: bearer token-1", b"x-esri-authorization: bearer token-1"
    assert [(header in sent, other in sent) for sent in lines] == [(False, True), (True, False), (True, False)]
    assert not any(b"token-1" in sent[0] for sent in lines)


def test_a_download_tries_the_other_header_as_well() -> None:
    zipped = answer(b"PK\x05\x06" + bytes(18))
    with (
        Script(answer(NO_TOKEN), zipped) as server,
        session_to(server) as session,
        Client(session, Fixed()).open_item("item") as stream,
    ):
        assert b"".join(stream.chunks)[:2] == b"PK"
    assert b"\r\nAuthorization: Bearer token-1" in server.sent[1]


def test_a_token_seen_in_neither_header() -> None:
    with Script(answer(NO_TOKEN)) as server, session_to(server) as session:
        with pytest.raises(AuthError, match="X-Esri-Authorization"):
            Client(session, OneToken()).job_ids()
        assert len(server.sent) == 2
        with pytest.raises(AuthError, match="X-Esri-Authorization"):
            Client(session, Fixed()).job_ids()
    assert [b"token-2" in request for request in server.sent[2:]] == [False, True, True]


PAGE = (
    b"<html><a href='/e/admin'>Home</a> <a href='https://x/e/admin/jobs/j1'>j1</a> <a href='/e/admin/jobs/j1?a'></html>"
)
JOB_PLACES = {
    "303": answer(b"", 303, Location="http://internal.svc/e/admin/jobs/j1?f=html"),
    "302": answer(b"<html>moved</html>", 302, Location="/e/admin/jobs/j1"),
    "page": answer(PAGE),
}
OTHER_PLACES = {
    "two jobs": answer(PAGE.replace(b"jobs/j1?", b"jobs/j2?")),
    "hostile": answer(b"", 303, Location="/e/admin/jobs/..%2f..%2fuploads"),
    "openings": answer(b"<a href='https://example.com/jobs/openings'>"),
    "sign-in": answer(b"", 302, Location="/e/sharing/signin"),
    "an error": answer(PAGE, 502),
}


@pytest.mark.parametrize("place", JOB_PLACES)
def test_a_redirect_to_the_job_or_its_page_names_it(place: str) -> None:
    with Script(JOB_PLACES[place]) as server, session_to(server) as session:
        assert Client(session, Fixed()).export_reports(["a"]).id == "j1"
    assert len(server.sent) == 1


@pytest.mark.parametrize("place", OTHER_PLACES)
def test_another_redirect_or_page_names_no_job(place: str) -> None:
    with Script(OTHER_PLACES[place]) as server, session_to(server) as session, pytest.raises(NetworkError):
        Client(session, Fixed()).export_reports(["a"])


def test_the_clock_is_read_from_answers_of_the_api_alone() -> None:
    right, wrong = "Mon, 23 Nov 2026 12:00:00 GMT", "Mon, 23 Nov 2020 12:00:00 GMT"
    gateway = answer(b"<html>bad gateway</html>", 502, Date=wrong)
    with Script(answer({}, Date=right), gateway) as server, session_to(server) as session:
        session.get(f"{server.url}/admin/x")
        with pytest.raises(NetworkError):
            session.post(f"{server.url}/admin/x", {})
        assert session.server_now().year == 2026


def test_a_list_of_jobs_is_ids_objects_or_nonsense() -> None:
    listed = answer({"jobs": ["j1", {"jobID": "j2"}, "../x", 7]})
    with Script(listed, answer({})) as server, session_to(server) as session:
        client = Client(session, Fixed())
        assert client.job_ids() == ["j1", "j2", "7"]
        with pytest.raises(ProtocolError):
            client.job_ids()


def test_ids_are_taken_from_urls_of_whatever_host() -> None:
    submitted = answer({"jobsUrl": "http://internal.svc:6080/other/admin/jobs/j%2D1?x=y", "status": "SUBMITTED"})
    ended = answer({"status": "COMPLETED", "result": {"url": "https://169.254.169.254/uploads/u1/"}})
    with Script(submitted, ended) as server, session_to(server) as session:
        client = Client(session, Fixed())
        job = client.export_reports(["a", "b"])
        assert job.id == "j-1"
        assert client.job(job.id).upload_id == "u1"
    assert b"runIds=a%2Cb" in server.sent[0]
    assert server.sent[1].startswith(b"GET /e/admin/jobs/j-1?f=json ")


def listed(*pages: dict[str, Any]) -> tuple[list[str], int]:
    """The ids that are read from pages, the last of which is sent for ever, and how many were asked for."""
    with Script(*map(answer, pages)) as server, session_to(server) as session:
        found = [report.id for page in Client(session, Fixed()).query_reports() for report in page]
    return found, len(server.sent)


@pytest.mark.parametrize("following", [1, 0, -7, 5, "x", None, "-1", "1e999", [], "5"])
def test_a_list_that_does_not_go_on_ends(following: object) -> None:
    found, requests = listed({"runs": [{"id": "a"}], "nextStart": following})
    assert found == ["a"]
    assert requests <= 2


@pytest.mark.parametrize("key", ["nextStart", "nextstart"])
@pytest.mark.parametrize("following", [2, "2", 2.0])
def test_the_next_page_is_found_however_it_is_spelled(key: str, following: object) -> None:
    pages = {"runs": [{"id": "a"}], key: following}, {"runs": [{"id": "b"}], "nextStart": -1, "total": 2}
    assert listed(*pages) == (["a", "b"], 2)


def test_a_report_that_stands_in_two_pages_is_one() -> None:
    rows = [{"id": name, "name": str(number)} for number, name in enumerate("abab")]
    assert listed({"runs": rows, "nextStart": 5}, {"runs": [*rows, {"id": "c"}], "nextStart": 9}, {"runs": rows}) == (
        ["a", "b", "c"],
        3,
    )


@pytest.mark.parametrize("empty", [{"total": 0}, {"runs": None, "total": 0}, {"runs": [], "total": 0, "nextStart": 1}])
def test_a_list_that_is_left_out_is_empty(empty: dict[str, Any]) -> None:
    assert listed(empty) == ([], 1)


def test_fewer_reports_than_the_server_counts_are_an_error() -> None:
    with pytest.raises(ProtocolError, match=r"8.*3"):
        listed({"runs": [{"id": "a"}, {"id": "b"}, {"id": "c"}], "total": 8})


@pytest.mark.parametrize("total", [8, "8", 8.0])
@pytest.mark.parametrize("key", ["total", "Total"])
def test_the_total_counts_in_any_form(key: str, total: object) -> None:
    with pytest.raises(ProtocolError, match=r"8.*1"):
        listed({"Runs": [{"id": "a"}], key: total})


def test_rows_without_an_id_are_left_out_with_a_warning() -> None:
    warnings: list[str] = []
    rows = [{"name": "nameless"}, {"runId": "a"}, {"reportId": "b"}, {"id": "../x"}, "no row"]
    with (
        Script(answer({"runs": rows, "total": 5, "nextStart": -1})) as server,
        session_to(server, on_warning=warnings.append) as session,
    ):
        pages = list(Client(session, Fixed()).query_reports())
    assert [report.id for page in pages for report in page] == ["a", "b"]
    assert ["3" in warning for warning in warnings] == [True]


def test_a_list_of_rows_without_any_id_is_no_list() -> None:
    with pytest.raises(ProtocolError):
        listed({"runs": [{"name": "a"}, {"name": "b"}], "total": 2})


def test_a_list_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hcexport.api.client.REPORTS_CAP", 3)
    with pytest.raises(ProtocolError):
        listed(*({"runs": [{"id": str(number)}], "nextStart": number + 2} for number in range(9)))


def test_an_answer_that_lacks_its_list_is_not_an_empty_one() -> None:
    with Script(answer({"something": "else"})) as server, session_to(server) as session, pytest.raises(ProtocolError):
        list(Client(session, Fixed()).query_reports())


# Job pages that name another job


def job_page(named: str, status: str = "EXECUTING") -> Answer:
    return answer({"jobid": named, "status": status})


def test_a_job_page_that_keeps_naming_another_job_is_accepted() -> None:
    warnings: list[str] = []
    with Script(job_page("j2")) as server, session_to(server, on_warning=warnings.append) as session:
        client = Client(session, Fixed())
        assert [client.job("j1").id for _ in range(3)] == ["j1"] * 3
    assert len(server.sent) == 5  # three for the first look, one for each look after it
    assert server.connections == 3
    assert ["j1" in warning and "j2" in warning for warning in warnings] == [True]


def test_a_server_that_names_other_jobs_is_warned_of_once() -> None:
    warned: list[str] = []
    with Script(job_page("j9")) as server, session_to(server, on_warning=warned.append) as session:
        client = Client(session, Fixed())
        assert [client.job(f"j{number}").id for number in range(3)] == ["j0", "j1", "j2"]
    assert len(warned) == 1


def test_a_planted_job_page_is_not_believed() -> None:
    with Script(job_page("j2", "COMPLETED"), job_page("J1")) as server, session_to(server) as session:
        job = Client(session, Fixed()).job("j1")
    assert (job.id, job.status.word) == ("j1", "EXECUTING")
    assert server.connections == 2


def test_job_pages_that_name_this_and_that_are_an_error() -> None:
    pages = job_page("j2"), job_page("j3")
    with Script(*pages) as server, session_to(server) as session, pytest.raises(ProtocolError):
        Client(session, Fixed()).job("j1")


# Endpoints


def test_a_check_is_started_once_and_asynchronously() -> None:
    started = answer({"jobid": "j1", "status": "SUBMITTED"})
    with Script(started, answer(b"", 502)) as server, session_to(server) as session:
        client = Client(session, Fixed())
        assert client.run_check(["BSHC-001", "OPHC-001"], "nightly").id == "j1"
        with pytest.raises(NetworkError):
            client.run_check(["BSHC-001"], "nightly")
    first, second = server.sent
    head, _, body = first.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /e/admin/healthCheck/run ")
    assert {b"suiteIds=BSHC-001%2COPHC-001", b"runName=nightly", b"async=true"} < set(body.split(b"&"))
    assert second.startswith(b"POST ")


def test_reports_are_deleted_by_their_ids() -> None:
    with Script(answer({"success": True}), answer({"success": False})) as server, session_to(server) as session:
        client = Client(session, Fixed())
        client.delete_reports(["a", "b"])
        with pytest.raises(ServerError):
            client.delete_reports(["a"])
    assert server.sent[0].startswith(b"POST /e/admin/healthCheck/reports/delete ")
    assert b"runIds=a%2Cb" in server.sent[0]


def test_suites_and_mode() -> None:
    suites = answer({"userSuites": [{"id": "BSHC-001", "name": "Basic"}, "no suite"]})
    with Script(suites, answer({"isReadOnly": True})) as server, session_to(server) as session:
        client = Client(session, Fixed())
        assert [(suite.id, suite.name) for suite in client.suites()] == [("BSHC-001", "Basic")]
        assert client.mode().is_read_only is True
    assert [request.split(b"?")[0] for request in server.sent] == [
        b"GET /e/admin/healthCheck/suites",
        b"GET /e/admin/mode",
    ]


@pytest.mark.parametrize(("path", "needed"), [("job", "Publisher"), ("report", "Security and infrastructure")])
def test_a_refusal_names_the_privilege_required(path: str, needed: str) -> None:
    refusal = answer({"error": {"code": 403, "message": "no"}})
    with Script(refusal) as server, session_to(server) as session, pytest.raises(PrivilegeMissing, match=needed):
        getattr(Client(session, Fixed()), path)("x1")


@pytest.mark.parametrize(
    ("method", "name"), [("report", "report x-1"), ("job", "job x-1"), ("upload_item", "upload item x-1")]
)
def test_what_was_not_found_is_named(method: str, name: str) -> None:
    missing = answer({"error": {"code": 404, "message": "Item was not found."}})
    with Script(missing) as server, session_to(server) as session, pytest.raises(NotFound, match=name):
        getattr(Client(session, Fixed()), method)("x-1")


def test_no_privilege_is_named_where_the_license_is_missing() -> None:
    refusal = answer({"error": {"code": 403, "message": "The license has expired."}})
    with Script(refusal) as server, session_to(server) as session, pytest.raises(PrivilegeMissing) as caught:
        Client(session, Fixed()).export_reports(["a"])
    assert (caught.value.message, caught.value.hint) == ("not allowed: The license has expired.", None)
