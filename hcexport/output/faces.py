"""Which style progress has: a bar, plain lines, or nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TextIO

from hcexport.output.progress import Clock, Plain, Progress
from hcexport.output.terminal import is_dumb, never_refuse


def progress(
    mode: str,
    stream: TextIO,
    *,
    quiet: bool,
    is_terminal: bool,
    color: bool,
    clock: Clock = time.monotonic,
    environ: Mapping[str, str] = os.environ,
) -> Progress:
    """Make progress for ``--progress auto|bar|plain|none``; a bar only where the cursor can be moved.

    Only a bar imports rich and starts a thread, because a short command shall not pay for them.
    """
    never_refuse(stream)
    if quiet or mode == "none":
        return Progress(stream, quiet)
    if mode == "plain" or not is_terminal or is_dumb(environ):
        return Plain(stream, clock)
    from hcexport.output.progress_bar import Bar  # noqa: PLC0415 # start-up: rich

    return Bar(stream, color, clock)
