"""Read the body of an answer: a JSON answer whole and within limits, a file as its bytes come."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from hcexport.api.responses import parse_object, raise_for_error
from hcexport.errors import ProtocolError
from hcexport.redaction import Secret

if TYPE_CHECKING:
    from hcexport.api.http import Response

_ZIP, _EMPTY_ZIP = b"PK\x03\x04", b"PK\x05\x06"
_GZIP = {"gzip", "x-gzip"}
_GZIP_WINDOW = 31  # zlib's way to say: a gzip header and trailer


def read_whole(answer: Response, cap: int, limit_s: float | None = None, *, first: bytes = b"") -> bytes:
    """``first`` and the rest of the body, at most ``cap`` bytes, within ``limit_s`` seconds. Raises ProtocolError.

    gzip is unpacked although every request asks for identity, because front ends compress all the same.
    """
    if limit_s is not None:
        answer.limit(limit_s)
    encoding = answer.headers.get("content-encoding", "identity").lower().strip()
    if encoding not in {"identity", "", *_GZIP}:
        raise ProtocolError("something on the way compressed the answer, though hcexport asks it not to")
    body = bytearray(first)
    for chunk in answer.chunks:
        body += chunk
        _require_at_most(cap, len(body))
    return _unpack(bytes(body), cap) if encoding in _GZIP else bytes(body)


def _unpack(body: bytes, cap: int) -> bytes:
    """Unpack gzip, and stop at ``cap`` bytes: a megabyte may be packed into a kilobyte."""
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = unpacker.decompress(body, cap + 1)
    except zlib.error:
        raise ProtocolError("the server's answer is not the gzip that it says it is") from None
    _require_at_most(cap, len(plain))
    if not unpacker.eof:
        raise ProtocolError("the server's answer ends in the middle of its gzip")
    return plain


def _require_at_most(cap: int, size: int) -> None:
    if size > cap:
        raise ProtocolError(f"the server's answer is larger than {cap // 2**20} MiB")


def blank_token(token: Secret | None, body: bytes) -> bytes:
    """Blank the token that was sent: a server may echo it, and what it says may be printed or kept."""
    return token.blank(body.decode("latin-1")).encode("latin-1") if token else body


def open_file(answer: Response, cap: int, limit_s: float) -> Iterator[bytes]:
    """The bytes of a file. Raises what JSON or a page in its place means; ``limit_s`` and ``cap`` hold for those.

    The first bytes decide before the label does, because front ends label zips as JSON or HTML.
    """
    first = b""
    while _may_become_zip(first) and (chunk := next(answer.chunks, b"")):
        first += chunk
    label = answer.headers.get("content-type", "").lower()
    is_labelled_text = "json" in label or "text/html" in label
    if first.lstrip()[:1] in {b"{", b"<"} or (is_labelled_text and not first.startswith((_ZIP, _EMPTY_ZIP))):
        raise_for_error(parse_object(read_whole(answer, cap, limit_s, first=first)))
        raise ProtocolError("the server sent a description of the item instead of the file")
    return chain([first], answer.chunks)


def _may_become_zip(first: bytes) -> bool:
    return len(first) < len(_ZIP) and (_ZIP.startswith(first) or _EMPTY_ZIP.startswith(first))
