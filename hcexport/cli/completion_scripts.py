"""Completion in bash, zsh and fish: click's machinery, and a script for each shell.

The scripts are our own, because click's differ between its versions and let the shell expand the text of a value. They
hand over the line up to the cursor and get back a line for each candidate: its kind, its value, its description.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import redirect_stderr
from typing import ClassVar

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

VARIABLE = "_HCEXPORT_COMPLETE"  # set by the scripts, to the name of the shell
_LINE = "_HCEXPORT_LINE"
_ASSIGNMENT = re.compile(r"\w+=")

_BASH = r"""# Completion of %(prog_name)s in bash 4.4 or newer.  Made by: hcexport completion bash

_%(prog_name)s() {
    local kind value words
    COMPREPLY=()
    while IFS=$'\t' read -r kind value words; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            file) compopt -o default ;;
        esac
    done < <(_HCEXPORT_LINE="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash "$1" 2>/dev/null </dev/null)
}

complete -o nosort -F _%(prog_name)s %(prog_name)s
"""

_ZSH = r"""#compdef %(prog_name)s
# Completion of %(prog_name)s in zsh.  Made by: hcexport completion zsh

_%(prog_name)s() {
    local kind value about found=1
    local -a plain described
    while IFS=$'\t' read -r kind value about; do
        case $kind in
            plain) [[ -n $about ]] && described+=("$value:$about") || plain+=("$value") ;;
            file) compset -P '--*='; _files && found=0 ;;
        esac
    done < <(_HCEXPORT_LINE="${words[1,CURRENT]}" %(complete_var)s=zsh "${words[1]}" 2>/dev/null </dev/null)
    (( $#described )) && _describe -V %(prog_name)s described && found=0
    (( $#plain )) && compadd -V %(prog_name)s -a plain && found=0
    return found
}

if [[ $funcstack[1] == _%(prog_name)s ]]; then
    _%(prog_name)s "$@"
else
    compdef _%(prog_name)s %(prog_name)s
fi
"""

_FISH = r"""# Completion of %(prog_name)s in fish.  Made by: hcexport completion fish

function _%(prog_name)s
    set -lx _HCEXPORT_LINE (commandline -cp | string collect)
    set -lx %(complete_var)s fish
    for line in (%(prog_name)s 2>/dev/null </dev/null)
        set -l fields (string split \t -- $line)
        switch $fields[1]
            case plain
                printf '%%s\t%%s\n' $fields[2] $fields[3]
            case file
                __fish_complete_path $fields[2]
        end
    end
end

complete --command %(prog_name)s --no-files --keep-order --arguments '(_%(prog_name)s)'
"""


class _Shell(ShellComplete):
    """The part that all shells share: read the line, return the candidates."""

    whole_words: ClassVar[bool] = True

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, without assignments and the program's name; the word at the cursor."""
        line = os.environ.get(_LINE, "")
        words = split_arg_string(line)
        incomplete = "" if line[-1:].isspace() or not words else words.pop()
        while words and _ASSIGNMENT.match(words[0]):
            words.pop(0)
        for at, word in enumerate(words):
            if word == "--" and words[at + 1 :] and words[at + 1].endswith("hcexport"):  # COMMAND of sandbox
                words = words[at + 1 :]
                break
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return a line of three fields: kind, value, description."""
        return f"{item.type}\t{item.value}\t{' '.join((item.help or '').split())}"

    def complete(self) -> str:
        """Return the lines; values get back their ``--option=`` where the shell replaces whole words."""
        args, incomplete = self.get_completion_args()
        option, equals, _ = incomplete.partition("=")
        before = option + equals if self.whole_words and option.startswith("--") else ""
        items = self.get_completions(args, incomplete)
        for item in items if equals else ():
            item.value = before + item.value
        return "\n".join(map(self.format_completion, items))


class Bash(_Shell):
    """Bash takes ``=`` for the end of a word."""

    name = "bash"
    source_template = _BASH
    whole_words = False


class Zsh(_Shell):
    """Zsh."""

    name = "zsh"
    source_template = _ZSH


class Fish(_Shell):
    """Fish."""

    name = "fish"
    source_template = _FISH


SHELLS: Mapping[str, type[_Shell]] = {shell.name: shell for shell in (Bash, Zsh, Fish)}


def script(shell: str) -> str:
    """Return the completion script for ``bash``, ``zsh`` or ``fish``."""
    return SHELLS[shell](click.Group(), {}, "hcexport", VARIABLE).source()


def answer(shell: str, root: click.Group) -> int:
    """Print the candidates that a shell's script asks for, or nothing; return the exit status.

    Errors are swallowed, because a message would land in the line that somebody is typing.
    """
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):  # noqa: PTH123 # devnull is no path
        try:
            click.echo(SHELLS[shell](root, {}, "hcexport", VARIABLE).complete())
        except Exception:  # noqa: BLE001 # as the docstring says
            return 1
    return 0
