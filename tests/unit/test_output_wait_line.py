"""The line that shows what is waited for, and that it leaves nothing behind."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import pytest

from hcexport.output.wait_line import WaitLine


def until(found: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not found():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


def test_what_ends_soon_is_neither_drawn_nor_said(screen: io.StringIO) -> None:
    said: list[str] = []
    with WaitLine(screen, 80, draws=True, in_bar=lambda _text: False, say=said.append).during("waiting", 5):
        pass
    assert (screen.getvalue(), said) == ("", [])


def test_what_lasts_is_drawn_said_once_and_gone_in_the_end(screen: io.StringIO) -> None:
    said: list[str] = []
    with WaitLine(screen, 80, draws=True, in_bar=lambda _text: False, say=said.append).during("waiting\x1b[2J", 0):
        until(lambda: "waiting" in screen.getvalue())
    assert len(said) == 1
    assert screen.getvalue().endswith("\r\x1b[K")
    assert "\x1b[2J" not in screen.getvalue()


def test_it_never_wraps(screen: io.StringIO) -> None:
    with WaitLine(screen, 20, draws=True, in_bar=lambda _text: False, say=lambda _text: None).during("w" * 100, 0):
        until(lambda: "w" in screen.getvalue())
    assert screen.getvalue().count("w") == 19


def test_where_it_may_not_be_drawn_it_is_said_only(screen: io.StringIO) -> None:
    said: list[str] = []
    with WaitLine(screen, 80, draws=False, in_bar=lambda _text: False, say=said.append).during("waiting", 0):
        until(lambda: bool(said))
    assert screen.getvalue() == ""
