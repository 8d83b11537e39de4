"""The walls of the house, read from the imports: who may know whom, and where each foreign package lives."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import hcexport

ROOT = Path(hcexport.__file__).parent

# Each room and the rooms that it may import; a bottom room is a module directly in the package.
BOTTOM = {"", "api_json", "errors", "files", "models", "organization", "redaction", "retry", "times"}
MAY_KNOW = {
    "": set(),
    "__main__": {"cli"},
    "errors": set(),
    "models": {"errors", "api_json"},
    "organization": {"errors"},
    "api_json": {"redaction"},
    "redaction": {"errors"},
    "times": {"errors"},
    "retry": {"errors", "times"},
    "files": {"errors"},
    "store": BOTTOM | {"health"},
    "api": BOTTOM,
    "auth": BOTTOM | {"api", "store"},
    "transfer": BOTTOM | {"api", "health", "store"},
    "health": {"errors", "models"},
    "doctor": BOTTOM | {"api", "auth", "health", "notify", "store", "transfer"},
    "notify": BOTTOM | {"api"},
    "output": BOTTOM | {"health"},
    "schedule": {"", "errors"},
    "cli": BOTTOM | {"api", "auth", "doctor", "health", "notify", "output", "sandbox", "schedule", "store", "transfer"},
    "sandbox": set(),
}

# The only places that may name a package; a place is a module or a room.
HOMES = {
    "httpx": {"api.http"},
    "httpcore": {"api.http", "api.network"},
    "truststore": {"api.tls"},
    "keyring": {"auth.keyring_child"},
    "secretstorage": {"auth.keyring_child"},  # is there with keyring on Linux
    "tomlkit": {"store.config_file"},
    "platformdirs": {"store.paths"},
    "sqlite3": {"store.database", "store.ledger"},
    "rich": {"output"},
    "click": {"cli"},
}


OPTIONAL = {"secretstorage"}  # may be missing, so it cannot stand at the top


@dataclass(frozen=True)
class Import:
    """One import: of which module, by which one, and where it stands."""

    of: str
    by: str
    line: int
    inside_a_function: bool
    for_types_only: bool
    text: str


def modules() -> dict[str, Path]:
    """Every module below the package by its dotted name; ``""`` is the package itself."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports() -> Iterator[Import]:
    for name, path in modules().items():
        source = path.read_text()
        yield from _Reader(name, source.splitlines(), set(modules())).read(ast.parse(source))


class _Reader(ast.NodeVisitor):
    def __init__(self, name: str, lines: list[str], known: set[str]) -> None:
        self._name, self._lines, self._known = name, lines, known
        self._depth = self._types = 0
        self._found: list[Import] = []

    def read(self, tree: ast.Module) -> list[Import]:
        self.visit(tree)
        return self._found

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 # the name is ast's

    def visit_If(self, node: ast.If) -> None:
        only = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        self._types += only
        self.generic_visit(node)
        self._types -= only

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, f"{self._name}:{node.lineno} imports relatively"
        assert node.module
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            self._add(whole if whole.removeprefix("hcexport.") in self._known else node.module, node.lineno)

    def _add(self, of: str, line: int) -> None:
        self._found.append(
            Import(of, self._name, line, self._depth > 0, self._types > 0, self._lines[line - 1].strip())
        )


ALL = list(imports())
OURS = [each for each in ALL if each.of.split(".")[0] == "hcexport"]


def room(module: str) -> str:
    return module.removeprefix("hcexport").lstrip(".").split(".")[0]


def test_the_reader_sees() -> None:
    """Else every test below would pass on nothing."""
    assert len(modules()) > 60
    assert any(each.of == "hcexport.errors" and each.by == "cli.boundary" for each in OURS)
    assert any(each.inside_a_function for each in ALL)
    assert any(each.for_types_only for each in ALL)


def test_arrows_lead_downwards() -> None:
    upwards = [
        f"{each.by}:{each.line} {each.text}"
        for each in OURS
        if room(each.of) != room(each.by) and room(each.of) not in MAY_KNOW[room(each.by)]
    ]
    assert upwards == []


def test_every_room_has_its_row() -> None:
    assert {room(name) for name in modules()} == set(MAY_KNOW)


def test_no_cycles() -> None:
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for each in OURS:
        graph[each.by].add(each.of.removeprefix("hcexport").lstrip("."))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a cycle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("package", HOMES)
def test_each_package_has_its_home(package: str) -> None:
    named_by = {each.by for each in ALL if each.of.split(".")[0] == package}
    assert named_by
    strangers = {name for name in named_by if name not in HOMES[package] and room(name) not in HOMES[package]}
    assert strangers == set()


def test_the_sandbox_needs_the_standard_library_alone() -> None:
    foreign = {
        each.of.split(".")[0]
        for each in ALL
        if room(each.by) == "sandbox" and each.of.split(".")[0] not in sys.stdlib_module_names
    }
    assert foreign == {"hcexport"}


def test_nothing_else_is_imported_than_what_is_declared() -> None:
    foreign = {each.of.split(".")[0] for each in ALL} - sys.stdlib_module_names
    assert foreign <= {"hcexport", *HOMES}


def test_imports_inside_functions_are_for_start_up_and_say_so() -> None:
    silent = [
        f"{each.by}:{each.line} {each.text}"
        for each in ALL
        if each.inside_a_function and "# start-up" not in each.text and each.of not in OPTIONAL
    ]
    assert silent == []


def test_only_the_command_line_speaks_and_ends() -> None:
    """No print, click.echo or sys.exit below cli, but for the printers and the keyring's own little program."""
    allowed = {"cli", "sandbox"}
    found = []
    for name, path in modules().items():
        if room(name) in allowed or name in {"output.printers", "auth.keyring_child"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "click.echo", "sys.exit", "exit"}:
                found.append(f"{name}:{node.lineno}")
    assert found == []


def test_no_file_is_too_long() -> None:
    long = {name: lines for name, path in modules().items() if (lines := len(path.read_text().splitlines())) > 350}
    assert not long, "more than 350 lines: move a part that has a name of its own into a module"


def test_names_of_tests_are_short() -> None:
    tests = Path(__file__).parent
    long = [
        f"{path.relative_to(tests)}::{name}"
        for path in tests.rglob("test_*.py")
        for name in re.findall(r"def (test_\w{55,})\(", path.read_text())
    ]
    assert not long, "60 characters or more: name what is tested, and leave the rest to a docstring"


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["export", "--help"], ["list", "--no-such-option"], ["lisst"], []]
)
def test_a_bare_start_is_light(words: list[str]) -> None:
    heavy = {"httpx", "httpcore", "rich", "keyring", "truststore", "tomlkit"}
    if words in (["--help"], ["--version"]):  # these are asked for all day, and need neither a file nor a URL
        heavy |= {"tomllib", "pathlib", "json", "shutil", "difflib"}
    if words == ["export", "--help"]:  # what saves the zip is loaded while the server packs it
        heavy |= {"zipfile", "hcexport.transfer.download", "hcexport.transfer.extract_zip"}
    program = (
        "import os, sys\n"
        "from hcexport.cli import main\n"
        "os._exit = sys.exit\n"
        "try: main()\n"
        f"finally: print('LOADED', sorted({heavy} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == (0 if words[-1:] in (["--help"], ["--version"]) else 2)
    assert done.stderr.splitlines()[-1] == "LOADED []"
