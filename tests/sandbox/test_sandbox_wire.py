"""The sandbox as a server of HTTP/1.1, and the few lines of client that its other tests share."""

import http.client
import json
import socket
import ssl
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest

from hcexport.sandbox import Sandbox
from hcexport.sandbox.sandbox import CertificateError, self_signed

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """A client that signs as it is told and knows nothing of hcexport's own; each request has its own connection."""

    keeps_alive = False

    def __init__(self, box: Sandbox, token: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        url = urlsplit(box.url)
        self.token = token
        self.context = url.path
        self.connection = (
            http.client.HTTPSConnection(url.hostname, url.port, timeout=10, context=tls)
            if tls
            else http.client.HTTPConnection(url.hostname, url.port, timeout=10)
        )

    def send(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        try:
            self.connection.request(method, f"{self.context}/{path}", body, headers or {})
            response = self.connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            if not self.keeps_alive:
                self.connection.close()

    def get(self, path: str, *, f: str = "json", headers: dict[str, str] | None = None) -> Answer:
        query = ("&" if "?" in path else "?") + f"f={f}" if f else ""
        return self.send("GET", path + query, headers=self.signed() | (headers or {}))

    def post(self, path: str, *, headers: dict[str, str] | None = None, **form: Any) -> Answer:
        fields = {"f": "json", "token": self.token} | form
        body = urlencode({name: value for name, value in fields.items() if value})
        return self.send("POST", path, body, FORM | (headers or {}))

    def signed(self) -> dict[str, str]:
        return {"X-Esri-Authorization": f"Bearer {self.token}"} if self.token else {}


@pytest.fixture
def caller(box):
    return called(box)


def called(box: Sandbox, username: str | None = None) -> Caller:
    return Caller(box, box.new_token(username))


def test_connections_stay_open_after_answers_and_refusals(box, caller):
    caller.keeps_alive = True
    for path in ("admin", "admin/nothing", "admin/jobs", "sharing/rest/info"):
        caller.get(path)
        first = caller.connection.sock
    assert first is not None
    caller.post("admin/healthCheck/reports/export", runIds="unknown")
    assert caller.connection.sock is first
    assert box.served == 5
    caller.connection.close()


def test_requests_are_kept_for_tests_to_look_at(box, caller):
    caller.post("admin/healthCheck/reports/export?trace=1", runIds="a,b", headers={"Referer": "somewhere"})
    (request,) = box.requests
    assert (request.method, request.path) == ("POST", "/enterprise/admin/healthCheck/reports/export")
    assert (request.query, request.form["runIds"]) == ({"trace": "1"}, "a,b")
    assert request.headers["REFERER"] == request.headers["referer"] == "somewhere"


def test_a_restart_keeps_the_organization_and_the_port(box):
    caller = called(box)
    url, reports = box.url, caller.get("admin/healthCheck/reports/query?num=5").json
    box.stop()
    with pytest.raises(OSError):  # noqa: PT011 # refused or reset: the system decides
        caller.get("admin")
    box.start()
    assert box.url == url
    assert caller.get("admin/healthCheck/reports/query?num=5").json == reports


def test_a_stop_cuts_connections_that_wait(box):
    with socket.create_connection(("127.0.0.1", urlsplit(box.url).port), timeout=5) as idle:
        Caller(box).get("sharing/rest")  # so that the idle one was surely accepted before
        box.stop()
        assert idle.recv(1) == b""


def test_a_client_that_vanishes_leaves_no_trace(box, caller, capfd):
    for sent in (b"", b"GET / HT", b"POST /enterprise/admin HTTP/1.1\r\nContent-Length: 99\r\n\r\nf=js"):
        with socket.create_connection(("127.0.0.1", urlsplit(box.url).port)) as socket_:
            socket_.sendall(sent)
    assert caller.get("admin").status == 200
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("POST /enterprise/admin HTTP/1.1\r\nTransfer-Encoding: chunked", 411),
        ("POST /enterprise/admin HTTP/1.1\r\nContent-Length: -5", 411),
        ("POST /enterprise/admin HTTP/1.1\r\nContent-Length: 99999999999", 413),
        ("nonsense", 400),
    ],
)
def test_a_request_it_cannot_frame_is_refused(box, head, status):
    with socket.create_connection(("127.0.0.1", urlsplit(box.url).port), timeout=5) as socket_:
        socket_.sendall(f"{head}\r\nHost: x\r\n\r\n".encode())
        assert str(status) in socket_.makefile().read()


def test_public_urls_name_the_host_that_was_called(box, caller):
    answer = caller.get("sharing/rest/info", headers={"Host": "gis.example.com:8443"})
    assert answer.json["owningSystemUrl"] == "http://gis.example.com:8443/enterprise"


def test_it_tells_its_own_time():
    with Sandbox(clock=lambda: 1_700_000_000.0) as box:
        assert Caller(box).get("sharing/rest").headers["Date"] == "Tue, 14 Nov 2023 22:13:20 GMT"


@pytest.mark.parametrize("context", ["", "gis", "of/two"])
def test_a_context_is_any_path(context):
    with Sandbox(context=context) as box:
        caller = called(box)
        answer = caller.post("admin/healthCheck/reports/export", runIds=box.reports[0].id).json
        assert answer["jobsUrl"] == f"{box.url}/admin/jobs/{answer['jobid']}"
        job = caller.get(f"admin/jobs/{answer['jobid']}").json
        assert job["operationURI"] == f"{urlsplit(box.url).path}/admin/healthCheck/reports/export"
        assert caller.send("GET", "../elsewhere?f=json").status == 404


def test_tls_with_a_certificate_of_its_own(tmp_path):
    certificate, key = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=certificate)
    with Sandbox(certificate=(certificate, key)) as box:
        assert box.url.startswith("https://127.0.0.1:")
        info = Caller(box, tls=trusting).get("sharing/rest/info").json
        assert info["authInfo"]["tokenServicesUrl"].startswith("https://")
        with pytest.raises(ssl.SSLCertVerificationError):
            Caller(box, tls=ssl.create_default_context()).get("sharing/rest")


def test_without_openssl_there_is_a_clear_message(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CertificateError, match="openssl command is needed"):
        self_signed(tmp_path)
