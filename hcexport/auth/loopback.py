"""A web server on 127.0.0.1 that a browser is sent back to after signing in (RFC 8252, 7.3)."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hcexport.errors import CannotCreate, TimedOut

SIGN_IN_LIMIT_S = 300.0  # a person may have to fetch a second factor
_IDLE_LIMIT_S = 10.0  # for a connection without a request: browsers open connections that they never use
_PAGE_LIMIT_S = 1.0  # for a page of half a kilobyte to this machine

Query = dict[str, str]


class Loopback:
    """Listens on 127.0.0.1 at a free port; ``redirect_uri`` is its address."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self.redirect_uri = f"http://127.0.0.1:{server.server_port}/"

    def expect(self, is_ours: Callable[[Mapping[str, str]], bool]) -> None:
        """Accept the query that ``is_ours`` only. Call it before the browser is sent off: its answer comes once."""
        self._server.is_ours = is_ours

    def wait(self, limit_s: float = SIGN_IN_LIMIT_S) -> Query:
        """Wait for the query that the browser brings, and until it has its page. Raises TimedOut."""
        try:
            query = self._server.accepted.get(timeout=limit_s)
        except queue.Empty:
            raise TimedOut(f"nobody signed in within {limit_s:.0f} s", hint="hcexport login --web") from None
        self._server.page_sent.wait(_PAGE_LIMIT_S)  # because a refused sign-in ends the process at once
        return query


@contextmanager
def listening() -> Iterator[Loopback]:
    """Serve a Loopback while the context lasts. Raises CannotCreate where no port can be listened on."""
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
        self.accepted: queue.SimpleQueue[Query] = queue.SimpleQueue()
        self.page_sent = threading.Event()
        self.is_ours: Callable[[Mapping[str, str]], bool] = lambda query: False  # noqa: ARG005 # no sign-in is expected yet

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a browser may drop a connection at any time."""


class _Visit(BaseHTTPRequestHandler):
    timeout = _IDLE_LIMIT_S
    server: _Server
    server_version, sys_version = "hcexport", ""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        if parts.path != "/" or not self.server.is_ours(query):
            self.send_error(404)
            return
        self.server.accepted.put(query)  # before the page is sent, because the browser may close the connection early
        try:
            self._show("The sign-in was refused." if "error" in query else "Continue in your terminal.")
        finally:
            self.server.page_sent.set()

    def _show(self, sentence: str) -> None:
        """Send a page that repeats nothing of the query, and removes the code from the browser's address bar."""
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

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 # the name in the base class
        """Print nothing: the line would hold the code."""
