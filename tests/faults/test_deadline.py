"""Bounded time: every command ends with its --timeout, or its own limit, whatever the server does with the clock."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hcexport.api.session import Session
from hcexport.errors import HcexportError, NetworkError, TimedOut
from hcexport.organization import Organization
from hcexport.times import Deadline
from tests.support.process import ForkServer
from tests.support.server import Line, Server

from .organization import CANARY, Turn, Version
from .process import GRACE_S, SMALL, environment
from .turns import dripped, drips_headers, mute, processing, stalled

PATIENT = {name: value for name, value in SMALL.items() if name.startswith("hcexport.retry.BACKOFF")}
TIMEOUT_S = 0.5


def greets_slowly(line: Line, _now: Version) -> None:
    """A body that never ends, a byte at a time."""
    line.answer(200, b"", content_length=10_000, content_type="application/json")
    line.drip(b'{"jobid": "' + b"x" * 1000, 0.05)


STALLS: dict[str, Turn] = {
    "no answer": mute,
    "a head a byte at a time": drips_headers,
    "a body a byte at a time": greets_slowly,
    "a stall in the body": stalled(0.5),
    "a drip in the body": dripped(0.5),
    "interim answers": processing(None),
}
COMMANDS = {
    "wait": ["wait", "j1", "--timeout", f"{TIMEOUT_S:g}s"],
    "export": ["export", "--latest", "1", "--wait", "--timeout", f"{TIMEOUT_S:g}s"],
    "download": ["download", "/uploads/x", "--out", "x.zip", "--timeout", f"{TIMEOUT_S:g}s"],
}


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_timeout_holds(command: str, stall: str, fork_server: ForkServer, tmp_path: Path) -> None:
    turn, words = STALLS[stall], COMMANDS[command]
    (work := tmp_path / "work").mkdir()
    with Server(lambda line: turn(line, Version(bytes(50_000), '"x"'))) as server:
        url = f"http://127.0.0.1:{server.port}/gis"
        env = environment(tmp_path / "home", HCEXPORT_TOKEN=CANARY)
        ended = fork_server.run(["hcexport", *words, "--url", url], env, work, 8, PATIENT)
    assert ended.status in {124, 6, 7}, ended.stderr
    assert ended.seconds < TIMEOUT_S + GRACE_S


@pytest.fixture
def mute_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A resolver that answers nobody, as one does whose servers are down."""
    over = threading.Event()

    def silent(*_: object, **__: object) -> None:
        over.wait(20)
        raise OSError("nobody answered")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    yield
    over.set()


@pytest.mark.usefixtures("mute_resolver")
@pytest.mark.parametrize(("total_s", "connect_s"), [(0.3, 10.0), (30.0, 0.3)])
def test_a_silent_resolver_holds_nobody_up(total_s: float, connect_s: float) -> None:
    """Both the deadline of the command and the time-out of the connection bound a name that is looked up."""
    session = Session(
        Organization.parse("https://gis.example.com/gis"),
        deadline=Deadline.after(total_s),
        connect_timeout_s=connect_s,
        sleep=lambda _: None,
    )
    began = time.monotonic()
    with pytest.raises((TimedOut, NetworkError)) as failure:
        session.get(session.organization.admin, attempts=1)
    assert time.monotonic() - began < 8  # the resolver takes 20, and a busy machine its time
    assert isinstance(failure.value, HcexportError)
    session.close()
