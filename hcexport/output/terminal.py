"""What a stream can show: whether colour is wanted, how wide it is, what its encoding can carry."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

DEFAULT_WIDTH = 80


def wants_color(option: str, environ: Mapping[str, str], is_terminal: bool) -> bool:
    """Whether colour is wanted: ``--color`` > NO_COLOR > FORCE_COLOR > CLICOLOR > is it a terminal.

    Colour that is wanted is not always written: printers and progress write escape sequences to terminals only.
    """
    if option != "auto":
        return option == "always"
    if environ.get("NO_COLOR"):
        return False
    if force := environ.get("FORCE_COLOR"):
        return force not in {"0", "false"}
    if environ.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
        return True
    return environ.get("CLICOLOR") != "0" and is_terminal and not is_dumb(environ)


def is_terminal(stream: Any) -> bool:
    """Whether a stream is a terminal; no for a closed stream, and for none at all."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError, OSError):
        return False


def is_dumb(environ: Mapping[str, str]) -> bool:
    """Whether the terminal says that it cannot move its cursor."""
    return environ.get("TERM", "").lower() in {"dumb", "unknown"}


def width(stream: TextIO, environ: Mapping[str, str]) -> int:
    """Columns of the terminal: COLUMNS, else what the terminal tells, else DEFAULT_WIDTH.

    Where the stream is a pipe, as in ``hcexport list -F table | less``, standard error still is the terminal.
    """
    with suppress(ValueError):
        if (columns := int(environ.get("COLUMNS", ""))) > 0:
            return columns
    for each in (stream, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # no terminal, closed, or none at all
            return os.get_terminal_size(each.fileno()).columns or DEFAULT_WIDTH
    return DEFAULT_WIDTH


def never_refuse(stream: TextIO) -> None:
    """Make a stream write characters that its encoding lacks as escapes, instead of raising."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
