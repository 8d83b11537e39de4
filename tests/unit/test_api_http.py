"""The HTTP client: what a signal must not leave behind."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from types import FrameType
from typing import Any

import pytest

from hcexport.errors import Interrupted
from tests.support.script import OK, Script, fetch

LIMIT_S = 2.0


@contextmanager
def interrupted_at(number: int) -> Iterator[list[int]]:
    """Raise Interrupted at that line of httpcore's own code, counted from the first that runs; yield the lines left."""
    left = [number]

    def trace_line(_frame: FrameType, event: str, _value: Any) -> Any:
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                raise Interrupted(signal.SIGINT, "SIGINT")
        return trace_line

    def trace_call(frame: FrameType, _event: str, _value: Any) -> Any:
        return trace_line if "/httpcore/" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace_call)
    try:
        yield left
    finally:
        sys.settrace(before)


@contextmanager
def alarm_after(seconds: float) -> Iterator[None]:
    """Let what hangs fail: a signal ends the wait for a lock."""

    def fail(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)  # again where the clean-up hangs as well
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.slow
# A connection that is just being made is left to the garbage collector: the process is about to end.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_signal_at_any_line_of_httpcore_ends_the_request() -> None:
    """The locks of httpcore stayed locked, and its own clean-up waited for them for ever."""
    with Script(OK) as server:
        for number in count(1):
            with alarm_after(LIMIT_S), suppress(Interrupted), interrupted_at(number) as left:
                fetch(server)
            if left[0] > 0:
                break
        gc.collect()
    assert number > 100
