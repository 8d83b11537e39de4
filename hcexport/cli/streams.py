"""The standard streams: one that is closed, full or of a poor encoding must not break the command."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TextIO


def open_standard_streams() -> None:
    """Open /dev/null in place of closed standard streams, because the next file that we open would get their number.

    Text that a stream's encoding cannot carry is written as an escape instead of raising.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115, PTH123 # for the life of the process
    sys.stderr = _ignore_write_errors(sys.stderr)
    sys.stdout = sys.stdout or _ClosedOutput()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _ignore_write_errors(stderr: TextIO | None) -> TextIO:
    if stderr is None:
        return _LenientStderr(open(os.devnull, "wb"), encoding="utf-8")  # noqa: PTH123 # for the life of the process
    if isinstance(stderr, io.TextIOWrapper):
        return _LenientStderr(stderr.buffer, encoding=stderr.encoding, errors="backslashreplace", write_through=True)
    return stderr


class _LenientStderr(io.TextIOWrapper):
    """A stderr that swallows write errors: a full disk or closed terminal must not turn success into failure."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


class LabelledStream(io.TextIOBase):
    """A stream whose lines begin with a label, each written in one piece, because several threads write."""

    def __init__(self, stream: TextIO, label: str) -> None:
        self._stream, self._label = stream, label

    def write(self, text: str) -> int:
        """Write whole lines, each behind the label."""
        self._stream.write("".join(f"{self._label}{line}" for line in text.splitlines(keepends=True)))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()


class _ClosedOutput(io.TextIOBase):
    """Standard output that the caller has closed: writing the result to it is an error."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EBADF, "standard output is closed")


def flush() -> None:
    """Flush standard output and standard error."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
