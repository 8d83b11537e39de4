"""The classes of click that our commands are made of: options in groups, a help that opens with two examples."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from hcexport.output.terminal import width

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from hcexport.store.settings import Row

HELP_WIDTH = 80
SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH}


def fit_to_terminal(ctx: click.Context) -> None:
    """Set the width of the help as click does, without ``shutil``, whose import is a twentieth of what --help takes."""
    ctx.terminal_width = max(min(width(sys.stdout, os.environ), HELP_WIDTH) - 2, 50)


class Option(click.Option):
    """An option that says in which group of the help it stands; ``shared`` ones are listed in the root's help.

    ``row`` is the setting that the option stands for, if it stands for one: the help shows its default and variable.
    """

    def __init__(
        self, *args: Any, group: str = "Options", shared: bool = False, row: Row | None = None, **attributes: Any
    ) -> None:
        super().__init__(*args, **attributes)
        self.group = group
        self.shared = shared
        self.row = row

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return its spellings, and its help with the default and, unless it is shared, the environment variable."""
        record = super().get_help_record(ctx)
        if record is None or self.row is None:
            return record
        about = [self.row.default_text, "" if self.shared else f"${self.row.environment[0]}"]
        return record[0], f"{record[1]}  [{'; '.join(filter(None, about))}]" if any(about) else record[1]


def option(*declarations: str, group: str = "Options", **attributes: Any) -> Callable[[Any], Any]:
    """``click.option`` with a group."""
    return click.option(*declarations, cls=Option, group=group, **attributes)


def complete_with(kind: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]:
    """Make a ``shell_complete`` that offers a kind of values: one that ``completion_values`` knows, or ``files``."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from hcexport.cli import completion_values  # noqa: PLC0415 # start-up: only a TAB needs them

        return completion_values.complete(kind, ctx, param, incomplete)

    return complete


class Command(click.Command):
    """A command whose help opens with a line and two examples, and then lists its own options by group."""

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str],
        context: Mapping[str, Any] | None = None,
        lists: Mapping[str, Mapping[str, str]] | None = None,
        **attributes: Any,
    ) -> None:
        """Make a command; ``lists`` are further sections of its help: words, and what each means."""
        attributes["context_settings"] = {**SETTINGS, **(context or {})}
        super().__init__(*args, **attributes)
        self.examples = tuple(examples)
        self.lists = dict(lists or {})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and make every error name this command: click leaves the context out for a missing value."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def get_help(self, ctx: click.Context) -> str:
        """Return the help, as wide as the terminal, up to HELP_WIDTH."""
        fit_to_terminal(ctx)
        return super().get_help(ctx)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first line, the examples, the rest."""
        first, _, rest = (self.help or "").partition("\n")
        formatter.write_paragraph()
        formatter.write_text(first)
        formatter.write_paragraph()
        write_examples(self.examples, formatter)
        if rest.strip():
            formatter.write_paragraph()
            formatter.write_text(rest.strip())

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, and where to read of the shared ones."""
        own = [parameter for parameter in self.get_params(ctx) if not getattr(parameter, "shared", False)]
        write_groups(own, ctx, formatter)
        for name, words in self.lists.items():
            with formatter.section(name):
                formatter.write_dl(list(words.items()))
        if len(own) < len(self.get_params(ctx)):
            formatter.write_paragraph()
            formats = [each.type for each in self.get_params(ctx) if each.name == "format"]
            choices = [*formats[0].choices] if formats and isinstance(formats[0], click.Choice) else []
            if len(choices) > 1:
                formatter.write_text(f"-F, --format: {', '.join(choices)}")
            formatter.write_text("Options that every command takes (profile, format, logging): hcexport --help")


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Write each example on a line, as it is typed."""
    for example in examples:
        formatter.write(f"  $ {example}\n")


def write_groups(parameters: Sequence[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write a section of the help for each group."""
    for name, records in group_options(parameters, ctx).items():
        with formatter.section(name):
            formatter.write_dl(records)


def group_options(parameters: Sequence[click.Parameter], ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
    """Return spelling and help of each option by group; the groups are in the order in which they first appear."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
        if record is not None:
            groups.setdefault(getattr(parameter, "group", "Options"), []).append(record)
    return groups
