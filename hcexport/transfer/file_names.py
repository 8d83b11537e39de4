"""File names: templates that a user types, and names that the server sends."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Mapping

from hcexport.errors import UsageError

NAME_BYTES = 150  # well below the 255 of common file systems and the 143 of encrypted ones
SUFFIX_CHARACTERS = 10
_SAFE = frozenset("._-() ")
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in "123456789¹²³"}
)


def expand_template(template: str, words: Mapping[str, str]) -> str:
    """Replace each ``{word}`` of a template; ``{{`` and ``}}`` are braces.

    Raises UsageError for a word that is not in ``words``.
    """
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError:
        raise UsageError(f"{template!r} has an unmatched brace", hint="write {{ or }} for a brace") from None
    return "".join(literal + _value(field, spec, conversion, words) for literal, field, spec, conversion in pieces)


def _value(field: str | None, spec: str | None, conversion: str | None, words: Mapping[str, str]) -> str:
    if field is None:
        return ""
    if field not in words or spec or conversion:
        known = ", ".join(f"{{{word}}}" for word in words)
        raise UsageError(f"{{{field}}} is not known here", hint=f"use {known}; write {{{{ for a brace")
    return words[field]


def sanitize(name: str, *, default: str = "_") -> str:
    """Make a name harmless: a single path component of at most NAME_BYTES bytes of UTF-8.

    Letters, marks and digits of any script stay, and so do dots, dashes, blanks and parentheses inside the name. All
    other characters (separators, control characters, what shells and Windows treat specially) become ``_``. The result
    does not hide the file, look like an option, or name a device on Windows. ``default`` replaces an empty result.
    """
    composed = unicodedata.normalize("NFC", name)
    plain = "".join(character if _is_plain(character) else "_" for character in composed)
    plain = plain.lstrip(" .-").rstrip(" .") or default
    return clamp(f"_{plain}" if is_reserved(plain) else plain, NAME_BYTES)


def is_reserved(name: str) -> bool:
    """Whether Windows takes a name for a device: ``con``, ``NUL.csv``."""
    return name.partition(".")[0].rstrip().lower() in _RESERVED


def _is_plain(character: str) -> bool:
    return character in _SAFE or unicodedata.category(character)[0] in "LMN"


def clamp(name: str, limit: int) -> str:
    """Cut a name to ``limit`` bytes, between characters, and keep its suffix."""
    stem, suffix = _split(name)
    room = limit - _bytes(suffix)
    if _bytes(stem) <= room:
        return name
    return stem.encode(errors="surrogateescape")[: max(room, 0)].decode(errors="ignore") + suffix


def with_number(name: str, number: int, limit: int = 255) -> str:
    """Return ``name (number).zip`` for ``name.zip``, cut to ``limit`` bytes."""
    stem, suffix = _split(name)
    ending = f" ({number}){suffix}"
    return clamp(stem, limit - _bytes(ending)) + ending


def _split(name: str) -> tuple[str, str]:
    """Split a name into stem and suffix; an ending longer than SUFFIX_CHARACTERS is no suffix."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix) if stem and len(suffix) <= SUFFIX_CHARACTERS else (name, "")


def _bytes(name: str) -> int:
    return len(name.encode(errors="surrogateescape"))
