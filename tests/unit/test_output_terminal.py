"""Whether colour is wanted, how wide a table is, and what a stream can carry."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import sys
import termios

import pytest

from hcexport.output.terminal import DEFAULT_WIDTH, fold, is_dumb, never_refuse, wants_color, width


@pytest.mark.parametrize(
    ("option", "environ", "is_terminal", "wanted"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"TERM": "xterm"}, True, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1", "CLICOLOR": "0", "TERM": "dumb"}, False, True),
        ("never", {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}, True, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": ""}, False, False),
        ("auto", {"FORCE_COLOR": "1", "CLICOLOR": "0", "TERM": "dumb"}, True, True),
        ("auto", {"FORCE_COLOR": "0", "CLICOLOR_FORCE": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "false"}, True, False),
        ("auto", {"CLICOLOR_FORCE": "1", "CLICOLOR": "0"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "0"}, True, True),
        ("auto", {"CLICOLOR_FORCE": ""}, False, False),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("auto", {"CLICOLOR": "1"}, True, True),
        ("auto", {"CLICOLOR": "1"}, False, False),
    ],
)
def test_colour_by_option_environment_and_terminal(
    option: str, environ: dict[str, str], is_terminal: bool, wanted: bool
) -> None:
    assert wants_color(option, environ, is_terminal) is wanted


def test_dumb_terminals() -> None:
    assert is_dumb({"TERM": "dumb"})
    assert not is_dumb({"TERM": "xterm-256color"})
    assert not is_dumb({})


@pytest.mark.parametrize("columns", ["", "0", "-3", "wide", "²", "9" * 5000])
def test_nonsense_in_columns_is_ignored(columns: str) -> None:
    assert width(io.StringIO(), {"COLUMNS": columns}) == DEFAULT_WIDTH


@pytest.fixture(autouse=True)
def _no_terminal_for_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())


def test_a_table_in_a_pipe_is_as_wide_as_the_terminal_of_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    parent, child = pty.openpty()
    try:
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 132, 0, 0))
        with open(child, "w", closefd=False) as stream:
            monkeypatch.setattr(sys, "stderr", stream)
            assert width(io.StringIO(), {}) == 132
        monkeypatch.setattr(sys, "stderr", None)
        assert width(io.StringIO(), {}) == DEFAULT_WIDTH
    finally:
        os.close(parent)
        os.close(child)


def test_width_from_columns_terminal_default() -> None:
    parent, child = pty.openpty()
    try:
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 132, 0, 0))
        with open(child, "w", closefd=False) as stream:
            assert width(stream, {"COLUMNS": "90"}) == 90
            assert width(stream, {}) == 132
            fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
            assert width(stream, {}) == DEFAULT_WIDTH
    finally:
        os.close(parent)
        os.close(child)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_stream_that_never_refuses(encoding: str) -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    never_refuse(stream)
    stream.write("漢 \ud800")
    stream.flush()
    assert buffer.getvalue().endswith(rb"\ud800")


def test_a_stream_without_an_encoding_is_left_alone() -> None:
    never_refuse(io.StringIO())


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


FOLDED = {
    "prose between commands": (
        "hint: put a new token there, or sign in: hcexport login https://gis.example.com/e; "
        "another referer needs a variable; then go on with hcexport wait j1 --out a.zip",
        [
            "hint: put a new token there, or sign in:",
            "  hcexport login https://gis.example.com/e",
            "another referer needs a variable; then",
            "go on with",
            "  hcexport wait j1 --out a.zip",
        ],
    ),
    "a semicolon in an argument": (
        "it was started; go on with hcexport run --resume 'mine; and yours' --out run.zip",
        ["it was started; go on with", "  hcexport run --resume 'mine; and yours' --out run.zip"],
    ),
    "prose alone": (
        "the certificate is not trusted; ask who runs the server",
        ["the certificate is not trusted; ask who", "runs the server"],
    ),
    "what fits": ("sign in: hcexport login; then again", ["sign in: hcexport login; then again"]),
}


@pytest.mark.parametrize("what", FOLDED)
def test_a_command_to_paste_has_a_line_of_its_own(what: str) -> None:
    text, lines = FOLDED[what]
    assert fold(text, Screen(), {"COLUMNS": "40"}).split("\n") == lines
    assert fold(text, io.StringIO(), {"COLUMNS": "40"}) == text
