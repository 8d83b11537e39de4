"""What a stream can show: whether colour is wanted, how wide it is, what its encoding can carry."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TextIO

DEFAULT_WIDTH = 80
_COMMAND = re.compile(r"(?:[:,]|with) (hcexport [a-z]+(?: .*)?)$")


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


def fold(text: str, stream: TextIO, environ: Mapping[str, str]) -> str:
    """Break lines that a terminal would break inside a word; a command to paste stays whole, on a line of its own.

    Text for anything but a terminal stays as it is.
    """
    try:
        columns = width(stream, environ) if stream.isatty() else 0
    except (AttributeError, ValueError):  # no stream, or a closed one
        return text
    return "\n".join(_fold_line(line, columns) for line in text.split("\n")) if columns else text


def _fold_line(line: str, columns: int) -> str:
    import textwrap  # noqa: PLC0415 # start-up

    if len(line) <= columns:
        return line
    wrap = partial(textwrap.wrap, width=columns, break_long_words=False, break_on_hyphens=False)
    folded: list[str] = []
    prose = ""
    for clause in _clauses(line):
        found = _COMMAND.search(clause)
        prose += clause[: found.start(1)] if found else f"{clause}; "
        if found:
            folded += [*wrap(prose), f"  {found[1]}"]
            prose = ""
    return "\n".join([*folded, *wrap(prose.removesuffix("; "))])


def _clauses(line: str) -> list[str]:
    """Split a line at its semicolons, but for those in quotes: they are part of a command's argument."""
    clauses: list[str] = []
    for part in line.split("; "):
        if clauses and clauses[-1].count("'") % 2:
            clauses[-1] += f"; {part}"
        else:
            clauses.append(part)
    return clauses


def never_refuse(stream: TextIO) -> None:
    """Make a stream write characters that its encoding lacks as escapes, instead of raising."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
