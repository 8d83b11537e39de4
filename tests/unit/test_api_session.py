"""The session over real sockets: where the token goes, what is sent again and what never, and how long it may take."""

from __future__ import annotations

import gzip
import re
import socket
import time
from typing import Any

import httpcore
import pytest

from hcexport.api.network import Network
from hcexport.api.redirects import find_store
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
from tests.support.script import OK, TOKEN, Script, answer, fetch, raw, session_to, silent
from tests.support.server import Answer, Line


def test_a_get_carries_the_token_in_a_header_and_f_json() -> None:
    with Script(OK) as server:
        assert fetch(server) == {"fine": True}
    head = server.sent[0].decode()
    assert head.startswith("GET /e/admin/x?f=json HTTP/1.1\r\n")
    assert f"x-esri-authorization: bearer {TOKEN}" in head.lower()
    for name in ("referer: https://hcexport", "accept-encoding: identity"):
        assert name in head.lower()
    assert "cookie" not in head.lower()


def test_a_post_carries_it_in_the_body_too_and_never_in_the_url() -> None:
    with Script(OK) as server:
        fetch(server, "post")
    head, _, body = server.sent[0].decode().partition("\r\n\r\n")
    assert head.startswith("POST /e/admin/x HTTP/1.1\r\n")
    assert set(body.split("&")) == {"a=b", "f=json", f"token={TOKEN}"}
    assert f"x-esri-authorization: bearer {TOKEN}" in head.lower()


def test_one_connection_for_gets_and_a_fresh_one_for_a_post() -> None:
    with Script(OK) as server, session_to(server) as session:
        for _ in range(3):
            session.get(f"{server.url}/admin/x")
        assert server.connections == 1
        session.post(f"{server.url}/admin/x", {})
        assert server.connections == 2


def test_cookies_are_not_sent_back() -> None:
    with Script(answer({}, Set_Cookie="session=1; Path=/"), OK) as server, session_to(server) as session:
        session.get(f"{server.url}/admin/x")
        session.get(f"{server.url}/admin/x")
    assert b"cookie" not in server.sent[1].lower()


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_get_follows_to_the_same_origin(status: int) -> None:
    with Script(answer(b"", status, Location="/e/elsewhere?f=json"), OK) as server:
        assert fetch(server) == {"fine": True}
    assert server.sent[1].startswith(b"GET /e/elsewhere?f=json ")


def test_five_redirects_at_most() -> None:
    with Script(answer(b"", 302, Location="/e/again")) as server, pytest.raises(ProtocolError):
        fetch(server, sleep=lambda _: None)
    assert len(server.sent) % 6 == 0


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
    with Script(OK) as other, Script(OK) as server:
        location = place.format(other=other.url, port=other.port, own=server.port)
        server.turns = [answer(b"", status, Location=location)]
        with pytest.raises(NetworkError):
            fetch(server)
        with pytest.raises(NetworkError):
            fetch(server, "post")
    assert other.sent == []
    assert other.connections == 0


@pytest.mark.parametrize("quoted", [TOKEN, TOKEN.replace("-", "%2d"), TOKEN.replace("-", "%2D")])
def test_no_redirect_puts_the_token_into_an_address(quoted: str) -> None:
    with (
        Script(answer(b"", 302, Location=f"/e/x?token={quoted}&f=json"), OK) as server,
        session_to(server) as session,
        pytest.raises(ProtocolError) as caught,
    ):
        session.get(f"{server.url}/admin/x", token=Secret(TOKEN), attempts=1)
    assert len(server.sent) == 1
    assert TOKEN not in caught.value.message


def test_a_post_is_never_redirected() -> None:
    with Script(answer(b"", 307, Location="/e/elsewhere"), OK) as server, pytest.raises(ProtocolError):
        fetch(server, "post")
    assert len(server.sent) == 1


ZIP = b"PK\x05\x06" + bytes(18)


def download(server: Script, **options: Any) -> bytes:
    with (
        session_to(server, **options) as session,
        session.stream(f"{server.url}/f", token=Secret(TOKEN), headers={"Range": "bytes=2-"}) as stream,
    ):
        return b"".join(stream.chunks)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_download_is_followed_to_a_store_without_what_is_ours(status: int) -> None:
    """http between two ports of this machine stands for https between two hosts."""
    notices: list[str] = []
    log: list[str] = []
    with Script(answer(ZIP, Set_Cookie="a=b")) as store, Script(OK) as server:
        place = f"http://127.0.0.1:{store.port}/bucket/x.zip?X-Amz-Signature=canary-signature"
        server.turns = [answer(b"", status, Location=place, Set_Cookie="home=1")]
        assert download(server, on_notice=notices.append, log=log.append) == ZIP
    (request,) = store.sent
    assert request.startswith(b"GET /bucket/x.zip?X-Amz-Signature=canary-signature ")
    assert b"range: bytes=2-" in request.lower()
    for ours in (TOKEN.encode(), b"authorization", b"referer", b"cookie"):
        assert ours not in request.lower()
    assert ["127.0.0.1" in notice for notice in notices] == [True]
    assert "canary-signature" not in "".join([*notices, *log])


@pytest.mark.parametrize(("hops", "arrives"), [(2, True), (3, False)])
def test_a_download_is_followed_three_times(hops: int, arrives: bool) -> None:
    with Script(OK) as store, Script(OK) as server:
        onward = answer(b"", 302, Location=f"http://127.0.0.1:{store.port}/x")
        server.turns, store.turns = [onward], [*[onward] * hops, answer(ZIP)]
        if arrives:
            assert download(server) == ZIP
        else:
            with pytest.raises(ProtocolError):
                download(server)
    assert len(store.sent) == 3


HOMELESS = [
    # there a handshake times out
    pytest.param(place, marks=pytest.mark.slow if place.startswith("https://127.0.0.1:") else ())
    for place in PLACES
    if not set(re.findall("{port}|{other}|//localhost", place))
]


@pytest.mark.parametrize("place", HOMELESS)
def test_a_download_is_not_followed_everywhere(place: str) -> None:
    with Script(OK) as server:
        server.turns = [answer(b"", 302, Location=place.format(own=server.port)), OK]
        with pytest.raises(NetworkError):
            download(server)
    assert len(server.sent) == 1


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (answer(b"<Error><Code>AccessDenied</Code></Error>", 403), ProtocolError),
        (answer(b"<Error/>", 404), ProtocolError),
        (answer(b"", 503), NetworkError),
        (answer(b"<Error><Code>NoSuchKey</Code></Error>"), ProtocolError),
    ],
)
def test_a_store_that_refuses(refusal: Answer, kind: type[HcexportError]) -> None:
    """Its 403 says nothing of token and privilege."""
    with (
        Script(refusal) as store,
        Script(answer(b"", 302, Location=store.url)) as server,
        pytest.raises(kind) as caught,
    ):
        download(server)
    assert type(caught.value) is kind


HOME = Organization.parse("https://gis.example.com/enterprise")


@pytest.mark.parametrize(
    ("place", "store"),
    [
        ("https://bucket.s3.example/x?y", "https://bucket.s3.example"),
        ("https://gis.example.com:9443/x", "https://gis.example.com:9443"),
        ("https://10.0.0.7/x", "https://10.0.0.7"),
        ("http://bucket.s3.example/x", None),
        ("https://127.0.0.1/x", None),
        ("https://127.9.9.9:8443/x", None),
        ("https://localhost/x", None),
        ("https://a.localhost./x", None),
        ("https://[::1]/x", None),
        ("https://[::ffff:127.0.0.1]/x", None),
        ("https://[fe80::1%25eth0]/x", None),
        ("https://169.254.169.254/latest/meta-data", None),
        ("https://0.0.0.0/x", None),
        ("https://user@bucket.s3.example/x", None),
        ("ftp://bucket.s3.example/x", None),
        ("https:///x", None),
        ("https://[/x", None),
    ],
)
def test_where_a_download_may_be_followed(place: str, store: str | None) -> None:
    found = find_store(place, HOME)
    assert (found and found.url) == store


def test_a_name_that_resolves_to_this_machine_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", 0))])
    with Script(OK) as server:
        network = Network(may_be_local=False)
        network.begin(Deadline.after(5), 5)
        with pytest.raises(httpcore.ConnectError):
            network.connect_tcp("bucket.s3.example", server.port)
        assert server.connections == 0


def test_a_redirect_to_another_name_names_that_name() -> None:
    place = "https://gis.example.com/enterprise/admin/x?code=canary-code"
    with Script(answer(b"", 301, Location=place)) as server, pytest.raises(ProtocolError) as caught:
        fetch(server)
    assert "https://gis.example.com " in caught.value.message
    assert "https://gis.example.com " in str(caught.value.hint)
    assert "canary-code" not in caught.value.message + str(caught.value.hint)


# What is sent again

BREAKS: dict[str, Answer] = {
    "closed before a byte": Line.fin,
    "reset before a byte": Line.reset,
    "cut in the status": raw(b"HTTP/1.1 20"),
    "cut in the headers": raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "cut in the body": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"a"'),
    "reset in the body": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"a"', then=Line.reset),
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
def test_a_get_is_tried_again_and_a_post_is_sent_once(broken: Answer) -> None:
    with Script(broken, OK) as server:
        assert fetch(server) == {"fine": True}
        assert len(server.sent) == 2
    with Script(broken, OK) as server:
        with pytest.raises(NetworkError) as caught:
            fetch(server, "post")
        assert len(server.sent) == 1
    assert not caught.value.unsent
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
def test_a_post_is_not_sent_again_because_the_server_says_when(status: int) -> None:
    """What says so may stand in front of a server that has done what it was asked."""
    with Script(answer(b"", status, Retry_After="7"), OK) as server, pytest.raises(NetworkError) as caught:
        fetch(server, "post")
    assert (len(server.sent), caught.value.retry_after_s) == (1, 7.0)


def test_retry_after_beyond_the_deadline_ends_at_once() -> None:
    with Script(answer(b"", 503, Retry_After="60")) as server, pytest.raises(NetworkError):
        fetch(server, timeout_s=5, sleep=lambda _: pytest.fail("slept"))
    assert len(server.sent) == 1


def test_what_was_surely_not_sent_is_sent_again_even_a_post() -> None:
    with Script() as server:
        pass  # nobody listens there afterwards
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
    with Script(answer({"error": {"code": 400, "message": "no"}})) as server, pytest.raises(ServerError):
        fetch(server)
    assert len(server.sent) == 1


PAGE_404 = raw(b"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\n<html>", then=lambda _: None)
NO_PATH = answer({"error": {"code": 404, "message": "Could not find resource or operation '/e/x' on the system."}})


@pytest.mark.parametrize("behaviour", [PAGE_404, NO_PATH], ids=["a page", "in words"])
def test_an_address_without_an_organization_is_said_at_once(behaviour: Answer) -> None:
    with Script(behaviour) as server, pytest.raises(NoOrganization, match=re.escape(server.url)) as caught:
        fetch(server)
    assert len(server.sent) == 1
    assert (caught.value.status, caught.value.retryable) == (6, False)


def test_a_missing_page_of_a_known_organization_may_pass() -> None:
    with Script(answer({"a": 1}), PAGE_404, answer({"a": 2})) as server:
        session = Session(Organization.parse(server.url), sleep=lambda _: None)
        assert [session.get(f"{server.url}/admin")["a"] for _ in range(2)] == [1, 2]
        session.close()
    assert len(server.sent) == 3


# Time

ENDLESS: dict[str, Answer] = {
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
def test_the_deadline_holds(behaviour: Answer, method: str) -> None:
    with Script(behaviour) as server:
        began = time.monotonic()
        with pytest.raises(TimedOut):
            fetch(server, method, timeout_s=0.4)
        assert time.monotonic() - began < 1.4


DRIPS: dict[str, Answer] = {
    "headers": ENDLESS["slow headers"],
    "a header": ENDLESS["a header drips"],
    "early hints": raw(*[b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"] * 40, every_s=0.1),
    "a page of trouble": raw(b"HTTP/1.1 503 X\r\nContent-Length: 999\r\n\r\n", *[b"<"] * 40, every_s=0.1),
    "JSON": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{", *[b" "] * 40, every_s=0.1),
}


@pytest.mark.parametrize("behaviour", DRIPS.values(), ids=DRIPS.keys())
def test_a_download_without_a_useful_byte_ends(behaviour: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hcexport.api.http.READ_TIMEOUT_S", 0.3)
    monkeypatch.setattr("hcexport.api.session.REFUSAL_TIMEOUT_S", 0.3, raising=False)
    with Script(behaviour) as server, session_to(server, 0) as session:
        began = time.monotonic()
        download = session.stream(f"{server.url}/f", token=None, headers={})
        with pytest.raises(NetworkError), download as stream:
            list(stream.chunks)
        assert time.monotonic() - began < 2


def test_a_head_is_timed_from_the_request_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from the connection on, whose own limit may be longer."""
    monkeypatch.setattr("hcexport.api.http.READ_TIMEOUT_S", 0.5)

    def slow(host: str, port: int, *_: object, **__: object) -> list[Any]:
        time.sleep(0.7 if host == "localhost" else 0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with Script(OK) as server:
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
        url = f"http://127.0.0.1:{full.getsockname()[1]}/e"
        session = Session(Organization.parse(url), sleep=lambda _: None, connect_timeout_s=0.1)
        with pytest.raises(NetworkError) as caught:
            session.get(url)
        session.close()
        assert caught.value.unsent
        assert time.monotonic() - began < 3
        for filler in fillers:
            filler.close()


# Size and form


def test_a_body_without_end_is_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    with (
        Script(raw(head, *[piece] * (JSON_CAP // 0x100000 + 2))) as server,
        pytest.raises(ProtocolError, match="MiB"),
        session_to(server) as session,
    ):
        session.get(f"{server.url}/admin/x", attempts=1)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
def test_gzip_is_unpacked(encoding: str) -> None:
    body = gzip.compress(b'{"fine": true}')
    with Script(answer(body, Content_Encoding=encoding)) as server:
        assert fetch(server) == {"fine": True}


UNPACKED_BADLY = {
    "no gzip": answer(b"\x1f\x8b", Content_Encoding="gzip"),
    "half of it": answer(gzip.compress(b'{"fine": true}' * 99)[:-9], Content_Encoding="gzip"),
    "plain": answer({"fine": True}, Content_Encoding="gzip"),
    "a bomb": answer(gzip.compress(b'{"a": "' + bytes(JSON_CAP) + b'"}'), Content_Encoding="gzip"),
    "brotli": answer(b"x", Content_Encoding="br"),
}


@pytest.mark.parametrize("behaviour", UNPACKED_BADLY.values(), ids=UNPACKED_BADLY.keys())
def test_what_cannot_be_unpacked_is_refused(behaviour: Answer) -> None:
    with Script(behaviour) as server, pytest.raises(ProtocolError):
        fetch(server)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (answer({"error": {"code": 498, "message": "Invalid token."}}), TokenRejected),
        (answer(b"<html>sign in</html>", Content_Type="application/octet-stream"), ProtocolError),
        (answer({"itemID": "x", "itemName": "y"}), ProtocolError),
        (answer(b"", 502), NetworkError),
        (
            answer(
                gzip.compress(b'{"error": {"code": 498, "message": "Invalid token."}}'),
                Content_Encoding="gzip",
                Content_Type="application/json",
            ),
            TokenRejected,
        ),
    ],
)
def test_a_download_that_is_no_file(behaviour: Answer, kind: type[HcexportError]) -> None:
    with Script(behaviour) as server, session_to(server) as session:
        download = session.stream(f"{server.url}/f", token=None, headers={})
        with pytest.raises(kind), download as stream:
            list(stream.chunks)


@pytest.mark.parametrize("body", [b"PK\x03\x04 and more", b"PK\x05\x06" + bytes(18)])
@pytest.mark.parametrize("label", ["application/json", "text/html; charset=utf-8", "text/plain"])
def test_a_zip_is_known_by_its_first_bytes_whatever_its_label(body: bytes, label: str) -> None:
    with Script(answer(body, Content_Type=label)) as server, session_to(server) as session:
        download = session.stream(f"{server.url}/f", token=None, headers={})
        with download as stream:
            assert b"".join(stream.chunks) == body


def test_a_download_hands_out_the_bytes_as_they_are() -> None:
    body = b"PK\x03\x04" + bytes(range(256)) * 100
    with Script(answer(body, ETag='"x"')) as server, session_to(server) as session:
        download = session.stream(f"{server.url}/f", token=None, headers={"Range": "bytes=0-"})
        with download as stream:
            assert b"".join(stream.chunks) == body
            assert stream.headers["etag"] == '"x"'
    assert b"range: bytes=0-" in server.sent[0].lower()
    assert b"f=json" not in server.sent[0]


def test_the_referer_can_be_another() -> None:
    with Script(answer({})) as server, session_to(server, referer="https://gis/app") as session:
        session.get(f"{server.url}/admin")
    assert b"\r\nReferer: https://gis/app\r\n" in server.sent[0]
