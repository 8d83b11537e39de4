"""A line on a terminal that says what is waited for while nothing else shows that the command is alive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from hcexport.output.sanitize import escape_controls

REDRAWN_S = 1.0
_ERASE = "\r\x1b[K"


class WaitLine:
    """Draws a line while a wait lasts, and says it once, as ``-v`` prints it.

    Where a bar is drawn, ``in_bar`` takes the text and returns True; elsewhere the line is drawn on ``stream``, unless
    ``draws`` is False because that is no terminal. ``width`` is in columns: a line that wrapped could not be erased.
    """

    def __init__(
        self, stream: TextIO, width: int, *, draws: bool, in_bar: Callable[[str], bool], say: Callable[[str], None]
    ) -> None:
        self._stream, self._width = stream, width
        self._draws, self._in_bar, self._say = draws, in_bar, say
        self._lock = threading.RLock()
        self._is_drawn = False

    @contextmanager
    def during(self, text: str, after_s: float) -> Iterator[None]:
        """Draw ``text`` and the seconds so far from ``after_s`` on, until the block ends."""
        ended = threading.Event()
        thread = threading.Thread(target=self._run, args=(text, after_s, ended), name="wait line", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # a limit on processes (ulimit -u, pids.max): the wait is not shown, and goes on
            yield
            return
        try:
            yield
        finally:
            ended.set()
            thread.join(REDRAWN_S)  # it must not write when the log is closed
            self.erase()

    def erase(self) -> None:
        """Take the line away, so that another line can be written in its place."""
        with self._lock:
            self._in_bar("")
            if self._is_drawn:
                self._write(_ERASE)
            self._is_drawn = False

    def _run(self, text: str, after_s: float, ended: threading.Event) -> None:
        began = time.monotonic()
        if after_s and ended.wait(after_s):
            return
        self._say(text)
        while not ended.is_set():
            self._draw(f"{text} ({time.monotonic() - began:.0f} s)", ended)
            ended.wait(REDRAWN_S)

    def _draw(self, text: str, ended: threading.Event) -> None:
        with self._lock:
            if self._draws and not ended.is_set() and not self._in_bar(text):
                self._write(_ERASE + escape_controls(text)[: self._width - 1])
                self._is_drawn = True

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # the terminal is gone: the command itself finds out
            self._stream.write(text)
            self._stream.flush()
