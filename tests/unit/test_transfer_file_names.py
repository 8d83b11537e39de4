"""Names of files: words filled in, and nothing harmful from the server."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcexport.errors import UsageError
from hcexport.transfer.file_names import NAME_BYTES, clamp, expand_template, is_reserved, sanitize, with_number


def test_words_are_filled_in_and_doubled_braces_are_braces() -> None:
    assert expand_template("{{{a}}}-{b}.zip", {"a": "1", "b": "2"}) == "{1}-2.zip"


@pytest.mark.parametrize("template", ["{c}", "{}", "{0}", "{a!r}", "{a:>9}", "{a.x}", "{a", "a}"])
def test_anything_else_in_braces_is_a_usage_error(template: str) -> None:
    with pytest.raises(UsageError):
        expand_template(template, {"a": "1"})


def test_an_unknown_word_is_named_with_those_that_are_known() -> None:
    with pytest.raises(UsageError) as raised:
        expand_template("{datum}", {"date": "x"})
    assert "datum" in raised.value.message
    assert "{date}" in (raised.value.hint or "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.zip", "report.zip"),
        ("foo..bar", "foo..bar"),
        ("..", "_"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("a/b\\c:d", "a_b_c_d"),
        ("/etc/passwd", "_etc_passwd"),
        ("a\0b\nc\x7fd\x9be", "a_b_c_d_e"),
        ("\u202egpj.exe", "_gpj.exe"),
        ("\ud800.zip", "_.zip"),
        ("e\u0301te.zip", "\xe9te.zip"),
        ("Prüfung 第1回.zip", "Prüfung 第1回.zip"),
        ("हिन्दी.zip", "हिन्दी.zip"),
        ("CON", "_CON"),
        ("nul.tar.zip", "_nul.tar.zip"),
        ("COM¹.zip", "_COM¹.zip"),
        ("console.zip", "console.zip"),
        ("trailing. . ", "trailing"),
    ],
)
def test_what_the_server_says_becomes_a_name_without_harm(name: str, expected: str) -> None:
    assert sanitize(name) == expected


@given(st.text(st.characters(codec=None), max_size=400))
def test_no_name_leads_out_of_a_folder_hides_or_grows(name: str) -> None:
    made = sanitize(name)
    assert Path(made).name == made
    assert made not in {"", ".", ".."}
    assert made[0] not in ".- "
    assert len(made.encode()) <= NAME_BYTES
    assert not is_reserved(made)
    assert not any(unicodedata.category(character)[0] == "C" for character in made)


def test_a_name_is_cut_between_characters_and_keeps_its_suffix() -> None:
    assert clamp("é" * 100 + ".zip", 21) == "é" * 8 + ".zip"
    assert clamp("short.zip", 21) == "short.zip"


def test_bytes_that_are_no_utf8_survive_where_nothing_is_cut() -> None:
    assert clamp("a\udcff.zip", 255) == "a\udcff.zip"


@pytest.mark.parametrize(
    ("name", "expected"), [("a.zip", "a (2).zip"), ("a", "a (2)"), (".zip", ".zip (2)"), ("a.b.zip", "a.b (2).zip")]
)
def test_a_number_goes_before_the_suffix(name: str, expected: str) -> None:
    assert with_number(name, 2) == expected


def test_a_numbered_name_is_no_longer_than_a_name_may_be() -> None:
    assert len(with_number("x" * 255, 10).encode()) == 255
    assert len(with_number("x" * 251 + ".zip", 10).encode()) == 255
