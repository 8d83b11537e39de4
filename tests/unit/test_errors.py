"""One table of exit statuses, which the exceptions, the README and nothing else repeat."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from hcexport.errors import EXIT_STATUSES, HcexportError, Interrupted

PROJECT = Path(__file__).parents[2]


def every_kind(kind: type[HcexportError] = HcexportError) -> list[type[HcexportError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in every_kind(child))]


@pytest.mark.parametrize("kind", every_kind())
def test_every_failure_has_its_row(kind: type[HcexportError]) -> None:
    assert (kind.status, kind.code) in {(row.status, row.code) for row in EXIT_STATUSES}


def test_every_row_has_its_failure() -> None:
    raised = {kind.status for kind in every_kind()} | {0, 129, 130, 143}
    assert {row.status for row in EXIT_STATUSES} == raised
    assert len({(row.status, row.meaning) for row in EXIT_STATUSES}) == len(EXIT_STATUSES)


def test_the_readme_has_the_same_table() -> None:
    text = (PROJECT / "README.md").read_text()
    rows = re.findall(r"^\| (\d+) \| `?(\w*)`? ?\| (.+) \|$", text, re.MULTILINE)
    plain = [(int(status), code, meaning.replace("`", "")) for status, code, meaning in rows]
    assert plain == [(row.status, row.code, row.meaning) for row in EXIT_STATUSES]


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGTERM"])
def test_a_signal_passes_what_catches_failures(name: str) -> None:
    ended = Interrupted(signal.Signals[name], name)
    assert ended.status == 128 + signal.Signals[name]
    assert (ended.status, ended.code) in {(row.status, row.code) for row in EXIT_STATUSES}
    assert not isinstance(ended, Exception)
    assert not isinstance(ended, KeyboardInterrupt)  # which click takes for the end of a prompt
