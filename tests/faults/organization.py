"""An organization with one upload item, spoken in raw bytes: well-behaved but where a turn replaces an answer."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache
from zipfile import ZipInfo

from tests.support.server import Line
from tests.support.zips import make_zip

ITEM = "f57951c9-37aa-4d4a-b444-9ad0316737d3"
ITEM_PATH = f"/gis/admin/uploads/{ITEM}"
CANARY = "canary-8f1c0a77d2be4e6f9b"  # the token: it must be found nowhere but in the requests
_MODIFIED = formatdate(1_700_000_000, usegmt=True)

Turn = Callable[[Line, "Version"], None]


@dataclass(frozen=True)
class Version:
    """What the item is at a time."""

    body: bytes
    etag: str

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.body)

    def headers(self, first_byte: int = 0) -> dict[str, str | int]:
        """What a good server says of it."""
        said: dict[str, str | int] = {
            "content-type": "application/zip",
            "content-length": self.size - first_byte,
            "etag": self.etag,
            "date": formatdate(usegmt=True),
            "last-modified": _MODIFIED,
        }
        return said | ({"content-range": f"bytes {first_byte}-{self.size - 1}/{self.size}"} if first_byte else {})


@cache
def version(seed: int = 1, noise: int = 300_000) -> Version:
    """A zip of a CSV, a JSON, and bytes that cannot be packed; equal seeds make equal bytes."""
    members = (
        ("noise.bin", random.Random(seed).randbytes(noise)),
        ("nightly_vegcl1xm6u.csv", f"id,result\r\nHC_112_{seed:03},pass\r\n"),
        ("nightly_vegcl1xm6u.json", json.dumps({"id": "vegcl1xm6u", "seed": f"{seed:03}"})),
    )
    body = make_zip(*((ZipInfo(name, (2026, 11, 1, 3, 0, 0)), data) for name, data in members))
    return Version(body, f'"v{seed}"')


def still_the_same(line: Line, now: Version) -> bool:
    """Whether the item is what the client thinks it is."""
    return line.request.headers.get("if-range", now.etag) in {now.etag, _MODIFIED}


def asked_from(line: Line, now: Version) -> int:
    """Where a good answer begins: at the range asked for, or at the first byte."""
    start = line.request.first_byte
    return start if 0 < start < now.size and still_the_same(line, now) else 0


def good(line: Line, now: Version) -> None:
    """The item, from where it was asked for."""
    start = asked_from(line, now)
    if line.request.first_byte >= now.size and still_the_same(line, now):
        return line.answer(416, content_range=f"bytes */{now.size}")
    return line.answer(206 if start else 200, now.body[start:], **now.headers(start))


def item_json(**changes: object) -> bytes:
    """The description of the item."""
    said = {"itemID": ITEM, "itemName": "reports.zip", "committed": True, "contentType": "application/zip"}
    return json.dumps(said | changes).encode()


def described(line: Line, _now: Version) -> None:
    """The item's description."""
    line.answer(200, item_json(), content_type="application/json;charset=UTF-8", date=formatdate(usegmt=True))


def not_found(line: Line) -> None:
    """What the API says of what it does not know."""
    line.answer(404, b'{"error":{"code":404,"message":"no such thing","details":[]}}', content_type="application/json")


class Organization:
    """Answers for ``Server``: the nth request to a path gets its nth turn, the last turn goes on for ever.

    ``versions`` are what the item is at the first, second ... request for its bytes.
    """

    def __init__(self, turns: Mapping[str, Sequence[Turn]], versions: Sequence[Version]) -> None:
        self.turns = {ITEM_PATH: [described], f"{ITEM_PATH}/download": [good], **turns}
        self.versions = versions
        self.asked: dict[str, int] = {}

    def __call__(self, line: Line) -> None:
        """Answer one request."""
        path = line.request.target.partition("?")[0]
        turns = self.turns.get(path)
        if turns is None:
            return not_found(line)
        number = self.asked[path] = self.asked.get(path, 0) + 1
        turn = turns[min(number, len(turns)) - 1]
        return turn(line, self.versions[min(number, len(self.versions)) - 1])
