"""Tables on a terminal: one line a record where it fits, nothing cut, colour never alone."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.text import Text

from hcexport.health.compare import compare
from hcexport.health.retention import Decision
from hcexport.health.trend import trend
from hcexport.models import JobStatus, Report, ReportDetail, Result, TestResult
from hcexport.output.fields import Field
from hcexport.output.printers import Format, Printer
from hcexport.output.records import DELETION_FIELDS, DETAIL, JOB_FIELDS, REPORT_FIELDS, ROW_FIELDS, JobRow, Row
from hcexport.output.tables import console
from hcexport.output.trends import CHANGE_FIELDS, trend_fields

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SGR = re.compile(r"\x1b\[[0-9;]*m")
COLORS = {Result.PASSED: "32", Result.FAILED: "1;31", Result.WARNING: "35"}


def drawn(kind: Any, *rows: Any, width: int = 80, color: bool = False) -> str:
    stream = io.StringIO()
    Printer(Format.TEXT, stream, is_terminal=True, color=color, width=width).records(kind, rows)
    return stream.getvalue()


def report(run_id: str = "vegcl1xm6u", name: str = "nightly", result: Result = Result.PASSED) -> Report:
    return Report(run_id, name, result, "completed", "user", "anna", START, START + timedelta(seconds=12.3))


def test_a_heading_and_a_line_for_each_record() -> None:
    heading, *lines = drawn(REPORT_FIELDS, report("a1"), report("b2")).splitlines()
    assert "UTC" in heading
    assert [line.split() for line in lines] == [
        [run_id, "passed", "2026-11-22", "03:00", "12s", "nightly"] for run_id in ("a1", "b2")
    ]


def test_80_columns_have_room_for_a_line_a_test_and_a_deletion() -> None:
    test = TestResult("HC_112_013", "", "Users, groups and items are in sync", "critical", Result.WARNING)
    details = [ReportDetail(report(run_id), (test,)) for run_id in ("a1", "b2")]
    for kind, row in (
        (CHANGE_FIELDS, compare(*details).tests[0]),
        (trend_fields(ascii_only=False), trend(details)[0]),
        (DELETION_FIELDS, Decision(report(name="Nightly check 2026-11-22"), "not saved from here (--unsaved)")),
    ):
        heading, *lines = drawn(kind, row).splitlines()
        assert len(heading.split()) >= 5  # else it is a list
        assert len(lines) <= 2


def test_no_word_is_broken_where_all_of_them_fit() -> None:
    url, file = "http://127.0.0.1:43819/enterprise", "profile prod (config.toml:2)"
    text = drawn(ROW_FIELDS, Row("password_command", "30m", file), Row("url", url, file))
    assert url in text
    assert "(config.toml:2)" in text
    assert max(map(len, text.splitlines())) <= 80


def test_an_id_behind_a_profile_is_whole() -> None:
    job_id = "j9fe3762e-806c-4911-8864-b24da3293535"
    fields = (Field("profile", "PROFILE", lambda _job: "flaky-test"), *JOB_FIELDS)
    job = JobRow(job_id, JobStatus("COMPLETED"), ("a",), START)
    assert job_id in drawn(fields, job)


def test_what_is_not_known_is_a_dash() -> None:
    assert drawn(REPORT_FIELDS, Report("a1")).splitlines()[1].split() == ["a1", "unknown", "-", "-", "-"]


def test_without_colour_there_is_no_escape() -> None:
    assert "\x1b" not in drawn(REPORT_FIELDS, report())


@pytest.mark.parametrize("result", list(Result))
def test_colour_comes_with_the_word(result: Result) -> None:
    text = drawn(REPORT_FIELDS, report(result=result), color=True)
    assert result in SGR.sub("", text)
    assert (f"\x1b[{COLORS[result]}m{result}" if result in COLORS else result) in text
    plain = drawn(REPORT_FIELDS, report(result=result))
    assert [line.rstrip() for line in SGR.sub("", text).splitlines()] == plain.splitlines()


@pytest.mark.parametrize(
    ("word", "code"), [("COMPLETED", "32"), ("FAILED", "1;31"), ("TIMED_OUT", "1;31"), ("EXECUTING", None)]
)
def test_the_state_of_a_job_has_its_colour_once_it_has_ended(word: str, code: str | None) -> None:
    text = drawn(JOB_FIELDS, JobRow("j1", JobStatus(word)), color=True)
    assert (f"\x1b[{code}m{word}" if code else f"  {word}") in text


def test_only_colours_that_can_be_read_on_black_and_on_white() -> None:
    everything = [report(result=result) for result in Result]
    codes = {
        code for found in SGR.findall(drawn(REPORT_FIELDS, *everything, color=True)) for code in found[2:-1].split(";")
    }
    assert codes <= {"0", "1", "31", "32", "35"}


@pytest.mark.parametrize("width", [30, 50, 80, 120, 160])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(width: int) -> None:
    name = " ".join(f"word{n}" for n in range(40)) + " " + "x" * 200 + " 健康診断" * 10
    text = drawn(REPORT_FIELDS, report(name=name), width=width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert name.replace(" ", "") in re.sub(
        r"\s|NAME", "", "".join(line[-_name_column(text, width) :] for line in text.splitlines())
    )


def _name_column(text: str, width: int) -> int:
    """How many columns from the right the name begins, in a table as in a list."""
    starts = [line.index("word0") for line in text.splitlines() if "word0" in line]
    return width - starts[0]


@pytest.mark.parametrize("width", [80, 100, 110, 120, 200])
def test_ids_are_never_folded_where_there_is_room_beside_them(width: int) -> None:
    job_id = "j0861f797-e646-4a9b-af92-f5e86b2cd824"
    job = JobRow(job_id, JobStatus("EXECUTING"), ("a",), START, "production", saved_to=Path("/x" * 100))
    assert job_id in drawn(JOB_FIELDS, job, width=width)


def test_a_wider_terminal_shows_more_columns() -> None:
    fields = (Field("id", "ID", lambda row: row), Field("more", "MORE", lambda row: row, from_width=100))
    assert [len(drawn(fields, "a", width=width).split()) for width in (99, 100)] == [2, 4]


def test_a_narrow_terminal_gets_a_list_for_each_record() -> None:
    text = drawn(REPORT_FIELDS, report("a1"), report("b2"), width=40)
    first, second = text.split("\n\n")
    assert first.splitlines()[0].split() == ["ID", "a1"]
    assert second.splitlines()[0].split() == ["ID", "b2"]


def test_numbers_are_aligned_on_the_right() -> None:
    fields = (Field("id", "ID", lambda row: row[0]), Field("bytes", "BYTES", lambda row: row[1]))
    assert drawn(fields, ("a", 5), ("b", 1234), ("c", None)) == "ID  BYTES\na       5\nb    1234\nc       -\n"


def test_a_report_in_full_is_a_list_and_a_table_of_tests() -> None:
    tests = (
        TestResult("HC_1", "store", "the store", "critical", Result.PASSED, START, START + timedelta(seconds=0.5)),
        TestResult("HC_2", "portal", "", "general", Result.FAILED),
    )
    about, table = drawn(DETAIL, ReportDetail(report(), tests)).split("\n\n")
    assert [line.split()[-1] for line in about.splitlines() if line.startswith(("ID", "NAME"))] == [
        "vegcl1xm6u",
        "nightly",
    ]
    assert [line.split() for line in table.splitlines()[1:]] == [
        ["HC_1", "critical", "passed", "0.5s", "the", "store"],
        ["HC_2", "general", "failed", "-", "portal"],
    ]


def test_several_reports_in_full_are_apart() -> None:
    text = drawn(DETAIL, ReportDetail(report("a1"), ()), ReportDetail(report("b2"), ()))
    assert [part.split()[1] for part in text.split("\n\n")] == ["a1", "b2"]


def test_one_record_is_a_line_for_each_value_that_is_known() -> None:
    stream = io.StringIO()
    fields = (
        Field("user", "USER", lambda row: "anna"),
        Field("expires", "EXPIRES", lambda row: None),
        Field("remembered", "REMEMBERED", lambda row: False),
        Field("privileges", "PRIVILEGES", lambda row: ("a", "b"), from_width=None),
        Field("extra", "MORE", lambda row: {"message": ["no", "answer"]}),
    )
    Printer(Format.TEXT, stream, is_terminal=True).record(fields, None)
    assert [line.split(maxsplit=1) for line in stream.getvalue().splitlines()] == [
        ["USER", "anna"],
        ["REMEMBERED", "no"],
        ["PRIVILEGES", "a, b"],
        ["MORE", "no; answer"],
    ]


def test_a_console_decides_nothing_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither text from a server nor the environment: both have been judged before."""
    for name, value in {"COLUMNS": "²", "NO_COLOR": "1", "TERM": "dumb", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    console(stream, color=False).print("[bold]x[/] :smile: 1.2 http://x")
    console(stream, color=True).print(Text("red", "red"))
    assert stream.getvalue() == "[bold]x[/] :smile: 1.2 http://x\n\x1b[31mred\x1b[0m\n"


def test_extra_that_is_nested_without_end() -> None:
    nested: dict[str, Any] = {"message": "bottom"}
    for _ in range(100_000):
        nested = {"message": nested}
    detail = ReportDetail(Report("a1", extra={"message": "top", "description": nested}), ())
    assert "top" in drawn(DETAIL, detail)
    assert "bottom" not in drawn(DETAIL, detail)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def choose(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield choose
    monkeypatch.undo()
    time.tzset()


def test_times_are_local_and_the_heading_names_their_zone(zone: Callable[[str], None]) -> None:
    zone("CET-1CEST,M3.5.0,M10.5.0/3")
    heading, line = drawn(REPORT_FIELDS, report()).splitlines()
    assert "STARTED (CET)  " in heading
    assert "2026-11-22 04:00" in line
    july = replace(report(), start_time=datetime(2026, 7, 1, 3, tzinfo=UTC))
    heading, *lines = drawn(REPORT_FIELDS, report(), july).splitlines()
    assert "STARTED (CET/CEST)" in heading
    assert "2026-07-01 05:00" in lines[1]
    assert re.search(r"^STARTED \(CET\) +2026-11-22 04:00$", drawn(REPORT_FIELDS, report(), width=40), re.MULTILINE)


def test_a_time_among_other_values_names_its_own_zone(zone: Callable[[str], None]) -> None:
    zone("XYZ-3")
    heading, *lines = drawn(ROW_FIELDS, Row("a", START, "x"), Row("b", "text", "x")).splitlines()
    assert "XYZ" not in heading
    assert lines[0].split()[1:4] == ["2026-11-22", "06:00", "XYZ"]


def test_programs_get_utc_whatever_the_zone_is(zone: Callable[[str], None]) -> None:
    zone("CET-1")
    for format_ in (Format.TEXT, Format.JSON, Format.CSV):
        stream = io.StringIO()
        Printer(format_, stream, is_terminal=False).records(REPORT_FIELDS, [report()])
        assert "2026-11-22T03:00:00Z" in stream.getvalue()


def test_suites_are_shown_where_they_have_names() -> None:
    tests = [{"id": "HC_1", "result": "pass"}]
    bare = ReportDetail.from_json({"suiteStatus": [{"result": "passed", "criticalTestStatus": tests}]}, run_id="r1")
    assert "SUITE" not in drawn(DETAIL, bare, width=200)
    named = {"id": "s1", "name": "Daily", "result": "failed", "notes": "took long", "criticalTestStatus": tests}
    text = drawn(DETAIL, ReportDetail.from_json({"suiteStatus": [named]}, run_id="r1"), width=200)
    assert re.search(r"^SUITES +Daily failed \(took long\)$", text, re.MULTILINE)
    assert text.splitlines()[-2].split()[-1] == "SUITE"
    assert text.splitlines()[-1].split()[-1] == "Daily"
