"""Help that helps: short, complete, true."""

from __future__ import annotations

import re

import click
import pytest

from hcexport.cli import root
from hcexport.cli.command import Command, Option
from hcexport.store.settings import ROW_OF
from tests.support.process import Hcexport

CTX = click.Context(root, info_name="hcexport", **root.context_settings)
COMMANDS = root.list_commands(CTX)
SCREEN = (80, 60)  # columns and lines


def command(name: str) -> Command:
    found = root.get_command(CTX, name)
    assert isinstance(found, Command)
    return found


def help_of(hcexport: Hcexport, *words: str) -> list[str]:
    done = hcexport(*words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_help_fits_a_screen_and_opens_with_two_examples(name: str | None, hcexport_alone: Hcexport) -> None:
    lines = help_of(hcexport_alone, *([name] if name else []))
    assert max(map(len, lines)) <= SCREEN[0]
    listed = len(COMMANDS) if name is None else len(ROW_OF) if name == "config" else 0
    assert len(lines) <= SCREEN[1] + listed
    usage = lines.index("")
    assert lines[usage + 2] == ""
    assert lines[usage + 1].endswith(".")
    examples = lines[usage + 3 : lines.index("", usage + 3)]
    assert len(examples) == 2
    assert all(re.match(r"  \$ .*hcexport " + (name or ""), example) for example in examples)


@pytest.mark.parametrize("name", COMMANDS)
def test_an_example_can_be_typed(name: str) -> None:
    """Its words are options and arguments of the command it shows."""
    for example in command(name).examples:
        for words in re.findall(r"hcexport ((?:[\w-]+)[^|$\"]*)", example):
            other, *rest = words.split()
            known = {spelling for one in command(other).get_params(CTX) for spelling in one.opts} | {"--", "-"}
            own = rest[: rest.index("--")] if "--" in rest else rest
            assert {word for word in own if word.startswith("-")} <= known, example


@pytest.mark.parametrize("name", COMMANDS)
def test_the_root_says_of_a_command_what_the_command_says(name: str) -> None:
    assert root.commands_at[name] == (command(name).help or "").splitlines()[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_setting_options_show_default_and_variable(name: str) -> None:
    for option in command(name).get_params(CTX):
        if isinstance(option, Option) and option.row:
            assert option.row is ROW_OF[str(option.name)]
            words = (option.get_help_record(CTX) or ("", ""))[1]
            assert option.row.default_text in words
            assert option.shared or option.row.environment[0] in words


def test_a_suggestion_that_is_far_off_is_none(hcexport_alone: Hcexport) -> None:
    assert "mean" not in hcexport_alone("show", "--result", "failed").stderr


def test_options_stand_in_groups(hcexport_alone: Hcexport) -> None:
    headings = [line for line in help_of(hcexport_alone, "export") if re.fullmatch(r"[A-Z]\w+:", line)]
    assert headings == ["Selection:", "Waiting:", "Saving:", "Outcome:", "Options:"]
    root_headings = [line for line in help_of(hcexport_alone) if line.endswith("(every command):")]
    assert len(root_headings) == 2


@pytest.mark.parametrize(
    ("line", "near", "help_command"),
    [
        (["exprt"], "export", "hcexport --help"),
        (["export", "--lates", "3"], "--latest", "hcexport export --help"),
        (["list", "--created-by"], "--created-by", "hcexport list --help"),
        (["list", "--format", "jsn"], "json", "hcexport list --help"),
        (["list", "--json"], "--json", "hcexport list --format json"),
        (["list", "--latest", "0"], "from 1", "hcexport list --help"),
        (["config"], "ACTION: path, list", "hcexport config --help"),
        (["-p"], "-p", "hcexport --help"),
    ],
)
def test_a_misspelling_is_answered_with_a_guess_and_help(
    line: list[str], near: str, help_command: str, hcexport_alone: Hcexport
) -> None:
    done = hcexport_alone(*line)
    assert done.returncode == 2
    message, hint = done.stderr.splitlines()
    assert near in message
    assert hint == f"hint: {help_command}"
