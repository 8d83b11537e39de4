"""Options that mean the same everywhere, and the types of what is typed."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import click

from hcexport.api_json import is_id
from hcexport.cli.command import Command, Option, completed
from hcexport.errors import NotFound, UsageError
from hcexport.times import parse_duration, parse_when

FORMATS = ("text", "json", "csv", "ids")
_COLOR = ("auto", "always", "never")
_PROGRESS = ("auto", "bar", "plain", "none")


class Parsed(click.ParamType):  # type: ignore[type-arg] # that of click 8.2 takes no parameter
    """A parameter type made of a function that raises UsageError."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse text; what is parsed already stays as it is."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except UsageError as error:
            self.fail(f"{error.message}; {error.hint}" if error.hint else error.message, param, ctx)


DURATION = Parsed("DUR", parse_duration)
WHEN = Parsed("WHEN", lambda text: parse_when(text, datetime.now(UTC)))


class _File(click.Path):
    """A path as a ``pathlib.Path``, which only somebody who gave one waits for."""

    def coerce_path_result(self, value: str | os.PathLike[str]) -> Any:
        from pathlib import Path  # noqa: PLC0415 # start-up: a tenth of what --help takes

        return Path(value)


FILE = _File()


class WordList(click.Choice):  # type: ignore[type-arg] # that of click 8.2 takes no parameter
    """Some of several words, as every list is typed: comma-separated, or ``-`` for standard input. A tuple."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take a list apart, and refuse a word that is none of them."""
        if not isinstance(value, str) or (ctx and ctx.resilient_parsing):
            return value
        words = parse_ids([value], param.opts[-1] if param else self.name)
        return tuple(super(WordList, self).convert(word, param, ctx) for word in words)


def one_of(words: Sequence[str]) -> str:
    """``a, b or c``, for the help."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def shared_options(formats: Sequence[str]) -> list[Option]:
    """The options of contract.md 2, new ones at each call. None stands for "not given", so that origins are true."""

    def shared(*declarations: str, group: str, **attributes: Any) -> Option:
        return Option([*declarations], group=group, shared=True, **attributes)

    output = functools.partial(shared, group="Output (every command)")
    connection = functools.partial(shared, group="Connection (every command)")
    return [
        connection(
            "-p",
            "--profile",
            metavar="NAME",
            setting="",
            help="Use this profile.",
            shell_complete=completed("profiles"),
        ),
        connection("--url", metavar="URL", setting="", help="Talk to this organization."),
        connection("--ca-bundle", type=FILE, metavar="FILE", setting="", help="Certificates to trust, PEM."),
        connection("--client-cert", type=FILE, metavar="FILE", setting="", help="Certificate to show, PEM."),
        connection("--client-key", type=FILE, metavar="FILE", setting="", help="Its key, PEM."),
        connection("--insecure", is_flag=True, help="Trust any certificate. Never do this for long."),
        connection("--connect-timeout", type=DURATION, metavar="DUR", setting="10s", help="Time to connect."),
        connection("--no-input", is_flag=True, help="Never ask; fail instead."),
        output(
            "-F",
            "--format",
            type=click.Choice(formats),
            metavar="FORMAT",
            default="text",
            help=f"{one_of(formats)}.  [text]",
        ),
        output("-q", "--quiet", is_flag=True, help="No progress, no notices; errors stay."),
        output("-v", "--verbose", count=True, help="Say what is decided; -vv also each request."),
        output("--log-file", type=FILE, metavar="FILE", help="Append all of that to a file."),
        output("--color", type=click.Choice(_COLOR), metavar="WHEN", setting="auto", help=f"{one_of(_COLOR)}."),
        output(
            "--progress", type=click.Choice(_PROGRESS), metavar="LOOK", setting="auto", help=f"{one_of(_PROGRESS)}."
        ),
    ]


def app_command(
    name: str, *, formats: Sequence[str] = ("text", "json"), **attributes: Any
) -> Callable[[Callable[..., Any]], Command]:
    """Make a command of a function that takes an App and its own options by name."""

    def make(function: Callable[..., Any]) -> Command:
        shared = shared_options(formats)
        names = {parameter.name for parameter in shared}

        @click.pass_context
        def call(ctx: click.Context, /, **given: Any) -> Any:
            _require_text(ctx)
            from hcexport.cli.app import App  # noqa: PLC0415 # start-up: --help needs none of it

            own = {key: value for key, value in given.items() if key not in names}
            with App({**ctx.params}) as app:
                return function(app, **own)

        call.__doc__ = function.__doc__
        own_parameters = list(reversed(getattr(function, "__click_params__", [])))
        return Command(name, callback=call, params=[*own_parameters, *shared], help=_help(function), **attributes)

    return make


def _require_text(ctx: click.Context) -> None:
    """Raise UsageError for a value that is not UTF-8: it cannot be sent. Paths may be any bytes."""
    for parameter in ctx.command.params:
        value = ctx.params.get(parameter.name or "")
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and parameter.name != "out" and not _is_text(text):
                raise UsageError(f"{parameter.human_readable_name} is not UTF-8: {text!r}")


def _is_text(text: str) -> bool:
    """Whether it can be sent: bytes of the command line that are not UTF-8 become halves of characters."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _help(function: Callable[..., Any]) -> str:
    return "\n".join(line.strip() for line in (function.__doc__ or "").strip().splitlines())


def parse_ids(values: Sequence[str], what: str) -> tuple[str, ...]:
    """Ids out of comma-separated and repeated values; ``-`` reads them from stdin, one a line. Doubles are dropped.

    Raises UsageError for an empty one, which a comma too many makes, and NotFound when stdin has none: what was to
    be chosen by another command must never become "all of them".
    """
    found: dict[str, None] = {}
    for value in values:
        lines = _read_stdin(what).split("\n") if value == "-" else [value]
        for line in lines if value != "-" else filter(str.strip, lines):
            for part in line.split(","):
                if not part.strip():
                    raise UsageError(f"{what} {line!r} has an empty id in it", hint="is there a comma too many?")
                if not is_id(part.strip()):
                    raise UsageError(f"{what} names {part.strip()!r}, which is not an id")
                found[part.strip()] = None
    if values and not found:
        raise NotFound(f"standard input names no {what}", hint="the command before it in the pipe found none")
    return tuple(found)


def _read_stdin(what: str) -> str:
    with suppress(UnicodeDecodeError):
        text = sys.stdin.read()
        if _is_text(text):
            return text
    raise UsageError(f"a {what} on standard input is not UTF-8")
