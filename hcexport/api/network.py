"""Sockets that keep a deadline: name look-up, connecting, TLS, every read and every write.

httpx has timeouts for a single read, which a server that drips a byte a second never meets, and none at all for DNS.
httpcore lets a client bring its own network: this one, which cuts every wait to what is left of the deadline.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import httpcore

from hcexport.times import NO_DEADLINE, Deadline

SocketOption = Any  # httpcore's own alias, a union of three kinds of tuple


class Network(httpcore.NetworkBackend):
    """Opens connections that keep ``limit``.

    ``tls_layers`` lie between TCP and a request: none to http, two to https through a proxy that speaks https itself.
    ``request_written`` says whether anything of the request went out since ``begin``: nothing did when a name was not
    found, a connection refused, a certificate not trusted, or a proxy said no.
    """

    def __init__(self, tls_layers: int = 0) -> None:
        self._sockets = httpcore.SyncBackend()
        self._tls_layers = tls_layers
        self._whole = self.limit = NO_DEADLINE
        self._head_s = 0.0
        self.request_written = False

    def begin(self, whole: Deadline, head_s: float) -> None:
        """Set the limits of the next request: ``whole`` for all of it, ``head_s`` seconds for the answer's head.

        The head has its own limit because a read time-out starts anew with every byte, useful or not.
        """
        self._whole = self.limit = whole
        self._head_s = head_s
        self.request_written = False

    def write_request(self) -> None:
        """Note that the request goes out, and count the seconds for the answer's head from its first byte."""
        if not self.request_written:
            self.request_written = True
            self.limit = self._whole.within(self._head_s)

    def read_body(self, limit_s: float | None = None) -> None:
        """Let the limit of the head go: the body has the rest of the time, and ``limit_s`` seconds where given."""
        self.limit = self._whole if limit_s is None else self._whole.within(limit_s)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        """Look up ``host``, then try its addresses in order until one connects or ``timeout`` seconds have passed."""
        patience = self.limit.within(timeout) if timeout is not None else self.limit
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in _look_up(host, port, patience):
            try:
                left = self.cut(patience.remaining(), httpcore.ConnectTimeout)
                opened = self._sockets.connect_tcp(address, port, left, local_address, socket_options)
                return _Stream(opened, self, self._tls_layers, patience)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    def cut(self, timeout: float | None, too_late: type[httpcore.TimeoutException]) -> float | None:
        """``timeout`` in seconds, cut to what is left; raises ``too_late`` when nothing is."""
        left = self.limit.remaining()
        if left <= 0 or timeout == 0:
            raise too_late("no whole answer in time")
        cut = left if timeout is None else min(timeout, left)
        return None if cut == float("inf") else cut


class _Stream(httpcore.NetworkStream):
    """A connection whose every operation ends with the network's limit.

    While ``tls_layers`` are to come, what is said is a proxy's CONNECT, and ends with ``connecting`` as well.
    """

    def __init__(
        self,
        stream: httpcore.NetworkStream,
        network: Network,
        tls_layers: int,
        connecting: Deadline,
        tls: ssl.SSLSocket | None = None,
    ) -> None:
        self._stream = stream
        self._network = network
        self._tls_layers = tls_layers
        self._connecting = connecting
        self._tls = tls

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        first = self._stream.read(max_bytes, self._cut(timeout, httpcore.ReadTimeout))
        return b"".join([first, *_at_hand(self._tls, max_bytes - len(first))]) if first and self._tls else first

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer and not self._tls_layers:
            self._network.write_request()
        self._stream.write(buffer, self._cut(timeout, httpcore.WriteTimeout))

    def _cut(self, timeout: float | None, too_late: type[httpcore.TimeoutException]) -> float | None:
        if self._tls_layers:
            left = self._connecting.remaining()
            timeout = left if timeout is None else min(timeout, left)
        return self._network.cut(timeout, too_late)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._cut(timeout, httpcore.ConnectTimeout)
        secured = self._stream.start_tls(ssl_context, server_hostname, left)
        outer = self._stream.get_extra_info("socket")
        inner = secured.get_extra_info("socket")  # of TLS within a proxy's TLS this is the outer one still
        tls = None if inner is outer else inner
        return _Stream(secured, self._network, self._tls_layers - 1, self._connecting, tls)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _at_hand(tls: ssl.SSLSocket, wanted: int) -> Iterator[bytes]:
    """Records that have arrived already. TLS gives 16 KiB at a time, and each costs a way through h11 and httpx.

    What goes wrong here goes wrong again in the next read, which also sets the time-out that ends here.
    """
    tls.settimeout(0)
    with suppress(OSError):
        while wanted and (more := tls.recv(wanted)):
            wanted -= len(more)
            yield more


def _look_up(host: str, port: int, patience: Deadline) -> list[str]:
    """The addresses of a host, in the resolver's order.

    The resolver cannot be told how long to take, so it runs in a daemon thread that is left behind when time is up.
    """
    answer: queue.SimpleQueue[list[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put([str(address[0]) for *_, address in found])
        except (OSError, UnicodeError) as error:
            answer.put(error)

    if _is_address(host):
        return [host]
    threading.Thread(target=resolve, name="resolver", daemon=True).start()
    try:
        result = answer.get(timeout=min(patience.remaining(), threading.TIMEOUT_MAX))
    except queue.Empty:
        raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time") from None
    if isinstance(result, list):
        return result
    raise httpcore.ConnectError(f"the name {host} cannot be resolved") from result


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return False
