"""The table of network faults: one row each. Where a row says turns, the last one goes on for ever.

``ends`` are the exit statuses that are right for it, whatever state the run starts in.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from . import turns as t
from .organization import CANARY, Turn, Version, described, good, item_json, version

A, SAME_SIZE, LARGER = version(1), version(2), version(3, noise=310_000)
SAME_NAME = Version(SAME_SIZE.body, A.etag)  # other bytes under the first one's ETag
UNNAMED, UNNAMED_2 = Version(A.body, ""), Version(SAME_SIZE.body, "")
WEAK, WEAK_2 = Version(A.body, 'W/"x"'), Version(SAME_SIZE.body, 'W/"x"')
EVIL = version(66, noise=1000)  # what nobody asked for
OK, AUTH, GONE, NET, BAD, BUSY, LATE = 0, 4, 5, 6, 7, 75, 124


@dataclass(frozen=True)
class Fault:
    """One way to go wrong: answers to the requests for the bytes, or for the item's description."""

    name: str
    kind: str
    ends: tuple[int, ...]
    file: tuple[Turn, ...] = (good,)
    item: tuple[Turn, ...] = (described,)
    versions: tuple[Version, ...] = (A,)
    elsewhere: str = ""  # a Location for the file; {port} is another server's, {own} this one's
    listens: bool = True
    tls: str = ""  # what is wrong with the certificate; "good" if nothing, "none" if nobody speaks TLS any more


def _file(kind: str, name: str, *turns: Turn, ends: tuple[int, ...], **more: tuple[Version, ...]) -> Fault:
    return Fault(name, kind, ends, file=turns, **more)


def _error(code: int, message: str = "No.") -> bytes:
    return b'{"error":{"code":%d,"message":"%b","details":[]}}' % (code, message.encode())


ABSENT = t.json_says(_error(404), 404)


def _item(name: str, *turns: Turn, ends: tuple[int, ...], file: tuple[Turn, ...] = (ABSENT, good)) -> Fault:
    """A fault of the item's page, which is asked for because the file is not there at first."""
    return Fault(name, "description", ends, file=file, item=turns)


_HEAD = b"HTTP/1.1 200 OK\r\n"
_EARLY = time.time() - 1000

CONNECTION = [
    Fault("nobody listens", "connection", (NET,), listens=False),
    _file("connection", "hangs up three times", t.hangs_up, t.hangs_up, t.hangs_up, good, ends=(OK,)),
    _file("connection", "hangs up always", t.hangs_up, ends=(NET,)),
    _file("connection", "ends politely without a word, always", t.raw(), ends=(NET,)),
    _file("connection", "never answers", t.mute, ends=(NET, LATE)),
    _file("connection", "does not answer at first", t.mute, good, ends=(OK,)),
    _file("connection", "a header a byte at a time", t.drips_headers, ends=(NET,)),
    _file("connection", "a header a byte at a time, twice", t.drips_headers, t.drips_headers, good, ends=(OK,)),
]
HEAD = [
    _file("head", "a greeting of another protocol", t.raw(b"220 ready\r\n"), ends=(NET,)),
    _file("head", "another protocol's greeting at first", t.raw(b"220 ready\r\n"), good, ends=(OK,)),
    _file("head", "the file without any head", t.raw(A.body), ends=(NET,)),
    _file(
        "head", "a status line that repeats the token", t.raw(b"HTTP/1.1 " + CANARY.encode() + b"\r\n\r\n"), ends=(NET,)
    ),
    _file("head", "HTTP/2 on a plain line", t.raw(b"\0\0\x12\x04\0\0\0\0\0" + bytes(18)), ends=(NET,)),
    _file("head", "2,000 interim answers", t.processing(2000), ends=(OK, NET)),
    _file("head", "interim answers without end", t.processing(None), ends=(NET,)),
    _file("head", "interim answers without end, twice", *[t.processing(None)] * 2, good, ends=(OK,)),
    _file("head", "200 kB of one header", t.says(200, A.body, x="y" * 200_000), ends=(NET,)),
    _file("head", "150 headers of 1 kB", t.whole(**{f"x{n}": "y" * 1024 for n in range(150)}), ends=(OK, NET)),
    _file("head", "a header without a colon", t.raw(_HEAD, b"nonsense\r\n\r\n"), ends=(NET,)),
    _file("head", "a header with NUL", t.raw(_HEAD, b"x: a\0b\r\n\r\n", A.body), ends=(NET,)),
    _file("head", "cut in the head", t.raw(_HEAD, b"content-le"), good, ends=(OK,)),
    _file("head", "status 999", t.says(999, A.body), ends=(NET,)),
    _file("head", "status 204", t.says(204, b"", content_length=""), ends=(NET,)),
    _file("head", "status 226 with the file", t.says(226, A.body), ends=(NET,)),
]
LENGTH = [
    _file("length", "two lengths", t.raw(_HEAD, b"content-length: 5\r\ncontent-length: 6\r\n\r\n"), ends=(NET,)),
    _file("length", "negative", t.whole(content_length="-5"), ends=(NET,)),
    _file("length", "a word", t.whole(content_length="many"), ends=(NET,)),
    _file("length", "10^30", t.whole(content_length="1" + "0" * 30), ends=(NET,)),
    _file("length", "more than there is on the disk", t.cut(0.5, content_length=10**15), ends=(73, NET, BAD)),
    _file("length", "too small", t.whole(content_length=A.size - 99), ends=(BAD,)),
    _file("length", "too large, always", t.whole(content_length=A.size + 99, etag=""), ends=(NET, BAD)),
    _file("length", "and chunks as well", t.chunked(content_length="77"), ends=(OK,)),
    _file("length", "none, whole", t.without_length(), ends=(OK,)),
    _file("length", "none, cut at half, always", t.without_length(0.5), ends=(BAD,)),
    _file("length", "none, cut at half, once", t.without_length(0.5), good, ends=(OK, BAD)),
    _file("length", "HTTP/1.0, whole", t.without_length(1.0, "HTTP/1.0"), ends=(OK,)),
    _file("length", "HTTP/1.0, cut before the end record", t.without_length(0.999, "HTTP/1.0"), ends=(BAD,)),
]
CUT = [
    _file("cut", "FIN at half", t.cut(0.5), good, ends=(OK,)),
    _file("cut", "RST at half", t.cut(0.5, "rst"), good, ends=(OK,)),
    _file("cut", "at 30 % of the rest, five times", *[t.cut(0.3)] * 5, good, ends=(OK,)),
    _file("cut", "before the first byte, always", t.cut(0.0), ends=(NET,)),
    _file("cut", "one byte short", t.cut(0.999999), good, ends=(OK,)),
    _file("cut", "silence at half, once", t.stalled(0.5), good, ends=(OK,)),
    _file("cut", "silence, always", t.stalled(0.0), ends=(NET, LATE)),
    _file("cut", "a byte at a time from half on", t.dripped(0.5), t.dripped(0.0), ends=(NET, LATE)),
    _file(
        "cut",
        "at 70 %, always, without ranges",
        t.whole(lambda z: z[: int(len(z) * 0.7)], content_length=A.size, etag=""),
        ends=(NET, BAD),
    ),
    _file("cut", "chunks, whole", t.chunked(), ends=(OK,)),
    _file("cut", "chunks of 32 bytes", t.chunked(32), ends=(OK,)),
    _file("cut", "chunks that stop at half, once", t.chunked(upto=0.5, ending=b""), good, ends=(OK,)),
    _file("cut", "chunks that stop at half, always", t.chunked(upto=0.5, ending=b""), ends=(NET, BAD)),
    _file("cut", "chunks that end well at half", t.chunked(upto=0.5), ends=(BAD,)),
    _file("cut", "a chunk of bad size", t.chunked(upto=0.5, ending=b"zz\r\n"), good, ends=(OK,)),
    _file("cut", "a chunk of 2^80 bytes", t.chunked(upto=0.5, ending=b"1" + b"0" * 20 + b"\r\n"), ends=(NET, BAD)),
]
CODING = [
    _file("coding", "gzip by a meddling proxy", t.whole(t.gzipped, content_encoding="gzip"), ends=(BAD,)),
    _file("coding", "gzip cut at half", t.whole(lambda z: t.gzipped(z)[:50_000], content_encoding="gzip"), ends=(BAD,)),
    _file(
        "coding", "gzip twice", t.whole(lambda z: t.gzipped(t.gzipped(z)), content_encoding="gzip, gzip"), ends=(BAD,)
    ),
    _file("coding", "gzip, not said", t.whole(t.gzipped), ends=(BAD,)),
    _file("coding", "gzip said, not done", t.whole(content_encoding="gzip"), ends=(BAD,)),
    _file("coding", "an unknown one", t.whole(content_encoding="br"), ends=(BAD,)),
    _file("coding", "identity", t.whole(content_encoding="identity"), ends=(OK,)),
]
DAMAGE = [
    _file("damage", "one bit", t.whole(t.flipped), ends=(BAD,)),
    _file("damage", "a page of zeros", t.whole(t.hole), ends=(BAD,)),
    _file("damage", "junk before", t.whole(lambda z: b"junk" + z), ends=(BAD,)),
    _file("damage", "junk after", t.whole(lambda z: z + b"junk"), ends=(BAD,)),
    _file("damage", "twice in a row", t.whole(lambda z: z + z), ends=(BAD,)),
    _file("damage", "the end record alone is missing", t.whole(lambda z: z[:-22]), ends=(BAD,)),
    _file("damage", "encrypted members", t.whole(t.encrypted), ends=(BAD,)),
    _file("damage", "nothing at all", t.whole(lambda _: b""), ends=(BAD,)),
    _file("damage", "three bytes", t.whole(lambda _: b"PK\x03"), ends=(BAD,)),
    _file("damage", "not a zip", t.says(200, b"id,result\r\n" * 5000, content_type="text/csv"), ends=(BAD,)),
    _file("damage", "only its beginning is a zip", t.whole(lambda z: z[:4] + bytes(len(z) - 4)), ends=(BAD,)),
]
PAGES = [
    _file("page", "a login page", t.says(content_type="text/html"), ends=(NET, AUTH)),
    _file("page", "a login page that calls itself a zip", t.says(content_type="application/zip"), ends=(NET, AUTH)),
    _file("page", "a login page, once", t.says(content_type="text/html"), good, ends=(OK,)),
    _file("page", "the item's description", t.json_says(item_json()), ends=(NET,)),
    _file("page", "token expired, in a 200", t.json_says(_error(498)), ends=(AUTH,)),
    _file("page", "token expired, and repeated", t.json_says(_error(498, f"Invalid token: {CANARY}")), ends=(AUTH,)),
    _file("page", "token required, in a 200", t.json_says(_error(499)), ends=(AUTH,)),
    _file("page", "forbidden, in a 200", t.json_says(_error(403)), ends=(AUTH,)),
    _file("page", "not found, in a 200", t.json_says(_error(404)), ends=(GONE,)),
    _file("page", "trouble, in a 200", t.json_says(_error(500)), ends=(NET,)),
    _file("page", "trouble that drips", t.drips_body(503), ends=(NET,)),
    _file("page", "trouble that drips, twice", *[t.drips_body(503)] * 2, good, ends=(OK,)),
    _file("page", "JSON that drips", t.drips_body(200, b"{"), ends=(NET,)),
    _file("page", "JSON that drips, twice", *[t.drips_body(200, b"{")] * 2, good, ends=(OK,)),
    _file("page", "a code of 5,000 digits", t.json_says(b'{"error":{"code":"%b"}}' % (b"9" * 5000), 503), ends=(NET,)),
    _file("page", "dates of an absurd zone", t.says(503, retry_after=t.ABSURD, date=t.ABSURD), good, ends=(OK,)),
    _file("page", "the file, dated in an absurd zone", t.whole(date=t.ABSURD, last_modified=t.ABSURD), ends=(OK,)),
    _file("page", "a reason of 3 MB", t.json_says(_error(500, "no " * 1_000_000), 500), ends=(NET,)),
    _file("page", "hostile JSON", t.json_says(b"[" * 100_000), ends=(NET,)),
]
STATUS = [
    _file("status", "401", t.says(401), ends=(AUTH,)),
    _file("status", "403 of a gateway", t.says(403), ends=(AUTH,)),
    _file("status", "404", t.says(404), ends=(GONE,)),
    _file("status", "410", t.says(410), ends=(GONE,)),
    _file("status", "407", t.says(407), ends=(NET,)),
    _file("status", "418 of a gateway", t.says(418), ends=(NET,)),
    _file("status", "413 of a gateway", t.says(413), ends=(NET,)),
    _file("status", "three times 500", *[t.says(500)] * 3, good, ends=(OK,)),
    _file("status", "502, always", t.says(502), ends=(NET,)),
    _file("status", "502, 503, 504", t.says(502), t.says(503), t.says(504), good, ends=(OK,)),
    _file("status", "503 that asks for no wait", t.says(503, retry_after="0"), good, ends=(OK,)),
    _file("status", "503 that asks for a year", t.says(503, retry_after="31536000"), ends=(NET,)),
    _file(
        "status",
        "429 until a date gone by",
        t.says(429, retry_after=t.http_date(0, _EARLY), date=t.http_date(5, _EARLY)),
        good,
        ends=(OK,),
    ),
    _file("status", "503 that asks for infinity", t.says(503, retry_after="inf"), good, ends=(OK,)),
    _file("status", "503 that asks for a negative wait", t.says(503, retry_after="-5"), good, ends=(OK,)),
]
RESUME = [
    _file("resume", "ranges ignored after a cut", t.cut(0.5), t.whole(), ends=(OK,)),
    _file(
        "resume",
        "a range from another byte, always",
        t.cut(0.5),
        t.partial("bytes {before}-{end}/{size}", -1),
        ends=(OK, BAD),
    ),
    _file("resume", "a range that is not said", t.cut(0.5), t.partial(""), ends=(OK, BAD)),
    _file("resume", "a range of another size", t.cut(0.5), t.partial("bytes {start}-{end}/999"), ends=(OK, BAD)),
    _file("resume", "a range of unknown size", t.cut(0.5), t.partial("bytes {start}-{end}/*"), ends=(OK, BAD)),
    _file("resume", "a range that ends early", t.cut(0.5), t.partial("bytes {start}-{middle}/{size}"), ends=(OK, BAD)),
    _file("resume", "a range in other units", t.cut(0.5), t.partial("lines {start}-{end}/{size}"), ends=(OK, BAD)),
    _file(
        "resume", "a true header over shifted bytes", t.cut(0.5), t.partial("bytes {start}-{end}/{size}", 9), ends=(OK,)
    ),
    _file(
        "resume",
        "several ranges at once",
        t.cut(0.5),
        t.partial("", content_type="multipart/byteranges; boundary=x"),
        ends=(OK, BAD),
    ),
    _file(
        "resume",
        "a range packed by a proxy",
        t.cut(0.5),
        t.partial("bytes {start}-{end}/{size}", content_encoding="gzip"),
        ends=(OK, BAD),
    ),
    _file(
        "resume", "a range that nobody asked for", t.partial("bytes 0-{end}/{size}", only_resumes=False), ends=(OK, BAD)
    ),
    _file(
        "resume",
        "416 to a range",
        t.cut(0.5),
        t.resumed_with(t.says(416, b"", content_range="bytes */7")),
        ends=(OK, BAD),
    ),
    _file("resume", "416, always", t.says(416, b""), ends=(BAD,)),
    _file("resume", "a login page, then the rest", t.cut(0.5), t.says(content_type="text/html"), good, ends=(OK,)),
    _file("resume", "404 to a range", t.cut(0.5), t.says(404), ends=(GONE,)),
    _file("resume", "other bytes, another ETag", t.cut(0.5), good, versions=(A, SAME_SIZE), ends=(OK,)),
    _file("resume", "another size and ETag", t.cut(0.5), good, versions=(A, LARGER), ends=(OK,)),
    _file("resume", "other bytes, the same ETag", t.cut(0.5), good, versions=(A, SAME_NAME), ends=(OK,)),
    _file("resume", "other bytes, no ETag", t.cut(0.5, etag=""), good, versions=(UNNAMED, UNNAMED_2), ends=(OK,)),
    _file("resume", "other bytes, a weak ETag", t.cut(0.5), good, versions=(WEAK, WEAK_2), ends=(OK,)),
    _file("resume", "other bytes at each cut", *[t.cut(0.6)] * 3, good, versions=(A, SAME_SIZE, LARGER), ends=(OK,)),
]
REDIRECT = [
    Fault(name, "redirect", (NET,), elsewhere=place)
    for name, place in (
        ("to another port", "http://127.0.0.1:{port}/evil.zip"),
        ("to another name of this machine", "http://localhost:{port}/evil.zip"),
        ("without a scheme", "//127.0.0.1:{port}/evil.zip"),
        ("with a user", "http://user@127.0.0.1:{own}/evil.zip"),
        ("to a name that hides another", "http://127.0.0.1:{own}@127.0.0.1:{port}/evil.zip"),
        ("to https", "https://127.0.0.1:{port}/evil.zip"),
        ("to a file", "file:///etc/passwd"),
        ("to a script", "javascript:alert(1)"),
        ("to a port that is none", "http://127.0.0.1:99999/evil.zip"),
        ("to half an address", "http://[::1/evil.zip"),
        ("to an address with the token in it", f"http://127.0.0.1:{{own}}/gis/x?token={CANARY}"),
        ("to itself", "http://127.0.0.1:{own}/gis/admin/uploads/f57951c9-37aa-4d4a-b444-9ad0316737d3/download"),
    )
]
TLS = [
    Fault("no close_notify, whole", "tls", (OK,), file=(t.without_length(),), tls="good"),
    Fault("no close_notify, cut at half", "tls", (BAD,), file=(t.without_length(0.5),), tls="good"),
    Fault("cut at half", "tls", (OK,), file=(t.cut(0.5), good), tls="good"),
    Fault("RST at half", "tls", (OK,), file=(t.cut(0.5, "rst"), good), tls="good"),
    *(
        Fault(name, "tls", (NET,), tls=tls)
        for name, tls in (
            ("a certificate that has expired", "expired"),
            ("a certificate of another name", "name"),
            ("a certificate of a stranger", "stranger"),
        )
    ),
    Fault("a handshake that nobody answers", "tls", (NET, LATE), tls="none"),
]
DESCRIPTION = [
    _item("a login page", t.says(content_type="text/html"), ends=(GONE,)),
    _item("a login page, once", t.says(content_type="text/html"), described, ends=(GONE,)),
    _item("nesting without end", t.json_says(b'{"a":' * 100_000), ends=(GONE,)),
    _item("NaN", t.json_says(b'{"itemID": NaN}'), ends=(GONE,)),
    _item("a list", t.json_says(b"[1]"), ends=(GONE,)),
    _item("null", t.json_says(b"null"), ends=(GONE,)),
    _item("a key twice", t.json_says(b'{"committed":true,"committed":false}'), ends=(GONE,)),
    _item("half a character in the name", t.json_says(b'{"itemName":"\\ud800.zip","committed":true}'), ends=(GONE,)),
    _item("a name that leads elsewhere", t.json_says(item_json(itemName="../../../etc/cron.d/x")), ends=(GONE,)),
    _item("larger than any", t.json_says(b" " * (3 << 20)), ends=(GONE,)),
    _item("a bomb of gzip", t.says(200, t.gzipped(bytes(20 << 20)), content_encoding="gzip"), ends=(GONE,)),
    _item("cut", t.says(200, item_json(), content_length=9999), ends=(GONE,)),
    _item("hangs up twice", t.hangs_up, t.hangs_up, described, ends=(GONE,)),
    _item("never answers", t.mute, ends=(GONE, LATE)),
    _item("not committed at first", t.json_says(item_json(committed=False)), described, ends=(OK,)),
    _item("never committed", t.json_says(item_json(committed=False)), ends=(OK,)),
    _item("never committed, and never there", t.json_says(item_json(committed=False)), ends=(BUSY,), file=(ABSENT,)),
    _item("an answer to the next question with it", t.followed_by(EVIL.body, item_json(committed=False)), ends=(OK,)),
    _item("300,000 objects", t.json_says(b"[" + b"{}," * 300_000 + b"{}]"), ends=(GONE,)),
    _item("gone", t.json_says(_error(404), 404), ends=(GONE,)),
    _item("forbidden", t.json_says(_error(403)), ends=(GONE,)),
    _item("token expired", t.json_says(_error(498)), ends=(GONE,)),
]

TABLE = (*CONNECTION, *HEAD, *LENGTH, *CUT, *CODING, *DAMAGE, *PAGES, *STATUS, *RESUME, *REDIRECT, *TLS, *DESCRIPTION)
