"""The root group: it knows every command by name, and loads the one that is run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from hcexport import __version__
from hcexport.cli.command import SETTINGS, fit_to_terminal, write_examples, write_groups

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


_WORDS = {"help": "Show the help of a command.", "version": "Print the version."}
_LINE = "hcexport.line"  # key of the words of the command line in click's ctx.meta


class RootGroup(click.Group):
    """The commands by name, each loaded from the module of its name when it is run.

    The shared options may stand before the command's name. They are handed to the command in front of its own words,
    so that what stands after the name wins.
    """

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

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the root's own options, and the shared ones."""
        from hcexport.cli.options import DOCUMENTS, FORMATS, limit_option, profiles_options, shared_options  # noqa: PLC0415 # start-up: of --version

        if len(self.params) == 1:
            self.params += [limit_option(), *shared_options((*FORMATS, *DOCUMENTS)), *profiles_options()]
            for option in self.params:
                option.expose_value = False
        return super().get_params(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before the command's name, and keep its words for the command."""
        ctx.meta[_LINE] = list(args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of use, not of the alphabet."""
        return list(self.commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None for an unknown name."""
        if cmd_name not in self.commands_at:
            return None
        module = importlib.import_module(f"hcexport.cli.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and put the words before its name in front of its own; suggest a name for a typo."""
        if args[0] in _WORDS:
            return self._resolve_word(ctx, *args)
        before = ctx.meta[_LINE][: -len(args)]
        before = before[:-1] if before[-1:] == ["--"] else before
        if args[0] in self.commands_at or ctx.resilient_parsing:
            name, command, rest = super().resolve_command(ctx, args)
            return name, command, [*before, *rest]
        import difflib  # noqa: PLC0415 # start-up

        near = difflib.get_close_matches(args[0], self.commands_at, 1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise click.UsageError(f"there is no command {args[0]!r}{guess}", ctx)

    def _resolve_word(
        self, ctx: click.Context, word: str, *args: str
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve ``help [COMMAND]`` and ``version``."""
        if ctx.resilient_parsing:
            return None, None, []
        asks_for_help = bool({"-h", "--help"} & set(args[:1]))
        if word == "help" and args and args[0] not in _WORDS and not asks_for_help:
            name, command, _ = self.resolve_command(ctx, [args[0]])
            return name, command, ["--help"]
        click.echo(ctx.get_help() if word == "help" or asks_for_help else f"hcexport {__version__}")
        ctx.exit()

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Offer the commands, without loading them, and the options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 # start-up

        words = {**self.commands_at, **_WORDS}
        commands = [CompletionItem(name, help=line) for name, line in words.items() if name.startswith(incomplete)]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list({**self.commands_at, **_WORDS}.items()))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options."""
        self.format_commands(ctx, formatter)
        write_groups(self.get_params(ctx), ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text("Defaults come from HCEXPORT_... variables and the config file: hcexport config list")

    def get_help(self, ctx: click.Context) -> str:
        """Return the help, as wide as the terminal, up to HELP_WIDTH."""
        fit_to_terminal(ctx)
        return super().get_help(ctx)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the line and two examples."""
        formatter.write_paragraph()
        formatter.write_text(self.help or "")
        formatter.write_paragraph()
        write_examples(self.examples, formatter)


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"hcexport {__version__}")
        ctx.exit()
