"""A server that answers each request with the next of its turns, the turns, and a session to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hcexport.api.session import Session
from hcexport.organization import Organization
from hcexport.redaction import Secret
from hcexport.times import Deadline

from .server import Answer, Line, Server

TOKEN = "canary-token-0123456789"


class Script(Server):
    """Answers each request with the next turn, and each after the last with the last."""

    def __init__(self, *turns: Answer) -> None:
        super().__init__(self._take_turn)
        self.turns = list(turns)

    @property
    def url(self) -> str:
        """The address of the organization."""
        return f"http://127.0.0.1:{self.port}/e"

    @property
    def sent(self) -> list[bytes]:
        """Each request as it came."""
        return [request.raw for request in self.requests]

    def _take_turn(self, line: Line) -> None:
        turn = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        turn(line)


def answer(body: object, status: int = 200, **headers: str) -> Answer:
    """Answer with bytes, or with anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda line: line.answer(status, content, **headers)


def raw(*pieces: bytes, every_s: float = 0.0, then: Answer = Line.fin) -> Answer:
    """Send the pieces as they are, with a pause after each, and end as ``then`` does."""

    def turn(line: Line) -> None:
        for piece in pieces:
            line.send(piece)
            line.over.wait(every_s)
        then(line)

    return turn


def silent(line: Line) -> None:
    """Say nothing for longer than the tests wait."""
    line.stall(3)


OK = answer({"fine": True})


@contextmanager
def session_to(server: Script, timeout_s: float = 20, **options: Any) -> Iterator[Session]:
    """Open a session that does not sleep between attempts."""
    options = {"sleep": lambda _: None, **options}
    session = Session(Organization.parse(server.url), deadline=Deadline.after(timeout_s), **options)
    try:
        yield session
    finally:
        session.close()


def fetch(server: Script, method: str = "get", timeout_s: float = 20, **options: Any) -> dict[str, Any]:
    """Send one GET or POST with a token."""
    with session_to(server, timeout_s, **options) as session:
        url, token = f"{server.url}/admin/x", Secret(TOKEN)
        return session.get(url, token=token) if method == "get" else session.post(url, {"a": "b"}, token=token)
