"""Progress on standard error: of a job that is waited for, and of a download. The bar is in ``progress_bar``.

An error while progress is written is ignored: a full disk or a closed terminal must not keep a report from being saved.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self, TextIO

from hcexport.models import JobStatus
from hcexport.output.humanize import duration, size
from hcexport.output.sanitize import escape_controls

Clock = Callable[[], float]

HEARTBEAT_S = 60.0  # promised to users: a line each minute, so that a log shows that the command is alive


@dataclass(frozen=True)
class JobState:
    """A job as it was last seen, at ``seen_at`` on the clock (seconds). ``job_id`` is empty where there is only one."""

    status: JobStatus
    elapsed_s: float
    reports: int | None
    seen_at: float
    job_id: str = ""

    def text(self, now: float) -> str:
        """State, time and reports; the time goes on until the job has ended."""
        running = 0.0 if self.status.is_final else now - self.seen_at
        return ", ".join(
            [
                escape_controls(" ".join(filter(None, ["job", self.job_id, self.status.word]))),
                duration(self.elapsed_s + running),
                *([] if self.reports is None else [f"{self.reports} report{'' if self.reports == 1 else 's'}"]),
            ]
        )


@dataclass(frozen=True)
class TransferState:
    """A download: bytes at its beginning and now; ``began_at`` and ``seen_at`` are on the clock (seconds)."""

    done: int
    total: int | None
    began_with: int
    began_at: float
    seen_at: float

    @classmethod
    def after(cls, last: TransferState | None, done: int, total: int | None, now: float) -> TransferState:
        """Go on from ``last``; a new download where there are fewer bytes or another total than before."""
        if last is None or done < last.done or total != last.total:
            return cls(done, total, done, now, now)
        return replace(last, done=done, seen_at=now)

    def goes_on(self, last: TransferState | None) -> bool:
        """Whether only bytes were added since ``last``: the download neither began nor ended."""
        return last is not None and self.began_at == last.began_at and self.is_complete == last.is_complete

    @property
    def is_complete(self) -> bool:
        """Whether every byte is here; False while the total is unknown."""
        return self.total is not None and self.done >= self.total

    @property
    def rate(self) -> float:
        """Bytes a second since the beginning; 0 at the beginning."""
        took = self.seen_at - self.began_at
        return (self.done - self.began_with) / took if took > 0 else 0.0

    def text(self) -> str:
        """Bytes, rate and time left; of a complete download bytes, time and rate."""
        return ", ".join(part for part in (self._amount(), self._rate(), self._left()) if part)

    def _amount(self) -> str:
        if self.total is None:
            return size(self.done)
        if self.is_complete:
            return f"{size(self.done)} in {duration(self.seen_at - self.began_at)}"
        return f"{size(self.done)} of {size(self.total)}"

    def _rate(self) -> str:
        return f"{size(self.rate)}/s" if self.rate else ""

    def _left(self) -> str:
        if self.total is None or self.is_complete or not self.rate:
            return ""
        return f"{duration((self.total - self.done) / self.rate)} left"


class Progress:
    """Progress that shows notices and warnings only; the base of ``Plain`` and ``Bar``.

    A context manager: when it ends, nothing is drawn any more. Every text may come from a server.
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

    @property
    def is_drawn(self) -> bool:
        """Whether something is drawn that a line of another would disturb."""
        return False

    def settle(self) -> None:
        """Stop drawing, and leave what is drawn, so that standard output can be written; the next call begins anew."""

    def job(self, status: str, elapsed_s: float, reports: int | None, job_id: str = "") -> None:
        """Show a job that was looked at: its state, seconds since its start, how many reports it exports.

        ``job_id`` is given where there are several jobs, so that nobody takes a job for another.
        """

    def download(self, done: int, total: int | None) -> None:
        """Show a download: bytes that are here, those of an earlier run included, and bytes in all where known."""

    def reports(self, done: int, total: int) -> None:
        """Show how many reports were read; the first call is before the first of them."""

    def phase(self, text: str) -> None:
        """Show what is being done where there is nothing to count, such as ``verifying``."""

    def notice(self, text: str) -> None:
        """Write a line; not with ``--quiet``."""
        if not self._quiet:
            self._write(escape_controls(text))

    def warning(self, text: str) -> None:
        """Write a line, also with ``--quiet``."""
        self._write(f"hcexport: warning: {escape_controls(text)}")

    def _write(self, line: str) -> None:
        with suppress(OSError, ValueError):  # full, closed, or the terminal is gone
            self._stream.write(line + "\n")
            self._stream.flush()


class Plain(Progress):
    """Progress as lines for a log: a line on each change of state, and a heartbeat."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        super().__init__(stream)
        self._clock = clock
        self._written_at = 0.0
        self._state: tuple[str, str] | None = None
        self._transfer: TransferState | None = None

    def settle(self) -> None:
        """Write how far a download came that is not complete."""
        self._end_transfer()
        self._state = None

    def job(self, status: str, elapsed_s: float, reports: int | None, job_id: str = "") -> None:
        """Write a line when the job or its status has changed, and each HEARTBEAT_S."""
        now = self._clock()
        waiting = JobState(JobStatus.parse(status), elapsed_s, reports, now, job_id)
        self._line(waiting.text(now), (job_id, status) != self._state, HEARTBEAT_S)
        self._state = job_id, status

    def download(self, done: int, total: int | None) -> None:
        """Write a line at the beginning, at the end, and each HEARTBEAT_S."""
        now = self._clock()
        last, self._transfer = self._transfer, TransferState.after(self._transfer, done, total, now)
        changed = not self._transfer.goes_on(last)
        self._line(f"download {self._transfer.text()}", changed, HEARTBEAT_S)

    def reports(self, done: int, total: int) -> None:
        """Write a line each HEARTBEAT_S after the first call."""
        if not done:
            self._written_at = self._clock()
        self._line(f"{done} of {total} reports read", False, HEARTBEAT_S)

    def phase(self, text: str) -> None:
        """Write a line."""
        self._end_transfer()
        self._line(escape_controls(text), True, HEARTBEAT_S)

    def _end_transfer(self) -> None:
        if self._transfer and not self._transfer.is_complete:
            self._line(f"download {self._transfer.text()}", True, HEARTBEAT_S)
        self._transfer = None

    def _line(self, text: str, changed: bool, every_s: float) -> None:
        now = self._clock()
        if changed or now - self._written_at >= every_s:
            self._write(text)
            self._written_at = now
