"""What crosses the wire: a request as it was received and an answer as it will be sent, both frozen.

The HTML side of the organization: what a person sees in a browser, and a client that forgot ``f=json``.

Byte ranges as RFC 9110 section 14 has them: one range is honoured, anything else gets the whole.

How the organization says no.

The Sharing API and everything about tokens answer ``{"error": {...}}`` in an HTTP 200, as documented. For the
administrator API on Kubernetes no sample of an error was ever published: the shape ``{"status": "error", ...}`` of its
siblings is our choice, in an HTTP 200 for ids and values, in a 404 or 405 for paths and methods.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

Json = dict[str, Any]

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body>
<h1>{title}</h1>
{body}
</body></html>
"""

ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.IGNORECASE)


class Headers(Mapping[str, str]):
    """Header fields by name in any case; fields that were sent twice are joined with a comma."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"


@dataclass(frozen=True)
class Request:
    """A request; ``query`` and ``form`` are decoded, ``peer`` is the client's address."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Headers
    form: Mapping[str, str]
    peer: str
    origin: str  # scheme and host as the client called us: what a public URL in an answer starts with

    @property
    def parameters(self) -> Mapping[str, str]:
        """What an operation reads: a POST is read from its body alone."""
        return self.form if self.method == "POST" else self.query

    @property
    def format(self) -> str:
        """The ``f`` of the request, wherever it stands; ``html`` is the API's default."""
        return self.form.get("f") or self.query.get("f") or "html"


@dataclass(frozen=True)
class Response:
    """An answer; a body that ends before ``length`` breaks the connection, as a crash would."""

    status: int
    headers: tuple[tuple[str, str], ...]
    length: int
    chunks: Iterable[bytes]


def whole(body: bytes, kind: str, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Answer with a body that is at hand."""
    return Response(status, (("Content-Type", kind), *headers), len(body), (body,))


def as_json(body: Json, *, pretty: bool = False, status: int = 200) -> Response:
    """Answer with JSON, indented for ``f=pjson``."""
    text = json.dumps(body, indent=2 if pretty else None)
    return whole(text.encode(), "application/json;charset=UTF-8", status)


def page(title: str, body: str, status: int = 200) -> Response:
    """Answer with a page; ``title`` is text, ``body`` is HTML."""
    return whole(PAGE.format(title=escape(title), body=body).encode(), "text/html;charset=UTF-8", status)


def directory(path: str, status: int = 200) -> Response:
    """Show the directory page of a resource, which has no data for a script."""
    return page("ArcGIS Enterprise Administrator Directory", f"<p>{escape(path)}</p>", status)


class UnsatisfiableError(Exception):
    """The range begins behind the end."""


def requested(headers: Headers, size: int, etag: str) -> tuple[int, int] | None:
    """Tell the part that is asked for as (start, stop), or None for the whole; raises UnsatisfiableError."""
    match = ONE_RANGE.fullmatch(headers.get("Range", "").strip())
    # A date or a weak validator never equals our strong one, and then the whole is due.
    if not match or headers.get("If-Range", etag) != etag:
        return None
    first, last = match.groups()
    if not first:
        return _suffix(last, size)
    start, stop = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < int(first):
        return None  # malformed, and so not there
    if start >= size:
        raise UnsatisfiableError
    return start, stop


def _suffix(last: str, size: int) -> tuple[int, int] | None:
    if not last:
        return None
    if int(last) == 0:
        raise UnsatisfiableError
    return max(size - int(last), 0), size


class Refusal(Exception):
    """An answer that ends an endpoint early."""

    def __init__(self, body: Json, status: int = 200) -> None:
        super().__init__(body)
        self.body = body
        self.status = status


def portal(code: int, message: str, *details: str, status: int = 200) -> Refusal:
    """Refuse in the words of the Sharing API."""
    return Refusal({"error": {"code": code, "message": message, "details": list(details)}}, status)


def oauth(code: int, error: str, description: str) -> Refusal:
    """Refuse in the words of the OAuth endpoints."""
    words = {"error": error, "error_description": description, "message": description}
    return Refusal({"error": {"code": code, **words, "details": []}})


def admin(code: int, message: str, status: int = 200) -> Refusal:
    """Refuse in the words of the administrator API."""
    return Refusal({"status": "error", "messages": [message], "code": code}, status)


def invalid_token() -> Refusal:
    """The token is unknown, expired, or bound to another referer or address."""
    return portal(498, "Invalid token.")


def token_required(detail: str = "Token Required") -> Refusal:
    """There is no token where one is due."""
    return Refusal(
        {"error": {"code": 499, "message": "Token Required", "messageCode": "GWM_0003", "details": [detail]}}
    )


def forbidden() -> Refusal:
    """The account lacks the privilege."""
    return portal(403, "You do not have permissions to access this resource or perform this operation.")


def unknown(kind: str, name: str) -> Refusal:
    """There is no such report, job, suite or item."""
    return admin(404, f"{kind} '{name}' does not exist.")


def no_such_path(path: str) -> Refusal:
    """There is no such resource or operation."""
    return admin(404, f"Could not find resource or operation '{path}' on the system.", status=404)


def wrong_method(method: str, path: str) -> Refusal:
    """The resource or operation exists, for another method."""
    return admin(405, f"'{path}' does not support {method}.", status=405)
