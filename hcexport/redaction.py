"""Keep secrets out of messages, logs and files: a type that hides its value, and a redactor for texts.

``redact`` works in two ways. It blanks every value that a Secret of this process was made of, and every part of it
longer than eight characters, wherever it stands and however it was quoted. And it blanks values in places where secrets
stand (headers, form fields, query values, JSON keys, the user part of URLs), which may be secrets of others. Those are
recognised by the text before them, so redact a text before you cut it.
"""

from __future__ import annotations

import hmac
import json
import re
import threading
from array import array
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cache
from html import escape, unescape
from struct import iter_unpack
from typing import Any, AnyStr, NoReturn
from urllib.parse import quote, quote_plus, unquote_plus

from hcexport.errors import UsageError

MASK = "***"
SCREEN_CAP = 4000  # characters of a message: no server's text fills more than a screen
_SHORTEST_LIVE = 6  # characters; blanking shorter values would blank ordinary words, and so reveal the value
_RUN = 9  # so many characters of a secret in a row are never shown; eight are too few to be of use
_PROBE = 5  # bytes; in a text cut into blocks of this size every run of _RUN characters covers a whole block
_TOKEN = re.compile(r"[\x21-\x7e]+")


class Secret:
    """A text that shows itself to ``reveal()`` alone: str, repr and format are masked, and it cannot be pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        _live.add(value)

    @classmethod
    def token(cls, text: str) -> Secret:
        """Make a secret fit for a header: visible ASCII, stripped. Raises UsageError, which does not quote the text."""
        value = text.strip()
        if not _TOKEN.fullmatch(value):
            what = "contains invalid characters" if value else "is empty"
            raise UsageError(f"the token {what}", hint="paste only the token")
        return cls(value)

    def reveal(self) -> str:
        """The text itself, for a request or a store."""
        return self._value

    def blank(self, text: str) -> str:
        """Blank what a text quotes of this secret."""
        values = _LiveValues()
        values.add(self._value)
        return values.blank(text)

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
        return _encode(self._value)


class _LiveValues:
    """The values of this process's secrets, in every spelling in which a message or a log may quote them.

    Their runs of ``_RUN`` characters are kept as well, because a server may cut or wrap a value before it quotes it.
    """

    def __init__(self) -> None:
        self._spellings: set[str] = set()
        self._runs: set[str] = set()
        self._probes: set[tuple[bytes]] = set()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()  # a pattern compiled while a value is added would miss that value

    def add(self, value: str) -> None:
        if len(value) < _SHORTEST_LIVE or value in self._spellings:
            return
        with self._lock:
            self._spellings.update(_spellings(value))
            self._pattern = None
        for whole in (_unescape(value)[0], *_base64_spellings(value)):
            self._probes.update((part,) for part in _parts(_encode(whole), _PROBE))
            self._runs.update(_parts(whole, _RUN))

    def blank(self, text: str) -> str:
        if not self._spellings:
            return text
        with self._lock:
            pattern = self._pattern = self._pattern or self._compile()
        return self._blank_runs(pattern.sub(MASK, text))

    def _blank_runs(self, text: str) -> str:
        plain, place_of = _unescape(text)
        # Every run covers a whole block of _PROBE bytes, so looking up a fifth of the places clears most texts. struct
        # cuts them twice as fast as slices would, and a list of reports has millions.
        encoded = _encode(plain)
        if self._probes.isdisjoint(iter_unpack(f"{_PROBE}s", encoded[: len(encoded) // _PROBE * _PROBE])):
            return text
        kept, end = [""], 0
        for at in range(len(plain) - _RUN + 1):
            if plain[at : at + _RUN] in self._runs:
                if at > end or end == 0:
                    kept += [text[place_of(end) : place_of(at)], MASK]
                end = at + _RUN
        return "".join(kept) + text[place_of(end) :]

    def _compile(self) -> re.Pattern[str]:
        longest_first = sorted(self._spellings, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)))


_live = _LiveValues()


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _parts(text: AnyStr, length: int) -> Iterator[AnyStr]:
    return (text[at : at + length] for at in range(len(text) - length + 1))


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


def _base64_spellings(value: str) -> Iterator[str]:
    """base64 encodes three bytes at a time, and the value may begin at each of the three."""
    for before, spoilt in enumerate((0, 2, 3)):
        yield b64encode(bytes(before) + value.encode("utf-8", "replace")).decode()[spoilt:].rstrip("=")


# A character as URLs, HTML and JSON write it, also where these are nested in each other.
_ESCAPE = re.compile(
    r"%(?:25)*([0-9a-f]{2})|&(?:amp;)*(#?\w{1,8};)|\\+(?:u([0-9a-f]{4})|x([0-9a-f]{2})|(.))", re.IGNORECASE | re.DOTALL
)


def _unescape(text: str) -> tuple[str, Callable[[int], int]]:
    """Replace each escape by its character. The function maps a place in the result to the place in ``text``."""
    if not any(mark in text for mark in "%&\\"):
        return text, int
    pieces, end, length = [], 0, 0
    plain_ends, ends = array("L", [0]), array("L", [0])
    for match in _ESCAPE.finditer(text):
        pieces += [text[end : match.start()], _decode_escape(match)]
        length += match.start() - end + 1
        end = match.end()
        plain_ends.append(length)
        ends.append(end)

    def place_of(place: int) -> int:
        last = bisect_right(plain_ends, place) - 1
        return ends[last] + place - plain_ends[last]

    return "".join(pieces) + text[end:], place_of


def _decode_escape(escape: re.Match[str]) -> str:
    percent, entity, unicode, byte, itself = escape.groups()
    return unescape(f"&{entity}")[0] if entity else itself or chr(int(percent or unicode or byte, 16))


_HEADERS = r"(?:x-esri-|proxy-)?authorization|(?:set-)?cookie2?"
_FIELDS = r"[\w.-]*(?:token|passw(?:or)?d|passphrase|secret|code_verifier|api[_-]?key|oauth_state|assertion)"
_QUOTE = (
    r"\\{0,7}[\"']"  # as deep as JSON is nested in JSON; without a bound a text of backslashes takes quadratic time
)
_RULES = (
    # 'authorization': 'Bearer …' and (b'Authorization', b'Bearer …'): reprs of headers, and JSON
    (rf"((?P<q>{_QUOTE})(?:{_HEADERS})(?P=q)\s*[:,]\s*b?(?P<v>{_QUOTE}))(?:(?!(?P=v)).)*", rf"\1{MASK}"),
    # Authorization: Bearer …: a header as it is sent, to the end of its line
    (rf"(\b(?:{_HEADERS})\s*[:=][ \t]*)(?![ \t]*{_QUOTE})[^\r\n]+", rf"\1{MASK}"),
    # "token": "…", also escaped inside other JSON, also cut off before its closing quote; a comma there parts a list
    (rf"((?P<q>{_QUOTE})(?:{_FIELDS})(?P=q)\s*:\s*b?(?P<v>{_QUOTE}))(?:(?!(?P=v))(?:\\.|.))*", rf"\1{MASK}"),
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


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Compile the rules, which takes longer than the rest of this module, when there is something to redact."""
    return tuple((re.compile(pattern, re.IGNORECASE | re.DOTALL), mask) for pattern, mask in _RULES)


def holds_secret(text: str) -> bool:
    """Whether a secret of this process stands in the text, however it is quoted."""
    return _live.blank(text) != text or _live.blank(unquote_plus(text)) != unquote_plus(text)


def redact(text: str) -> str:
    """Replace every secret in a text by ``***``, and leave the rest as it is."""
    text = _live.blank(text)
    for pattern, mask in _patterns():
        text = pattern.sub(mask, text)
    return text


def shorten(text: str, cap: int = SCREEN_CAP) -> str:
    """Redact a text, then cut it to ``cap`` characters. Cutting first would leave the beginning of a secret."""
    known = redact(text)
    return known if len(known) <= cap else f"{known[: cap - 1]}…"
