"""The man pages are what the definitions say, complete, and clean."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from hcexport import __version__
from hcexport.cli import root
from hcexport.cli.command import Option
from hcexport.errors import EXIT_STATUSES
from hcexport.store.paths import Paths
from hcexport.store.settings import ROWS, Row
from hcexport.transfer.part_file import PREFIX
from man.generate import DATED, pages, write

MAN = Path(__file__).parents[2] / "man"
CTX = click.Context(root, info_name="hcexport")
COMMANDS = root.list_commands(CTX)
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO"]


def page(name: str) -> str:
    """A page without roff's escapes."""
    return re.sub(r"\\f[BIR]|\\&", "", (MAN / name).read_text()).replace("\\-", "-").replace("\\e", "\\")


def test_they_are_generated_to_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path)
    generated = {path.name: path.read_bytes() for path in tmp_path.glob("*.1")}
    kept = {path.name: path.read_bytes() for path in MAN.glob("*.1")}
    assert kept == generated, "python -m man.generate man"


@pytest.mark.parametrize("name", ["hcexport-automation.7", "hcexport-reports.7"])
def test_the_pages_written_by_hand_name_this_version(name: str) -> None:
    assert (MAN / name).read_text().splitlines()[0].endswith(f' "{DATED}" "hcexport {__version__}" "hcexport"')


@pytest.mark.parametrize("name", sorted(pages()))
def test_every_page_has_its_sections(name: str) -> None:
    titles = re.findall(r'^\.SH "(.*)"$', page(name), re.MULTILINE)
    assert [title for title in titles if title in SECTIONS] == SECTIONS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_in_its_page(name: str) -> None:
    command = root.get_command(CTX, name)
    assert command is not None
    heads = page(f"hcexport-{name}.1").split('.SH "OPTIONS"')[1].split(".SH")[0].split(".TP\n")[1:]
    spelled = {word.rstrip(",") for head in heads for word in head.splitlines()[0].split() if word.startswith("-")}
    options = [one for one in command.get_params(CTX) if isinstance(one, click.Option)]
    assert {spelling for one in options for spelling in one.opts} <= spelled
    variables = {option.row.environment[0] for option in options if isinstance(option, Option) and option.row}
    missing = {variable for variable in variables if f".TP\n{variable}\n" not in page(f"hcexport-{name}.1")}
    assert not missing, "python -m man.generate man"


def test_the_first_page_names_commands_variables_statuses() -> None:
    text = page("hcexport.1")
    assert all(f".TP\nhcexport {name}\n" in text for name in COMMANDS)
    missing = {variable for row in ROWS for variable in row.environment if variable not in text}
    assert not missing, "python -m man.generate man"
    for each in EXIT_STATUSES:
        entries = [entry.split(".TP")[0] for entry in text.split(f".TP\n{each.status}\n")[1:]]
        said = [" ".join(entry.split()) for entry in entries]
        assert any(each.code in entry and each.meaning[1:] in entry for entry in said)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_first_page_tells_all_of_a_setting(row: Row) -> None:
    [entry] = re.findall(rf"^\.TP\n{row.name} \(.*\n.*\n\.br\n", page("hcexport.1"), re.MULTILINE)
    assert (f"default {row.default_text})" if row.default_text else "(no default)") in entry
    assert set(row.environment) <= set(re.findall(r"\w+", entry))
    spelled = {spelling for name in COMMANDS for spelling in spellings(name, row)}
    assert spelled <= set(re.findall(r"(?<!\S)--?[\w-]+", entry))


def spellings(name: str, row: Row) -> set[str]:
    """How an option of a command is spelled that stands for a setting; empty where it has none."""
    command = root.get_command(CTX, name)
    assert command is not None
    options = (each for each in command.get_params(CTX) if isinstance(each, Option) and each.row is row)
    return {spelling for option in options for spelling in option.opts}


def test_the_first_page_names_every_file(tmp_path: Path) -> None:
    paths = Paths.find({"HCEXPORT_HOME": str(tmp_path)})
    kept = {name for name, each in vars(Paths).items() if isinstance(each, property)}
    assert len(kept) >= 6
    for path in [*(getattr(paths, name) for name in kept), paths.cache]:
        assert re.search(
            rf"^~/\S*/{re.escape(path.name.replace('cache', 'hcexport'))}/?$", page("hcexport.1"), re.MULTILINE
        )
    assert all(word in page("hcexport.1") for word in (PREFIX, ".part", ".note", "--log-file"))


def test_what_the_page_on_automation_types_can_be_typed() -> None:
    """Each option that its recipes give to hcexport is one of the command's."""
    text = page("hcexport-automation.7").replace("\\\n", "")
    lines = [
        line for line in text.splitlines() if re.search(r"\bhcexport (export|login|status|jobs|logout|sandbox)\b", line)
    ]
    assert len(lines) >= 8
    for line in lines:
        name, rest = re.search(r"\bhcexport (export|login|status|jobs|logout|sandbox)\b(.*)", line).groups()
        command = root.get_command(CTX, name)
        known = {spelling for one in command.get_params(CTX) for spelling in one.opts} | {"--help", "--"}
        assert set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", rest)) <= known, line


@pytest.mark.parts
def test_mandoc_has_nothing_to_say(need_part: Callable[[str], str]) -> None:
    done = subprocess.run(
        [need_part("mandoc"), "-Tlint", *sorted(MAN.glob("*.[17]"))], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parts
@pytest.mark.parametrize("name", [path.name for path in sorted(MAN.glob("*.[17]"))])
def test_a_page_fits_a_terminal_of_80_columns(need_part: Callable[[str], str], name: str) -> None:
    shown = subprocess.check_output([need_part("mandoc"), "-Tutf8", "-Owidth=80", MAN / name], text=True)
    lines = [re.sub(".\b", "", line) for line in shown.splitlines()]
    assert [line for line in lines if len(line) > 80] == []
