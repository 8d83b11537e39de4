"""The root group: it knows every command by name, and loads the one that is run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from hcexport import __version__
from hcexport.cli.command import SETTINGS, write_examples, write_groups

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class RootGroup(click.Group):
    """The commands by name, each loaded from the module of its name when it is run."""

    def __init__(self, *, name: str, commands_at: Mapping[str, str], examples: Sequence[str]) -> None:
        super().__init__(
            name=name,
            help="Export health check reports of ArcGIS Enterprise on Kubernetes.",
            context_settings=SETTINGS,
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
        module = importlib.import_module(f"hcexport.cli.commands.{cmd_name}")
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
