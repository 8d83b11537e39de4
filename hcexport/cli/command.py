"""How a command is made: options in groups, the shared ones on every command, an App in place of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

HELP_WIDTH = 80
SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH}


class Option(click.Option):
    """An option that says in which group of the help it stands; ``shared`` ones are listed in the root's help.

    ``setting`` is given for one that the environment and the config file can stand in for, and is its built-in value
    in words, empty where it has none. The help says both; a test holds them to the rows of ``store.settings``.
    """

    def __init__(
        self,
        *args: Any,
        group: str = "Options",
        shared: bool = False,
        setting: str | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(*args, **attributes)
        self.group = group
        self.shared = shared
        self.setting = setting

    @property
    def variable(self) -> str | None:
        """The environment variable that stands for it."""
        return None if self.setting is None or self.name is None else f"HCEXPORT_{self.name.upper()}"

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Its spellings, and what it does with its default and variable."""
        record = super().get_help_record(ctx)
        if record is None or self.variable is None:
            return record
        return record[0], f"{record[1]}  [{'; '.join(filter(None, [self.setting, f'${self.variable}']))}]"


def option(*declarations: str, group: str = "Options", **attributes: Any) -> Callable[[Any], Any]:
    """``click.option`` with a group."""
    return click.option(*declarations, cls=Option, group=group, **attributes)


def completed(kind: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]:
    """A ``shell_complete``: the values of a kind that ``cli.candidates`` knows, or ``files``."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from hcexport.cli import completion_values as candidates  # noqa: PLC0415 # start-up: only a TAB needs them

        return candidates.complete(kind, ctx, param, incomplete)

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
        """Make it; ``lists`` are further sections of its help: words, and what each means."""
        attributes["context_settings"] = {**SETTINGS, **(context or {})}
        super().__init__(*args, **attributes)
        self.examples = tuple(examples)
        self.lists = dict(lists or {})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Make sure that an error says which command's help to read: click forgets it for a missing value."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The first line, the examples, the rest."""
        first, _, rest = (self.help or "").partition("\n")
        formatter.write_paragraph()
        formatter.write_text(first)
        formatter.write_paragraph()
        write_examples(self.examples, formatter)
        if rest.strip():
            formatter.write_paragraph()
            formatter.write_text(rest.strip())

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options; where to read of the shared ones."""
        own = [one for one in self.get_params(ctx) if not getattr(one, "shared", False)]
        write_groups(own, ctx, formatter)
        for name, words in self.lists.items():
            with formatter.section(name):
                formatter.write_dl(list(words.items()))
        if len(own) < len(self.get_params(ctx)):
            formatter.write_paragraph()
            formatter.write_text("Options that every command takes (profile, format, logging): hcexport --help")


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """One a line, as they are typed."""
    for example in examples:
        formatter.write(f"  $ {example}\n")


def write_groups(parameters: Sequence[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """One section of the help for each group."""
    for name, records in grouped(parameters, ctx).items():
        with formatter.section(name):
            formatter.write_dl(records)


def grouped(parameters: Sequence[click.Parameter], ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
    """The spelling and the help of each option, by group, in the order in which the groups first appear."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
        if record is not None:
            groups.setdefault(getattr(parameter, "group", "Options"), []).append(record)
    return groups
