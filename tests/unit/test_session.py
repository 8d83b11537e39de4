"""The session over real sockets: where the token goes, what is sent again and what never, and how long it may take."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from hcexport.api.client import Client
from hcexport.api.session import JSON_CAP, Session
from hcexport.errors import (
    HcexportError,
    NetworkError,
    NoOrganization,
    ProtocolError,
    ServerError,
    TimedOut,
    TokenRejected,
)
from hcexport.organization import Organization
from hcexport.redaction import Secret
from hcexport.times import Deadline

TOKEN = "canary-token-0123456789"
Behaviour = Callable[[socket.socket], None]


@dataclass
class Scripted:
    """A server that answers each request with the next behaviour, and remembers what it was sent."""

    behaviours: list[Behaviour]
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/e"

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with connection:
            while request := _request(connection):
                self.requests.append(request)
                behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
                try:
                    behaviour(connection)
                except OSError:
                    return


def _request(connection: socket.socket) -> bytes:
    """One whole request, empty at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            more = connection.recv(65536)
        except OSError:
            return b""
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def scripted(*behaviours: Behaviour) -> Iterator[Scripted]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Scripted(list(behaviours), port=listener.getsockname()[1])
        threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)


def answer(body: object, status: int = 200, **headers: str) -> Behaviour:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(raw)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return lambda connection: connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + raw)


def raw(*pieces: bytes, every_s: float = 0.0, then: Callable[[socket.socket], None] | None = None) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(every_s)
        (then or close)(connection)

    return behave


def close(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def silent(_connection: socket.socket) -> None:
    time.sleep(3)


OK = answer({"fine": True})


@contextmanager
def session_to(server: Scripted, timeout_s: float = 20, **options: Any) -> Iterator[Session]:
    options = {"sleep": lambda _: None, **options}
    session = Session(Organization.parse(server.url), deadline=Deadline.after(timeout_s), **options)
    try:
        yield session
    finally:
        session.close()


def fetch(server: Scripted, method: str = "get", timeout_s: float = 20, **options: Any) -> dict[str, Any]:
    with session_to(server, timeout_s, **options) as session:
        url, token = f"{server.url}/admin/x", Secret(TOKEN)
        return session.get(url, token=token) if method == "get" else session.post(url, {"a": "b"}, token=token)


def test_a_get_carries_the_token_in_a_header_and_f_json() -> None:
    with scripted(OK) as server:
        assert fetch(server) == {"fine": True}
    head = server.requests[0].decode()
    assert head.startswith("GET /e/admin/x?f=json HTTP/1.1\r\n")
    assert f"x-esri-authorization: bearer {TOKEN}" in head.lower()
    for name in ("referer: https://hcexport", "accept-encoding: identity"):
        assert name in head.lower()
    assert "cookie" not in head.lower()


def test_a_post_carries_it_in_the_body_too_and_never_in_the_url() -> None:
    with scripted(OK) as server:
        fetch(server, "post")
    head, _, body = server.requests[0].decode().partition("\r\n\r\n")
    assert head.startswith("POST /e/admin/x HTTP/1.1\r\n")
    assert set(body.split("&")) == {"a=b", "f=json", f"token={TOKEN}"}
    assert f"x-esri-authorization: bearer {TOKEN}" in head.lower()


def test_one_connection_for_gets_and_a_fresh_one_for_a_post() -> None:
    with scripted(OK) as server, session_to(server) as session:
        for _ in range(3):
            session.get(f"{server.url}/admin/x")
        assert server.connections == 1
        session.post(f"{server.url}/admin/x", {})
        assert server.connections == 2


def test_cookies_are_not_sent_back() -> None:
    with scripted(answer({}, Set_Cookie="session=1; Path=/"), OK) as server, session_to(server) as session:
        session.get(f"{server.url}/admin/x")
        session.get(f"{server.url}/admin/x")
    assert b"cookie" not in server.requests[1].lower()


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_get_follows_to_the_same_origin(status: int) -> None:
    with scripted(answer(b"", status, Location="/e/elsewhere?f=json"), OK) as server:
        assert fetch(server) == {"fine": True}
    assert server.requests[1].startswith(b"GET /e/elsewhere?f=json ")


def test_five_redirects_at_most() -> None:
    with scripted(answer(b"", 302, Location="/e/again")) as server, pytest.raises(ProtocolError):
        fetch(server, sleep=lambda _: None)
    assert len(server.requests) % 6 == 0


PLACES = [
    "{other}/x",
    "//127.0.0.1:{port}/x",
    "http://localhost:{own}/x",
    "https://127.0.0.1:{own}/x",
    "http://me@127.0.0.1:{own}/x",
    "http://127.0.0.1:{own}@127.0.0.1:{port}/x",
    "http://127.0.0.1:{own}.evil.invalid/x",
    "file:///etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "http://[/x",
    "http://169.254.169.254/latest",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("status", [302, 307])
def test_no_token_follows_to_another_origin(place: str, status: int) -> None:
    with scripted(OK) as other, scripted(OK) as server:
        location = place.format(other=other.url, port=other.port, own=server.port)
        server.behaviours = [answer(b"", status, Location=location)]
        with pytest.raises(NetworkError):
            fetch(server)
        with pytest.raises(NetworkError):
            fetch(server, "post")
    assert other.requests == []
    assert other.connections == 0


@pytest.mark.parametrize("quoted", [TOKEN, TOKEN.replace("-", "%2d"), TOKEN.replace("-", "%2D")])
def test_no_redirect_puts_the_token_into_an_address(quoted: str) -> None:
    with (
        scripted(answer(b"", 302, Location=f"/e/x?token={quoted}&f=json"), OK) as server,
        session_to(server) as session,
        pytest.raises(ProtocolError) as caught,
    ):
        session.get(f"{server.url}/admin/x", token=Secret(TOKEN), attempts=1)
    assert len(server.requests) == 1
    assert TOKEN not in caught.value.message


def test_a_post_is_never_redirected() -> None:
    with scripted(answer(b"", 307, Location="/e/elsewhere"), OK) as server, pytest.raises(ProtocolError):
        fetch(server, "post")
    assert len(server.requests) == 1


def test_the_download_goes_nowhere_else_either() -> None:
    with scripted(OK) as other, scripted(answer(b"", 302, Location=other.url)) as server, session_to(server) as session:
        with pytest.raises(ProtocolError), session.stream(f"{server.url}/f", token=Secret(TOKEN), headers={}):
            pass
        assert other.connections == 0


# What is sent again

BREAKS: dict[str, Behaviour] = {
    "closed before a byte": close,
    "reset before a byte": reset,
    "cut in the status": raw(b"HTTP/1.1 20"),
    "cut in the headers": raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "cut in the body": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"a"'),
    "reset in the body": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"a"', then=reset),
    "cut in a chunk": raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"a"'),
    "not HTTP": raw(b"SSH-2.0-OpenSSH\r\n"),
    "a bad length": raw(b"HTTP/1.1 200 OK\r\nContent-Length: minus\r\n\r\n{}"),
    "two lengths": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a page": answer(b"<html>sign in</html>", 200),
    "502": answer(b"<html>bad gateway</html>", 502),
    "500 in words": answer({"error": {"code": 500, "message": "oops"}}),
    "503": answer(b"", 503),
    "half a JSON": answer(b'{"a": '),
}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS.keys())
def test_a_get_is_tried_again_and_a_post_is_sent_once(broken: Behaviour) -> None:
    with scripted(broken, OK) as server:
        assert fetch(server) == {"fine": True}
        assert len(server.requests) == 2
    with scripted(broken, OK) as server:
        with pytest.raises(NetworkError) as caught:
            fetch(server, "post")
        assert len(server.requests) == 1
    assert not caught.value.unsent
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
def test_a_post_is_not_sent_again_because_the_server_says_when(status: int) -> None:
    """What says so may stand in front of a server that has done what it was asked."""
    with scripted(answer(b"", status, Retry_After="7"), OK) as server, pytest.raises(NetworkError) as caught:
        fetch(server, "post")
    assert (len(server.requests), caught.value.retry_after_s) == (1, 7.0)


def test_a_server_that_asks_for_more_than_there_is_gets_the_end_at_once() -> None:
    with scripted(answer(b"", 503, Retry_After="60")) as server, pytest.raises(NetworkError):
        fetch(server, timeout_s=5, sleep=lambda _: pytest.fail("slept"))
    assert len(server.requests) == 1


def test_what_was_surely_not_sent_is_sent_again_even_a_post() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = Scripted([], port=port)  # nobody listens there now
    slept: list[float] = []
    with pytest.raises(NetworkError) as caught:
        fetch(server, "post", sleep=slept.append)
    assert caught.value.unsent
    assert len(slept) == 4
    assert all(0 <= pause <= 20 for pause in slept)


def test_a_name_that_is_not_there() -> None:
    session = Session(Organization.parse("https://no-such-host.invalid/x"), sleep=lambda _: None)
    with pytest.raises(NetworkError, match=r"no-such-host\.invalid") as caught:
        session.post("https://no-such-host.invalid/x/admin", {})
    assert caught.value.unsent
    session.close()


def test_a_client_error_is_not_tried_again() -> None:
    with scripted(answer({"error": {"code": 400, "message": "no"}})) as server, pytest.raises(ServerError):
        fetch(server)
    assert len(server.requests) == 1


PAGE_404 = raw(b"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\n<html>", then=lambda _: None)
NO_PATH = answer({"error": {"code": 404, "message": "Could not find resource or operation '/e/x' on the system."}})


@pytest.mark.parametrize("behaviour", [PAGE_404, NO_PATH], ids=["a page", "in words"])
def test_an_address_without_an_organization_is_said_at_once(behaviour: Behaviour) -> None:
    with scripted(behaviour) as server, pytest.raises(NoOrganization, match=re.escape(server.url)) as caught:
        fetch(server)
    assert len(server.requests) == 1
    assert (caught.value.status, caught.value.retryable) == (6, False)


def test_a_page_that_is_missing_from_an_organization_that_has_answered_may_pass() -> None:
    with scripted(answer({"a": 1}), PAGE_404, answer({"a": 2})) as server:
        session = Session(Organization.parse(server.url), sleep=lambda _: None)
        assert [session.get(f"{server.url}/admin")["a"] for _ in range(2)] == [1, 2]
        session.close()
    assert len(server.requests) == 3


# Time

ENDLESS: dict[str, Behaviour] = {
    "silence": silent,
    "slow headers": raw(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 40, every_s=0.1),
    "a header drips": raw(b"HTTP/1.1 200 OK\r\nX: ", *[b"y"] * 40, every_s=0.1),
    "102s": raw(*[b"HTTP/1.1 102 Processing\r\n\r\n"] * 40, every_s=0.1),
    "a body drips": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{", *[b" "] * 40, every_s=0.1),
    "chunks drip": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 40, every_s=0.1),
    "it stalls": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{", then=silent),
}


@pytest.mark.parametrize("behaviour", ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_deadline_holds(behaviour: Behaviour, method: str) -> None:
    with scripted(behaviour) as server:
        began = time.monotonic()
        with pytest.raises(TimedOut):
            fetch(server, method, timeout_s=0.4)
        assert time.monotonic() - began < 1.4


DRIPS: dict[str, Behaviour] = {
    "headers": ENDLESS["slow headers"],
    "a header": ENDLESS["a header drips"],
    "early hints": raw(*[b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"] * 40, every_s=0.1),
    "a page of trouble": raw(b"HTTP/1.1 503 X\r\nContent-Length: 999\r\n\r\n", *[b"<"] * 40, every_s=0.1),
    "JSON": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{", *[b" "] * 40, every_s=0.1),
}


@pytest.mark.parametrize("behaviour", DRIPS.values(), ids=DRIPS.keys())
def test_a_download_that_drips_no_byte_of_use_ends_without_a_deadline(
    behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hcexport.api.http.READ_TIMEOUT_S", 0.3)
    monkeypatch.setattr("hcexport.api.session.REFUSAL_TIMEOUT_S", 0.3, raising=False)
    with scripted(behaviour) as server, session_to(server, 0) as session:
        began = time.monotonic()
        download = session.stream(f"{server.url}/f", token=None, headers={})
        with pytest.raises(NetworkError), download as stream:
            list(stream.chunks())
        assert time.monotonic() - began < 2


def test_a_head_is_timed_from_the_request_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from the connection on, whose own limit may be longer."""
    monkeypatch.setattr("hcexport.api.http.READ_TIMEOUT_S", 0.5)

    def slow(host: str, port: int, *_: object, **__: object) -> list[Any]:
        time.sleep(0.7 if host == "localhost" else 0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with scripted(OK) as server:
        url = f"http://localhost:{server.port}/e"
        session = Session(Organization.parse(url), connect_timeout_s=20)
        assert session.get(f"{url}/admin/x", attempts=1) == {"fine": True}
        session.close()


def test_a_resolver_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1) or [])
    session = Session(Organization.parse("https://gis.example.com/x"), deadline=Deadline.after(0.3))
    began = time.monotonic()
    with pytest.raises(TimedOut):
        session.get("https://gis.example.com/x/admin")
    assert time.monotonic() - began < 1.3
    session.close()


def test_a_connection_that_is_never_made_has_its_own_limit() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        began = time.monotonic()
        server = Scripted([], port=full.getsockname()[1])
        with pytest.raises(NetworkError) as caught:
            fetch(server, connect_timeout_s=0.1)
        assert caught.value.unsent
        assert time.monotonic() - began < 3
        for filler in fillers:
            filler.close()


# Size and form


def test_a_body_without_end_is_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    with (
        scripted(raw(head, *[piece] * (JSON_CAP // 0x100000 + 2))) as server,
        pytest.raises(ProtocolError, match="MiB"),
        session_to(server) as session,
    ):
        session.get(f"{server.url}/admin/x", attempts=1)


def test_what_was_compressed_on_the_way_is_refused() -> None:
    with scripted(answer(b"\x1f\x8b", Content_Encoding="gzip")) as server, pytest.raises(ProtocolError):
        fetch(server)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (answer({"error": {"code": 498, "message": "Invalid token."}}), TokenRejected),
        (answer(b"<html>sign in</html>", Content_Type="application/octet-stream"), ProtocolError),
        (answer({"itemID": "x", "itemName": "y"}), ProtocolError),
        (answer(b"", 502), NetworkError),
    ],
)
def test_a_download_that_is_no_file(behaviour: Behaviour, kind: type[HcexportError]) -> None:
    with scripted(behaviour) as server, session_to(server) as session:
        download = session.stream(f"{server.url}/f", token=None, headers={})
        with pytest.raises(kind), download as stream:
            list(stream.chunks())


@pytest.mark.parametrize("body", [b"PK\x03\x04 and more", b"PK\x05\x06" + bytes(18)])
@pytest.mark.parametrize("label", ["application/json", "text/html; charset=utf-8", "text/plain"])
def test_a_zip_is_known_by_its_first_bytes_whatever_its_label(body: bytes, label: str) -> None:
    with scripted(answer(body, Content_Type=label)) as server, session_to(server) as session:
        download = session.stream(f"{server.url}/f", token=None, headers={})
        with download as stream:
            assert b"".join(stream.chunks()) == body


def test_a_download_hands_out_the_bytes_as_they_are() -> None:
    body = b"PK\x03\x04" + bytes(range(256)) * 100
    with scripted(answer(body, ETag='"x"')) as server, session_to(server) as session:
        download = session.stream(f"{server.url}/f", token=None, headers={"Range": "bytes=0-"})
        with download as stream:
            assert b"".join(stream.chunks()) == body
            assert stream.headers["etag"] == '"x"'
    assert b"range: bytes=0-" in server.requests[0].lower()
    assert b"f=json" not in server.requests[0]


# The client on top of it


class Fixed:
    """Tokens that are renewed as often as somebody asks."""

    def __init__(self) -> None:
        self.handed_out = 1

    def current(self) -> Secret:
        return Secret(f"token-{self.handed_out}")

    def renewed(self, rejected: Secret) -> Secret:
        assert rejected.reveal() == f"token-{self.handed_out}"
        self.handed_out += 1
        return self.current()


INVALID = answer({"error": {"code": 498, "message": "Invalid token."}})


def test_a_token_that_is_refused_is_renewed_once_a_call() -> None:
    with scripted(INVALID, answer({"jobs": ["j1"]}), INVALID) as server, session_to(server) as session:
        client = Client(session, Fixed())
        assert client.job_ids() == ["j1"]
        with pytest.raises(TokenRejected):
            client.job_ids()
    tokens = [request.split(b"earer ")[1].split(b"\r\n")[0] for request in server.requests]
    assert tokens == [b"token-1", b"token-2", b"token-2", b"token-3"]


def test_an_export_is_sent_once_whatever_becomes_of_the_token() -> None:
    """The refusal of a token says nothing of what was done before: whoever submits looks before it is sent again."""
    with scripted(INVALID, answer({"jobid": "j1"})) as server, session_to(server) as session:
        client = Client(session, Fixed())
        with pytest.raises(TokenRejected):
            client.export_reports(["a"])
        client.renew_token()
        assert client.export_reports(["a"]).id == "j1"
    assert [b"token-1" in request for request in server.requests] == [True, False]


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
    with scripted(JOB_PLACES[place]) as server, session_to(server) as session:
        assert Client(session, Fixed()).export_reports(["a"]).id == "j1"
    assert len(server.requests) == 1


@pytest.mark.parametrize("place", OTHER_PLACES)
def test_another_redirect_or_page_names_no_job(place: str) -> None:
    with scripted(OTHER_PLACES[place]) as server, session_to(server) as session, pytest.raises(NetworkError):
        Client(session, Fixed()).export_reports(["a"])


def test_the_clock_is_read_from_answers_of_the_api_alone() -> None:
    right, wrong = "Mon, 23 Nov 2026 12:00:00 GMT", "Mon, 23 Nov 2020 12:00:00 GMT"
    gateway = answer(b"<html>bad gateway</html>", 502, Date=wrong)
    with scripted(answer({}, Date=right), gateway) as server, session_to(server) as session:
        session.get(f"{server.url}/admin/x")
        with pytest.raises(NetworkError):
            session.post(f"{server.url}/admin/x", {})
        assert session.server_now().year == 2026


def test_a_list_of_jobs_is_ids_objects_or_nonsense() -> None:
    listed = answer({"jobs": ["j1", {"jobID": "j2"}, "../x", 7]})
    with scripted(listed, answer({})) as server, session_to(server) as session:
        client = Client(session, Fixed())
        assert client.job_ids() == ["j1", "j2", "7"]
        with pytest.raises(ProtocolError):
            client.job_ids()


def test_ids_are_taken_from_urls_of_whatever_host() -> None:
    submitted = answer({"jobsUrl": "http://internal.svc:6080/other/admin/jobs/j%2D1?x=y", "status": "SUBMITTED"})
    ended = answer({"status": "COMPLETED", "result": {"url": "https://169.254.169.254/uploads/u1/"}})
    with scripted(submitted, ended) as server, session_to(server) as session:
        client = Client(session, Fixed())
        job = client.export_reports(["a", "b"])
        assert job.id == "j-1"
        assert client.job(job.id).upload_id == "u1"
    assert b"runIds=a%2Cb" in server.requests[0]
    assert server.requests[1].startswith(b"GET /e/admin/jobs/j-1?f=json ")


def listed(*pages: dict[str, Any]) -> tuple[list[str], int]:
    """The ids that are read from pages, the last of which is sent for ever, and how many were asked for."""
    with scripted(*map(answer, pages)) as server, session_to(server) as session:
        found = [report.id for page in Client(session, Fixed()).query_reports() for report in page]
    return found, len(server.requests)


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


def test_a_list_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hcexport.api.client.REPORTS_CAP", 3)
    with pytest.raises(ProtocolError):
        listed(*({"runs": [{"id": str(number)}], "nextStart": number + 2} for number in range(9)))


def test_an_answer_that_lacks_its_list_is_not_an_empty_one() -> None:
    with scripted(answer({"something": "else"})) as server, session_to(server) as session, pytest.raises(ProtocolError):
        list(Client(session, Fixed()).query_reports())
