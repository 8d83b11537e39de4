"""Pings over a socket: what a monitor receives, and how long one that misbehaves may hold up a run."""

from __future__ import annotations

import os
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

from hcexport.errors import ConfigError
from hcexport.notify import ping as module
from hcexport.notify.ping import BODY_CAP, Ping, PingUrl, last_bytes, read_ping_file
from hcexport.redaction import Secret, redact
from tests.support.server import Answer, Line, Server

KEY = "0b9f4c1e-2a77-4c55-9d0e-6f1c3a5e7d21"
Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A monitor that answers as it is told; without an order it takes every ping."""
    with ExitStack() as stack:

        def start(answer: Answer = Line.answer, context: ssl.SSLContext | None = None) -> Server:
            return stack.enter_context(Server(answer, context))

        yield start


@dataclass
class Pause:
    """A sleep that takes no time and remembers how long it should have been."""

    total: float = 0.0

    def __call__(self, seconds: float) -> None:
        self.total += seconds


def ping_to(monitor: Server, path: str = f"/ping/{KEY}", scheme: str = "http") -> Ping:
    return Ping(PingUrl.parse(f"{scheme}://127.0.0.1:{monitor.port}{path}", "HCEXPORT_PING"), sleep=Pause())


def received(monitor: Server) -> list[str]:
    return [urlsplit(request.target).path for request in monitor.requests]


class TestProtocol:
    def test_start_and_end_are_a_pair(self, serve: Serve) -> None:
        monitor = serve()
        ping = ping_to(monitor)
        ping.start()
        assert ping.end(0, "saved reports.zip\n") == ""
        first, last = monitor.requests
        assert [first.method, last.method] == ["POST", "POST"]
        assert received(monitor) == [f"/ping/{KEY}/start", f"/ping/{KEY}/0"]
        assert [first.body, last.body] == [b"", b"saved reports.zip\n"]
        runs = [parse_qs(urlsplit(each.target).query)["rid"] for each in monitor.requests]
        assert runs[0] == runs[1]
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", runs[0][0])

    def test_each_run_has_its_own_id(self, serve: Serve) -> None:
        monitor = serve()
        for _ in range(2):
            ping_to(monitor).end(0, "")
        assert len({request.target for request in monitor.requests}) == 2

    @pytest.mark.parametrize(("status", "word"), [(0, "0"), (10, "10"), (75, "log"), (78, "78"), (143, "143")])
    def test_how_it_ended(self, serve: Serve, status: int, word: str) -> None:
        monitor = serve()
        assert ping_to(monitor).end(status, "") == ""
        assert received(monitor) == [f"/ping/{KEY}/{word}"]

    def test_a_slug_with_its_own_query(self, serve: Serve) -> None:
        monitor = serve()
        ping_to(monitor, "/AbCdEfGh0123456789xyzA/nightly/?create=1").end(0, "")
        path, _, query = monitor.requests[0].target.partition("?")
        assert path == "/AbCdEfGh0123456789xyzA/nightly/0"
        assert query.startswith("create=1&rid=")

    def test_the_body_is_the_end_of_what_was_said_without_secrets(self, serve: Serve) -> None:
        secret = Secret("canary-of-the-ping-body")
        monitor = serve()
        ping_to(monitor).end(6, "first\n" + "ö" * BODY_CAP + f"\ntoken={secret.reveal()} last")
        body = monitor.requests[0].body
        assert len(body) <= BODY_CAP
        assert body.decode().endswith("token=*** last")
        assert b"first" not in body

    @pytest.mark.parametrize("text", ["", "x", "x" * BODY_CAP, "é" * BODY_CAP, "x" + "€" * BODY_CAP, "\ud800"])
    def test_whole_characters(self, text: str) -> None:
        cut = last_bytes(text)
        assert len(cut) in range(min(len(text), BODY_CAP - 3), BODY_CAP + 1)
        assert text.encode("utf-8", "replace").endswith(cut)
        assert cut.decode() is not None

    def test_nothing_of_ours_goes_out(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        proxy, monitor = serve(), serve()
        token = Secret("canary-of-the-ping-head")
        monkeypatch.setenv("HCEXPORT_TOKEN", token.reveal())
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        ping_to(monitor).end(0, "")
        assert proxy.requests == []
        assert not {"authorization", "x-esri-authorization", "cookie"} & set(monitor.requests[0].headers)
        assert token.reveal().encode() not in monitor.requests[0].raw


class TestTls:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def monitor(self, serve: Serve, authority: trustme.CA) -> Server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        return serve(context=context)

    def test_our_bundle_is_not_used(
        self, monitor: Server, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("HCEXPORT_CA_BUNDLE", str(tmp_path / "ca.pem"))
        assert "does not trust" in ping_to(monitor, scheme="https").end(0, "")
        assert monitor.requests == []

    def test_the_store_of_the_machine_is_used(
        self, monitor: Server, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert ping_to(monitor, scheme="https").end(0, "") == ""
        assert received(monitor) == [f"/ping/{KEY}/0"]

    def test_a_store_that_cannot_be_read(self, monitor: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
        assert "/no/such/file" in ping_to(monitor, scheme="https").end(0, "")


class TestMonitorInTrouble:
    @pytest.mark.parametrize(("status", "tries"), [(500, 3), (503, 3), (429, 3), (408, 3), (404, 1), (409, 1)])
    def test_it_refuses(self, serve: Serve, status: int, tries: int) -> None:
        monitor = serve(lambda line: line.answer(status, b"no"))
        warning = ping_to(monitor).end(0, "")
        assert str(status) in warning
        assert len(monitor.requests) == tries

    def test_it_takes_the_third_try(self, serve: Serve) -> None:
        monitor = serve(lambda line: line.answer(200 if len(monitor.requests) == 3 else 502))
        assert ping_to(monitor).end(0, "again") == ""
        assert [request.body for request in monitor.requests] == [b"again"] * 3
        assert len({request.target for request in monitor.requests}) == 1

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_it_redirects(self, serve: Serve, status: int) -> None:
        elsewhere = serve()
        monitor = serve(lambda line: line.answer(status, location=f"http://127.0.0.1:{elsewhere.port}/x"))
        assert str(status) in ping_to(monitor).end(0, "")
        assert elsewhere.requests == []

    def test_nobody_listens(self, serve: Serve) -> None:
        monitor = serve()
        monitor.stop()
        ping = ping_to(monitor)
        ping.start()
        warning = ping.end(0, "")
        assert "127.0.0.1" in warning
        assert KEY not in warning

    def test_it_breaks_off(self, serve: Serve) -> None:
        monitor = serve(Line.reset)
        assert ping_to(monitor).end(0, "")
        assert len(monitor.requests) == 3

    @pytest.mark.parametrize("answer", [Line.stall, lambda line: line.drip(b"HTTP/1.1 200 OK\r\n" * 99, 0.05)])
    def test_it_is_mute_or_drips(self, serve: Serve, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
        monkeypatch.setattr(module, "TRY_S", 0.2)
        monitor = serve(answer)
        begin = time.monotonic()
        assert "in time" in ping_to(monitor).end(0, "")
        assert 0.5 < time.monotonic() - begin < 3
        assert len(monitor.requests) == 3

    def test_it_is_mute_for_start_and_end(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        """Both together cost the time of one."""
        monkeypatch.setattr(module, "TRY_S", 0.5)
        monkeypatch.setattr(module, "WHOLE_S", 1.5)
        monkeypatch.setattr(module, "PAUSE_S", 0.01)
        monitor = serve(Line.stall)
        ping = ping_to(monitor)
        begin = time.monotonic()
        ping.start()
        assert time.monotonic() - begin < 0.3
        assert ping.end(0, "")
        assert 1 < time.monotonic() - begin < 2.5
        assert received(monitor)[0] == f"/ping/{KEY}/start"
        assert set(received(monitor)[1:]) == {f"/ping/{KEY}/0"}

    def test_a_long_answer_is_not_read(self, serve: Serve) -> None:
        monitor = serve(lambda line: (line.answer(200, content_length=10**9), line.stall()))
        begin = time.monotonic()
        assert ping_to(monitor).end(0, "") == ""
        assert time.monotonic() - begin < 3

    def test_it_is_slow_at_the_start(self, serve: Serve) -> None:
        """The end waits for the start, which would else open the run anew after its end."""
        monitor = serve(lambda line: (time.sleep(0.3 * ("start" in line.request.target)), line.answer()))
        ping = ping_to(monitor)
        ping.start()
        assert ping.end(0, "") == ""
        assert received(monitor) == [f"/ping/{KEY}/start", f"/ping/{KEY}/0"]

    def test_a_start_that_failed_is_said_with_the_end(self, serve: Serve) -> None:
        monitor = serve(lambda line: line.answer(404 if "start" in line.request.target else 200))
        ping = ping_to(monitor)
        ping.start()
        assert "404" in ping.end(0, "")
        assert received(monitor)[-1] == f"/ping/{KEY}/0"

    def test_a_start_is_not_tried_again_after_the_end(self, serve: Serve) -> None:
        monitor = serve(lambda line: line.answer(500 if "start" in line.request.target else 200))
        ping = Ping(ping_to(monitor)._url, sleep=lambda _: time.sleep(0.2))
        ping.start()
        while not monitor.requests:
            time.sleep(0.01)
        assert "500" in ping.end(0, "")
        seen = received(monitor)
        time.sleep(0.5)
        assert received(monitor) == seen
        assert seen[-1] == f"/ping/{KEY}/0"

    def test_after_a_signal_there_is_one_short_try(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "HURRY_S", 0.4)
        monitor = serve(Line.stall)
        ping = ping_to(monitor)
        ping.start()
        begin = time.monotonic()
        assert ping.end(143, "")
        assert time.monotonic() - begin < 2
        assert received(monitor).count(f"/ping/{KEY}/143") == 1

    def test_after_a_signal_nothing_is_tried_again(self, serve: Serve) -> None:
        monitor = serve(lambda line: line.answer(500))
        assert "500" in ping_to(monitor).end(130, "")
        assert len(monitor.requests) == 1

    def test_the_limits_are_the_promised_ones(self) -> None:
        assert (module.TRIES, module.TRY_S, module.WHOLE_S, module.HURRY_S) == (3, 10, 30, 0.8)

    def test_no_pause_beyond_the_whole_time(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        monitor, pause, now = serve(lambda line: line.answer(503)), Pause(), 0.0

        def clock() -> float:
            return now + pause.total

        monkeypatch.setattr(module, "PAUSE_S", 16.0)
        Ping(ping_to(monitor)._url, clock=clock, sleep=pause).end(0, "")
        assert (len(monitor.requests), pause.total) == (2, 16)


class TestUrl:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "hc-ping.com/" + KEY,
            "http://hc-ping.com/" + KEY,
            "http://127.0.0.1.example.com/" + KEY,
            "ftp://127.0.0.1/" + KEY,
            "https:///" + KEY,
            "https://hc-ping.com:port/" + KEY,
            "https://me:pass@hc-ping.com/" + KEY,
            "https://hc-ping.com/a b/" + KEY,
            "https://hc-ping.com/\n" + KEY,
            "https://hc-ping.com/ö" + KEY,
        ],
    )
    def test_refused(self, text: str) -> None:
        with pytest.raises(ConfigError) as caught:
            PingUrl.parse(text, "HCEXPORT_PING")
        assert caught.value.status == 78
        assert caught.value.message.startswith("HCEXPORT_PING: ")
        assert KEY not in f"{caught.value.message} {caught.value.hint}"

    @pytest.mark.parametrize(
        "text", ["https://hc-ping.com/x", "http://localhost:8000/x", "http://[::1]:8000/x", " http://127.0.0.1/x\n"]
    )
    def test_taken(self, text: str) -> None:
        assert PingUrl.parse(text, "x").of("start", "r") == f"{text.strip()}/start?rid=r"

    @pytest.mark.parametrize("path", [f"/{KEY}", f"/ping/{KEY}", f"/healthchecks/ping/{KEY}", f"/{KEY}/hcexport-prod"])
    def test_the_key_never_shows(self, path: str) -> None:
        url = PingUrl.parse(f"https://hc-ping.com{path}", "x")
        sent = url.of("0", "r")
        said = f"{url} {url!r} {Ping(url)!r} {redact(sent)}"
        assert not any(KEY[at : at + 9] in said for at in range(len(KEY) - 8))
        assert "https://hc-ping.com" in said

    @pytest.mark.parametrize("path", ["/secretping", "/ping/my-own-key", "/p?key=lowercase"])
    def test_a_key_of_another_form_never_shows(self, path: str) -> None:
        url = PingUrl.parse(f"https://monitor.example.com{path}", "x")
        assert path.rpartition("/")[2].rpartition("=")[2] not in redact(url.of("0", "r"))

    @pytest.mark.parametrize("path", [f"/healthchecks/{KEY}", f"/{KEY}/hcexport-automation", "/hcexport"])
    def test_our_own_words_still_show(self, path: str) -> None:
        PingUrl.parse(f"https://monitor.example.org{path}", "x")
        said = "hcexport wait j1, man hcexport-automation, http://127.0.0.1:8000 https://hcp.example.org healthcheck_x"
        assert redact(said) == said


class TestFile:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "ping"
        path.write_text(f"https://hc-ping.com/{KEY}\n")
        path.chmod(0o600)
        return path

    def test_content(self, file: Path) -> None:
        assert read_ping_file(file) == PingUrl.parse(f"https://hc-ping.com/{KEY}", "x")

    def test_a_link_as_kubernetes_mounts_it(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(file)
        assert read_ping_file(tmp_path / "link").path == f"/{KEY}"

    @pytest.mark.parametrize("loose", [0o644, 0o604, 0o602, 0o622, 0o777])
    def test_others_have_rights_on_it(self, file: Path, loose: int) -> None:
        file.chmod(loose)
        with pytest.raises(ConfigError) as caught:
            read_ping_file(file)
        assert str(file) in f"{caught.value.message} {caught.value.hint}"
        assert KEY not in f"{caught.value.message} {caught.value.hint}"

    @pytest.mark.parametrize(
        ("owner", "mode", "refused"), [(0, 0o440, False), (0, 0o444, True), (1234, 0o400, True), (1234, 0o440, True)]
    )
    def test_whose_it_is(
        self, file: Path, monkeypatch: pytest.MonkeyPatch, owner: int, mode: int, refused: bool
    ) -> None:
        """Kubernetes and systemd hand a secret to a service as root's file, readable for its group."""
        file.chmod(mode)
        real = os.fstat

        def owned(descriptor: int) -> os.stat_result:
            found = list(real(descriptor))
            found[4] = owner
            return os.stat_result(found)

        monkeypatch.setattr(module.os, "fstat", owned)
        if refused:
            with pytest.raises(ConfigError):
                read_ping_file(file)
        else:
            assert read_ping_file(file).path == f"/{KEY}"

    @pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 10_000, f"no url {KEY}".encode()])
    def test_no_url_in_it(self, file: Path, content: bytes) -> None:
        file.write_bytes(content)
        with pytest.raises(ConfigError, match=re.escape(str(file))) as caught:
            read_ping_file(file)
        assert KEY not in caught.value.message

    def test_what_cannot_be_read(self, tmp_path: Path) -> None:
        for path in (tmp_path / "missing", tmp_path, Path("/dev/zero"), Path("~nobody-of-that-name/x"), Path("a\0b")):
            with pytest.raises(ConfigError, match="HCEXPORT_PING_FILE"):
                read_ping_file(path)
