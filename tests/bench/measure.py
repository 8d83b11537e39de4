"""Processes measured side by side, and the tables that come of it."""

from __future__ import annotations

import math
import os
import re
import signal
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True)
class Used:
    """What a process took: seconds by the clock, seconds of processor, bytes of memory where it was watched."""

    wall_s: float
    cpu_s: float
    peak: int = 0


@dataclass(frozen=True)
class Row:
    """A line of the table of goals: a ratio for each round, or a number of some ``unit``."""

    what: str
    against: str
    values: Sequence[float]
    goal: float
    unit: str = ""

    HEAD = "| what | against | median | least | most | goal | met |\n| --- | --- | --- | --- | --- | --- | --- |"

    def __str__(self) -> str:
        median = statistics.median(self.values)
        numbers = [_number(value, self.unit) for value in (median, min(self.values), max(self.values), self.goal)]
        return f"| {' | '.join([self.what, self.against, *numbers, 'yes' if median <= self.goal else 'no'])} |"


@dataclass(frozen=True)
class Growth:
    """A line of the table of growth: what each size took. The exponent is that between the two largest sizes."""

    what: str
    sizes: Sequence[int]
    used: Sequence[Used]

    HEAD = "| what | sizes | seconds | exponent | MiB | exponent |\n| --- | --- | --- | --- | --- | --- |"

    def __str__(self) -> str:
        seconds, peaks = [used.wall_s for used in self.used], [used.peak / MIB for used in self.used]
        cells = [
            *(self.what, ", ".join(f"{size:,}" for size in self.sizes)),
            *(", ".join(f"{value:.2f}" for value in seconds), f"{self._exponent(seconds):.2f}"),
            *(", ".join(f"{value:.0f}" for value in peaks), f"{self._exponent(peaks):.2f}"),
        ]
        return f"| {' | '.join(cells)} |"

    def _exponent(self, values: Sequence[float]) -> float:
        return math.log(values[-1] / values[-2]) / math.log(self.sizes[-1] / self.sizes[-2])


def _number(value: float, unit: str) -> str:
    return f"{value:.0f} {unit}" if unit else f"{value:.2f}"


def run(command: Sequence[str | Path], env: Mapping[str, str] = os.environ, *, watched: bool = False) -> Used:
    """Run a command to its end; ``watched`` costs up to 5 ms. Raises RuntimeError when it fails: a failure is fast."""
    words = list(map(str, command))
    actions = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    peak = 0
    started = time.perf_counter()
    process = os.posix_spawnp(words[0], words, dict(env), file_actions=actions)
    try:
        while watched and os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            peak = max(peak, _high_water(process))
            time.sleep(0.005)
        _, status, usage = os.wait4(process, 0)
    except BaseException:
        os.kill(process, signal.SIGKILL)
        raise
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


def least(command: Sequence[str | Path], env: Mapping[str, str], times: int = 3) -> Used:
    """What a command takes at its fastest, and at its largest."""
    used = [run(command, env, watched=True) for _ in range(times)]
    return Used(min(each.wall_s for each in used), min(each.cpu_s for each in used), max(each.peak for each in used))
