"""Showing what the session waits for: drawn on a terminal, said with ``-v``, kept in the log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from hcexport.api.waits import OnWait, show_nothing
from hcexport.cli.messages import Messages
from hcexport.output import terminal
from hcexport.output.wait_line import WaitLine


def show_waits(
    messages: Messages, environ: Mapping[str, str], *, wanted: bool, is_alone: bool, in_bar: Callable[[str], bool]
) -> OnWait:
    """Return what shows waits, which shows nothing where nobody would see them, because each costs a thread.

    They are drawn where that is ``wanted``, on a terminal: ``in_bar`` where that returns True. Of several profiles each
    wait is a line instead, because drawn lines would overwrite each other.
    """
    shows = wanted and terminal.is_terminal(sys.stderr) and not terminal.is_dumb(environ)
    if not (shows or messages.logs_decisions):
        return show_nothing
    width = terminal.width(sys.stderr, environ)
    say = messages.info if is_alone or not shows else messages.notice
    messages.wait_line = WaitLine(sys.stderr, width, draws=shows and is_alone, in_bar=in_bar, say=say)
    return messages.wait_line.during
