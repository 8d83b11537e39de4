"""The one session of a command: where the token goes, redirects, retries, and what an answer means."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin, urlsplit

from hcexport.api.proxy import proxy_for
from hcexport.api.responses import decode, failed_status, parse_object, raise_for_error, server_date
from hcexport.api.tls import TlsOptions, make_context
from hcexport.errors import HcexportError, NetworkError, NoOrganization, NotFound, ProtocolError
from hcexport.organization import Organization
from hcexport.redaction import Secret, holds_secret, redact
from hcexport.retry import backoff_s
from hcexport.times import NO_DEADLINE, Deadline, Sleep

if TYPE_CHECKING:
    from hcexport.api.http import HttpClient, Response


REFERER = "https://hcexport"  # one for every request: a token is bound to the referer that it was made with
CONNECT_TIMEOUT_S = 10.0  # a proxy or a load balancer that is up answers sooner
ANSWER_TIMEOUT_S = 120.0  # for one whole JSON answer, however slowly its bytes come
REFUSAL_TIMEOUT_S = 60.0  # for what comes in place of a file: none of its bytes is of use before the last
JSON_CAP = 4 * 2**20  # bytes; a page of 1,000 reports is about 200 kB, and objects take 30 times their JSON
ATTEMPTS = 5
RETRY_AFTER_CAP_S = 300.0  # a server that wants more than this gets the command's end instead
REDIRECTS = 5
_ZIP, _EMPTY_ZIP = b"PK\x03\x04", b"PK\x05\x06"
_NO_SUCH_PATH = "could not find resource or operation"  # ArcGIS' words for a path, not for an id

Log = Callable[[str], None]


@dataclass(frozen=True)
class ItemStream:
    """An open download: ``status`` 200, 206 or 416, ``headers`` with lower-case names."""

    status: int
    headers: Mapping[str, str]
    _chunks: Iterator[bytes]

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they arrive. Raises NetworkError when they break off, TimedOut past the deadline."""
        return self._chunks


class Session:
    """Requests to one organization within one deadline. ``log`` is told of each in a line without secrets."""

    def __init__(
        self,
        organization: Organization,
        *,
        tls: TlsOptions | None = None,
        environ: Mapping[str, str] | None = None,
        deadline: Deadline = NO_DEADLINE,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        sleep: Sleep = time.sleep,
        log: Log | None = None,
    ) -> None:
        self.organization = organization
        self.deadline = deadline
        self.sleep = sleep
        self._log = log
        self._server_ahead = timedelta(0)
        self.json_bytes = 0  # of all answers so far
        self._has_answered = False
        self._wire = _open_wire(organization, tls or TlsOptions(), environ or {}, connect_timeout_s)

    def close(self) -> None:
        """Close every connection."""
        self._wire.close()

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
        """GET a JSON object; up to ``attempts`` times for what may pass."""
        query = {**(params or {}), "f": "json"}
        return self._persist(lambda: self._json("GET", url, token, params=query), attempts, _may_pass)

    def post(self, url: str, form: Mapping[str, Any], *, token: Secret | None = None) -> dict[str, Any]:
        """POST a form on a fresh connection; sent again only when it surely did not reach the server.

        A server may close an idle connection just as the request goes out on it, and then nobody knows what it did.
        """
        body = {**form, "f": "json", **({"token": token.reveal()} if token else {})}

        def send() -> dict[str, Any]:
            self._wire.hang_up()
            return self._json("POST", url, token, data=body)

        return self._persist(send, ATTEMPTS, _surely_unsent)

    @contextmanager
    def stream(self, url: str, *, token: Secret | None, headers: Mapping[str, str]) -> Iterator[ItemStream]:
        """GET a file, once: only the caller knows how to go on from where it broke.

        An answer that is no file (an error, a page, JSON) is raised as what it means.
        """
        with self._answer("GET", url, token, headers=headers) as answer:
            if answer.status not in {200, 206, 416}:
                failure = failed_status(answer.status, answer.headers, _capped(answer, REFUSAL_TIMEOUT_S))
                # a file is asked for without f=json, so that the API too may say in a page that it has none
                raise NotFound(failure.message) if isinstance(failure, NoOrganization) else failure
            chunks = _file_only(answer) if answer.status == 200 else answer.chunks
            yield ItemStream(answer.status, answer.headers, chunks)

    def pause(self, seconds: float, error: HcexportError) -> None:
        """Sleep before another attempt; raises ``error`` instead when the wait would not end in time."""
        if seconds > min(self.deadline.remaining(), RETRY_AFTER_CAP_S):
            raise error
        self._say(f"again in {seconds:.1f} s: {error.message}")
        self.sleep(seconds)

    def _persist(
        self, send: Callable[[], dict[str, Any]], attempts: int, worth: Callable[[NetworkError], bool]
    ) -> dict[str, Any]:
        for failures in range(attempts - 1):
            try:
                return send()
            except NetworkError as error:
                if not worth(error):
                    raise
                self.pause(backoff_s(failures, error), error)
        return send()

    def _json(self, method: str, url: str, token: Secret | None, **content: Any) -> dict[str, Any]:
        sent = len(urlencode(content.get("data") or {}))
        with self._answer(method, url, token, limit_s=ANSWER_TIMEOUT_S, **content) as answer:
            body = _capped(answer)
            self.json_bytes += len(body)
            try:
                found = decode(answer.status, answer.headers, _without(token, body), sent_bytes=sent)
            except (NoOrganization, NotFound) as missing:
                raise self._missing(missing) from None
            self._read_clock(answer)
        self._has_answered = True
        return found

    def _missing(self, missing: NoOrganization | NotFound) -> HcexportError:
        """What a path that is not there means: no organization, unless one has answered before.

        A page after that is of an ingress that restarts.
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
        sent = {**(headers or {}), **({"X-Esri-Authorization": f"Bearer {token.reveal()}"} if token else {})}
        for _ in range(REDIRECTS + 1):
            started = time.monotonic()
            with self._wire.open(
                method, url, headers=sent, deadline=self.deadline, limit_s=limit_s, **content
            ) as answer:
                self._note(method, url, answer, time.monotonic() - started)
                onward = self._onward(method, url, answer)
                if onward is None:
                    yield answer
                    return
            url, content = onward, {}
        raise ProtocolError(f"the server redirects more than {REDIRECTS} times")

    def _note(self, method: str, url: str, answer: Response, seconds: float) -> None:
        self._say(f"{method} {url} -> HTTP {answer.status} in {seconds:.3f} s")

    def _read_clock(self, answer: Response) -> None:
        """Take the time from an answer of the API itself: what fails may come from a gateway with its own clock."""
        date = server_date(answer.headers)
        if date:
            self._server_ahead = date - datetime.now(UTC)

    def _say(self, line: str) -> None:
        if self._log is not None:
            self._log(redact(line))

    def _onward(self, method: str, url: str, answer: Response) -> str | None:
        """Where a GET goes on: to the same scheme, host and port only, so that the token stays at home."""
        place = answer.headers.get("location")
        if method != "GET" or not place or answer.status not in {301, 302, 303, 307, 308}:
            return None
        try:
            target = urljoin(url, place)
        except ValueError:
            return None
        if holds_secret(target):
            raise ProtocolError("the server redirects to an address with a secret of ours in it, which is not followed")
        return target if _same_origin(target, self.organization) else None


def _open_wire(
    organization: Organization, tls: TlsOptions, environ: Mapping[str, str], connect_timeout_s: float
) -> HttpClient:
    # httpx loads a command line of its own where rich is installed: a third of its start, and nothing of it is used
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # None makes it an ImportError, which it expects
    from hcexport.api.http import HttpClient  # noqa: PLC0415 # start-up: httpx

    return HttpClient(
        host=organization.host,
        referer=REFERER,
        context=make_context(tls) if organization.scheme == "https" else None,
        proxy=proxy_for(organization, environ),
        connect_timeout_s=connect_timeout_s,
    )


def _may_pass(error: NetworkError) -> bool:
    return error.retryable


def _surely_unsent(error: NetworkError) -> bool:
    return error.retryable and error.unsent


def _same_origin(url: str, organization: Organization) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return False
    theirs = (parts.scheme, (parts.hostname or "").rstrip("."), port, parts.username)
    return theirs == (organization.scheme, organization.host, organization.port, None)


def _capped(answer: Response, limit_s: float | None = None) -> bytes:
    """The whole body, within ``limit_s`` seconds where given.

    Raises ProtocolError for one that is too large, or was compressed though we asked for it plain.
    """
    if limit_s is not None:
        answer.limit(limit_s)
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProtocolError("something on the way compressed the answer, though hcexport asks it not to")
    body = bytearray()
    for chunk in answer.chunks:
        body += chunk
        if len(body) > JSON_CAP:
            raise ProtocolError(f"the server's answer is larger than {JSON_CAP // 2**20} MiB")
    return bytes(body)


def _without(token: Secret | None, body: bytes) -> bytes:
    """A body without the token that was sent for it, which nothing of ours may print or keep: a server may echo it."""
    return token.blanked(body.decode("latin-1")).encode("latin-1") if token else body


def _file_only(answer: Response) -> Iterator[bytes]:
    """The chunks of a file; what looks like JSON or a page, or calls itself one and is no zip, is raised as such."""
    first = b""
    while _begins_zip(first) and (chunk := next(answer.chunks, b"")):
        first += chunk
    kind = answer.headers.get("content-type", "").lower()
    is_said_to_be_none = "json" in kind or "text/html" in kind  # front ends label zips so, the first bytes do not lie
    if first.lstrip()[:1] in {b"{", b"<"} or (is_said_to_be_none and not first.startswith((_ZIP, _EMPTY_ZIP))):
        raise_for_error(parse_object(first + _capped(answer, REFUSAL_TIMEOUT_S)))
        raise ProtocolError("the server sent a description of the item instead of the file")
    return _joined(first, answer.chunks)


def _begins_zip(first: bytes) -> bool:
    """Whether so few bytes have come that they may yet become a zip."""
    return len(first) < len(_ZIP) and (_ZIP.startswith(first) or _EMPTY_ZIP.startswith(first))


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
