"""``hcexport completion``."""

from __future__ import annotations

import click

from hcexport.cli.app import App
from hcexport.cli.completion_scripts import SHELLS, script
from hcexport.cli.options import app_command
from hcexport.cli.outcome import Outcome


@app_command(
    "completion",
    formats=("text",),
    asks_server=False,
    examples=[
        'eval "$(hcexport completion bash)"',
        "mkdir -p ~/.zfunc && hcexport completion zsh > ~/.zfunc/_hcexport",
    ],
    lists={
        "Where each shell wants it (make the folder first: mkdir -p)": {
            "bash": "~/.local/share/bash-completion/completions/hcexport"
            " (with the package bash-completion; otherwise eval it in ~/.bashrc)",
            "zsh": "_hcexport in a folder of $fpath, such as ~/.zfunc; before compinit in ~/.zshrc: fpath+=~/.zfunc",
            "fish": "~/.config/fish/completions/hcexport.fish",
        }
    },
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
def command(app: App, shell: str) -> Outcome:  # noqa: ARG001 # every command takes an App
    """Print the completion script for a shell.

    It completes commands, options, choices, profiles, report and job ids, and file names. Takes effect in new shells.
    Installed packages already include it.
    """
    return Outcome(lines=script(shell).splitlines())
