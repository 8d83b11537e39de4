"""What is said on standard error while something takes time: plain lines, or nothing; a bar is in ``bar.py``.

Nothing here ever fails a command: a report is saved whether or not somebody could be told about it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self, TextIO

from hcexport.models import JobStatus
from hcexport.views.steps import Transfer, Waiting
from hcexport.views.text import clean

Clock = Callable[[], float]

HEARTBEAT_S = 60.0  # contract 3: a line each minute


class Progress:
    """The face that shows nothing but notices and warnings; the base of those that show more.

    A context manager: what is drawn is settled when it ends. Every text may come from a server.
    """

    def __init__(self, stream: TextIO, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.settle()

    def settle(self) -> None:
        """Leave what is drawn as it is, so that standard output can be written; the next call begins anew."""

    def job(self, status: str, elapsed_s: float, reports: int | None) -> None:
        """The job was looked at: its state, seconds since it was submitted, how many reports it exports."""

    def download(self, done: int, total: int | None) -> None:
        """Bytes that are here, those of an earlier run included, and bytes in all where known."""

    def phase(self, text: str) -> None:
        """Something without a measure is being done, such as ``verifying``."""

    def notice(self, text: str) -> None:
        """Say a line to a person; not with ``--quiet``."""
        if not self._quiet:
            self._say(clean(text))

    def warning(self, text: str) -> None:
        """Say a line that is never suppressed."""
        self._say(f"hcexport: warning: {clean(text)}")

    def _say(self, line: str) -> None:
        with suppress(OSError, ValueError):  # full, closed, or a terminal that is gone
            self._stream.write(line + "\n")
            self._stream.flush()


class Plain(Progress):
    """Lines for a log: one on each change of state, and a heartbeat."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        super().__init__(stream)
        self._clock = clock
        self._said_at = 0.0
        self._status: str | None = None
        self._transfer: Transfer | None = None

    def settle(self) -> None:
        """Say how far a download came whose end was not seen."""
        self._end_transfer()
        self._status = None

    def job(self, status: str, elapsed_s: float, reports: int | None) -> None:
        """A line when the status is another one, and each HEARTBEAT_S."""
        now = self._clock()
        waiting = Waiting(JobStatus.parse(status), elapsed_s, reports, now)
        self._line(waiting.text(now), status != self._status, HEARTBEAT_S)
        self._status = status

    def download(self, done: int, total: int | None) -> None:
        """A line at the beginning, at the end, and each HEARTBEAT_S."""
        now = self._clock()
        last, self._transfer = self._transfer, Transfer.after(self._transfer, done, total, now)
        changed = not self._transfer.goes_on(last)
        self._line(f"download {self._transfer.text()}", changed, HEARTBEAT_S)

    def phase(self, text: str) -> None:
        """A line."""
        self._end_transfer()
        self._line(clean(text), True, HEARTBEAT_S)

    def _end_transfer(self) -> None:
        if self._transfer and not self._transfer.is_complete:
            self._line(f"download {self._transfer.text()}", True, HEARTBEAT_S)
        self._transfer = None

    def _line(self, text: str, changed: bool, every_s: float) -> None:
        now = self._clock()
        if changed or now - self._said_at >= every_s:
            self._say(text)
            self._said_at = now
