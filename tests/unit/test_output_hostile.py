"""Hostile names from a server, in every format and kind of progress: no control byte, one line a record, no crash."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from hcexport.errors import JobFailed
from hcexport.models import JobStatus, Report, ReportDetail, Result, TestResult
from hcexport.output.printers import Format, Printer
from hcexport.output.progress_choice import make_progress as progress
from hcexport.output.records import DETAIL, JOB_FIELDS, REPORT_FIELDS, JobRow
from hcexport.output.sanitize import escape_controls

SGR = re.compile(r"\x1b\[[0-9;]*m")
BAR = re.compile(r"\x1b\[(\?25[lh]|2K|1A)|\r")  # the cursor hidden or shown, a line cleared, one up

NAMES = {
    "markup end": "[/]",
    "markup style": "[bold red]alert[/bold red]",
    "markup link": "[link=https://evil.example]click[/link]",
    "markup action": "[@click=app.bell]x[/]",
    "markup escape": "\\[bold]x\\",
    "emoji code": ":smile: :skull:",
    "emoji with joiner": "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}",
    "emoji with selector": "\N{WARNING SIGN}\ufe0f alert",
    "red": "\x1b[31mred",
    "clear screen": "\x1b[2J\x1b[H",
    "window title": "\x1b]0;owned\x07",
    "hyperlink": "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "device string": '\x1bP$q"p\x1b\\',
    "answer back": "\x05\x1b[c",
    "C1 CSI": "\x9b31mred",
    "C1 OSC": "\x9d0;owned\x9c",
    "next line": "a\x85b",
    "null": "a\x00b",
    "bell": "\x07\x07\x07",
    "backspace": "safe\b\b\b\bevil",
    "delete": "a\x7f\x7fb",
    "newline": "a\nevil1234\tpassed",
    "carriage return": "passed\rfailed",
    "CRLF": "a\r\nb",
    "tab": "a\tb\tc",
    "vertical tab and form feed": "a\x0bb\x0cc",
    "separators": "a\x1cb\x1db\x1eb\x1fc",
    "line separator": "a\u2028b\u2029c",
    "right to left override": "report\u202egpj.zip",
    "isolates": "\u2066\u2067\u2068x\u2069",
    "right to left mark": "\u200f\u200e\u061cx",
    "zero width": "pass\u200bed\ufeff\u2060",
    "tags": "x" + "".join(chr(0xE0000 + ord(letter)) for letter in "hidden"),
    "lone surrogate": "\ud800 and \udfff",
    "escaped byte": "\udc80\udcff",
    "private use": "\ue000\U000f0000",
    "noncharacter": "\uffff\U0010ffff",
    "combining stack": "Z" + "\u0301\u0489" * 500 + "algo",
    "combining first": "\u0301x",
    "filler": "\u3164\u115f\u1160\uffa0",
    "parent folder": "../../etc/passwd",
    "dots": "..",
    "device": "CON",
    "formula": '=HYPERLINK("https://evil.example","x")',
    "command": "@SUM(1+1)*cmd|' /C calc'!A0",
    "plus": "+1",
    "minus": "-1",
    "full-width formula": "\uff1dcmd",
    "quotes and commas": 'a","b\'',
    "very long word": "x" * 10_000,
    "very long text": "word " * 2_000,
    "wide letters": "健康診断" * 100,
    "right to left script": "דוח בדיקה",
    "spaces": "   ",
    "empty": "",
    "percent": "%s %(x)s {0} {x!r} $HOME `id`",
}

each_name = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) >= 30


def controls(text: str) -> set[str]:
    """What a terminal might obey, a newline aside."""
    return {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - {"\n"}


def printed(format_: Format, kind: Any, *rows: Any, width: int | None = None, color: bool = False) -> str:
    stream = io.StringIO()
    Printer(format_, stream, width is not None, color=color, width=width or 80).records(kind, rows)
    return stream.getvalue()


def hostile_report(name: str, run_id: str = "vegcl1xm6u") -> Report:
    return Report(run_id, name, Result.FAILED, name, name, name, extra={name: name})


def hostile_detail(name: str) -> ReportDetail:
    tests = tuple(TestResult(f"HC_{n}", name, name, name, Result.FAILED, extra={name: name}) for n in range(2))
    return ReportDetail(hostile_report(name), tests)


@each_name
@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_table_has_no_control_and_each_record_has_its_line(name: str, width: int) -> None:
    text = printed(Format.TEXT, REPORT_FIELDS, hostile_report(name), Report("ir2qersuao", "after"), width=width)
    assert not controls(text)
    begins = [line for line in text.splitlines() if re.match(r"(ID +)?(vegcl1xm6u|ir2qersuao)", line)]
    assert len(begins) == 2


@each_name
def test_colour_adds_nothing_but_colour(name: str) -> None:
    rows = [hostile_report(name)]
    colored, plain = (printed(Format.TEXT, REPORT_FIELDS, *rows, width=80, color=color) for color in (True, False))
    assert SGR.sub("", colored).split() == plain.split()


@each_name
def test_a_short_name_takes_one_line_of_a_table(name: str) -> None:
    if len(escape_controls(name)) <= 16:
        assert len(printed(Format.TEXT, REPORT_FIELDS, hostile_report(name), width=140).splitlines()) == 2


@each_name
@pytest.mark.parametrize("width", [40, 120])
def test_every_other_text_of_a_table_is_harmless_too(name: str, width: int) -> None:
    job = JobRow(name, JobStatus(name), (name, name), None, name, name, name, name, Path(name.replace("\0", "")))
    for kind, row in ((DETAIL, hostile_detail(name)), (JOB_FIELDS, job)):
        assert not controls(printed(Format.TEXT, kind, row, width=width))


@each_name
def test_a_pipe_gets_one_line_a_record_with_all_its_columns(name: str) -> None:
    text = printed(Format.TEXT, REPORT_FIELDS, hostile_report(name), hostile_report(name))
    assert controls(text) == {"\t"}
    assert [line.count("\t") for line in text.splitlines()] == [len(REPORT_FIELDS) - 1] * 2
    assert len(printed(Format.TEXT, DETAIL, hostile_detail(name)).splitlines()) == 2


@each_name
def test_ids_are_one_line_each(name: str) -> None:
    text = printed(Format.IDS, REPORT_FIELDS, hostile_report("", run_id=name), hostile_report("", run_id=name))
    assert text == (escape_controls(name) + "\n") * 2
    assert not controls(text)


@each_name
def test_csv_is_one_line_a_record_and_computes_nothing(name: str) -> None:
    text = printed(Format.CSV, REPORT_FIELDS, hostile_report(name), hostile_report(name))
    assert not controls(text)
    assert len(text.splitlines()) == 3
    heading, *rows = csv.reader(io.StringIO(text))
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@", "\uff1d")) for cell in row)
        assert row[heading.index("name")].removeprefix("'") == escape_controls(name).removeprefix("'")


@each_name
def test_json_is_ascii_and_gives_the_name_back(name: str) -> None:
    text = printed(Format.JSON, DETAIL, hostile_detail(name))
    assert text.isascii()
    assert not controls(text)
    assert "\x7f" not in text
    (found,) = json.loads(text)
    assert (found["name"], found["tests"][1]["extra"]) == (name, {name: name})


@each_name
@pytest.mark.parametrize("mode", ["plain", "bar"])
def test_progress_says_it_on_one_line(name: str, mode: str) -> None:
    stream = io.StringIO()
    with progress(mode, stream, quiet=False, is_terminal=mode == "bar", color=False, environ={}) as shown:
        for say in (shown.notice, shown.warning, shown.phase):
            say(name)
        shown.job(name, 1.0, 1)
    assert not controls(BAR.sub("", stream.getvalue()))
    if mode == "plain":
        assert len(stream.getvalue().splitlines()) == 4


@each_name
def test_an_error_that_quotes_it_is_one_line(name: str) -> None:
    """As the boundary prints it, and as a warning."""
    error = JobFailed(f"the job failed: {name}")
    assert not controls(escape_controls(error.message))
    stream = io.StringIO()
    progress("none", stream, quiet=True, is_terminal=False, color=False, environ={}).warning(error.message)
    assert len(stream.getvalue().splitlines()) == 1
    assert not controls(stream.getvalue())


@each_name
def test_every_encoding_takes_it_in_every_format(name: str) -> None:
    for encoding in ("ascii", "latin-1", "utf-8"):
        for format_ in Format:
            buffer = io.BytesIO()
            stream = io.TextIOWrapper(buffer, encoding=encoding)
            Printer(format_, stream, is_terminal=False).records(REPORT_FIELDS, [hostile_report(name)])
            assert b"vegcl1xm6u" in buffer.getvalue()
