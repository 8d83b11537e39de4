"""A server over a socket that answers as a test tells it to, and a session to it."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hcexport.api.session import Session
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
