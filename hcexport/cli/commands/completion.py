"""``hcexport completion``."""

from __future__ import annotations

import click

from hcexport.cli.app import App
from hcexport.cli.completion_scripts import SHELLS, script
from hcexport.cli.options import app_command


@app_command(
    "completion",
    formats=("text",),
    examples=['eval "$(hcexport completion bash)"', "hcexport completion zsh > ~/.zfunc/_hcexport"],
    lists={
        "Where each shell wants it": {
            "bash": "~/.local/share/bash-completion/completions/hcexport"
            " (with the package bash-completion; otherwise eval it in ~/.bashrc)",
            "zsh": "_hcexport in a folder of $fpath, such as ~/.zfunc; before compinit in ~/.zshrc: fpath+=~/.zfunc",
            "fish": "~/.config/fish/completions/hcexport.fish",
        }
    },
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
def command(app: App, shell: str) -> None:
    """Print the completion script for a shell.

    It completes commands, options, choices, profiles, report and job ids, and file names. A new shell takes it up.
    Packages of hcexport put it in its place already.
    """
    root = click.get_current_context().find_root().command
    assert isinstance(root, click.Group)  # noqa: S101 # commands are run by it
    for line in script(shell, root).splitlines():
        app.printer.line(line)
