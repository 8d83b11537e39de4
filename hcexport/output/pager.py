"""Rows that do not fit on a terminal go through the user's pager."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

DEFAULT, DEFAULT_OPTIONS = "less", "FRX"  # quits where all fits, shows colours, leaves the rows on the screen
_SECRETIVE = ("HCEXPORT_", "ARCGIS_ENTERPRISE_")  # variables of ours, which hold secrets
_NOT_STARTED = {126, 127}  # what a shell ends with when it cannot run a program


def page(text: str, stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Show ``text`` with PAGER; return False where it fits on the terminal or there is no pager."""
    if text.count("\n") < _height(stream, environ):
        return False
    pager = environ.get("PAGER", DEFAULT if shutil.which(DEFAULT) else "").strip()
    if pager in {"", "cat"}:
        return False
    with suppress(OSError):
        return _run(pager, text, stream, environ) not in _NOT_STARTED
    return False


def _run(pager: str, text: str, stream: TextIO, environ: Mapping[str, str]) -> int:
    """Run a pager to its end and return its status. Ctrl-C is for the pager meanwhile."""
    before = signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which the pager would inherit
    own = {name: value for name, value in environ.items() if not name.startswith(_SECRETIVE)}
    try:
        process = subprocess.Popen(  # noqa: S602 # PAGER is a command line of the user's, as git and man take it
            pager, shell=True, stdin=subprocess.PIPE, stdout=stream, env={"LESS": DEFAULT_OPTIONS, **own}
        )
        process.communicate(text.encode("utf-8", "backslashreplace"))
        return process.returncode
    finally:
        signal.signal(signal.SIGINT, before)


def _height(stream: TextIO, environ: Mapping[str, str]) -> int:
    """Lines of the terminal: LINES, else what the terminal tells, else 24."""
    with suppress(ValueError):
        if (lines := int(environ.get("LINES", ""))) > 0:
            return lines
    with suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).lines or 24
    return 24
