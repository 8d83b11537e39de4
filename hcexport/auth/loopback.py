"""A socket of this machine that a browser comes back to after signing in (RFC 8252, 7.3)."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hcexport.errors import CannotCreate, TimedOut

ANSWER_LIMIT_S = 300.0  # somebody is looking for a second factor
_SILENCE_LIMIT_S = 10.0  # of a connection: browsers open some that they never use

Answer = dict[str, str]


class Loopback:
    """Listens on 127.0.0.1 at a free port; ``redirect_uri`` is its address."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self.redirect_uri = f"http://127.0.0.1:{server.server_port}/"

    def expect(self, is_ours: Callable[[Mapping[str, str]], bool]) -> None:
        """Take the query that ``is_ours``, and refuse others. Before the browser is sent: its answer comes once."""
        self._server.is_ours = is_ours

    def wait(self, limit_s: float = ANSWER_LIMIT_S) -> Answer:
        """The query that the browser brought. Raises TimedOut."""
        try:
            return self._server.answers.get(timeout=limit_s)
        except queue.Empty:
            raise TimedOut(f"nobody signed in within {limit_s:.0f} s", hint="hcexport login --web") from None


@contextmanager
def listening() -> Iterator[Loopback]:
    """A Loopback that serves as long as the context lasts. Raises CannotCreate where nothing can be listened on."""
    try:
        server = _Server(("127.0.0.1", 0), _Visit)
    except OSError as error:
        raise CannotCreate(f"127.0.0.1 cannot be listened on: {error.strerror or error}") from None
    with server:
        threading.Thread(target=server.serve_forever, args=(0.05,), name="loopback", daemon=True).start()
        try:
            yield Loopback(server)
        finally:
            server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a browser keeps its connection open

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self.is_ours: Callable[[Mapping[str, str]], bool] = lambda query: False  # noqa: ARG005 # until a sign-in expects

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: a connection that broke off is no answer."""


class _Visit(BaseHTTPRequestHandler):
    timeout = _SILENCE_LIMIT_S
    server: _Server
    server_version, sys_version = "hcexport", ""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        if parts.path != "/" or not self.server.is_ours(query):
            self.send_error(404)
            return
        self.server.answers.put(query)  # first, because the browser may be gone before it has its page
        self._show("The sign-in was refused." if "error" in query else "It goes on in your terminal.")

    def _show(self, sentence: str) -> None:
        """A page that repeats nothing of what came, and takes the code out of the browser's address bar."""
        page = (
            "<!doctype html><html lang=en><meta charset=utf-8><title>hcexport</title>"
            "<style>body{font:1.25rem system-ui;margin:15vh auto;max-width:28rem;text-align:center}</style>"
            f"<h1>hcexport</h1><p>{sentence}</p><p>You may close this page.</p>"
            "<script>history.replaceState(null,'','/')</script></html>"
        ).encode()
        self.send_response(200)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(page))),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 # the base's name
        """Say nothing: the line would hold the code."""
