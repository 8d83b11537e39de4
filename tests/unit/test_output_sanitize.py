"""Server text is inert: nothing in it that a terminal obeys, an eye misses, or a spreadsheet computes."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcexport.output.sanitize import MARKS_ON_ONE_LETTER, escape_controls, escape_formula

# Every code point, lone surrogates included: hypothesis leaves those out by itself.
anything = st.text(st.characters(codec=None, categories=None))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nightly 2026-11-22", "nightly 2026-11-22"),
        ("a\nb", r"a\nb"),
        ("a\tb", r"a\tb"),
        ("a\rb", r"a\rb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x00", r"\x00"),
        ("\x7f", r"\x7f"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("a\u200bb\u200dc\ufeff", r"a\u200bb\u200dc\ufeff"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("\u3164", r"\u3164"),
        ("\ue000", r"\ue000"),
        ("[bold]x[/] :smile:", "[bold]x[/] :smile:"),
        ("Überprüfung 健康診断 \N{HEAVY CHECK MARK}", "Überprüfung 健康診断 \N{HEAVY CHECK MARK}"),
        ("C:\\new", "C:\\new"),
        ("non\N{NO-BREAK SPACE}breaking", "non\N{NO-BREAK SPACE}breaking"),
        ("", ""),
    ],
)
def test_clean_shows_what_is_harmful_as_python_writes_it(text: str, shown: str) -> None:
    assert escape_controls(text) == shown


def test_marks_are_capped_for_each_letter() -> None:
    mark = "\N{COMBINING ACUTE ACCENT}"
    stack = mark * (MARKS_ON_ONE_LETTER + 50)
    assert escape_controls(f"Z{stack}a{stack}") == f"Z{mark * MARKS_ON_ONE_LETTER}a{mark * MARKS_ON_ONE_LETTER}"


def test_enclosing_marks_count_too() -> None:
    assert len(escape_controls("a" + "\N{COMBINING ENCLOSING CIRCLE}" * 100)) == 1 + MARKS_ON_ONE_LETTER


def test_words_of_living_scripts_stay_whole() -> None:
    for word in ("Vie\u0323\u0302t Nam", "ประเทศที่ปู่", "שָׁלוֹם", "मिट्टी", "မြို့နယ်ကွှုံ့"):
        assert escape_controls(word) == word


@given(anything)
def test_nothing_of_what_comes_out_is_harmful(text: str) -> None:
    for character in escape_controls(text):
        assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(anything)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert escape_controls(escape_controls(text)) == escape_controls(text)


@given(anything)
def test_cleaned_text_is_one_line_and_can_be_written(text: str) -> None:
    assert len(escape_controls(text).splitlines()) <= 1
    assert escape_controls(text).encode("utf-8") is not None


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_cell_disarms_a_formula(start: str) -> None:
    assert escape_formula(f"{start}1+1") == f"'{escape_controls(start)}1+1"


@pytest.mark.parametrize("text", ["", "nightly", "a=1", " =1", "'quoted", "1-1", "\x1b=1"])
def test_cell_leaves_the_rest_alone_but_for_cleaning(text: str) -> None:
    assert escape_formula(text) == escape_controls(text)


def test_short_ascii_takes_a_fast_path() -> None:
    """A ratio within one run: no time of a machine is asserted."""
    plain, foreign = ["nightly 2026-11-22"] * 20_000, ["nightly 2026-11-2é"] * 20_000
    assert min(_seconds(plain) for _ in range(3)) < min(_seconds(foreign) for _ in range(3)) / 3


def _seconds(texts: list[str]) -> float:
    begin = time.perf_counter()
    for text in texts:
        escape_controls(text)
    return time.perf_counter() - begin
