"""The vocabulary of the table: ways to answer a request for the item, each a small function."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from email.utils import formatdate

from tests.support.server import Line

from .organization import Turn, Version, asked_from, good

ABSURD = "Tue, 24 Nov 2026 20:00:00 +99999999999999999999"
HTML = b"<!DOCTYPE html><html><title>Sign In</title><form><input type=password></form></html>"


def cut(at: float, how: str = "fin", **changes: str | int) -> Turn:
    """The item with its real length, ended at a share of what is asked for."""

    def turn(line: Line, now: Version) -> None:
        start = asked_from(line, now)
        body = now.body[start:]
        line.answer(206 if start else 200, **{**_said(now, start), **changes})
        line.send(body[: int(len(body) * at)])
        line.reset() if how == "rst" else line.fin()

    return turn


def without_length(at: float = 1.0, protocol: str = "HTTP/1.1") -> Turn:
    """The item up to a share, its end the connection's end."""

    def turn(line: Line, now: Version) -> None:
        line.send(f"{protocol} 200 OK\r\nConnection: close\r\netag: {now.etag}\r\n\r\n".encode())
        line.send(now.body[: int(now.size * at)])
        line.fin()

    return turn


def stalled(at: float) -> Turn:
    """The item, and silence at a share of it."""

    def turn(line: Line, now: Version) -> None:
        start = asked_from(line, now)
        line.answer(206 if start else 200, **_said(now, start))
        line.send(now.body[start : start + int((now.size - start) * at)])
        line.stall()
        line.fin()

    return turn


def dripped(at: float) -> Turn:
    """The item, and a byte at a time from a share of it on."""

    def turn(line: Line, now: Version) -> None:
        start = asked_from(line, now)
        line.answer(206 if start else 200, **_said(now, start))
        half = start + int((now.size - start) * at)
        line.send(now.body[start:half])
        line.drip(now.body[half : half + 120], 0.05)
        line.fin()

    return turn


def says(status: int = 200, body: bytes = HTML, **headers: str | int) -> Turn:
    """One answer whatever was asked."""
    return lambda line, _now: line.answer(status, body, **headers)


def json_says(body: bytes, status: int = 200) -> Turn:
    """An answer of the API."""
    return says(status, body, content_type="application/json")


def raw(*pieces: bytes) -> Turn:
    """Bytes as they are, then the end."""

    def turn(line: Line, _now: Version) -> None:
        line.send(*pieces)
        line.fin()

    return turn


def whole(change: Callable[[bytes], bytes] = lambda body: body, **headers: str | int) -> Turn:
    """The whole item, its bytes or headers changed, whatever range was asked for."""

    def turn(line: Line, now: Version) -> None:
        body = change(now.body)
        line.answer(200, body, **{**_said(now, 0), "content_length": len(body), **headers})
        line.fin()

    return turn


def partial(content_range: str, shift: int = 0, only_resumes: bool = True, **headers: str | int) -> Turn:
    """A 206 that says ``content_range`` ({start}, {end}, {size}) and sends bytes ``shift`` further on.

    What is asked for from the first byte is answered well, unless ``only_resumes`` is off.
    """

    def turn(line: Line, now: Version) -> None:
        start = line.request.first_byte
        if only_resumes and not start:
            return good(line, now)
        said = content_range.format(start=start, end=now.size - 1, size=now.size, before=start - 1, middle=start + 9)
        body = (now.body + b"\0" * 64)[max(0, start + shift) :][: now.size - start]
        return line.answer(206, body, **{**_said(now, start), "content_range": said, **headers})

    return turn


def resumed_with(turn: Turn) -> Turn:
    """``turn`` for a request with a range, a good answer for one without."""
    return lambda line, now: turn(line, now) if line.request.first_byte else good(line, now)


def chunked(size: int = 7000, upto: float = 1.0, ending: bytes = b"0\r\n\r\n", **headers: str) -> Turn:
    """The whole item in chunks, cut at a share or ended oddly."""

    def turn(line: Line, now: Version) -> None:
        line.answer(200, **{**_said(now, 0), "content_length": "", "transfer_encoding": "chunked", **headers})
        sent = now.body[: int(now.size * upto)]
        pieces = (sent[at : at + size] for at in range(0, len(sent), size))
        line.send(*(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces), ending)
        line.fin()

    return turn


def followed_by(planted: bytes, body: bytes) -> Turn:
    """A good answer, and in the same breath another one, to a question that was not asked yet."""
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
    return lambda line, _now: line.send(
        answer % (b"application/json", len(body)), body, answer % (b"application/zip", len(planted)), planted
    )


def hangs_up(line: Line, _now: Version) -> None:
    """Nothing, and an RST."""
    line.reset()


def mute(line: Line, _now: Version) -> None:
    """Nothing for long."""
    line.stall()
    line.fin()


def drips_headers(line: Line, _now: Version) -> None:
    """A header that never ends."""
    line.drip(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200, 0.05)
    line.fin()


def drips_body(status: int, begun: bytes = b"<") -> Turn:
    """A body that never ends, in place of the item."""

    def turn(line: Line, _now: Version) -> None:
        line.answer(status, begun, content_length=9999)
        line.drip(b" " * 200, 0.05)
        line.fin()

    return turn


def processing(times: int | None) -> Turn:
    """So many interim answers, then the item; for ever without a number."""

    def turn(line: Line, now: Version) -> None:
        if times is None:
            line.drip(b"HTTP/1.1 102 Processing\r\n\r\n" * 100, 0.05, 27)
            return line.fin()
        line.send(b"HTTP/1.1 102 Processing\r\n\r\n" * times)
        return good(line, now)

    return turn


def gzipped(body: bytes) -> bytes:
    """What a meddling proxy makes of it."""
    return gzip.compress(body, 1)


def flipped(body: bytes) -> bytes:
    """One bit of it changed, in a member's data."""
    return body[:5000] + bytes([body[5000] ^ 1]) + body[5001:]


def hole(body: bytes) -> bytes:
    """A page of it lost to zeros."""
    return body[:8192] + bytes(4096) + body[12288:]


def encrypted(body: bytes) -> bytes:
    """The same zip with its members marked as encrypted."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for member in archive.infolist():
            body = _marked(body, member.header_offset + 6)
    directory = body.index(b"PK\x01\x02", len(body) - 400)
    while (directory := body.find(b"PK\x01\x02", directory)) >= 0:
        body, directory = _marked(body, directory + 8), directory + 4
    return body


def _marked(body: bytes, at: int) -> bytes:
    return body[:at] + bytes([body[at] | 1]) + body[at + 1 :]


def _said(now: Version, first_byte: int) -> dict[str, str | int]:
    return {name.replace("-", "_"): value for name, value in now.headers(first_byte).items()}


def http_date(seconds_from_now: float, base: float) -> str:
    """A date as headers have it."""
    return formatdate(base + seconds_from_now, usegmt=True)
