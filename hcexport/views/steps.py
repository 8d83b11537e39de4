"""What takes time: a job as it was last seen, a download on its way. Values; progress shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hcexport.models import JobStatus
from hcexport.views.quantities import duration, size
from hcexport.views.text import clean


@dataclass(frozen=True)
class Waiting:
    """A job as it was last seen, at ``seen_at`` on the clock (seconds)."""

    status: JobStatus
    elapsed_s: float
    reports: int | None
    seen_at: float

    def text(self, now: float) -> str:
        """State, time that goes on until the job has ended, and reports."""
        running = 0.0 if self.status.is_final else now - self.seen_at
        return ", ".join(
            [
                f"job {clean(self.status.word)}",
                duration(self.elapsed_s + running),
                *([] if self.reports is None else [f"{self.reports} report{'' if self.reports == 1 else 's'}"]),
            ]
        )


@dataclass(frozen=True)
class Transfer:
    """A download: bytes at its beginning and now; ``began_at`` and ``seen_at`` are on the clock (seconds)."""

    done: int
    total: int | None
    began_with: int
    began_at: float
    seen_at: float

    @classmethod
    def after(cls, last: Transfer | None, done: int, total: int | None, now: float) -> Transfer:
        """The download that ``last`` was, later on; a new one where it fell back, or is of something else."""
        if last is None or done < last.done or total != last.total:
            return cls(done, total, done, now, now)
        return replace(last, done=done, seen_at=now)

    def goes_on(self, last: Transfer | None) -> bool:
        """Whether nothing but bytes happened since ``last``: neither a beginning nor the end."""
        return last is not None and self.began_at == last.began_at and self.is_complete == last.is_complete

    @property
    def is_complete(self) -> bool:
        """Whether every byte is here; never when their number is unknown."""
        return self.total is not None and self.done >= self.total

    @property
    def rate(self) -> float:
        """Bytes a second since the beginning, 0 before anything can be said."""
        took = self.seen_at - self.began_at
        return (self.done - self.began_with) / took if took > 0 else 0.0

    def text(self) -> str:
        """Bytes, rate and time left; of a complete one, bytes, time and rate."""
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
