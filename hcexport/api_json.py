"""How the API's JSON is read: keys in any case, times, texts of any shape, ids at the ends of URLs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any
from urllib.parse import unquote, urlsplit

Json = Mapping[str, Any]

_SAID_CAP = 1000  # characters of a server's text in a message
_ID_CAP = 200  # characters; the API's ids have 10 to 40


class JsonFields:
    """Takes fields out of a JSON object without regard to the case of its keys."""

    def __init__(self, body: Json) -> None:
        self._body = body
        self._left = {_folded(key): value for key, value in body.items()}

    def take(self, name: str) -> Any:
        """The value of a key (lower case here), which is not in the rest any more; None where there is none."""
        return self._left.pop(name, None)

    def text(self, name: str) -> str:
        """The value as text; empty where there is none."""
        value = self.take(name)
        return value if isinstance(value, str) else "" if value is None else str(value)

    def time(self, name: str) -> datetime | None:
        """The value as a point in time."""
        return from_epoch_ms(self.take(name))

    def rest(self) -> Json:
        """What nobody has taken, under the server's own keys."""
        return {key: value for key, value in self._body.items() if _folded(key) in self._left} if self._left else {}


@lru_cache(maxsize=1024)  # the same few keys stand in every row of 100,000
def _folded(key: str) -> str:
    return str(key).lower()


def from_epoch_ms(value: object) -> datetime | None:
    """A datetime of epoch milliseconds, also when they come as text; None for 0, nothing or nonsense."""
    try:
        milliseconds = value if type(value) is int else int(str(value))
        return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def plain_text(value: object, cap: int = _SAID_CAP) -> str:
    """What a server put where a message belongs (text, list, object, nothing), as a line of ``cap`` characters."""
    text = _flat(value)
    if len(text) <= cap:
        return text
    from hcexport.redaction import shortened  # noqa: PLC0415 # start-up: hardly any text is that long

    return shortened(text, cap)


def _flat(value: object, levels: int = 20) -> str:
    """The whole text. Deeper than ``levels`` lies no message, and an answer may be nested to no end."""
    if value is None or levels == 0:
        return ""
    inner = partial(_flat, levels=levels - 1)
    if isinstance(value, Mapping):
        known = [value[key] for key in value if str(key).lower() in {"message", "messages", "description", "error"}]
        return inner(known or [f"{key}: {inner(item)}" for key, item in value.items()])
    if isinstance(value, list | tuple):
        return "; ".join(text for text in map(inner, value) if text)
    return " ".join(str(value).split())


def is_id(text: str) -> bool:
    r"""Whether a text can be one segment of a path as it is: an id that leads elsewhere is an attack or a mistake.

    >>> [is_id(text) for text in ("j0861f797", "", "..", "a/b", "a%2fb", "a b")]
    [True, False, False, False, False, False]
    """
    fits = len(text) <= _ID_CAP and text.isprintable()
    return fits and bool(text.strip(".")) and not set("/\\?#% ").intersection(text)


def id_from_url(url: object, *, after: str) -> str | None:
    """The path segment that follows the last ``after`` in a URL of the server: the id it carries, or None.

    >>> last_segment("https://elsewhere:7443/x/admin/uploads/f57951c9", after="uploads")
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
