"""Send requests with httpx over our own network, and translate every exception of httpx and httpcore.

A failure is raised as a NetworkError that says whether anything was sent. Redirects, cookies, authentication and
retries are switched off here, because the session decides about them.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx
from httpcore._synchronization import Lock, ThreadLock

from hcexport import __version__
from hcexport.api.network import Network, hint_at
from hcexport.api.proxy import Proxy
from hcexport.api.tls import certificate_failure
from hcexport.errors import HcexportError, NetworkError
from hcexport.redaction import redact
from hcexport.times import Deadline

READ_TIMEOUT_S = 60.0  # silence this long is a stall, and so is a head that is not whole by then
_KEEPALIVE_S = 55.0  # below the 60 s after which ingress controllers close an idle connection

for _name in ("httpx", "httpcore"):  # they log addresses and headers to wherever the root logger writes
    logging.getLogger(_name).setLevel(logging.WARNING)

# A signal raises an exception at any line. Where that is between taking and releasing a lock of httpcore's, the lock is
# never released, and httpcore's own clean-up waits for it for ever. A client here is used by one thread, which needs no
# lock.
for _kind in (Lock, ThreadLock):
    _kind.__enter__ = lambda lock: lock  # type: ignore[method-assign] # test_contract_of_libraries holds these names
    _kind.__exit__ = lambda *_: None  # type: ignore[method-assign]

_ERRNO = re.compile(r"\[errno -?\d+\] ", re.IGNORECASE)
_FOREIGN = (
    httpx.HTTPError,
    httpx.StreamError,
    httpx.InvalidURL,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


@dataclass(frozen=True)
class Response:
    """Status and headers (lower-case names) of an answer whose body is still to come.

    ``chunks`` raises NetworkError when the body breaks off and TimedOut past the deadline. ``limit`` cuts the time for
    the rest of the body to so many seconds.
    """

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]
    limit: Callable[[float], None]


class HttpClient:
    """An httpx client for one origin, over connections that keep a deadline.

    Without ``may_be_local`` it connects to no loopback or link-local address; a proxy looks up names by itself.
    """

    def __init__(
        self,
        *,
        host: str,
        referer: str | None,
        context: ssl.SSLContext | None,
        proxy: Proxy | None,
        connect_timeout_s: float,
        may_be_local: bool = True,
    ) -> None:
        self._host, self._proxy = host, proxy
        self._network = Network(_tls_layers(context, proxy), may_be_local=may_be_local or proxy is not None)
        self._has_answered = False
        self._transport = _Transport(self._network, context, proxy)
        self._client = httpx.Client(
            transport=self._transport,
            trust_env=False,
            follow_redirects=False,
            # pool=0: a request never waits for a connection, because the pool has room for all that a session opens
            timeout=httpx.Timeout(READ_TIMEOUT_S, connect=connect_timeout_s, pool=0),
            headers={
                "Accept": "*/*",
                "Accept-Encoding": "identity",
                "User-Agent": f"hcexport/{__version__}",
                **({"Referer": referer} if referer else {}),
            },
        )

    @property
    def certificate(self) -> dict[str, Any]:
        """The certificate that the organization showed last; empty without one, or where it is not verified."""
        return self._network.certificate

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def hang_up(self) -> None:
        """Close idle connections, so that the next request goes out on a new connection."""
        self._transport.hang_up()

    @contextmanager
    def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        deadline: Deadline,
        limit_s: float | None,
        **content: Any,
    ) -> Iterator[Response]:
        """Send a request and hand out its answer; everything within ``deadline``, and ``limit_s`` where it is given.

        Raises CertificateError, NetworkError, or TimedOut when it was the deadline that passed. What the caller's own
        code raises while it reads is left alone.
        """
        self._network.begin(deadline.within(limit_s) if limit_s is not None else deadline, READ_TIMEOUT_S)
        self._client.cookies.clear()
        with self._translate(deadline):
            request = self._client.build_request(method, url, headers=headers, **content)
            try:
                response = self._client.send(request, stream=True)
            except BaseException:
                self.hang_up()  # httpcore 1.0 counts a tunnel whose TLS handshake failed as in use for ever
                raise
        self._network.read_body()
        self._has_answered |= response.is_success
        try:
            names = {name.lower(): value for name, value in response.headers.items()}
            yield Response(response.status_code, names, self._chunks(response, deadline), self._network.read_body)
        finally:
            with self._translate(deadline):
                response.close()
            self._transport.drop_connections_with_extra_bytes()

    def _chunks(self, response: httpx.Response, deadline: Deadline) -> Iterator[bytes]:
        with self._translate(deadline):
            yield from response.iter_raw()

    @contextmanager
    def _translate(self, deadline: Deadline) -> Iterator[None]:
        try:
            yield
        except _FOREIGN as error:
            raise self._failure(error, deadline) from None
        except (OSError, UnicodeError) as error:
            raise self._failure(error, deadline) from None

    def _failure(self, error: Exception, deadline: Deadline) -> HcexportError:
        if deadline.passed:
            late = deadline.timed_out()
            late.unsent = not self._network.request_written
            return late
        certificate = certificate_failure(error, self._host, has_answered=self._has_answered)
        if certificate:
            certificate.unsent |= not self._network.request_written
            return certificate
        reason = _reason(error)
        if isinstance(error, httpcore.ProxyError):
            return _proxy_failure(reason, self._host)
        if self._proxy and not (self._network.connected or self._network.request_written):
            text = f"the proxy {self._proxy.url} cannot be reached: {reason}"
            return NetworkError(text, hint="check HTTPS_PROXY and NO_PROXY", unsent=True)
        if not self._network.request_written:
            return NetworkError(f"{self._host} cannot be reached: {reason}", hint=hint_at(reason), unsent=True)
        return NetworkError(f"the connection to {self._host} was lost: {reason}")


class _Transport(httpx.BaseTransport):
    """httpx on a pool of httpcore's that uses our network; httpx's own transport cannot be given one."""

    def __init__(self, network: Network, context: ssl.SSLContext | None, proxy: Proxy | None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            proxy=httpcore.Proxy(proxy.url, auth=proxy.credentials) if proxy else None,
            max_connections=4,
            max_keepalive_connections=2,
            keepalive_expiry=_KEEPALIVE_S,
            network_backend=network,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    def hang_up(self) -> None:
        self._pool.close()

    def drop_connections_with_extra_bytes(self) -> None:
        """Close every connection on which more than the answer came: it would be taken for the next answer.

        httpcore 1.0 checks whether a socket is readable before it uses it again, but h11 and OpenSSL have read ahead.
        """
        if any(_has_extra_bytes(connection) for connection in self._pool.connections):
            self._pool.close()

    def close(self) -> None:
        self._pool.close()


def _has_extra_bytes(connection: Any) -> bool:
    http = getattr(connection, "_connection", None)  # private: test_contract_of_libraries holds httpcore to these names
    state, stream = getattr(http, "_h11_state", None), getattr(http, "_network_stream", None)
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    return bool((state is not None and state.trailing_data[0]) or (tls is not None and tls.pending()))


def _tls_layers(context: ssl.SSLContext | None, proxy: Proxy | None) -> int:
    return (context is not None) + (proxy is not None and proxy.url.startswith("https:"))


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


def _reason(error: Exception) -> str:
    """Take the reason from the end of the chain of causes, which is the socket's own error."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = getattr(cause, "strerror", None) or str(error) or str(cause) or type(error).__name__
    words = _ERRNO.sub("", " ".join(str(text).split()))
    return redact(words)[:200].rstrip(".").lower()


def _proxy_failure(reason: str, host: str) -> NetworkError:
    if reason.startswith("407"):
        failure = NetworkError(
            "the proxy requires a user and a password",
            hint="put USER:PASSWORD@ before its host in HTTPS_PROXY",
            unsent=True,
        )
        failure.retryable = False
        return failure
    return NetworkError(
        f"the proxy did not connect to {host}: {reason}", hint="check HTTPS_PROXY and NO_PROXY", unsent=True
    )
