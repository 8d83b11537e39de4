"""How a command is made: options in groups, the shared ones on every command, an App in place of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from hcexport import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

HELP_WIDTH = 80
_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH}


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
        from hcexport.cli import candidates  # noqa: PLC0415 # start-up: only a TAB needs them

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
        attributes["context_settings"] = {**_SETTINGS, **(context or {})}
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


class RootGroup(click.Group):
    """The commands by name, each loaded from the module of its name when it is run."""

    def __init__(self, *, name: str, commands_at: Mapping[str, str], examples: Sequence[str]) -> None:
        super().__init__(
            name=name,
            help="Export health check reports of ArcGIS Enterprise on Kubernetes.",
            context_settings=_SETTINGS,
            params=[
                click.Option(
                    ["--version"],
                    is_flag=True,
                    is_eager=True,
                    expose_value=False,
                    callback=_print_version,
                    help="Print the version.",
                )
            ],
        )
        self.commands_at = commands_at
        self.examples = tuple(examples)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of use, not of the alphabet."""
        return list(self.commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None where there is none of this name."""
        if cmd_name not in self.commands_at:
            return None
        module = importlib.import_module(f"hcexport.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named first; a name that is none gets the nearest one as a suggestion."""
        if args[0] in self.commands_at or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        import difflib  # noqa: PLC0415 # start-up

        near = difflib.get_close_matches(args[0], self.commands_at, 1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise click.UsageError(f"there is no command {args[0]!r}{guess}", ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """The commands, none of them loaded, and the options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 # start-up

        commands = [
            CompletionItem(name, help=line) for name, line in self.commands_at.items() if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them, and the options that all of them take."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.commands_at.items()))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, then what they share."""
        from hcexport.cli.options import FORMATS, shared_options  # noqa: PLC0415 # start-up: only the help needs them

        self.format_commands(ctx, formatter)
        write_groups([*self.get_params(ctx), *shared_options(FORMATS)], ctx, formatter)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The line and two examples."""
        formatter.write_paragraph()
        formatter.write_text(self.help or "")
        formatter.write_paragraph()
        write_examples(self.examples, formatter)


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"hcexport {__version__}")
        ctx.exit()
