"""A scripted server on raw sockets, for answers that no library sends. All it knows of HTTP is where a request ends."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

LONGEST_S = 6.0  # that any turn goes on, whatever it was told


@dataclass(frozen=True)
class Request:
    """What was asked: names of headers in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    raw: bytes

    @property
    def first_byte(self) -> int:
        """The start of the range asked for, 0 without one."""
        wanted = self.headers.get("range", "").removeprefix("bytes=").partition("-")[0]
        return int(wanted) if wanted.isdigit() else 0


class Line:
    """One connection with a request on it, to be answered well or badly."""

    def __init__(self, connection: socket.socket, request: Request, over: threading.Event) -> None:
        self.connection = connection
        self.request = request
        self.over = over
        self.open = True

    def send(self, *pieces: bytes) -> None:
        """Put bytes on the line as they are."""
        self.connection.sendall(b"".join(pieces))

    def answer(self, status: int = 200, body: bytes = b"", **headers: str | int) -> None:
        """A proper answer; ``content_length`` and its like replace what would be said."""
        said = {"content-length": len(body), **{name.replace("_", "-"): value for name, value in headers.items()}}
        head = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value != "")
        self.send(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode("latin-1"), body)

    def drip(self, data: bytes, every_s: float, step: int = 1) -> None:
        """Send a few bytes at a time until somebody has had enough."""
        for start in range(0, len(data), step):
            self.send(data[start : start + step])
            if self.over.wait(every_s):
                return

    def stall(self, seconds: float = LONGEST_S) -> None:
        """Say nothing."""
        self.over.wait(seconds)

    def fin(self) -> None:
        """End politely."""
        self.open = False

    def reset(self) -> None:
        """End with an RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.open = False


Answer = Callable[[Line], None]


class Server:
    """Hands each request to ``answer``, every connection in a thread of its own; keeps all that was received."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        self._answer = answer
        self.context = context
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self.requests: list[Request] = []
        self.errors: list[BaseException] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Listen no more, and let nothing that is under way go on."""
        self._over.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection as plain:
            plain.settimeout(LONGEST_S)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line_socket = self.context.wrap_socket(plain, server_side=True) if self.context else plain
            with line_socket:
                self._talk(line_socket)

    def _talk(self, connection: socket.socket) -> None:
        while (request := _read(connection)) is not None:
            self.requests.append(request)
            line = Line(connection, request, self._over)
            try:
                self._answer(line)
            except OSError:  # the other end has gone, as it may
                return
            except Exception as error:
                self.errors.append(error)
                raise
            if not line.open:
                return


def _read(connection: socket.socket) -> Request | None:
    raw = b""
    while b"\r\n\r\n" not in raw:
        more = connection.recv(65536)
        if not more:
            return None
        raw += more
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    method, target, _ = first.split(" ", 2)
    return Request(method, target, headers, body, head + b"\r\n\r\n" + body)
