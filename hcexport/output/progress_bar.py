"""Progress on a terminal. Imports rich, which is slow to load: import this only where standard error is a terminal."""

from __future__ import annotations

from contextlib import suppress
from typing import TextIO

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hcexport.models import JobStatus
from hcexport.output.progress import Clock, JobState, Progress, TransferState
from hcexport.output.sanitize import escape_controls
from hcexport.output.tables import GOOD, console, status_style

REDRAWN_A_SECOND = 4
BAR_WIDTH = 24  # leaves 56 of 80 columns for bytes, rate and time left


class Bar(Progress):
    """A line for the job, a line for the download, a line for what is being done.

    A call only keeps its values, and a thread of rich draws them, so that a call for each chunk costs nothing.
    """

    def __init__(self, stream: TextIO, color: bool, clock: Clock) -> None:
        super().__init__(stream)
        self._clock = clock
        self._waiting: JobState | None = None
        self._transfer: TransferState | None = None
        self._phase = ""
        self._console = console(stream, color)
        self._live: Live | None = None

    @property
    def is_drawn(self) -> bool:
        """Whether the lines are on the screen."""
        return self._live is not None

    def settle(self) -> None:
        """Stop drawing, and leave the job and the download on the screen."""
        self._phase = ""
        with suppress(OSError, ValueError):  # the terminal is gone: the error that ends the command is the one to show
            if self._live:
                self._live.stop()
        self._live = self._waiting = self._transfer = None

    def job(self, status: str, elapsed_s: float, reports: int | None, job_id: str = "") -> None:
        """Draw the job; its time goes on between the calls."""
        self._waiting = JobState(JobStatus.parse(status), elapsed_s, reports, self._clock(), job_id)
        self._start()

    def download(self, done: int, total: int | None) -> None:
        """Draw the download."""
        self._transfer = TransferState.after(self._transfer, done, total, self._clock())
        self._start()

    def reports(self, done: int, total: int) -> None:
        """Draw how many there are."""
        self.phase(f"{done} of {total} reports read")

    def phase(self, text: str) -> None:
        """Draw the phase until the next one, or the end."""
        self._phase = escape_controls(text)
        self._start()

    def _start(self) -> None:
        if self._live is None:
            self._live = Live(
                console=self._console,
                get_renderable=self._lines,
                refresh_per_second=REDRAWN_A_SECOND,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            with suppress(OSError, ValueError):
                self._live.start(refresh=True)

    def _write(self, line: str) -> None:
        """Write above the lines that are drawn."""
        with suppress(OSError, ValueError):
            self._console.print(Text(line), soft_wrap=True)

    def _lines(self) -> RenderableType:
        lines: list[RenderableType] = []
        if self._waiting:
            text = self._waiting.text(self._clock())
            lines.append(_line(text, status_style(self._waiting.status)))
        if self._transfer:
            lines.append(_transfer(self._transfer))
        if self._phase:
            lines.append(_line(self._phase))
        return Group(*lines)


def _line(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _transfer(transfer: TransferState) -> RenderableType:
    text = _line(transfer.text())
    if transfer.total is None:
        return text
    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_column(width=BAR_WIDTH)
    line.add_column(no_wrap=True)
    line.add_row(
        ProgressBar(transfer.total, transfer.done, style="bright_black", complete_style=GOOD, finished_style=GOOD), text
    )
    return line
