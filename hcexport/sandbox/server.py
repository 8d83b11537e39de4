"""HTTP/1.1 with the standard library: sockets, threads and framing. The function ``answer`` decides what is sent."""

import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

from hcexport.sandbox.http import Headers, Request, Response

BODY_LIMIT = 16 << 20  # a body with a million report ids still fits
FORM = "application/x-www-form-urlencoded"


class Server(ThreadingHTTPServer):
    """A server that listens as soon as it is made; it calls ``answer`` in a thread for each connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        answer: Callable[[Request], Response],
        clock: Callable[[], float],
        tls: ssl.SSLContext | None,
    ) -> None:
        self.answer = answer
        self.clock = clock
        self.scheme = "https" if tls else "http"
        self._tls = tls
        self._open: set[socket.socket] = set()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Connection)

    def server_bind(self) -> None:
        """Bind without the reverse lookup of the inherited method, because that may ask a name server."""
        TCPServer.server_bind(self)
        host, self.server_port = self.server_address[:2]
        self.server_name = f"[{host!s}]" if ":" in str(host) else str(host)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection; its thread does the TLS handshake, so that a slow client delays only itself."""
        if self._tls:
            request = self._tls.wrap_socket(request, server_side=True)
        self._open.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            self._open.discard(request)
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that closed the connection; show any other error, because it is a bug of the sandbox."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        """Close the listener and every connection that is kept alive."""
        super().server_close()
        for connection in list(self._open):
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


class Connection(BaseHTTPRequestHandler):
    """One connection, with any number of requests."""

    protocol_version = "HTTP/1.1"
    server_version = "hcexport-sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # so that the head and a small body leave in one packet
    server: Server

    def serve(self) -> None:
        """Answer a request of any method."""
        body = self._body()
        if body is not None:
            self._send(self.server.answer(self._request(body)))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve  # noqa: N815 # names of the base class

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self.send_error(411)
        elif int(length) > BODY_LIMIT:
            self.send_error(413)
        else:
            return self.rfile.read(int(length))
        return None

    def _request(self, body: bytes) -> Request:
        path, _, query = self.path.partition("?")
        headers = Headers(self.headers.items())
        is_form = headers.get("Content-Type", "").partition(";")[0].strip().lower() == FORM
        host = headers.get("Host", f"{self.server.server_name}:{self.server.server_port}")
        return Request(
            method=self.command,
            path=unquote(path),
            query=_fields(query),
            headers=headers,
            form=_fields(body.decode("utf-8", "replace")) if is_form else {},
            peer=str(self.client_address[0]),
            origin=f"{self.server.scheme}://{host}",
        )

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in (*response.headers, ("Content-Length", str(response.length))):
            self.send_header(name, value)
        self.end_headers()
        left = 0 if self.command == "HEAD" else response.length
        for chunk in response.chunks if left else ():
            self.wfile.write(chunk)
            self.wfile.flush()  # because a scenario sends slowly on purpose
            left -= len(chunk)
        if left:
            self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Format the time of the simulated organization, because its clock may be wrong on purpose."""
        return super().date_time_string(self.server.clock() if timestamp is None else timestamp)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 # name of the base class
        """Log nothing: ``Sandbox.requests`` has the requests."""


def _fields(encoded: str) -> dict[str, str]:
    return dict(parse_qsl(encoded, keep_blank_values=True))
