"""Text from a server (names, messages, file names) made harmless for terminals and spreadsheets."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

MARKS_ON_ONE_LETTER = 6  # scripts in use stack up to five; more marks cover the lines above and below

# Letters to Unicode, and blank in every font: the fillers of Hangul.
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")

# What spreadsheets take for the start of a formula (OWASP, "CSV injection"), the full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def escape_controls(text: str) -> str:
    r"""Put text on one line, and make visible what a terminal would act on and what nobody would see.

    Control characters (C0, DEL, C1), line and paragraph separators, bidirectional and zero-width characters, lone
    surrogates and code points without a meaning are shown as Python writes them: ``\n``, ``\x1b``, ``\u202e``.
    Combining marks beyond MARKS_ON_ONE_LETTER are left out. A backslash stays as it is, so that cleaning twice
    changes nothing; what must be read back exactly is read from JSON.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_harmless(text))


def escape_formula(text: str) -> str:
    """Clean text for CSV, and put a ``'`` before what a spreadsheet would take for a formula."""
    return f"'{escape_controls(text)}" if text.startswith(_FORMULA) else escape_controls(text)


def _harmless(text: str) -> Iterator[str]:
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if category[0] == "C" or category in {"Zl", "Zp"} or character in _BLANK_LETTERS:
            yield character.encode("unicode_escape").decode("ascii")
        elif marks <= MARKS_ON_ONE_LETTER:
            yield character
