"""TLS and proxies in trouble for a moment: a wait and a download live through it, and keep their time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hcexport.api.network import _Stream
from hcexport.api.session import Session
from hcexport.api.tls import TlsOptions
from hcexport.organization import Organization
from tests.support.process import Ended, ForkServer
from tests.support.server import Line, Server

from . import tls
from .jobs import Exporter, shows
from .organization import CANARY, ITEM_PATH, Turn, Version, good
from .process import SMALL, environment
from .table import A
from .turns import cut

JOB = "j0861f797-e646-4a9b-af92-f5e86b2cd824"
PATH = f"/gis/admin/jobs/{JOB}"
EXECUTING, COMPLETED = shows("EXECUTING"), shows("COMPLETED")
CONSTANTS = {**SMALL, "hcexport.retry.GIVE_UP_AFTER_S": 15.0}
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
Visit = Callable[[socket.socket], bytes]


def silent(near: socket.socket) -> bytes:
    """Say nothing, until the other end has had enough."""
    near.settimeout(8)
    with suppress(OSError):
        while near.recv(4096):
            pass
    return b""


def drips(near: socket.socket) -> bytes:
    """An answer to CONNECT that never ends."""
    near.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    with suppress(OSError):
        for _ in range(80):
            near.sendall(b"y")
            threading.Event().wait(0.1)
    return b""


def says(*pieces: bytes, then: Visit = lambda _: b"") -> Visit:
    """Some bytes, then the end, or what follows."""

    def visit(near: socket.socket) -> bytes:
        near.recv(65536)
        near.sendall(b"".join(pieces))
        return then(near)

    return visit


def through(near: socket.socket) -> bytes:
    """Nothing of its own: what comes goes on."""
    return near.recv(65536)


def tunnel(near: socket.socket) -> bytes:
    """A good proxy's answer to CONNECT."""
    near.recv(65536)
    near.sendall(ESTABLISHED)
    return near.recv(65536)


def alert(code: int) -> Visit:
    """A fatal alert in place of a handshake."""
    return says(b"\x15\x03\x03\x00\x02\x02" + bytes([code]))


class Between:
    """Passes connections on to a server, but for those whose turn in ``visits`` says otherwise; the last goes on."""

    def __init__(self, port: int, visits: Sequence[Visit]) -> None:
        self._far, self._visits = port, visits
        self.count = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._socket.accept()
                visit = self._visits[min(self.count, len(self._visits) - 1)]
                self.count += 1
                threading.Thread(target=self._serve, args=(near, visit), daemon=True).start()

    def _serve(self, near: socket.socket, visit: Visit) -> None:
        with near, suppress(OSError):
            near.settimeout(8)
            if begun := visit(near):
                with socket.create_connection(("127.0.0.1", self._far)) as far:
                    far.sendall(begun)
                    threading.Thread(target=_pass_on, args=(far, near), daemon=True).start()
                    _pass_on(near, far)


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


class Run:
    """hcexport against an organization over TLS, with something between that it reaches directly or as its proxy."""

    def __init__(self, fork_server: ForkServer, folder: Path) -> None:
        self.fork_server, self.folder = fork_server, folder
        self.connections = 0
        self.exporter = Exporter([])

    def __call__(self, *argv: str, visits: Sequence[Visit], as_proxy: bool, limit_s: float = 9) -> Ended:
        (work := self.folder / "work").mkdir()
        env = environment(
            self.folder / "home", HCEXPORT_TOKEN=CANARY, SSL_CERT_FILE=tls.write_ca(self.folder / "ca.pem")
        )
        with Server(self.exporter, tls.context("good")) as server:
            between = Between(server.port, visits)
            if as_proxy:
                env["HTTPS_PROXY"] = f"http://127.0.0.1:{between.port}"
            port = server.port if as_proxy else between.port
            ended = self.fork_server.run(
                ["hcexport", *argv, "--url", f"https://127.0.0.1:{port}/gis"], env, work, limit_s, CONSTANTS
            )
            between.close()
        self.connections = between.count
        assert "Traceback" not in ended.stderr
        assert CANARY not in ended.stderr
        return ended


@pytest.fixture
def run(fork_server: ForkServer, tmp_path: Path) -> Run:
    return Run(fork_server, tmp_path)


BAD_TUNNELS: dict[str, Visit] = {
    "ends": says(ESTABLISHED),
    "does not speak TLS": says(ESTABLISHED, b"HTTP/1.1 503 Busy\r\n\r\n"),
    "is silent": says(ESTABLISHED, then=silent),
}


@pytest.mark.parametrize("how", ["ends", "is silent"])
def test_a_wait_lives_through_five_bad_tunnels(how: str, run: Run) -> None:
    """A pool that keeps them as connections in use has no room for a sixth."""
    run.exporter.turns[PATH] = [COMPLETED]
    ended = run(
        *("wait", JOB, "--timeout", "8s", "--connect-timeout", "0.5s"),
        visits=[*[BAD_TUNNELS[how]] * 5, tunnel],
        as_proxy=True,
    )
    assert (ended.status, ended.stdout) == (0, f"{JOB}\tCOMPLETED\n"), ended.stderr
    assert run.connections == 6


@pytest.mark.parametrize("how", BAD_TUNNELS)
def test_bad_tunnels_for_ever_keep_to_the_timeout(how: str, run: Run) -> None:
    ended = run("wait", JOB, "--timeout", "1s", visits=[BAD_TUNNELS[how]], as_proxy=True)
    assert ended.status in {6, 124}, ended.stderr
    assert ended.seconds < 2.5


def test_a_dripping_proxy_keeps_to_the_connect_timeout(run: Run) -> None:
    run.exporter.turns[PATH] = [COMPLETED]
    ended = run(
        *("wait", JOB, "--timeout", "0", "--connect-timeout", "0.2s"), visits=[drips, drips, tunnel], as_proxy=True
    )
    assert ended.status == 0, ended.stderr
    assert ended.seconds < 3


HICCUPS: dict[str, Visit] = {
    "internal error": alert(80),
    "unrecognized name": alert(112),
    "handshake failure": alert(40),
    "plain HTTP": says(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"),
}


def closes(status: str) -> Turn:
    """A turn of the job after which the connection ends, so that the next look needs a handshake."""

    def turn(line: Line, now: Version) -> None:
        shows(status)(line, now)
        line.fin()

    return turn


@pytest.mark.parametrize("how", HICCUPS)
def test_a_hiccup_after_a_good_answer_is_waited_through(how: str, run: Run) -> None:
    run.exporter.turns[PATH] = [closes("EXECUTING"), COMPLETED]
    ended = run("wait", JOB, "--timeout", "9s", visits=[through, *[HICCUPS[how]] * 2, through], as_proxy=False)
    assert (ended.status, ended.stdout) == (0, f"{JOB}\tCOMPLETED\n"), ended.stderr


@pytest.mark.parametrize("how", HICCUPS)
def test_a_hiccup_before_any_good_answer_ends_it_at_once(how: str, run: Run) -> None:
    run.exporter.turns[PATH] = [COMPLETED]
    ended = run("wait", JOB, "--timeout", "9s", visits=[HICCUPS[how], through], as_proxy=False)
    assert ended.status == 6, ended.stderr
    assert run.connections == 1


def test_a_download_lives_through_a_hiccup(run: Run) -> None:
    run.exporter.turns[PATH] = [COMPLETED]
    run.exporter.turns[f"{ITEM_PATH}/download"] = [cut(0.5, "rst"), good]
    ended = run(
        *("wait", JOB, "--out", "x.zip", "--timeout", "9s"),
        visits=[through, HICCUPS["internal error"], through],
        as_proxy=False,
    )
    assert ended.status == 0, ended.stderr
    assert Path(ended.stdout.strip()).read_bytes() == A.body


def test_another_certificate_for_a_moment_is_waited_through(run: Run) -> None:
    """An ingress that starts shows one of its own."""
    run.exporter.turns[PATH] = [closes("EXECUTING"), COMPLETED]
    with Server(run.exporter, tls.context("stranger")) as stranger:

        def astray(near: socket.socket) -> bytes:
            with socket.create_connection(("127.0.0.1", stranger.port)) as far:
                threading.Thread(target=_pass_on, args=(far, near), daemon=True).start()
                _pass_on(near, far)
            return b""

        ended = run("wait", JOB, "--timeout", "9s", visits=[through, astray, through], as_proxy=False)
        assert stranger.requests == []
    assert (ended.status, ended.stdout) == (0, f"{JOB}\tCOMPLETED\n"), ended.stderr


def test_an_answer_read_ahead_by_openssl_is_not_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer ends where a read of 64 KiB ends, in the middle of a record, whose rest select does not show."""
    evil = b'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"evil": 66}'
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"

    def planted(line: Line) -> None:
        size = 65_536 - len(head % 65_000)
        answer = head % size + b'{"fine": 1' + b" " * (size - 11) + b"}"
        line.send(answer[:500])  # a record of its own, so that those of 16 KiB do not end where the read does
        line.send(answer[500:], evil)

    write = _Stream.write

    def write_and_wait(stream: _Stream, *arguments: Any, **named: Any) -> None:
        write(stream, *arguments, **named)
        threading.Event().wait(0.3)  # until all of the answer has come

    monkeypatch.setattr(_Stream, "write", write_and_wait)
    with Server(planted, tls.context("good")) as server:
        organization = Organization.parse(f"https://127.0.0.1:{server.port}/gis")
        session = Session(organization, tls=TlsOptions(ca_bundle=Path(tls.write_ca(tmp_path / "ca.pem"))))
        answers = [session.get(organization.admin, attempts=1) for _ in range(2)]
        session.close()
    assert answers == [{"fine": 1}] * 2
