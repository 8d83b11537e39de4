"""What keeps secrets out of everything that is said or written: a type that hides its value, and one redactor.

``redact`` works twice over. It blanks every value that a Secret of this process was made of, wherever it stands and
however it was quoted; and it blanks what stands where secrets stand (headers, form fields, query values, JSON keys,
the user part of URLs), for secrets of others. A value cut short before it came here is not recognised: redact first.
"""

from __future__ import annotations

import hmac
import json
import re
import threading
from collections.abc import Iterator
from html import escape
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

from hcexport.errors import UsageError

MASK = "***"
_SHORTEST_LIVE = 6  # characters; blanking shorter values would spoil innocent words and tell the value by that
_TOKEN = re.compile(r"[\x21-\x7e]+")


class Secret:
    """A text that shows itself to ``reveal()`` alone: str, repr and format are masked, and it cannot be pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        _live.add(value)

    @classmethod
    def token(cls, text: str) -> Secret:
        """A secret fit for a header: visible ASCII, white space around it dropped. Raises UsageError, never with it."""
        value = text.strip()
        if not _TOKEN.fullmatch(value):
            what = "holds characters that no token has" if value else "is empty"
            raise UsageError(f"the token {what}", hint="paste it whole, and nothing else")
        return cls(value)

    def reveal(self) -> str:
        """The text itself, for the wire or a store."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._bytes(), other._bytes())

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    def _bytes(self) -> bytes:
        return self._value.encode("utf-8", "surrogatepass")


class _LiveValues:
    """The values of this process's secrets, in every spelling in which a message or a log may quote them."""

    def __init__(self) -> None:
        self._spellings: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()  # a pattern that is made while a value is added would not know it

    def add(self, value: str) -> None:
        if len(value) >= _SHORTEST_LIVE and value not in self._spellings:
            with self._lock:
                self._spellings.update(_spellings(value))
                self._pattern = None

    def blank(self, text: str) -> str:
        if not self._spellings:
            return text
        with self._lock:
            pattern = self._pattern = self._pattern or self._compiled()
        return pattern.sub(MASK, text)

    def _compiled(self) -> re.Pattern[str]:
        longest_first = sorted(self._spellings, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)))


_live = _LiveValues()


def _spellings(value: str) -> Iterator[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield escape(value)
    encoded = value.encode("utf-8", "replace")
    yield repr(encoded)[2:-1]
    for quoted in (quote(encoded), quote(encoded, safe=""), quote_plus(encoded)):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)


_HEADERS = r"(?:x-esri-|proxy-)?authorization|(?:set-)?cookie2?"
_FIELDS = r"[\w.-]*(?:token|passw(?:or)?d|passphrase|secret|code_verifier|api[_-]?key|oauth_state|assertion)"
_QUOTE = r"\\{0,7}[\"']"  # as deep as JSON is put into JSON; without a bound, a text of backslashes takes for ever
_RULES = (
    # 'authorization': 'Bearer …' and (b'Authorization', b'Bearer …'): reprs of headers, and JSON
    (rf"((?P<q>{_QUOTE})(?:{_HEADERS})(?P=q)\s*[:,]\s*b?(?P<v>{_QUOTE}))(?:(?!(?P=v)).)*", rf"\1{MASK}"),
    # Authorization: Bearer …: a header as it is sent, to the end of its line
    (rf"(\b(?:{_HEADERS})\s*[:=][ \t]*)(?![ \t]*{_QUOTE})[^\r\n]+", rf"\1{MASK}"),
    # "token": "…", also escaped inside other JSON, also cut off before its closing quote
    (rf"((?P<q>{_QUOTE})(?:{_FIELDS})(?P=q)\s*[:,]\s*b?(?P<v>{_QUOTE}))(?:(?!(?P=v))(?:\\.|.))*", rf"\1{MASK}"),
    (rf"((?P<q>{_QUOTE})(?:{_FIELDS})(?P=q)\s*:\s*)[^\s\"'\\,}}\]]+", rf"\1{MASK}"),
    # token=… in forms, queries and environments, also percent-encoded inside another URL
    (rf"((?<![\w.-])(?:{_FIELDS}|code)\s?(?:=|%3D)\s?(?P<v>{_QUOTE}))(?:(?!(?P=v))(?:\\.|.))*", rf"\1{MASK}"),
    (
        rf"((?<![\w.-])(?:[\w.-]*%(?:26|3F))?(?:{_FIELDS}|code)(?:=|%3D))(?!{_QUOTE})(?:(?!%26)[^&\s<>\"'])+",
        rf"\1{MASK}",
    ),
    (r"(\bbearer\s+)[^\s\"',;]+", rf"\1{MASK}"),
    (r"(\b[a-z][a-z0-9+.-]{0,30}://)[^\s/\"'<>]*@", rf"\1{MASK}@"),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE | re.DOTALL), mask) for pattern, mask in _RULES)


def redact(text: str) -> str:
    """The text without its secrets, each replaced by ``***``; the rest is left as it is."""
    text = _live.blank(text)
    for pattern, mask in _COMPILED:
        text = pattern.sub(mask, text)
    return text
