"""Downloads through the real client, over sockets that break, by processes that die."""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest

from hcexport.api.client import Client
from hcexport.api.session import Session
from hcexport.errors import BadDownload, NotFound, PrivilegeMissing, ProtocolError, TimedOut
from hcexport.organization import Organization
from hcexport.redaction import Secret
from hcexport.times import Deadline
from hcexport.transfer.destination import IfExists, resolve
from hcexport.transfer.download import Saved, download
from tests.support.server import Line, Server
from tests.support.zips import make_export

ITEM = b'{"itemID":"item-1","itemName":"reports.zip","committed":true}'


V1, V2 = make_export(1, 400_000), make_export(2, 400_000)
HALF = len(V1) // 2

Turn = Callable[[socket.socket, int], object]  # a connection, and the first byte that was asked for


def head(status: int, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Whatever", *lines, "", ""]).encode()


def serve(body: bytes = V1, *, etag: str = '"v1"', upto: int | None = None, reset: bool = False) -> Turn:
    """A server that knows ranges, and whose line breaks after ``upto`` bytes of each answer."""

    def turn(line: socket.socket, first: int) -> None:
        said = [f"ETag: {etag}", f"Content-Length: {len(body) - first}"]
        if first:
            said.append(f"Content-Range: bytes {first}-{len(body) - 1}/{len(body)}")
        line.sendall(head(206 if first else 200, *said))
        line.sendall(body[first:] if upto is None else body[first : first + upto])
        if reset:
            time.sleep(0.05)  # what was sent should arrive: an RST throws away what waits
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return turn


def says(status: int, body: bytes, kind: str = "application/json") -> Turn:
    said = (f"Content-Length: {len(body)}", f"Content-Type: {kind}")
    return lambda line, _: line.sendall(head(status, *said) + body)


class Turns(Server):
    """Takes its turns at the download, one a connection; the last one goes on for ever."""

    def __init__(self, *turns: Turn) -> None:
        super().__init__(self._take_turn)
        self.turns = turns
        self.asked: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/gis"

    def _take_turn(self, line: Line) -> None:
        line.fin()
        if not line.request.target.partition("?")[0].endswith("/download"):
            return line.answer(200, ITEM, content_type="application/json")
        turn = self.turns[min(len(self.asked), len(self.turns) - 1)]
        first = line.request.first_byte
        self.asked.append(first)
        turn(line.connection, first)
        return None


@pytest.fixture
def start() -> Iterator[Callable[..., Turns]]:
    with ExitStack() as started:
        yield lambda *turns: started.enter_context(Turns(*turns))


class FixedToken:
    def current(self) -> Secret:
        return Secret("token")

    def renew(self, rejected: Secret, *, is_certain: bool = True) -> Secret:
        raise AssertionError(rejected)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def save(server: Turns, folder: Path, timeout_s: float = 20.0) -> Saved:
    deadline = Deadline.after(timeout_s)
    session = Session(Organization.parse(server.url), deadline=deadline)
    try:
        return download(
            Client(session, FixedToken()),
            "item-1",
            resolve(f"{folder}/reports.zip"),
            origin="origin",
            deadline=deadline,
            sleep=lambda _: None,
        )
    finally:
        session.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("reset", [False, True])
def test_a_line_that_breaks_is_gone_on_with(start: Callable[..., Turns], folder: Path, reset: bool) -> None:
    server = start(serve(upto=HALF, reset=reset), serve())
    assert save(server, folder).sha256 == sha256(V1).hexdigest()
    assert (folder / "reports.zip").read_bytes() == V1
    assert server.asked == [0, HALF]
    assert names(folder) == ["reports.zip"]


def test_what_changed_in_between_is_not_spliced(start: Callable[..., Turns], folder: Path) -> None:
    def changed(line: socket.socket, _: int) -> None:
        serve(V2, etag='"v2"')(line, 0)

    save(start(serve(upto=HALF), changed), folder)
    assert (folder / "reports.zip").read_bytes() == V2


def test_chunks_without_a_length(start: Callable[..., Turns], folder: Path) -> None:
    def chunked(line: socket.socket, _: int) -> None:
        pieces = [V1[at : at + 5000] for at in range(0, len(V1), 5000)]
        line.sendall(head(200, "Transfer-Encoding: chunked"))
        line.sendall(b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n")

    save(start(chunked), folder)
    assert (folder / "reports.zip").read_bytes() == V1


def test_an_end_that_nobody_announced_is_checked(start: Callable[..., Turns], folder: Path) -> None:
    def until_closed(upto: int) -> Turn:
        return lambda line, _: line.sendall(head(200, "Connection: close") + V1[:upto])

    server = start(until_closed(HALF), until_closed(len(V1)))
    save(server, folder)
    assert (folder / "reports.zip").read_bytes() == V1


def test_one_that_always_comes_too_early_is_a_bad_download(start: Callable[..., Turns], folder: Path) -> None:
    with pytest.raises(BadDownload):
        save(start(lambda line, _: line.sendall(head(200, "Connection: close") + V1[:HALF])), folder)
    assert names(folder) == []


@pytest.mark.parametrize(
    ("turn", "error"),
    [
        (says(200, b"<html>sign in</html>", "text/html"), ProtocolError),
        (says(200, ITEM), ProtocolError),
        (says(404, b"{}"), NotFound),
        (says(200, b'{"error":{"code":403,"message":"no"}}'), PrivilegeMissing),
        (says(200, b"GIF89a" * 1000, "application/zip"), BadDownload),
        (lambda line, _: line.sendall(head(200, "Content-Encoding: gzip", "Content-Length: 4") + V1[:4]), BadDownload),
    ],
)
def test_what_is_not_the_file_is_what_it_is(
    start: Callable[..., Turns], folder: Path, turn: Turn, error: type[Exception]
) -> None:
    with pytest.raises(error):
        save(start(turn), folder)
    assert names(folder) == []


def test_a_stall_ends_with_the_deadline_and_the_part_stays(start: Callable[..., Turns], folder: Path) -> None:
    over = Event()

    def stall(line: socket.socket, first: int) -> None:
        serve(upto=HALF)(line, first)
        over.wait(10)

    began = time.monotonic()
    with pytest.raises(TimedOut):
        save(start(stall), folder, timeout_s=0.5)
    over.set()
    assert time.monotonic() - began < 2.5
    server = start(serve())
    save(server, folder)
    assert server.asked == [HALF]


# Processes

PROGRAM = """
import os, sys, time
if "--no-locks" in sys.argv:
    import fcntl
    fcntl.flock = lambda *_: None
if "--limit" in sys.argv:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from hcexport.api.client import Client
from hcexport.api.session import Session
from hcexport.errors import HcexportError, Interrupted
from hcexport.organization import Organization
from hcexport.redaction import Secret
from hcexport.transfer.destination import IfExists, resolve
from hcexport.transfer.download import download
import signal

def interrupted(number, frame):
    raise Interrupted(number, "a signal")

signal.signal(signal.SIGTERM, interrupted)

class Tokens:
    def current(self): return Secret("token")

url, out, if_exists = sys.argv[1:4]
client = Client(Session(Organization.parse(url)), Tokens())
try:
    download(client, "item-1", resolve(out, if_exists=IfExists(if_exists)), origin="origin")
except (HcexportError, Interrupted) as error:
    sys.exit(error.status)
"""


def process(server: Turns, folder: Path, *more: str, if_exists: IfExists = IfExists.OVERWRITE) -> subprocess.Popen[str]:
    args = [sys.executable, "-c", PROGRAM, server.url, f"{folder}/reports.zip", if_exists.value, *more]
    return subprocess.Popen(args, stdout=subprocess.PIPE, text=True)


def holds_at_half(go_on: Event) -> Turn:
    """Half of the file, and then nothing: the process is in the middle of it."""

    def turn(line: socket.socket, first: int) -> None:
        line.sendall(head(200, 'ETag: "v1"', f"Content-Length: {len(V1)}") + V1[:HALF])
        go_on.wait(20)

    return turn


def wait_for_half(folder: Path) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if any(path.stat().st_size == HALF for path in folder.glob(".hcexport-*.part")):
            return
        time.sleep(0.01)
    raise AssertionError("no part of half the size")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_a_process_that_dies_in_the_middle_is_gone_on_from(
    start: Callable[..., Turns], folder: Path, number: int, status: int
) -> None:
    go_on = Event()
    (folder / "reports.zip").write_bytes(b"old")
    server = start(holds_at_half(go_on), serve())
    with process(server, folder) as dying:
        wait_for_half(folder)
        dying.send_signal(number)
        assert dying.wait(20) == status
    go_on.set()
    assert (folder / "reports.zip").read_bytes() == b"old"
    with process(server, folder) as next_run:
        assert next_run.wait(20) == 0
    assert (folder / "reports.zip").read_bytes() == V1
    assert server.asked == [0, HALF]
    assert names(folder) == ["reports.zip"]


def test_a_limit_on_the_size_of_files_is_a_refusal_of_the_disk(start: Callable[..., Turns], folder: Path) -> None:
    with process(start(serve()), folder, "--limit") as limited:
        assert limited.wait(20) == 73
    assert all(name.startswith(".hcexport-") for name in names(folder))
    assert sum(path.stat().st_size for path in folder.glob("*.part")) == 100_000


@pytest.mark.parametrize("more", [(), ("--no-locks",)])
def test_several_at_once_each_succeed_and_leave_one_whole_file(
    start: Callable[..., Turns], folder: Path, more: tuple[str, ...]
) -> None:
    server = start(serve(upto=HALF), serve(upto=HALF), serve())
    running = [process(server, folder, *more) for _ in range(4)]
    for one in running:
        with one:
            assert one.wait(40) == 0
    assert (folder / "reports.zip").read_bytes() == V1
    assert names(folder) == ["reports.zip"]


def test_of_several_that_may_not_overwrite_one_wins(start: Callable[..., Turns], folder: Path) -> None:
    running = [process(start(serve()), folder, if_exists=IfExists.FAIL) for _ in range(3)]
    statuses = []
    for one in running:
        with one:
            statuses.append(one.wait(40))
    assert sorted(statuses) == [0, 73, 73]
    assert (folder / "reports.zip").read_bytes() == V1


def test_several_that_number_their_files_do_not_meet(start: Callable[..., Turns], folder: Path) -> None:
    running = [process(start(serve()), folder, if_exists=IfExists.RENAME) for _ in range(3)]
    for one in running:
        with one:
            assert one.wait(40) == 0
    assert names(folder) == ["reports (1).zip", "reports (2).zip", "reports.zip"]
    assert all(path.read_bytes() == V1 for path in folder.iterdir())
