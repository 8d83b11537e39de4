"""The man pages, made of the same definitions as ``--help``: ``python -m hcexport.cli.manual FOLDER``."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import click

from hcexport import __version__
from hcexport.cli import root
from hcexport.cli.command import Command, Option, grouped
from hcexport.cli.manual_text import DATED, DESCRIPTION, FILES, FURTHER_VARIABLES
from hcexport.cli.options import FORMATS, shared_options
from hcexport.errors import EXIT_STATUSES
from hcexport.store.settings import ROWS

_SPELLING = re.compile(r"(?:\\-){1,2}[A-Za-z](?:\w|\\-)*")  # of an option, its hyphens escaped


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    ctx = click.Context(root, info_name="hcexport", **root.context_settings)
    made = {"hcexport.1": _page("hcexport", _root_body(ctx), list(root.list_commands(ctx)))}
    for name in root.list_commands(ctx):
        command = root.get_command(ctx, name)
        assert isinstance(command, Command)  # noqa: S101 # every command of ours is one
        body = _command_body(command, click.Context(command, parent=ctx, info_name=name, **command.context_settings))
        made[f"hcexport-{name}.1"] = _page(f"hcexport-{name}", body, [])
    return made


def _page(name: str, body: Iterable[str], commands: Iterable[str]) -> str:
    head = f'.TH {name.upper()} 1 "{DATED}" "hcexport {__version__}" "hcexport"'
    others = [f"hcexport-{command}(1)" for command in commands] or ["hcexport(1)"]
    tail = [*_section("SEE ALSO"), *_lines(", ".join([*others, "hcexport-automation(7)"]))]
    return "\n".join([head, *body, *tail]) + "\n"


def _root_body(ctx: click.Context) -> Iterator[str]:
    yield from _name_and_synopsis(ctx, root.help or "")
    yield from _section("DESCRIPTION")
    yield from _paragraphs(DESCRIPTION)
    yield from _section("COMMANDS")
    for name in root.list_commands(ctx):
        yield from _item(f"\\fBhcexport {name}\\fR", root.commands_at[name])
    yield from _section("OPTIONS")
    yield from _options([*root.get_params(ctx), *shared_options(FORMATS)], ctx)
    yield from _section("ENVIRONMENT")
    for row in ROWS:
        yield from _item(
            ", ".join(f"\\fB{name}\\fR" for name in row.environment), f"{row.help[:1].upper()}{row.help[1:]}."
        )
    yield from _definitions(FURTHER_VARIABLES)
    yield from _common(root.examples)


def _command_body(command: Command, ctx: click.Context) -> Iterator[str]:
    line, _, rest = (command.help or "").partition("\n")
    yield from _name_and_synopsis(ctx, line)
    yield from _section("DESCRIPTION")
    yield from _paragraphs(f"{line}\n{rest}")
    yield from _section("OPTIONS")
    yield from _options(command.get_params(ctx), ctx)
    for name, words in command.lists.items():
        yield from _section(name.upper())
        yield from _definitions(words)
    yield from _section("ENVIRONMENT")
    yield from _definitions(dict(_variables(command.get_params(ctx))))
    yield ".PP"
    yield from _paragraphs("The variables that sign in, and all others, are described in hcexport(1).")
    yield from _common(command.examples)


def _name_and_synopsis(ctx: click.Context, line: str) -> Iterator[str]:
    yield from _section("NAME")
    yield _plain(ctx.command_path.replace(" ", "-")) + " \\-"
    yield from _lines(line.rstrip("."))
    yield from _section("SYNOPSIS")
    yield f"\\fB{_plain(ctx.command_path)}\\fR {_plain(' '.join(ctx.command.collect_usage_pieces(ctx)))}"


def _common(examples: Iterable[str]) -> Iterator[str]:
    """What every page says in the same words, and its examples."""
    yield from _section("FILES")
    yield from _definitions(FILES)
    yield from _section("EXIT STATUS")
    for each in EXIT_STATUSES:
        code = f" ({each.code})" if each.code else ""
        yield from _item(f"\\fB{each.status}\\fR", f"{each.meaning[:1].upper()}{each.meaning[1:]}{code}.")
    yield from _section("EXAMPLES")
    for number, example in enumerate(examples):
        yield from (*([".PP"] if number else []), ".EX", _plain(f"$ {example}"), ".EE")


def _options(parameters: Sequence[click.Parameter], ctx: click.Context) -> Iterator[str]:
    for group, records in grouped(parameters, ctx).items():
        yield f'.SS "{_plain(group)}"'
        for spelling, text in records:
            yield from _item(_SPELLING.sub(r"\\fB\g<0>\\fR", _plain(spelling)), text)


def _variables(parameters: Sequence[click.Parameter]) -> Iterator[tuple[str, str]]:
    for one in parameters:
        if isinstance(one, Option) and one.variable:
            yield one.variable, f"Stands for {one.opts[-1]}."


def _section(title: str) -> list[str]:
    return [f'.SH "{_plain(title)}"']


def _definitions(words: Mapping[str, str]) -> Iterator[str]:
    for word, text in words.items():
        yield from _item(f"\\fB{_plain(word)}\\fR", text)


def _item(head: str, text: str) -> Iterator[str]:
    yield from (".TP", head, *_lines(text))


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs between blank lines, filled."""
    for number, paragraph in enumerate(filter(str.strip, re.split(r"\n\s*\n", text))):
        yield from (*([".PP"] if number else []), *_lines(paragraph))


def _lines(text: str) -> list[str]:
    return [_plain(line) for line in textwrap.wrap(" ".join(text.split()), 72, break_on_hyphens=False)]


def _plain(text: str) -> str:
    """Text that means nothing to roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def write(folder: Path) -> None:
    """Write every page into a folder."""
    for name, page in pages().items():
        (folder / name).write_text(page, encoding="ascii")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
