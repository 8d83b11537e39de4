"""What crosses the wire: a request as it was received and an answer as it will be sent, both frozen."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


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
