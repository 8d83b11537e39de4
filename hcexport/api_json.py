"""Read the API's JSON: keys in any case, times, texts of any shape, ids in URLs.

Servers differ from the documentation in these details, and tests/data/README.md says which of them were seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any
from urllib.parse import unquote, urlsplit

Json = Mapping[str, Any]

_TEXT_CAP = 1000  # characters of a server's text in a message
_ID_CAP = 200  # characters; the API's ids have 10 to 40
_LEVELS = 20  # no message and no id lies deeper, and a hostile answer may be nested deeper than Python can recurse
_UPLOAD_PLACE = re.compile(r"/uploads/([^/\s\"'\\<>?#&]+)", re.IGNORECASE)


class JsonFields:
    """Takes fields out of a JSON object without regard to the case of its keys."""

    def __init__(self, body: Json) -> None:
        self._body = body
        self._left = {_lower(key): value for key, value in body.items()}

    def take(self, name: str) -> Any:
        """Remove a key (given in lower case) from the rest and return its value; None where the key is missing."""
        return self._left.pop(name, None)

    def text(self, name: str) -> str:
        """The value as text; empty where the key is missing or null."""
        value = self.take(name)
        return value if isinstance(value, str) else "" if value is None else str(value)

    def id(self, *names: str) -> str:
        """The first usable id under these keys; empty without one."""
        return next((text for text in [self.text(name) for name in names] if is_id(text)), "")

    def time(self, name: str) -> datetime | None:
        """The value as a point in time, None where it has none."""
        return parse_time(self.take(name))

    def rest(self) -> Json:
        """The fields that were not taken, under the server's own keys."""
        return {key: value for key, value in self._body.items() if _lower(key) in self._left} if self._left else {}


@lru_cache(maxsize=1024)  # the same few keys stand in every row of 100,000
def _lower(key: str) -> str:
    return str(key).lower()


def parse_time(value: object) -> datetime | None:
    """A datetime of epoch milliseconds or of ISO 8601, which is UTC where it names no zone; None for anything else.

    >>> parse_time("1699148551031") == parse_time(1699148551031.0) == parse_time("2023-11-05T01:42:31.031Z")
    True
    """
    return from_epoch_ms(value) or _parse_iso(value)


def from_epoch_ms(value: object) -> datetime | None:
    """A datetime of epoch milliseconds: an integer, a whole float, or either as text. None for 0, nothing, nonsense."""
    try:
        number = value if type(value) is int else float(str(value))
        return datetime.fromtimestamp(number / 1000, UTC) if number > 0 and number == int(number) else None
    except (ValueError, OverflowError, OSError):
        return None


def _parse_iso(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        return time and (time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def says_time(value: object) -> bool:
    """Whether a value is meant to be a time: 0, -1 and nothing are the API's ways to say that there is none yet."""
    return value not in (None, "", [], {}) and str(value).strip() not in {"0", "0.0", "-1"}


def plain_text(value: object, cap: int = _TEXT_CAP) -> str:
    """Join what a server put where a message belongs (text, list, object, nothing) into ``cap`` characters."""
    text = _flatten(value)
    if len(text) <= cap:
        return text
    from hcexport.redaction import shorten  # noqa: PLC0415 # start-up: hardly any text is that long

    return shorten(text, cap)


def _flatten(value: object, levels: int = _LEVELS) -> str:
    if value is None or levels == 0:
        return ""
    inner = partial(_flatten, levels=levels - 1)
    if isinstance(value, Mapping):
        known = [value[key] for key in value if str(key).lower() in {"message", "messages", "description", "error"}]
        return inner(known or [f"{key}: {inner(item)}" for key, item in value.items()])
    if isinstance(value, list | tuple):
        return "; ".join(text for text in map(inner, value) if text)
    return " ".join(str(value).split())


def is_id(text: str) -> bool:
    r"""Whether a text can stand as a single segment of a path. An id that leads elsewhere is an attack or a mistake.

    >>> [is_id(text) for text in ("j0861f797", "", "..", "a/b", "a%2fb", "a b")]
    [True, False, False, False, False, False]
    """
    fits = len(text) <= _ID_CAP and text.isprintable()
    return fits and bool(text.strip(".")) and not set("/\\?#% ").intersection(text)


def id_from_url(url: object, *, after: str) -> str | None:
    """The path segment that follows the last ``after`` in a URL of the server: the id it carries, or None.

    >>> id_from_url("https://elsewhere:7443/x/admin/uploads/f57951c9", after="uploads")
    'f57951c9'
    """
    if not isinstance(url, str):
        return None
    try:
        segments = [unquote(part) for part in urlsplit(url).path.split("/") if part]
    except ValueError:
        return None
    places = [index for index, part in enumerate(segments[:-1]) if part.lower() == after]
    found = segments[places[-1] + 1] if places else ""
    return found if is_id(found) else None


def find_upload_id(result: object) -> str | None:
    """The upload item that the ``result`` of a job names, None where it names none, or several.

    The documentation has ``{"URL": ".../uploads/ID"}``, which counts before all else. Other servers may put the URL or
    an ``itemID`` into a text, a list, an inner object, or JSON inside a text.
    """
    if isinstance(result, Mapping) and (documented := id_from_url(JsonFields(result).take("url"), after="uploads")):
        return documented
    found = set(_upload_ids(result, _LEVELS))
    return found.pop() if len(found) == 1 else None


def _upload_ids(value: object, levels: int) -> Iterator[str]:
    if levels == 0:
        return
    if isinstance(value, Mapping):
        item = JsonFields(value).take("itemid")
        if isinstance(item, str) and is_id(item):
            yield item
    if isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _upload_ids(inner, levels - 1)
    elif isinstance(value, str) and value.lstrip()[:1] in {"{", "["} and (inner := _parse_json(value)):
        yield from _upload_ids(inner, levels - 1)
    elif isinstance(value, str):
        places = (id_from_url(f"/uploads/{place}", after="uploads") for place in _UPLOAD_PLACE.findall(value))
        yield from filter(None, places)


def _parse_json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
