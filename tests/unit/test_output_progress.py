"""Progress: a bar, plain lines, or nothing; on standard error, and never in the way."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from hcexport.output.progress import HEARTBEAT_S, Plain, Progress, TransferState
from hcexport.output.progress_choice import make_progress as progress


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Face:
    """A face over a stream in memory, and a clock that only the test moves."""

    def __init__(self, mode: str, *, quiet: bool = False, is_terminal: bool = False, term: str = "xterm") -> None:
        self.stream = io.StringIO()
        self.clock = Clock()
        self.progress = progress(
            mode,
            self.stream,
            quiet=quiet,
            is_terminal=is_terminal,
            color=True,
            clock=self.clock,
            environ={"TERM": term},
        )

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


def everything(face: Progress) -> None:
    with face as shown:
        shown.notice("job j1 submitted")
        shown.job("EXECUTING", 1.0, 3)
        shown.warning("poll failed")
        shown.download(0, 100)
        shown.download(100, 100)
        shown.phase("verifying")


# which face


@pytest.mark.parametrize(
    ("mode", "quiet", "is_terminal", "term", "name"),
    [
        ("auto", False, True, "xterm", "Bar"),
        ("auto", False, False, "xterm", "Plain"),
        ("auto", False, True, "dumb", "Plain"),
        ("auto", True, True, "xterm", "Progress"),
        ("bar", False, True, "xterm", "Bar"),
        ("bar", False, False, "xterm", "Plain"),
        ("bar", True, True, "xterm", "Progress"),
        ("plain", False, True, "xterm", "Plain"),
        ("plain", True, False, "xterm", "Progress"),
        ("none", False, True, "xterm", "Progress"),
    ],
)
def test_the_face(mode: str, quiet: bool, is_terminal: bool, term: str, name: str) -> None:
    face = Face(mode, quiet=quiet, is_terminal=is_terminal, term=term)
    assert type(face.progress).__name__ == name


@pytest.mark.parametrize("mode", ["auto", "bar", "plain", "none"])
def test_nothing_but_a_terminal_ever_sees_an_escape(mode: str) -> None:
    face = Face(mode)
    everything(face.progress)
    assert "\x1b" not in face.stream.getvalue()
    assert "\r" not in face.stream.getvalue()


def test_none_says_notices_and_warnings_only() -> None:
    face = Face("none")
    everything(face.progress)
    assert face.lines == ["job j1 submitted", "hcexport: warning: poll failed"]


@pytest.mark.parametrize("mode", ["auto", "bar", "plain", "none"])
@pytest.mark.parametrize("is_terminal", [True, False])
def test_quiet_leaves_warnings_only(mode: str, is_terminal: bool) -> None:
    face = Face(mode, quiet=True, is_terminal=is_terminal)
    everything(face.progress)
    assert face.lines == ["hcexport: warning: poll failed"]


def test_what_is_not_a_bar_imports_no_rich_and_starts_no_thread() -> None:
    """In a process of its own: the tests have imported rich long since."""
    script = (
        "import sys, threading; from hcexport.output.progress_choice import make_progress as progress\n"
        "for mode in ('auto', 'bar', 'plain', 'none'):\n"
        "    with progress(mode, sys.stderr, quiet=False, is_terminal=False, color=True) as shown:\n"
        "        shown.job('EXECUTING', 1, 1); shown.download(1, 2); shown.phase('x')\n"
        "    assert threading.active_count() == 1\n"
        "assert 'rich' not in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


# plain lines


def test_plain_says_each_change_of_state_once() -> None:
    face = Face("plain")
    for status in ("SUBMITTED", "SUBMITTED", "EXECUTING", "EXECUTING", "COMPLETED"):
        face.progress.job(status, 1.0, 3)
        face.clock.now += 1
    assert [line.split()[1].strip(",") for line in face.lines] == ["SUBMITTED", "EXECUTING", "COMPLETED"]


def test_plain_has_a_heartbeat() -> None:
    face = Face("plain")
    for second in range(int(3 * HEARTBEAT_S) + 1):
        face.progress.job("EXECUTING", float(second), None)
        face.clock.now += 1
    assert len(face.lines) == 1 + 3


def test_plain_counts_reports_with_each_heartbeat() -> None:
    face = Face("plain")
    with face.progress as shown:
        for done in range(4):
            shown.reports(done, 90)
            face.clock.now += HEARTBEAT_S / 2
    assert face.lines == ["2 of 90 reports read"]


def test_plain_counts_the_heartbeat_from_the_last_line() -> None:
    face = Face("plain")
    face.progress.job("SUBMITTED", 0, None)
    face.clock.now += HEARTBEAT_S - 1
    face.progress.job("EXECUTING", 59, None)
    face.clock.now += 2
    face.progress.job("EXECUTING", 61, None)
    assert len(face.lines) == 2


def test_plain_says_how_long_and_how_many() -> None:
    face = Face("plain")
    face.progress.job("EXECUTING", 125.0, 3)
    face.progress.job("COMPLETED", 126.0, 1)
    face.progress.job("FAILED", 126.0, None)
    assert ["2m 05s" in face.lines[0], "3 reports" in face.lines[0], "1 report" in face.lines[1]] == [True, True, True]
    assert ("1 reports" in face.lines[1], "report" in face.lines[2]) == (False, False)


def test_plain_says_the_beginning_and_the_end_of_a_download() -> None:
    face = Face("plain")
    for done in (0, 1_000_000, 2_000_000, 4_000_000, 4_000_000):
        face.progress.download(done, 4_000_000)
        face.clock.now += 1
    with face.progress:
        pass
    beginning, end = face.lines
    assert "4.0 MB" in beginning
    assert "1.3 MB/s" in end


def test_plain_has_a_heartbeat_for_bytes() -> None:
    face = Face("plain")
    for done in range(136):
        face.progress.download(done * 1_000_000, 1_000_000_000)
        face.clock.now += 1
    assert len(face.lines) == 1 + int(135 // HEARTBEAT_S)
    assert "1.0 MB/s" in face.lines[1]


@pytest.mark.parametrize(
    "end", [lambda shown: shown.phase("verifying"), lambda shown: shown.__exit__(None, None, None)]
)
def test_plain_says_how_far_a_download_of_unknown_size_came(end: Callable[[Progress], None]) -> None:
    face = Face("plain")
    face.progress.download(0, None)
    face.clock.now += 2
    face.progress.download(5_000_000, None)
    end(face.progress)
    assert "5.0 MB, 2.5 MB/s" in face.lines[1]


def test_plain_says_that_a_download_starts_over() -> None:
    face = Face("plain")
    for done in (0, 500, 0, 1000):
        face.progress.download(done, 1000)
        face.clock.now += 1
    assert [line.split()[1] for line in face.lines] == ["0", "0", "1.0"]


def test_plain_begins_anew_after_it_was_settled() -> None:
    face = Face("plain")
    face.progress.job("COMPLETED", 1, 1)
    face.progress.settle()
    face.progress.job("COMPLETED", 2, 1)
    assert len(face.lines) == 2


# a download on its way


def test_rate_leaves_out_bytes_of_an_earlier_run() -> None:
    begin = TransferState.after(None, 900, 2000, now=10.0)
    later = TransferState.after(begin, 1000, 2000, now=20.0)
    assert later.rate == 10.0
    assert "1m 40s left" in later.text()


def test_more_bytes_than_promised_are_no_negative_time() -> None:
    begin = TransferState.after(None, 0, 10, now=0.0)
    assert "-" not in TransferState.after(begin, 20, 10, now=1.0).text()


def test_nothing_is_said_of_a_rate_before_time_has_passed() -> None:
    begin = TransferState.after(None, 0, 10, now=0.0)
    assert begin.text() == TransferState.after(begin, 0, 10, now=5.0).text()


# a standard error that fails


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("mode", ["bar", "plain", "none"])
def test_a_standard_error_that_is_gone_stops_nothing(mode: str) -> None:
    with _shown(mode, Gone()) as shown:
        everything_said(shown)


@pytest.mark.parametrize("mode", ["bar", "plain", "none"])
def test_a_closed_standard_error_stops_nothing(mode: str) -> None:
    stream = io.StringIO()
    shown = _shown(mode, stream)
    stream.close()
    with shown:
        everything_said(shown)


@pytest.mark.parametrize("mode", ["bar", "plain", "none"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_standard_error_of_few_letters(mode: str, encoding: str) -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    with _shown(mode, stream) as shown:
        everything_said(shown)
    assert rb"\u6f22" in buffer.getvalue()


def _shown(mode: str, stream: Any) -> Progress:
    return progress(mode, stream, quiet=False, is_terminal=True, color=True, environ={})


def everything_said(shown: Progress) -> None:
    shown.notice("漢")
    shown.job("漢", 1.0, 1)
    shown.download(5, 10)
    shown.phase("漢")
    shown.warning("漢")


def test_what_is_said_is_one_clean_line() -> None:
    stream = io.StringIO()
    shown = Plain(stream, Clock())
    shown.notice("a\nb\x1b[31m")
    shown.warning("c\rd")
    assert stream.getvalue() == "a\\nb\\x1b[31m\nhcexport: warning: c\\rd\n"
