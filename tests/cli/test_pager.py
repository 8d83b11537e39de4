"""Rows that do not fit go through the pager; `-F table` and the count."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from hcexport.sandbox import Sandbox


def on_terminal(hcexport: Any, *words: str, **env: str) -> tuple[int, str]:
    ended = hcexport.at_terminal(*words, env={"LINES": "24", "COLUMNS": "120", **env})
    return ended.status, ended.screen


@pytest.fixture
def pager(tmp_path: Path) -> str:
    """A pager that marks what it is given."""
    program = tmp_path / "pager.py"
    program.write_text("import os, sys\nprint('PAGED', os.environ['LESS'])\nsys.stdout.write(sys.stdin.read())\n")
    return f"{sys.executable} {program}"


def test_rows_that_do_not_fit_are_paged(hcexport: Any, box: Sandbox, pager: str) -> None:
    status, shown = on_terminal(hcexport, "list", PAGER=pager)
    assert status == 0
    assert shown.startswith("PAGED FRX")
    assert all(report.id in shown for report in box.reports)
    assert shown.rstrip().endswith(f"{len(box.reports)} reports")


def test_rows_that_fit_are_not(hcexport: Any, pager: str) -> None:
    status, shown = on_terminal(hcexport, "list", "--limit", "3", PAGER=pager)
    assert (status, "PAGED" in shown) == (0, False)
    assert "3 of " in shown


@pytest.mark.parametrize("broken", ["", "cat", "/no/such/pager", "true"])
def test_a_pager_that_is_off_or_missing_or_quits_fails_nothing(hcexport: Any, box: Sandbox, broken: str) -> None:
    status, shown = on_terminal(hcexport, "list", PAGER=broken)
    assert status == 0
    assert (box.reports[0].id in shown) == (broken != "true")


def test_a_pipe_gets_no_pager_no_count_and_a_table_on_request(hcexport: Any, box: Sandbox, pager: str) -> None:
    done = hcexport("list", "--format", "table", env={"PAGER": pager, "FORCE_COLOR": "1"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ID ")
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("words", [["show", "ID"], ["jobs"], ["status"], ["config", "list"]])
def test_every_command_with_rows_has_a_table(hcexport: Any, box: Sandbox, words: list[str]) -> None:
    words = [box.reports[0].id if word == "ID" else word for word in words]
    done = hcexport(*words, "-F", "table")
    assert done.returncode == 0
    assert "\t" not in done.stdout


def test_no_exports_are_said(hcexport: Any) -> None:
    done = hcexport("jobs")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no exports" in done.stderr
    assert hcexport("jobs", "--format", "json").stdout == "[]\n"
