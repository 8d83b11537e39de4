"""The page on report files: each of its examples is run, or read by what would read it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hcexport.output.reports.prometheus import HELP
from hcexport.sandbox import Sandbox
from tests.support.process import ROOT, Hcexport

PAGE = (ROOT / "man" / "hcexport-reports.7").read_text()
FOREIGN = {"node_textfile_scrape_error"}  # node exporter's own
COMMAND = re.compile(r"(?:/usr/local/bin/)?(hcexport (?:show|export) .*)")


def typed(roff: str) -> str:
    """What a reader types of an example."""
    return roff.replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\")


EXAMPLES = [typed(block) for block in re.findall(r"^\.EX\n(.*?)^\.EE$", PAGE, re.MULTILINE | re.DOTALL)]


def commands() -> list[str]:
    """The commands of the page, also those inside the files of other tools."""
    found = []
    for example in EXAMPLES:
        for line in example.splitlines():
            if command := COMMAND.search(line):
                inside_quotes = line.strip().startswith("sh '")
                found.append(command[1].removesuffix("'") if inside_quotes else command[1])
    return found


def yaml_of(word: str) -> Any:
    """The example in YAML that begins with a word."""
    return yaml.safe_load(next(example for example in EXAMPLES if example.startswith(word)))


@pytest.fixture
def shell_folder(hcexport: Hcexport, tmp_path: Path) -> Path:
    """A folder with ``hcexport`` and the folder of node exporter in it."""
    program = tmp_path / "bin" / "hcexport"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m hcexport "$@"\n')
    program.chmod(0o755)
    (tmp_path / "node_exporter").mkdir()
    return tmp_path


def test_the_page_has_an_example_of_each_format() -> None:
    text = "\n".join(commands())
    assert all(word in text for word in (".html", ".xml", ".prom", ".json", ".csv", "md=", "--format md", "nagios"))
    assert len(commands()) >= 12


@pytest.mark.parametrize("command", commands())
def test_its_commands_run(hcexport: Hcexport, box: Sandbox, shell_folder: Path, command: str) -> None:
    env = {
        **hcexport.env,
        "PATH": f"{shell_folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GITHUB_STEP_SUMMARY": str(shell_folder / "summary"),
    }
    here = command.replace("/var/lib/node_exporter", str(shell_folder / "node_exporter"))
    done = subprocess.run(
        ["bash", "-c", here], env=env, cwd=hcexport.cwd, capture_output=True, text=True, timeout=30, check=False
    )
    expected = {0, 1, 2} if "nagios" in command else {0}  # of the sandbox's night the newest report warned
    assert done.returncode in expected, done.stdout + done.stderr
    assert "UNKNOWN" not in done.stdout
    written = {*hcexport.cwd.iterdir(), *(shell_folder / "node_exporter").iterdir(), *shell_folder.glob("summary")}
    assert len(written) == command.count("--report ") + command.count("--out ") + (
        command.count("> ") - command.count("> /dev/null")
    )
    assert all(path.stat().st_size for path in written)


def test_its_metrics_are_those_of_the_file(hcexport: Hcexport) -> None:
    example = next(example for example in EXAMPLES if example.startswith("hcexport_report_passed"))
    lines = example.splitlines()
    assert [line.partition("{")[0] for line in lines] == list(HELP)
    assert hcexport("show", "--report", "r.prom").returncode == 0
    written = (hcexport.cwd / "r.prom").read_text()
    for line in lines:
        name, _, labels = line.partition("{")
        pattern = re.escape(labels).replace(re.escape("..."), r"[^\"]+")
        assert re.search(rf"^{name}\{{.*{pattern}", written, re.MULTILINE), line


def test_its_rules_know_the_metrics() -> None:
    (group,) = yaml_of("groups:")["groups"]
    used = {name for rule in group["rules"] for name in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", rule["expr"])}
    assert len(group["rules"]) == 5
    assert used <= {*HELP, *FOREIGN}
    assert set(re.findall(r"\bhcexport_[a-z_]+", typed(PAGE))) <= set(HELP)


def test_report_files_have_the_form_that_build_servers_read() -> None:
    job = yaml_of("health:")["health"]
    assert COMMAND.search(job["script"][0])
    assert job["artifacts"]["reports"]["junit"] in job["script"][0]
    (step,) = yaml_of("steps:")["steps"]
    assert COMMAND.search(step["run"])
