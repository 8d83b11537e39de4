"""Choosing how progress is shown."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TextIO

from hcexport.output import terminal
from hcexport.output.progress import Plain, Progress
from hcexport.times import Clock


def make_progress(
    mode: str,
    stream: TextIO,
    *,
    quiet: bool,
    is_terminal: bool,
    color: bool,
    clock: Clock = time.monotonic,
    environ: Mapping[str, str] = os.environ,
) -> Progress:
    """Make the progress of ``--progress auto|bar|plain|none``; a bar only where a cursor can be moved.

    Only a bar imports rich and starts a thread.
    """
    terminal.never_refuse(stream)
    if quiet or mode == "none":
        return Progress(stream, quiet)
    if mode == "plain" or not is_terminal or terminal.is_dumb(environ):
        return Plain(stream, clock)
    from hcexport.output.progress_bar import Bar  # noqa: PLC0415 # start-up: rich

    return Bar(stream, color, clock)
