"""Sockets that keep a deadline: name look-up, connecting, TLS, every read and every write.

httpx 0.28 limits a single read, so a server that sends a byte a second never times out, and it does not limit DNS at
all. httpcore lets a client bring its own network backend: this module, which cuts every wait to what is left of the
deadline. tests/unit/test_contract_of_libraries.py holds httpx and httpcore to what is assumed of them here.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore

from hcexport.errors import NetworkError
from hcexport.organization import is_local
from hcexport.times import NO_DEADLINE, Deadline

SocketOption = Any  # httpcore's own alias, a union of three kinds of tuple


class Network(httpcore.NetworkBackend):
    """Opens connections that keep ``limit``.

    ``tls_layers`` lie between TCP and a request: none to http, two to https through a proxy that speaks https itself.
    Without ``may_be_local`` it connects to no loopback or link-local address, whatever a name resolves to.
    ``certificate`` is that of the organization on the newest connection, as ``ssl.SSLSocket.getpeercert`` has it.
    ``request_written`` says whether anything of the request went out since ``begin``: nothing did when a name was not
    found, a connection refused, a certificate not trusted, or a proxy said no. ``connected`` says whether a new
    connection was made since then.
    """

    def __init__(self, tls_layers: int = 0, *, may_be_local: bool = True) -> None:
        self._sockets = httpcore.SyncBackend()
        self._tls_layers = tls_layers
        self._may_be_local = may_be_local
        self._whole = self.limit = NO_DEADLINE
        self._head_s = 0.0
        self.request_written = False
        self.connected = False
        self.certificate: dict[str, Any] = {}

    def begin(self, whole: Deadline, head_s: float) -> None:
        """Set the limits of the next request: ``whole`` for all of it, ``head_s`` seconds for the answer's head.

        The head has its own limit because a read time-out starts anew with every byte.
        """
        self._whole = self.limit = whole
        self._head_s = head_s
        self.request_written = self.connected = False

    def write_request(self) -> None:
        """Note that the request goes out. The time for the answer's head counts from the request's first byte."""
        if not self.request_written:
            self.request_written = True
            self.limit = self._whole.within(self._head_s)

    def read_body(self, limit_s: float | None = None) -> None:
        """Lift the limit of the head. The body has the rest of the time, and at most ``limit_s`` seconds if given."""
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
        limit = self.limit.within(timeout) if timeout is not None else self.limit
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in _look_up(host, port, limit):
            if not self._may_be_local and is_local(address):
                raise httpcore.ConnectError(f"{host} is a loopback or link-local address: {address}")
            try:
                left = self.cut(limit.remaining(), httpcore.ConnectTimeout)
                opened = self._sockets.connect_tcp(address, port, left, local_address, socket_options)
                self.connected = True
                return _Stream(opened, self, self._tls_layers, limit)
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

    While ``tls_layers`` are to come, reads and writes belong to a proxy's CONNECT, and end with ``connecting`` as well.
    """

    def __init__(
        self,
        stream: httpcore.NetworkStream,
        network: Network,
        tls_layers: int,
        connecting: Deadline,
    ) -> None:
        self._stream = stream
        self._network = network
        self._tls_layers = tls_layers
        self._connecting = connecting

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._cut(timeout, httpcore.ReadTimeout))

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
        if (tls := secured.get_extra_info("ssl_object")) is not None:
            self._network.certificate = tls.getpeercert() or {}
        return _Stream(secured, self._network, self._tls_layers - 1, self._connecting)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def find_addresses(host: str, port: int, limit: Deadline) -> list[str]:
    """The addresses of a host as a connection looks them up. Raises NetworkError."""
    try:
        return _look_up(host, port, limit)
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        raise NetworkError(str(error), hint=hint_at(str(error)), unsent=True) from None


def find_answering(host: str, addresses: Sequence[str], port: int, limit: Deadline) -> tuple[str, list[str]]:
    """The first address that takes a connection, and why those before it did not. Raises NetworkError."""
    failures: list[str] = []
    for number, address in enumerate(addresses):
        # A share for each, so that an address that does not answer leaves time for the others.
        share_s = limit.remaining() / (len(addresses) - number)
        try:
            socket.create_connection((address, port), max(0.1, share_s)).close()
        except OSError as error:
            failures.append(f"{address}: {(error.strerror or str(error)).lower()}")
        else:
            return address, failures
    why = "; ".join(failures)
    raise NetworkError(f"{host} cannot be reached: {why}", hint=hint_at(why), unsent=True)


def hint_at(reason: str) -> str | None:
    """The hint for a reason why a connection failed, None for a rare reason."""
    if "resolved" in reason:
        return "check the name; is a VPN or another DNS server needed?"
    if "refused" in reason:
        return "check the port; is the server up, and is a VPN or a proxy (HTTPS_PROXY) needed?"
    if "timed out" in reason:
        return "check the address and the port; is a VPN or a proxy (HTTPS_PROXY) needed?"
    return None


def _look_up(host: str, port: int, limit: Deadline) -> list[str]:
    """The addresses of a host, in the resolver's order.

    getaddrinfo has no time-out, so it runs in a daemon thread that is abandoned when time is up.
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
    try:
        threading.Thread(target=resolve, name="resolver", daemon=True).start()
    except RuntimeError as error:  # a limit on processes (ulimit -u, pids.max)
        raise httpcore.ConnectError(f"the name {host} cannot be looked up: {error}") from None
    try:
        result = answer.get(timeout=min(limit.remaining(), threading.TIMEOUT_MAX))
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
