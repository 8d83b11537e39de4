"""Processes measured side by side, and the table that comes of it."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Used:
    """What a process took: seconds by the clock, seconds of processor, bytes of memory where it was watched."""

    wall_s: float
    cpu_s: float
    peak: int = 0


@dataclass(frozen=True)
class Row:
    """One line of the table; the ratios are those of its rounds."""

    what: str
    against: str
    ratios: Sequence[float]
    goal: float

    def __str__(self) -> str:
        median = statistics.median(self.ratios)
        verdict = "met" if median <= self.goal else "MISSED"
        spread = f"{min(self.ratios):.2f} - {max(self.ratios):.2f}"
        return f"{self.what:46} {self.against:40} {median:6.2f}  {spread:13} {self.goal:5.2f}  {verdict}"


HEAD = f"{'what':46} {'against':40} {'median':>6}  {'spread':13} {'goal':>5}"


def run(command: Sequence[str | Path], env: Mapping[str, str] = os.environ, *, watched: bool = False) -> Used:
    """Run a command to its end; ``watched`` costs up to 5 ms. Raises RuntimeError when it fails: a failure is fast."""
    words = list(map(str, command))
    actions = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    peak = 0
    started = time.perf_counter()
    process = os.posix_spawnp(words[0], words, dict(env), file_actions=actions)
    while watched and os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        peak = max(peak, _high_water(process))
        time.sleep(0.005)
    _, status, usage = os.wait4(process, 0)
    took = time.perf_counter() - started
    if status:
        raise RuntimeError(f"{words}: ended with {os.waitstatus_to_exitcode(status)}")
    return Used(took, usage.ru_utime + usage.ru_stime, peak)


def _high_water(process: int) -> int:
    """Bytes at the peak so far. What ``wait4`` says of it counts the parent's memory too, from before the exec."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) * 1024 if found else 0  # a process that has ended has none


def rounds(ours: Callable[[], float], theirs: Callable[[], float], times: int = 5) -> list[float]:
    """The ratio of two measurements, taken one after the other so that both meet the same machine."""
    ours(), theirs()  # the first time fills caches
    return [ours() / theirs() for _ in range(times)]
