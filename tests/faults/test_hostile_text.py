"""Forty names that no administrator would choose, through the real commands, on a terminal and into a pipe."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import ForkServer
from tests.support.server import Server
from tests.support.terminal import Terminal

from .jobs import say
from .organization import CANARY, ITEM_PATH, Organization, item_json
from .process import environment
from .saving import Saving
from .table import A
from .turns import json_says

NAMES = [
    "[/]", "[bold]x[/bold]", "[link=file:///etc/passwd]x[/link]", ":bomb:", "[red", "\\[x]", "{0} %s %(x)s",
    "\x1b[31mred", "\x1b]0;title\x07", "\x1b]8;;http://evil\x1b\\x\x1b]8;;\x1b\\", "\x1b[2J\x1b[H", "\x1bc",
    "\x1bP1$q\x1b\\",
    "\x9b31m", "\x9d0;x\x9c", "\x90x", "a\x07b", "a\x08\x08b", "a\x00b", "a\x7fb",
    "one\ntwo", "one\r\ntwo", "one\rtwo", "a\tb", "a\x0bb\x0cc", "a\x85b\u2028c\u2029d",
    "\u202egnp.exe", "\u2066x\u2069", "\u200fx", "\u200b\u200b", "\ufeffx",
    "\U000e0001\U000e0041", "Z" + "\u0301" * 200,
    "\ud800", "\udfffx", "..", "../../etc/passwd", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", "\uff1d1",
    "", " ", "x" * 5000, "ﷺ" * 40, "表" * 90,
]  # fmt: skip
OBEYED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """An organization whose reports, and whose complaints, have such names."""
    run = {"result": "passed", "state": "completed", "owner": "user", "startTime": 1, "endTime": 2}
    runs = [{**run, "id": f"r{number:09}", "name": name, "createdBy": name} for number, name in enumerate(NAMES)]
    page = {"total": len(runs), "num": 1000, "start": 1, "nextStart": -1, "runs": runs}
    tests = [
        {"severity": name, "result": "pass", "name": name, "description": name, "id": f"HC_{name}"} for name in NAMES
    ]
    reports = "/gis/admin/healthCheck/reports"
    turns = {
        f"{reports}/query": [lambda line, _now: say(line, page)],
        f"{reports}/r000000007": [
            lambda line, _now: say(line, {**runs[7], "suiteStatus": [{"result": "passed", "generalTestStatus": tests}]})
        ],
        **{
            f"{reports}/e{number}": [json_says(json.dumps({"error": {"code": 500 - number, "message": name}}).encode())]
            for number, name in enumerate(NAMES)
        },
    }
    with Server(Organization(turns, [A])) as made:
        yield made
    assert made.errors == []


def arguments(server: Server, *words: str) -> list[str]:
    return [*words, "--url", f"http://127.0.0.1:{server.port}/gis"]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", HCEXPORT_TOKEN=CANARY, TERM="xterm-256color", COLUMNS="100")


def on_a_terminal(argv: list[str], env: dict[str, str]) -> tuple[int, str]:
    """Status, and everything that a terminal would get."""
    with Terminal([sys.executable, "-m", "hcexport", *argv], env=env) as terminal:
        ended = terminal.converse()
    ended.screen.encode()  # fails on a byte that is not UTF-8
    return ended.status, ended.screen.replace("\r\n", "\n")


@pytest.mark.parametrize("words", [["list"], ["show", "r000000007"]], ids=" ".join)
def test_on_a_terminal(words: list[str], server: Server, env: dict[str, str]) -> None:
    status, seen = on_a_terminal(arguments(server, *words, "--progress", "none"), env)
    assert status == 0, seen
    assert OBEYED.findall(COLOUR.sub("", seen)) == []
    assert "\\x1b" in seen
    assert "[bold]x[/bold]" in seen


@pytest.mark.parametrize(
    "words", [["list"], ["list", "--format", "csv"], ["list", "--format", "ids"], ["show", "r000000007"]], ids=" ".join
)
def test_into_a_pipe(
    words: list[str], server: Server, env: dict[str, str], fork_server: ForkServer, tmp_path: Path
) -> None:
    (work := tmp_path / "work").mkdir()
    ended = fork_server.run(["hcexport", *arguments(server, *words)], env, work, 10)
    assert ended.status == 0, ended.stderr
    assert OBEYED.findall(ended.stdout) == []
    if words[0] == "list":
        header = words[-1] == "csv"
        assert len(ended.stdout.splitlines()) == len(NAMES) + header


def test_rows_keep_their_columns(server: Server, env: dict[str, str], fork_server: ForkServer, tmp_path: Path) -> None:
    (work := tmp_path / "work").mkdir()
    ended = fork_server.run(["hcexport", *arguments(server, "list")], env, work, 10)
    assert len({line.count("\t") for line in ended.stdout.splitlines()}) == 1


def test_no_cell_is_a_formula(server: Server, env: dict[str, str], fork_server: ForkServer, tmp_path: Path) -> None:
    (work := tmp_path / "work").mkdir()
    ended = fork_server.run(["hcexport", *arguments(server, "list", "--format", "csv")], env, work, 10)
    cells = [cell for row in csv.reader(io.StringIO(ended.stdout)) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d"))] == []
    assert "'=cmd|' /C calc'!A0" in cells


def test_json_is_loss_free(server: Server, env: dict[str, str], fork_server: ForkServer, tmp_path: Path) -> None:
    (work := tmp_path / "work").mkdir()
    ended = fork_server.run(["hcexport", *arguments(server, "list", "--format", "json")], env, work, 10)
    found = {report["id"]: report["name"] for report in json.loads(ended.stdout)}
    expected = {f"r{number:09}": re.sub("[\ud800-\udfff]", "\ufffd", name) for number, name in enumerate(NAMES)}
    assert found == expected
    assert ended.stdout.isascii()


def test_a_servers_complaint_is_one_harmless_line(
    server: Server, env: dict[str, str], fork_server: ForkServer, tmp_path: Path
) -> None:
    (work := tmp_path / "work").mkdir()
    for number, name in enumerate(NAMES):
        ended = fork_server.run(["hcexport", *arguments(server, "show", f"e{number}")], env, work, 10)
        assert ended.status != 0
        assert OBEYED.findall(ended.stderr) == [], name
        assert len([line for line in ended.stderr.splitlines() if line.startswith("hcexport: error: ")]) == 1
        assert len(ended.stderr.splitlines()) <= 2


def test_no_name_leads_out_of_the_folder(fork_server: ForkServer, tmp_path: Path) -> None:
    with Saving(fork_server, tmp_path) as saving:
        for number, name in enumerate(NAMES):
            saving.organization.turns[ITEM_PATH] = [json_says(item_json(itemName=name))]
            folder = saving.work / f"into{number}"
            folder.mkdir()
            assert saving.save(out=f"{folder}/").status == 0
            (landed,) = folder.iterdir()
            assert landed.read_bytes() == A.body
            assert OBEYED.search(landed.name) is None
            assert landed.suffix == ".zip"
            assert not landed.name.startswith((".", "-"))
        assert {path.name for path in saving.work.iterdir()} == {f"into{number}" for number in range(len(NAMES))}


def test_there_are_thirty_and_more() -> None:
    assert len(set(NAMES)) >= 30
