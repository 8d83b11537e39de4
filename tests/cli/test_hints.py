"""A hint is to be typed: each is provoked, and what it says is typed into a shell and works.

``tests/support/hints.py`` has the rows. A hint of the code that is in no row fails ``test_every_hint_is_in_the_table``.
"""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hcexport.sandbox import Sandbox, scenarios
from hcexport.sandbox.context import Endpoint, RequestContext
from hcexport.sandbox.endpoints import admin
from tests.support import hint_scenarios
from tests.support.hints import NEVER, NOT_PROVOKED, PASTED, TYPED, Row
from tests.support.process import ROOT, Hcexport

FILLED_IN = "<>"
PROFILES = """\
profile = "prod"
version = 1
[profiles.prod]
url = "{box.url}"
username = "{box.username}"
password_file = "{folder}/pw"
store = "file"
[profiles.test]
url = "https://test.example.com/arcgis"
"""
_PASTE = re.compile(r"(?:^|: |with |use )((?:hcexport|mkdir|chmod|export [A-Z_]+=).*)$")


class Shell:
    """A shell of a user in the folder of the test, with ``hcexport`` on its PATH."""

    def __init__(self, hcexport: Hcexport, box: Sandbox) -> None:
        self._folder = hcexport.cwd
        programs = hcexport.cwd.parent / "bin"
        programs.mkdir()
        program = programs / "hcexport"
        program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-P", "-m", "hcexport"])} "$@"\n')
        program.chmod(0o755)
        values = {
            "URL": box.url,
            "ADMIN": box.username,
            "PASSWORD": box.password,
            "CA": "/etc/ssl/certs/ca-certificates.crt",
        }
        self._env = {**hcexport.env, **values, "PYTHONPATH": str(ROOT), "PATH": f"{programs}:{hcexport.env['PATH']}"}

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line of a shell, with nobody at the terminal."""
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self._folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def shell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, hcexport_alone: Hcexport) -> Iterator[Shell]:
    """A shell beside the organization of the test's row, with what the row's state says."""
    row: Row = request.getfixturevalue("row")
    monkeypatch.setattr(scenarios, "ROWS", {**scenarios.ROWS, **hint_scenarios.SCENARIOS})
    with Sandbox(**{"job_seconds": 0.05, **row.sandbox}) as box:  # type: ignore[arg-type] # options by name
        folder = hcexport_alone.cwd
        folder.joinpath("pw").write_text(box.password)
        folder.joinpath("pw").chmod(0o600)
        home = Path(hcexport_alone.env["HCEXPORT_HOME"])
        if row.state == "token":
            hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        if row.state == "profile":
            home.mkdir(mode=0o700)
            home.joinpath("config.toml").write_text(PROFILES.format(box=box, folder=folder))
        yield Shell(hcexport_alone, box)


def commands_of(hint: str) -> list[str]:
    """The commands in a hint, as its reader selects them with the mouse."""
    found = (_PASTE.search(part) for part in re.split(r"; (?:then |(?=\w))", hint))
    return [re.sub(r", (?:and|or) .*$", "", match[1]) for match in found if match]


def provoke(shell: Shell, row: Row) -> tuple[str, str]:
    """Provoke the row's hint; returns it, and the setup that its reader still has in the shell."""
    setup = f"{row.setup}\n" if row.setup else ""
    done = shell.run(f"{{ {setup or 'true'}\n}} >/dev/null 2>&1\nhcexport {row.command}")
    assert done.returncode == row.status, done.stderr
    hints = [line for line in done.stderr.splitlines() if line.startswith("hint: ")] or [""]
    told = hints[-1] if row in PASTED else done.stderr + done.stdout  # the hint of a bad value is in its message
    assert re.search(pattern_of(row.hint), told), told
    exports = [line for line in re.split(r";|\n", row.setup) if line.strip().startswith("export ")]
    return hints[-1].removeprefix("hint: "), "; ".join(exports)


def pattern_of(hint: str) -> str:
    """What a hint of the code looks like when it is said: its places are filled in, and a sign-in is completed."""
    hint = hint.replace("hcexport login ", f"hcexport login{FILLED_IN} ")
    return ".*".join(map(re.escape, hint.split(FILLED_IN)))


def names(row: Row) -> str:
    return re.sub(r"[^\w-]+", "_", f"{row.command[:25]}_{row.hint[:25]}")


@pytest.mark.slow
@pytest.mark.parametrize("row", PASTED, ids=names)
def test_a_command_in_a_hint_works_when_it_is_pasted(shell: Shell, row: Row) -> None:
    hint, exports = provoke(shell, row)
    if row.then:
        pasted = row.then
    else:
        commands = commands_of(hint)
        assert commands, hint
        pasted = "\n".join(commands)
    for name, value in row.fills.items():
        assert re.search(rf"{re.escape(name)}\b", pasted), pasted
        pasted = re.sub(rf"{re.escape(name)}\b", lambda _, text=value: text, pasted)
    done = shell.run(f"{exports}\nset -e\n{pasted}")
    assert done.returncode == row.end, (pasted, done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("row", TYPED, ids=names)
def test_what_a_hint_advises_works_when_it_is_typed(shell: Shell, row: Row) -> None:
    _, exports = provoke(shell, row)
    done = shell.run(f"{exports}\n{row.then}")
    assert done.returncode == row.end, done.stderr
    assert done.returncode not in NEVER


DAMAGED_ONCE = Row(
    "the server's copy is damaged; export again",
    "export --latest 1 --out a.zip --extract in -p prod",
    7,
    state="profile",
    sandbox={"scenario": "damaged-once"},
)


@pytest.mark.slow
@pytest.mark.parametrize("row", [DAMAGED_ONCE], ids=["damaged"])
def test_a_zip_that_is_damaged_is_exported_again(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, hcexport_alone: Hcexport, row: Row
) -> None:
    """With the same options, and the new zip is whole: the first item stays damaged however often it is asked for."""
    damaged: list[str] = []

    def damage_first(download: Endpoint) -> Endpoint:
        damage = scenarios.ROWS["corrupt-zip"].faults()[admin.download](download)

        def faulty(context: RequestContext) -> Any:
            damaged.append(context.ids["item"])
            return (damage if context.ids["item"] == damaged[0] else download)(context)

        return faulty

    monkeypatch.setitem(scenarios.ROWS, "damaged-once", scenarios.Scenario("x", lambda: {admin.download: damage_first}))
    shell: Shell = request.getfixturevalue("shell")
    hint, _ = provoke(shell, row)
    assert not hcexport_alone.cwd.joinpath("a.zip").exists()
    (command,) = commands_of(hint)
    done = shell.run(command)
    assert done.returncode == 0, done.stderr
    assert zipfile.ZipFile(hcexport_alone.cwd / "a.zip").testzip() is None
    assert any(hcexport_alone.cwd.joinpath("in").iterdir())


def test_every_hint_is_in_the_table() -> None:
    """What is in no row is in NOT_PROVOKED, and neither has a hint that the code has not."""
    known = {row.hint for row in (*PASTED, *TYPED)} | {hint for hints in NOT_PROVOKED.values() for hint in hints}
    found = {hint for path in sorted(ROOT.joinpath("hcexport").rglob("*.py")) for hint in hints_of(path)}
    assert found - known == set()
    assert known - found - {"<><>", "hcexport login"} == set()  # made of variables


def hints_of(path: Path) -> set[str]:
    """The hints that a module makes: what is given or assigned to ``hint``, and the constants of that name."""
    if "sandbox" in path.relative_to(ROOT / "hcexport").parts[:-1]:
        return set()
    tree = ast.parse(path.read_text())
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and node.value
    }
    made = [text for node in ast.walk(tree) for value in _values(node) for text in _texts(value, constants)]
    return {text for text in made if re.search("[a-z]{2}|--", text)}


def _values(node: ast.AST) -> Iterator[ast.expr]:
    """What a node makes a hint of."""
    match node:
        case ast.keyword(arg="hint", value=value):
            yield value
        case ast.Call(func=ast.Name(id="warn"), args=[_, value]):  # of the doctor
            yield value
        case ast.Assign(targets=[target], value=value):
            names = [getattr(each, "attr", getattr(each, "id", "")) for each in getattr(target, "elts", [target])]
            if "hint" in names:
                yield value.elts[names.index("hint")] if isinstance(value, ast.Tuple) else value
            if names == ["_HINTS"]:
                yield value
        case ast.FunctionDef(name="_hint" | "hint_at"):
            yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value)


def _texts(value: ast.expr, constants: dict[str, ast.expr]) -> Iterator[str]:
    """The texts that an expression may be, with FILLED_IN for what is only known later."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else FILLED_IN for part in parts)
        case ast.Name(id=name) if name in constants:
            yield from _texts(constants[name], {})
        case ast.IfExp(body=body, orelse=other):
            yield from (*_texts(body, constants), *_texts(other, constants))
        case ast.BoolOp(values=values) | ast.Dict(values=values):
            yield from (text for each in values for text in _texts(each, constants))
        case ast.Call(func=ast.Name(id="_cut"), args=[argument]):
            yield from _texts(argument, constants)
