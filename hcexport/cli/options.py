"""How a command is made: ``app_command`` gives a function the shared options and an App in place of their values.

Options that stand for settings are made from the rows of ``store.settings``; here are also the types of values.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from hcexport.cli.command import Command, Option, complete_with
from hcexport.errors import NotFound, UsageError
from hcexport.store.settings import KNOWN, ROW_OF, one_of
from hcexport.times import parse_duration, parse_when

if TYPE_CHECKING:
    from hcexport.cli.outcome import Outcome

_BEFORE = "hcexport.profiles_before"  # key in click's ctx.meta: how many -p stand before the command's name
FORMATS = ("text", "table", "json", "csv", "ids")
DOCUMENTS = ("md", "html", "junit", "prometheus", "nagios")  # made of all reports of a command at once


class Parsed(click.ParamType):  # type: ignore[type-arg] # that of click 8.2 takes no parameter
    """A parameter type made of a function that raises UsageError."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse text; return a value that is parsed already."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except UsageError as error:
            self.fail(f"{error.message}; {error.hint}" if error.hint else error.message, param, ctx)


def _parse_when(text: str) -> datetime | timedelta:
    """Read a point in time; ``24h`` stays a timedelta, because it is counted by the server's clock."""
    when = parse_when(text, datetime.now(UTC))
    is_age = re.search(r"[0-9][dhms]\s*$", text.lower())
    return timedelta(seconds=parse_duration(text.lower())) if is_age else when


DURATION = Parsed("DUR", parse_duration)
WHEN = Parsed("WHEN", _parse_when)


def _parse_shard(text: str) -> tuple[int, int]:
    """Parse ``I/N``: a part, from 0, and the number of parts. Raises UsageError."""
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    part, parts = (int(match[1]), int(match[2])) if match else (0, 0)
    if part >= parts:
        raise UsageError(f"{text!r} is not a part: it must be I/N with I from 0 to N-1")
    return part, parts


class _File(click.Path):
    """A path as a ``pathlib.Path``, whose import only a command line that has a path pays for."""

    def coerce_path_result(self, value: str | os.PathLike[str]) -> Any:
        from pathlib import Path  # noqa: PLC0415 # start-up: a tenth of what --help takes

        return Path(value)


FILE = _File()
SHARD = Parsed("I/N", _parse_shard)


class WordList(click.Choice):  # type: ignore[type-arg] # that of click 8.2 takes no parameter
    """A list of words out of several: comma-separated, or ``-`` for standard input. The value is a tuple."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Split the list and check each word."""
        if not isinstance(value, str) or (ctx and ctx.resilient_parsing):
            return value
        words = parse_ids([value], param.opts[-1] if param else self.name)
        return tuple(super(WordList, self).convert(word, param, ctx) for word in words)


def whole_number(low: int, high: int | None = None) -> Parsed:
    """The type of a whole number from ``low`` (to ``high``)."""
    reach = f"from {low}" + ("" if high is None else f" to {high}")

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,9}", text) or not low <= int(text) <= (int(text) if high is None else high):
            raise UsageError(f"{text!r} is not a whole number {reach}")
        return int(text)

    return Parsed("N", parse)


def setting_option(*declarations: str, group: str, shared: bool = False, **attributes: Any) -> Option:
    """Make the option that stands for a setting, from the setting's row; the last declaration is ``--name``."""
    row = ROW_OF[declarations[-1].removeprefix("--").replace("-", "_")]
    kinds: dict[str, Any] = {"FILE": FILE, "DUR": Parsed("DUR", row.parse)}
    kind = click.Choice(row.choices) if row.choices else kinds.get(row.metavar)
    about: dict[str, Any] = {"type": kind, "metavar": row.metavar, "help": row.help, **attributes}
    return Option([*declarations], group=group, shared=shared, row=row, **about)


def add_options(*options: click.Parameter) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a decorator that adds options to a command's function."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        kept = [*getattr(function, "__click_params__", []), *reversed(options)]
        function.__click_params__ = kept  # type: ignore[attr-defined] # as click.option keeps them
        return function

    return add


def shared_options(formats: Sequence[str]) -> list[Option]:
    """Make the options that every command takes. Their value is None where they are not given."""
    connection = functools.partial(setting_option, group="Connection (every command)", shared=True)
    output = functools.partial(setting_option, group="Output (every command)", shared=True)

    def plain(*declarations: str, of: str, **attributes: Any) -> Option:
        return Option([*declarations], group=f"{of} (every command)", shared=True, **attributes)

    return [
        connection("-p", "--profile", multiple=True, callback=_join_profiles, shell_complete=complete_with("profiles")),
        *map(connection, ("--url", "--ca-bundle", "--client-cert", "--client-key")),
        plain(
            "--insecure",
            of="Connection",
            is_flag=True,
            help="Do not verify the certificate (for testing only).",
        ),
        connection("--connect-timeout"),
        plain("--no-input", of="Connection", is_flag=True, help="Never prompt; fail instead."),
        plain(
            *("-F", "--format"),
            of="Output",
            type=click.Choice(formats),
            metavar="FORMAT",
            default="text",
            help=f"{one_of(formats)}.  [text]",
        ),
        plain("-q", "--quiet", of="Output", is_flag=True, help="Only warnings and errors on standard error."),
        plain("-v", "--verbose", of="Output", count=True, help="Explain decisions; -vv also logs each request."),
        plain(
            "--log-file",
            of="Output",
            type=FILE,
            metavar="FILE",
            help="Append a log at -vv level to FILE (no secrets).",
        ),
        *map(output, ("--color", "--progress")),
    ]


def _join_profiles(ctx: click.Context, _: click.Parameter, values: tuple[str, ...]) -> str | None:
    """Join repeated names by commas; those behind the command's name replace those before it."""
    if isinstance(ctx.command, click.Group):
        ctx.meta[_BEFORE] = len(values)
    return ",".join(values[ctx.meta.get(_BEFORE, 0) :] or values) if values else None


def profiles_options() -> list[Option]:
    """Make the options of a command that takes several profiles."""
    group = "Several profiles, as in -p prod,test or -p 'eu-*'"
    parallel = "At most N organizations at once.  [8]"
    return [
        Option(["--parallel"], type=whole_number(1), default=8, metavar="N", group=group, shared=True, help=parallel),
        Option(["--shard"], type=SHARD, metavar="I/N", group=group, shared=True, help="Part I of N, from 0."),
    ]


def limit_option() -> Option:
    """Make ``--timeout`` for a command that asks the server, and waits for no job."""
    return Option(
        ["--timeout"],
        type=DURATION,
        metavar="DUR",
        group="Connection (every command)",
        shared=True,
        help="Give up after DUR (0: never).  [10m]",
    )


def app_command(
    name: str,
    *,
    formats: Sequence[str] = ("text", "json"),
    asks_server: bool = True,
    waits: bool = False,
    profiles: bool = False,
    **attributes: Any,
) -> Callable[[Callable[..., Outcome]], Command]:
    """Make a command of a function that takes an App and the command's own options by name, and returns an Outcome.

    Options that have the name of a setting go into the App. Of commands that ask the server, those that wait for
    jobs (``waits``) bring their own ``--timeout``. Of commands that take several ``profiles`` the function is called
    once for each.
    """

    def make(function: Callable[..., Outcome]) -> Command:
        shared = shared_options(formats)
        names = {parameter.name for parameter in shared}
        own_parameters = list(reversed(getattr(function, "__click_params__", [])))
        limit = [limit_option()] if asks_server and not waits else []
        several = profiles_options() if profiles else []

        @click.pass_context
        def call(ctx: click.Context, /, **given: Any) -> int:
            _require_text(ctx)
            from hcexport.cli.app import App, CommonOptions  # noqa: PLC0415 # start-up: --help needs none of it
            from hcexport.cli.outcome import completing_hint, finish, telling_failure  # noqa: PLC0415 # start-up
            from hcexport.cli.telling import tell  # noqa: PLC0415 # start-up

            common = CommonOptions(**{key: given.pop(key) for key in names})
            typed = {key: given.pop(key) for key in set(given) & KNOWN}
            make_app = functools.partial(App, waits=waits)

            def work(app: App) -> int:
                with telling_failure(app), nullcontext() if name == "login" else completing_hint(app):
                    return finish(app, function(app, **given))

            if profiles:
                from hcexport.cli.profiles import run_if_several  # noqa: PLC0415 # start-up

                status = run_if_several(
                    name, work, make=make_app, common=common, typed=typed, given=given, parse_ids=parse_ids
                )
                if status is not None:
                    return status
            with make_app(common, os.environ, typed) as app:
                return tell(name, app, lambda: work(app))

        call.__doc__ = function.__doc__
        return Command(
            name, callback=call, params=[*own_parameters, *limit, *several, *shared], help=_help(function), **attributes
        )

    return make


def _require_text(ctx: click.Context) -> None:
    """Raise UsageError for a value that is not UTF-8: it cannot be sent. Paths may be any bytes."""
    for parameter in ctx.command.params:
        value = ctx.params.get(parameter.name or "")
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and parameter.name not in {"out", "report"} and not _is_text(text):
                raise UsageError(f"{parameter.human_readable_name} is not UTF-8: {text!r}")


def _is_text(text: str) -> bool:
    """Whether text can be sent: Python decodes bytes of the command line that are not UTF-8 to lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _help(function: Callable[..., Any]) -> str:
    return "\n".join(line.strip() for line in (function.__doc__ or "").strip().splitlines())


def parse_ids(values: Sequence[str], what: str) -> tuple[str, ...]:
    """Parse ids from repeated, comma-separated option values; ``-`` reads stdin, an id a line. Drop duplicates.

    Raises UsageError for an empty id, which a comma too many makes, and NotFound when stdin has no id: what another
    command was to choose must never become "all of them".
    """
    from hcexport.api_json import is_id  # noqa: PLC0415 # start-up

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
        raise NotFound(f"no {what} on standard input", hint="the command before the pipe found nothing")
    return tuple(found)


def _read_stdin(what: str) -> str:
    with suppress(UnicodeDecodeError):
        text = sys.stdin.read()
        if _is_text(text):
            return text
    raise UsageError(f"a {what} on standard input is not UTF-8")
