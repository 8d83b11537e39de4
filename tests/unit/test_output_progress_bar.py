"""Progress on a terminal: what is on the screen when it is over, and what it costs."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from hcexport.output.progress_choice import make_progress as progress


class Face:
    """A bar over a terminal in memory, and a clock that only the test moves."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.now = 1000.0
        self.progress = progress(
            "bar", self.stream, quiet=False, is_terminal=True, color=True, clock=lambda: self.now, environ={}
        )


def screen(text: str, height: int = 40) -> list[str]:
    """What is on the screen at the end: enough of a terminal for what rich writes."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[0-9;?]*[a-zA-Z]|\r|\n|[^\x1b\r\n]+", text):
        if part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif part == "\r":
            column = 0
        elif part == "\x1b[2K":
            lines[row] = ""
        elif found := re.fullmatch(r"\x1b\[(\d+)A", part):
            row -= int(found[1])
        elif not part.startswith("\x1b"):
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + len(part) :]
            column += len(part)
    assert len(lines) <= height
    return [line.rstrip() for line in lines]


def test_settle_leaves_job_and_download_as_they_ended() -> None:
    face = Face()
    with face.progress as shown:
        shown.notice("job j1 submitted")
        shown.job("EXECUTING", 1.0, 3)
        shown.warning("poll failed")
        shown.download(0, 100)
        shown.download(100, 100)
        shown.phase("verifying")
    assert screen(face.stream.getvalue())[:3] == [
        "job j1 submitted",
        "hcexport: warning: poll failed",
        "job EXECUTING, 1.0s, 3 reports",
    ]
    assert "100 B" in screen(face.stream.getvalue())[3]
    assert "verifying" not in "".join(screen(face.stream.getvalue()))


def test_a_bar_shows_the_phase_and_lets_time_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hcexport.output.progress_bar.REDRAWN_A_SECOND", 50)
    face = Face()
    with face.progress as shown:
        shown.job("EXECUTING", 1.0, None)
        shown.phase("verifying")
        face.now += 100
        _until(lambda: "1m 41s" in face.stream.getvalue() and "verifying" in face.stream.getvalue())
        shown.job("COMPLETED", 101.0, None)
        face.now += 1000
    assert screen(face.stream.getvalue())[0] == "job COMPLETED, 1m 41s"


def test_a_download_without_bytes_says_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hcexport.output.progress_bar.REDRAWN_A_SECOND", 50)
    face = Face()
    with face.progress as shown:
        shown.download(10, 100)
        face.now += 5
        _until(lambda: "no bytes for 5.0s" in face.stream.getvalue())
        shown.waiting("busy; retrying in 4 s")
        _until(lambda: "retrying" in face.stream.getvalue())
        shown.download(100, 100)
    assert "no bytes" not in "".join(screen(face.stream.getvalue()))
    assert "retrying" not in "".join(screen(face.stream.getvalue()))


def test_a_wait_has_no_place_where_nothing_is_drawn() -> None:
    face = Face()
    with face.progress as shown:
        assert not shown.waiting("busy")
        shown.job("EXECUTING", 1.0, None)
        assert shown.waiting("busy")


def _until(true: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(500):
        if true():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come")


def test_a_warning_does_not_tear_the_bar() -> None:
    face = Face()
    with face.progress as shown:
        shown.job("EXECUTING", 1.0, None)
        for n in range(5):
            shown.warning(f"number {n} " + "x" * 60)
    assert [line[:26] for line in screen(face.stream.getvalue())[:6]] == [
        *(f"hcexport: warning: number {n}"[:26] for n in range(5)),
        "job EXECUTING, 1.0s",
    ]


def test_standard_output_can_be_written_between_two_bars() -> None:
    face = Face()
    with face.progress as shown:
        shown.job("COMPLETED", 1.0, None)
        shown.settle()
        face.stream.write("j1\tCOMPLETED\n")
        shown.job("FAILED", 2.0, None)
    assert screen(face.stream.getvalue())[:3] == ["job COMPLETED, 1.0s", "j1\tCOMPLETED", "job FAILED, 2.0s"]


def test_a_bar_without_calls_starts_no_thread() -> None:
    before = threading.active_count()
    face = Face()
    with face.progress:
        assert threading.active_count() == before
    assert face.stream.getvalue() == ""


def test_a_call_for_each_chunk_draws_nothing_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hcexport.output.progress_bar.REDRAWN_A_SECOND", 0.001)
    face = Face()
    with face.progress as shown:
        shown.download(0, 10_000)
        drawn = face.stream.getvalue()
        for done in range(1, 10_000):
            shown.download(done, 10_000)
        assert face.stream.getvalue() == drawn


def test_the_cursor_is_given_back() -> None:
    face = Face()
    with suppress(KeyboardInterrupt), face.progress as shown:
        shown.job("EXECUTING", 1.0, None)
        raise KeyboardInterrupt
    assert face.stream.getvalue().rindex("\x1b[?25h") > face.stream.getvalue().rindex("\x1b[?25l")


def test_without_colour_a_bar_has_none() -> None:
    stream = io.StringIO()
    with progress("bar", stream, quiet=False, is_terminal=True, color=False, environ={}) as shown:
        shown.job("COMPLETED", 1.0, None)
        shown.download(5, 10)
    assert not re.search(r"\x1b\[[0-9;]*m", stream.getvalue())
