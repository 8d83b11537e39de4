"""TODO docstring."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TextIO


def _open_standard_streams() -> None:
    """Give closed standard streams something to be, so that no file we open takes their number.

    Text that a stream's encoding cannot carry is written as an escape instead of raising.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115, PTH123 # for the life of the process
    sys.stderr = _said_by(sys.stderr)
    sys.stdout = sys.stdout or _Closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _said_by(stderr: TextIO | None) -> TextIO:
    if stderr is None:
        return _Said(open(os.devnull, "wb"), encoding="utf-8")  # noqa: PTH123 # for the life of the process
    if isinstance(stderr, io.TextIOWrapper):
        return _Said(stderr.buffer, encoding=stderr.encoding, errors="backslashreplace", write_through=True)
    return stderr


class _Said(io.TextIOWrapper):
    """Standard error that is full or gone keeps nobody from working: the words are lost, the status speaks."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


class _Closed(io.TextIOBase):
    """Standard output that the caller has closed: a result that goes nowhere is an error, not a success."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EBADF, "standard output is closed")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
