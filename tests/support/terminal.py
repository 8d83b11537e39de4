"""Processes on a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

LIMIT_S = 20.0


@dataclass(frozen=True)
class AtTerminal:
    """How a run at a terminal went: exit status, the whole screen, and how many prompts were answered."""

    status: int
    screen: str
    answered: int


class Terminal:
    """A process whose stdin, stdout and stderr are a terminal; use it as a context, which kills what still runs.

    ``stdout`` may be a file descriptor or a constant of ``subprocess`` instead. ``screen`` is what was read so far.
    """

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None, stdout: int | None = None
    ) -> None:
        self._ours, theirs = pty.openpty()
        self._seen = bytearray()
        self.process = subprocess.Popen(
            argv,
            env=env,
            cwd=cwd,
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 # one system call, takes no lock
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    @property
    def screen(self) -> str:
        """Everything that the terminal got so far; a byte that is not UTF-8 is a lone surrogate."""
        return self._seen.decode("utf-8", "surrogateescape")

    def clear(self) -> None:
        """Forget what the terminal got."""
        self._seen.clear()

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def read(self, seconds: float) -> bool:
        """Read what comes next; false when nothing came in this time, or the process closed its side."""
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # EIO: the other side is closed
            return False
        self._seen += data
        return bool(data)

    def wait_for(self, text: str, seconds: float = LIMIT_S) -> bool:
        """Read until the screen has this text; false if it does not come in time."""
        until = time.monotonic() + seconds
        while text not in self.screen and time.monotonic() < until:
            self.read(0.2)
        return text in self.screen

    def converse(self, answers: Sequence[str] = (), prompt: str = ": ") -> AtTerminal:
        """Type an answer whenever the screen ends with ``prompt``, until the process ends."""
        left = list(answers)
        while self.read(LIMIT_S):
            if left and self.screen.endswith(prompt):
                self.type(f"{left.pop(0)}\n")
        return AtTerminal(self.process.wait(LIMIT_S), self.screen, len(answers) - len(left))
