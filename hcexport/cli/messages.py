"""Messages to a person on stderr, prompts, and the log."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from hcexport.errors import CannotCreate, Interrupted
from hcexport.output.sanitize import escape_controls
from hcexport.output.terminal import fold
from hcexport.redaction import shorten

if TYPE_CHECKING:
    from hcexport.output.wait_line import WaitLine

WIRE_VERBOSITY = 2
_LINES_KEPT = 20  # of what was said, for a ping


class LiveDisplay(Protocol):
    """Something that draws on stderr, and can print a line without breaking the drawing."""

    def notice(self, text: str) -> None:
        """Print a line above what is drawn."""

    def warning(self, text: str) -> None:
        """Print a warning above what is drawn."""


class Messages:
    """Print notices (not with ``--quiet``), warnings (always), decisions (``-v``) and requests (``-vv``).

    Of trouble that may pass, ``--quiet`` hears only if the command fails.

    The log file gets all of them, whatever the verbosity. Secrets are redacted everywhere. ``label`` stands before
    each line where several profiles write.
    """

    def __init__(self, *, quiet: bool, verbosity: int, log_file: Path | None, label: str = "") -> None:
        self._label = label
        self._is_muted = False
        self._quiet = quiet
        self._verbosity = verbosity
        self._log = _open_private(log_file) if log_file else None
        self._held: list[str] = []
        self.live: LiveDisplay | None = None
        self.said: deque[str] = deque(maxlen=_LINES_KEPT)
        self.wait_line: WaitLine | None = None

    @property
    def logs_decisions(self) -> bool:
        """Whether decisions are printed or logged."""
        return self._log is not None or self._verbosity > 0

    @property
    def logs_wire(self) -> bool:
        """Whether requests are printed or logged."""
        return self._log is not None or self._verbosity >= WIRE_VERBOSITY

    def notice(self, text: str) -> None:
        """Print something good to know: the job's id, where the token is stored."""
        self._write_log("notice", text)
        self.said.append(text)
        if not self._quiet:
            self._say(text)

    def warning(self, text: str) -> None:
        """Print something that a person should look at, also with ``--quiet``."""
        self._write_log("warning", text)
        self._warn(text)

    def trouble(self, text: str) -> None:
        """Print a warning of what may go well in the end; with ``--quiet`` keep it for ``release``."""
        self._write_log("warning", text)
        if self._quiet:
            self._held.append(text)
        else:
            self._warn(text)

    def release(self) -> None:
        """Print the trouble that was kept, because the command has failed."""
        held, self._held = self._held, []
        for text in held:
            self._warn(text)

    def info(self, text: str) -> None:
        """Print why something is done, with ``-v``."""
        self._write_log("info", text)
        if self._verbosity:
            self._say(text)

    def wire(self, line: str) -> None:
        """Print a request and its response, with ``-vv``."""
        self._write_log("wire", line)
        if self._verbosity >= WIRE_VERBOSITY:
            self._say(line)

    def log(self, level: str, text: str) -> None:
        """Write a line to the log alone."""
        self._write_log(level, text)

    def close(self) -> None:
        """Close the log file."""
        self.live = None
        if self._log:
            self._log.close()

    def _warn(self, text: str) -> None:
        self.said.append(f"warning: {text}")
        self._clear()
        if self.live:
            self.live.warning(shorten(text))
        else:
            self._print(f"hcexport: warning: {self._label}{text}")

    def _clear(self) -> None:
        if self.wait_line:
            self.wait_line.erase()

    def _say(self, text: str) -> None:
        self._clear()
        if self.live:
            self.live.notice(shorten(text))
        else:
            self._print(f"{self._label}{text}")

    def mute(self) -> None:
        """Print nothing more: the process is about to end while the command for this profile still runs."""
        self._is_muted = True

    def _print(self, text: str) -> None:
        line = fold(escape_controls(shorten(text)), sys.stderr, os.environ)
        if not self._is_muted:  # one write, so that lines of several threads do not mix
            print(f"{line}\n", end="", file=sys.stderr, flush=True)  # noqa: T201 # messages are printed here

    def _write_log(self, level: str, text: str) -> None:
        if log := self._log:
            line = escape_controls(shorten(text))
            try:
                log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z {level}: {self._label}{line}\n")
                log.flush()
            except OSError as error:  # a full disk ends the log, not the work
                self._log = None
                with suppress(OSError):
                    log.close()
                self.warning(f"the log file cannot be written: {(error.strerror or str(error)).lower()}")


def prompt(text: str, *, hide_input: bool = False) -> str:
    """Ask the person at the terminal, on stderr; a signal ends the line first, so that its error stands alone."""
    import click  # noqa: PLC0415 # start-up

    with _ending_the_line():
        answer: str = click.prompt(text, hide_input=hide_input, err=True)
    return answer


def confirm(text: str) -> bool:
    """Ask the person at the terminal for a yes, on stderr; an empty answer is no."""
    import click  # noqa: PLC0415 # start-up

    with _ending_the_line():
        return click.confirm(text, err=True)


@contextmanager
def _ending_the_line() -> Iterator[None]:
    try:
        yield
    except Interrupted:
        print(file=sys.stderr)  # noqa: T201 # the error stands on a line of its own
        raise


def _open_private(path: Path) -> TextIO:
    """The log file, appended to; made readable for its owner only. Raises CannotCreate; never waits for a reader."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        try:
            _make_private(path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        reason = "nobody reads from that pipe" if error.errno == errno.ENXIO else error.strerror
        raise CannotCreate(f"the log file {path} cannot be written: {reason}") from None


def _make_private(path: Path, descriptor: int) -> None:
    """Make a file of ours 0600, also one that was there; a terminal, a pipe or a device stays as it is."""
    os.set_blocking(descriptor, True)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        return
    if {found.st_uid, path.lstat().st_uid} - {os.geteuid(), 0}:
        raise CannotCreate(f"the log file {path} belongs to somebody else", hint="choose another file")
    if found.st_uid == os.geteuid() and found.st_mode & 0o077:
        os.fchmod(descriptor, 0o600)
