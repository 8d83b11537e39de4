"""Requests to one organization: where the token goes, redirects, retries.

What an answer means is decided in ``responses``, where a redirect may lead in ``redirects``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from hcexport.api.body import blank_token, open_file, read_whole
from hcexport.api.proxy import proxy_for
from hcexport.api.redirects import FILE_STATUSES, REDIRECT_STATUSES, find_next, find_store, require_file, resolve
from hcexport.api.responses import decode, failed_status, server_date
from hcexport.api.tls import TlsOptions, make_context
from hcexport.api.waits import SLOW_S, OnWait, show_nothing
from hcexport.errors import (
    AuthError,
    HcexportError,
    NetworkError,
    NoOrganization,
    NotFound,
    ProtocolError,
    TokenRejected,
)
from hcexport.organization import Organization, is_loopback
from hcexport.redaction import Secret, redact
from hcexport.retry import ATTEMPTS, GIVE_UP_AFTER_S, backoff_s
from hcexport.times import NO_DEADLINE, Deadline, Sleep

if TYPE_CHECKING:
    from hcexport.api.http import HttpClient, Response


REFERER = "https://hcexport"  # of every request, because a token is bound to the referer that it was made for
CONNECT_TIMEOUT_S = 10.0  # a proxy or a load balancer that is up answers sooner
ANSWER_TIMEOUT_S = 120.0  # for one whole JSON answer, however slowly its bytes come
REFUSAL_TIMEOUT_S = 60.0  # for an error that comes in place of a file
JSON_CAP = 4 * 2**20  # bytes; a page of 1,000 reports is about 200 kB, and objects take 30 times their JSON
REDIRECTS = 5
STORE_REDIRECTS = 3  # of a download that leaves the organization
_TOKEN_HEADERS = ("X-Esri-Authorization", "Authorization")
_NO_SUCH_PATH = "could not find resource or operation"  # ArcGIS says this of a path that is wrong, not of an id

Log = Callable[[str], None]
T = TypeVar("T")


class Session:
    """Requests to one organization within one deadline.

    ``log`` gets a line without secrets for each request, ``on_notice`` and ``on_warning`` get what a user should know.
    ``on_wait`` is given what is waited for, and after how many seconds to show that; its context ends with the wait.
    """

    def __init__(
        self,
        organization: Organization,
        *,
        tls: TlsOptions | None = None,
        environ: Mapping[str, str] | None = None,
        deadline: Deadline = NO_DEADLINE,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        referer: str = REFERER,
        sleep: Sleep = time.sleep,
        log: Log | None = None,
        on_notice: Log = lambda _text: None,
        on_warning: Log = lambda _text: None,
        on_wait: OnWait = show_nothing,
    ) -> None:
        self.organization = organization
        self.deadline = deadline
        self.sleep = sleep
        self.referer = referer
        self.on_warning = on_warning
        self._log = log
        self._on_notice = on_notice
        self._on_wait = on_wait
        self._waiting = f"waiting for {organization.host}"
        self._token_header = _TOKEN_HEADERS[0]
        self._sent_both_ways: Secret | None = None  # the token that was sent in each header
        self._server_ahead = timedelta(0)
        self.json_bytes = 0  # of all answers so far
        self._has_answered = False
        self._stores: set[str] = set()  # hosts that a download was redirected to, as far as they were named
        self._tls = tls or TlsOptions()
        self._open_client = partial(_open_client, environ=environ or {}, connect_timeout_s=connect_timeout_s)
        self._http = self._open_client(organization, self._tls, referer=referer)

    @property
    def certificate(self) -> dict[str, Any]:
        """The certificate that the organization showed last; empty without one, or where it is not verified."""
        return self._http.certificate

    def twin(self) -> Session:
        """Make a session for another thread: it has this session's state, and connections of its own."""
        other = copy(self)
        other._http = self._open_client(self.organization, self._tls, referer=self.referer)
        return other

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def hang_up(self) -> None:
        """Close idle connections, so that the next answer cannot be one that was planted on an old connection."""
        self._http.hang_up()

    def server_now(self) -> datetime:
        """The time by the server's clock, as far as its answers told."""
        return datetime.now(UTC) + self._server_ahead

    def get(
        self,
        url: str,
        params: Mapping[str, Any] | None = None,
        *,
        token: Secret | None = None,
        attempts: int = ATTEMPTS,
    ) -> dict[str, Any]:
        """GET a JSON object; up to ``attempts`` times where the failure may pass."""
        query = {**(params or {}), "f": "json"}
        send = partial(self._request, "GET", url, token, attempts, params=query)
        return self._with_either_header(token, send)

    def post(self, url: str, form: Mapping[str, Any], *, token: Secret | None = None) -> dict[str, Any]:
        """POST a form on a fresh connection; sent again only when it surely did not reach the server.

        The connection is new because a server may close an idle connection just as the request goes out on it, and
        then nobody knows what the server did.
        """
        body = {**form, "f": "json", **({"token": token.reveal()} if token else {})}
        self._http.hang_up()
        return self._request("POST", url, token, ATTEMPTS, data=body)

    @contextmanager
    def stream(self, url: str, *, token: Secret | None, headers: Mapping[str, str]) -> Iterator[Response]:
        """GET a file, once, because only the caller knows how to go on from where it broke.

        An answer that is no file (an error, a page, JSON) is raised as what it means. A redirect to an object store on
        another host is followed there without the token.
        """
        with ExitStack() as stack:

            def send() -> Response:
                return stack.enter_context(self._open_file(url, token=token, headers=headers))

            with self._on_wait(self._waiting, SLOW_S):
                answer = self._with_either_header(token, send)
            yield answer

    @contextmanager
    def _open_file(self, url: str, *, token: Secret | None, headers: Mapping[str, str]) -> Iterator[Response]:
        with ExitStack() as stack:
            answer = stack.enter_context(self._answer("GET", url, token, headers=headers))
            location = answer.headers.get("location") if answer.status in REDIRECT_STATUSES else None
            if location and (store := resolve(url, location)):
                stack.close()
                answer = stack.enter_context(self._open_at_store(store, headers))
            if answer.status not in FILE_STATUSES:
                body = read_whole(answer, JSON_CAP, REFUSAL_TIMEOUT_S)
                failure = failed_status(answer.status, answer.headers, body)
                # The request has no f=json, so the API itself may answer with a page that there is no such file.
                raise NotFound(failure.message) if isinstance(failure, NoOrganization) else failure
            is_whole = answer.status == 200
            yield replace(answer, chunks=open_file(answer, JSON_CAP, REFUSAL_TIMEOUT_S)) if is_whole else answer

    @contextmanager
    def _open_at_store(self, url: str, headers: Mapping[str, str]) -> Iterator[Response]:
        """The answer of an object store that a download is redirected to.

        The store gets neither token nor Referer, cookies or client certificate. Its address is not logged beyond the
        host, because the rest is a signature that anybody may use.
        """
        for _ in range(STORE_REDIRECTS):
            store = find_store(url, self.organization)
            if store is None:
                raise failed_status(302, {"location": url}, b"")
            self._name_store(store.host)
            tls = replace(self._tls, client_cert=None, client_key=None)
            with ExitStack() as stack:
                client = self._open_client(store, tls, referer=None, may_be_local=is_loopback(self.organization.host))
                stack.callback(client.close)
                answer = stack.enter_context(
                    client.open("GET", url, headers=headers, deadline=self.deadline, limit_s=None)
                )
                self._say(f"GET {store} (a redirected download) -> HTTP {answer.status}")
                onward = answer.headers.get("location", "") if answer.status in REDIRECT_STATUSES else ""
                if not onward:
                    require_file(answer, store)
                    yield answer
                    return
            url = resolve(url, onward) or ""
        raise ProtocolError(f"the download is redirected more than {STORE_REDIRECTS} times")

    def _name_store(self, host: str) -> None:
        if host not in self._stores:
            self._stores.add(host)
            self._on_notice(f"the organization redirects the download to {host}")

    def pause(self, seconds: float, error: HcexportError, *, count: str = "") -> None:
        """Sleep before another attempt, the ``count``. Raises ``error`` when the wait would not end in time."""
        if seconds > min(self.deadline.remaining(), GIVE_UP_AFTER_S):
            raise error
        with self._on_wait(f"{error.message.rstrip('.')}; next try in {seconds:.1f} s{count}", 0.0):
            self.sleep(seconds)

    def _request(self, method: str, url: str, token: Secret | None, attempts: int, **content: Any) -> dict[str, Any]:
        """The JSON that answers a request, sent up to ``attempts`` times; a POST again only where it did not arrive."""
        failures = 0
        while True:
            try:
                with (
                    self._on_wait(self._waiting, SLOW_S),
                    self._answer(method, url, token, limit_s=ANSWER_TIMEOUT_S, **content) as answer,
                ):
                    return self._read_json(answer, token, sent_bytes=len(urlencode(content.get("data") or {})))
            except NetworkError as error:
                failures += 1
                may_repeat = error.retryable and (error.unsent or method == "GET")
                if failures == attempts or not may_repeat:
                    raise
                self.pause(backoff_s(failures - 1, error), error, count=f" ({failures} of {attempts - 1})")

    def _with_either_header(self, token: Secret | None, send: Callable[[], T]) -> T:
        """Send a GET, and once more with ``Authorization`` when the server says that there was no token.

        Proxies may remove a header that they do not know. The header that the server saw is used from then on.
        """
        try:
            return send()
        except TokenRejected as rejected:
            if not rejected.unseen or token is None or token == self._sent_both_ways:
                raise
        self._sent_both_ways, first = token, self._token_header
        self._token_header = next(name for name in _TOKEN_HEADERS if name != first)
        try:
            return send()
        except TokenRejected as rejected:
            if rejected.unseen:
                self._token_header = first
                rejected.refusal = AuthError(
                    f"the server saw no token: something on the way removes the header {first}",
                    hint="if nothing does, the token has expired: sign in again, or set another HCEXPORT_TOKEN",
                )
            raise

    def _read_json(self, answer: Response, token: Secret | None, *, sent_bytes: int) -> dict[str, Any]:
        body = read_whole(answer, JSON_CAP)
        self.json_bytes += len(body)
        try:
            found = decode(answer.status, answer.headers, blank_token(token, body), sent_bytes=sent_bytes)
        except (NoOrganization, NotFound) as missing:
            raise self._explain_missing(missing) from None
        except TokenRejected:
            self._read_clock(answer)  # the API answered, and its clock tells what can still be renewed
            raise
        self._read_clock(answer)
        self._has_answered = True
        return found

    def _explain_missing(self, missing: NoOrganization | NotFound) -> HcexportError:
        """Say that there is no organization at the address, unless it has answered before.

        A page in place of an answer means by then that the ingress restarts, which passes.
        """
        is_page = isinstance(missing, NoOrganization)
        if self._has_answered:
            return ProtocolError(missing.message, refused=True) if is_page else missing
        if not is_page and _NO_SUCH_PATH not in missing.message.lower():
            return missing
        return NoOrganization(
            f"there is no ArcGIS organization at {self.organization}: check the context, the part after the host",
            hint="the address is that of the portal's home page, such as https://gis.example.com/enterprise",
            refused=True,
        )

    @contextmanager
    def _answer(
        self,
        method: str,
        url: str,
        token: Secret | None,
        *,
        headers: Mapping[str, str] | None = None,
        limit_s: float | None = None,
        **content: Any,
    ) -> Iterator[Response]:
        """The answer to a request, at most five redirects further on for a GET."""
        sent = {**(headers or {}), **({self._token_header: f"Bearer {token.reveal()}"} if token else {})}
        for _ in range(REDIRECTS + 1):
            started = time.monotonic()
            with self._http.open(
                method, url, headers=sent, deadline=self.deadline, limit_s=limit_s, **content
            ) as answer:
                seconds = time.monotonic() - started
                self._say(f"{method} {url} -> HTTP {answer.status} in {seconds:.3f} s")
                onward = find_next(url, answer, self.organization) if method == "GET" else None
                if onward is None:
                    yield answer
                    return
            url, content = onward, {}
        raise ProtocolError(f"the server redirects more than {REDIRECTS} times")

    def _read_clock(self, answer: Response) -> None:
        """Take the time from a good answer, because a failure may come from a gateway with another clock."""
        date = server_date(answer.headers)
        if date:
            self._server_ahead = date - datetime.now(UTC)

    def _say(self, line: str) -> None:
        if self._log is not None:
            self._log(redact(line))


def _open_client(
    origin: Organization,
    tls: TlsOptions,
    *,
    environ: Mapping[str, str],
    connect_timeout_s: float,
    referer: str | None,
    may_be_local: bool = True,
) -> HttpClient:
    # httpx 0.28 imports its own command line where rich is installed, which nothing here uses. None in its place makes
    # that an ImportError, which httpx expects. It saves 45 ms of the 160 ms that importing httpx takes.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # None stands for a module that is not there
    from hcexport.api.http import HttpClient  # noqa: PLC0415 # start-up: httpx

    return HttpClient(
        host=origin.host,
        referer=referer,
        context=make_context(tls) if origin.scheme == "https" else None,
        proxy=proxy_for(origin, environ),
        connect_timeout_s=connect_timeout_s,
        may_be_local=may_be_local,
    )
