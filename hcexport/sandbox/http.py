"""HTTP as the endpoints see it: requests, responses, HTML pages and byte ranges; values alone, no sockets."""

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

# RFC 9110 section 14: a request for one range is honoured, any other gets the whole body.
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
    """A request as it was received; ``query`` and ``form`` are decoded, ``peer`` is the client's address."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Headers
    form: Mapping[str, str]
    peer: str
    origin: str  # scheme and host that the client called; public URLs in answers start with it

    @property
    def parameters(self) -> Mapping[str, str]:
        """The parameters of an operation: a POST is read from its body alone."""
        return self.form if self.method == "POST" else self.query

    @property
    def format(self) -> str:
        """The ``f`` of the request, wherever it stands; ``html`` is the API's default."""
        return self.form.get("f") or self.query.get("f") or "html"


@dataclass(frozen=True)
class Response:
    """A response as it will be sent; the connection is closed when the chunks end before ``length``."""

    status: int
    headers: tuple[tuple[str, str], ...]
    length: int
    chunks: Iterable[bytes]


def respond(body: bytes, kind: str, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Make a response from a body in memory."""
    return Response(status, (("Content-Type", kind), *headers), len(body), (body,))


def respond_json(body: Json, *, pretty: bool = False, status: int = 200) -> Response:
    """Make a JSON response, indented for ``f=pjson``."""
    text = json.dumps(body, indent=2 if pretty else None)
    return respond(text.encode(), "application/json;charset=UTF-8", status)


def page(title: str, body: str, status: int = 200) -> Response:
    """Make an HTML response; ``title`` is text, ``body`` is HTML."""
    return respond(PAGE.format(title=escape(title), body=body).encode(), "text/html;charset=UTF-8", status)


def directory(path: str, status: int = 200) -> Response:
    """Make the page that a browser sees of a resource: what a client gets that left out ``f=json``."""
    return page("ArcGIS Enterprise Administrator Directory", f"<p>{escape(path)}</p>", status)


class UnsatisfiableError(Exception):
    """The range begins behind the end of the body."""


def parse_range(headers: Headers, size: int, etag: str) -> tuple[int, int] | None:
    """Return the requested range as (start, stop), or None for the whole body; raises UnsatisfiableError."""
    match = ONE_RANGE.fullmatch(headers.get("Range", "").strip())
    # Ignore the range unless If-Range is our strong ETag: a date or a weak ETag cannot prove that the bytes are equal.
    if not match or headers.get("If-Range", etag) != etag:
        return None
    first, last = match.groups()
    if not first:
        return _parse_suffix(last, size)
    start, stop = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < int(first):
        return None  # RFC 9110: ignore a malformed range
    if start >= size:
        raise UnsatisfiableError
    return start, stop


def _parse_suffix(last: str, size: int) -> tuple[int, int] | None:
    if not last:
        return None
    if int(last) == 0:
        raise UnsatisfiableError
    return max(size - int(last), 0), size
