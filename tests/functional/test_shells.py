"""Completion as it is used: a TAB in a real bash, zsh and fish on a terminal of its own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.process import Hcexport
from tests.support.terminal import LIMIT_S, Terminal

pytestmark = [pytest.mark.parts, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
PROMPT = "(go on) "
_TYPED = "'(go'' on) '"  # so that the prompt is on the screen only where the shell has drawn it

START = {
    "bash": (["--norc", "--noprofile", "-i"], f"PS1={_TYPED}; source '{ROOT}/completions/hcexport.bash'"),
    "zsh": (["-f", "-i"], f"PS1={_TYPED}; fpath=('{ROOT}/completions' $fpath); autoload -U compinit; compinit -u -D"),
    "fish": (
        ["--no-config", "-i"],
        f"function fish_prompt; echo -n {_TYPED}; end; source '{ROOT}/completions/hcexport.fish'",
    ),
}
# Without a completion to answer, it writes down how it was called: what a TAB made of the line.
RECORDER = """#!/bin/sh
if [ -n "$_HCEXPORT_COMPLETE" ]; then '{python}' -m hcexport "$@"; touch "$CALLED.answered"; exit; fi
printf '%s\\n' "$@" > "$CALLED.new" && mv "$CALLED.new" "$CALLED"
"""


class Shell(Terminal):
    """A shell on a terminal, whose line calls the recorder."""

    def __init__(self, argv: list[str], env: dict[str, str], folder: Path) -> None:
        self.called = folder / "called"
        self.answered = folder / "called.answered"
        super().__init__(argv, env={**env, "CALLED": str(self.called)}, cwd=folder)

    def tab(self, before: str) -> None:
        """Type and press TAB; returns when the shell has drawn what it got."""
        self.type(f"{before}\t")
        self._wait_for_file(self.answered)
        self.answered.unlink()
        while self.read(0.2):
            pass

    def run(self, keys: str) -> list[str]:
        """Type a line with one TAB in it, and Enter; how hcexport was called by it."""
        before, _, after = keys.partition("\t")
        self.tab(before)
        self.clear()
        self.type(f"{after}\r")
        self._wait_for_file(self.called)
        words = self.called.read_text().split()
        self.called.unlink()
        assert self.wait_for(PROMPT), self.screen
        return words

    def _wait_for_file(self, path: Path) -> None:
        until = time.monotonic() + LIMIT_S
        while not path.exists() and time.monotonic() < until:
            self.read(0.05)
        assert path.exists(), self.screen


@pytest.fixture(params=list(START))
def shell(request: pytest.FixtureRequest, hcexport: Hcexport, need_part: Callable[[str], str]) -> Iterator[Shell]:
    arguments, setup = START[request.param]
    program = need_part(request.param)
    folder = hcexport.cwd / "bin"
    folder.mkdir()
    (folder / "hcexport").write_text(RECORDER.format(python=sys.executable))
    (folder / "hcexport").chmod(0o755)
    env = {**hcexport.env, "PATH": f"{folder}:{hcexport.env['PATH']}", "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    with Shell([program, *arguments], env, hcexport.cwd) as made:
        made.type(f"{setup}\r")
        assert made.wait_for(PROMPT), made.screen
        yield made


def test_a_tab_completes_every_kind_of_word(shell: Shell, hcexport: Hcexport) -> None:
    config = Path(hcexport.env["HCEXPORT_HOME"]) / "config.toml"
    config.parent.mkdir()
    config.write_text(f'[profiles.production]\nurl = "{hcexport.env["HCEXPORT_URL"]}"\n')
    (hcexport.cwd / "nightly.zip").touch()
    first, second = hcexport("list", "--latest", "2", "--format", "ids").stdout.split()

    assert shell.run("hcexport exp\t") == ["export"]
    assert shell.run("hcexport list --creat\t me") == ["list", "--created-by", "me"]
    assert shell.run("hcexport list --format js\t") == ["list", "--format", "json"]
    assert shell.run("hcexport list --format=js\t") == ["list", "--format=json"]
    assert shell.run("hcexport list -p prod\t") == ["list", "-p", "production"]
    assert shell.run(f"hcexport show {first[:5]}\t") == ["show", first]
    assert shell.run(f"hcexport export --run-ids {first},{second[:5]}\t")[-1].rstrip(",") == f"{first},{second}"
    assert shell.run("hcexport export --out night\t") == ["export", "--out", "nightly.zip"]


def test_a_job_of_this_machine_is_completed(shell: Shell, hcexport: Hcexport) -> None:
    job = hcexport("export", "--latest", "1").stdout.strip()
    assert shell.run(f"hcexport wait {job[:6]}\t") == ["wait", job]


def test_ids_are_described_where_the_shell_shows_it(
    shell: Shell, hcexport: Hcexport, request: pytest.FixtureRequest
) -> None:
    report, _ = hcexport("list", "--latest", "2").stdout.splitlines()
    name = report.split("\t")[-1]
    shell.tab("hcexport show ")
    shell.type("\t")
    if "bash" in request.node.name:
        shell.type("\t")  # the first TAB may have added what all ids begin with
        assert shell.wait_for(report.split("\t")[0]), shell.screen
    else:
        assert shell.wait_for(name), shell.screen


def test_without_anything_to_offer_the_screen_stays_as_it_is(shell: Shell, hcexport: Hcexport) -> None:
    (Path(hcexport.env["HCEXPORT_HOME"])).write_text("a file where a folder is due")
    assert shell.run("hcexport show x\t") == ["show", "x"]
    assert "rror" not in shell.screen
