"""What the stream at the other end is: who decides about colour, how wide it is, what its encoding can carry."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

DEFAULT_WIDTH = 80


def wants_color(option: str, environ: Mapping[str, str], is_terminal: bool) -> bool:
    """Whether colour is wanted: ``--color`` > NO_COLOR > FORCE_COLOR > CLICOLOR > is it a terminal (contract 2).

    Being wanted is not enough: printers and progress never write an escape sequence to anything but a terminal.
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


def is_dumb(environ: Mapping[str, str]) -> bool:
    """Whether the terminal says that it cannot move its cursor."""
    return environ.get("TERM", "").lower() in {"dumb", "unknown"}


def width(stream: TextIO, environ: Mapping[str, str]) -> int:
    """Columns of the terminal: what COLUMNS says, else what the terminal says, else DEFAULT_WIDTH."""
    with suppress(ValueError):
        if (columns := int(environ.get("COLUMNS", ""))) > 0:
            return columns
    try:
        return os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    except (OSError, ValueError):
        return DEFAULT_WIDTH


def never_refuse(stream: TextIO) -> None:
    """Make a stream write as an escape what its encoding cannot carry, instead of raising."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
