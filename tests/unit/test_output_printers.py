"""Standard output, format by format."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import pytest

from hcexport.errors import NetworkError, ProtocolError
from hcexport.models import JobStatus, Report, ReportDetail, Result, TestResult
from hcexport.output.fields import Field
from hcexport.output.printers import Format, Printer
from hcexport.output.records import DETAIL, EXPORT_FIELDS, JOB_FIELDS, REPORT_FIELDS, ExportRecord, JobRow

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
REPORT = Report(
    "r1", "nightly, 22", Result.FAILED, "completed", "user", "anna", START, START + timedelta(milliseconds=12_267)
)
BARE = Report("r2")
TESTS = (
    TestResult(
        "HC_1",
        "store",
        "the store",
        "critical",
        Result.PASSED,
        START,
        START + timedelta(milliseconds=507),
        suite_id="daily",
    ),
    TestResult("HC_2", "portal", "the portal", "general", Result.FAILED, extra={"messages": ["no answer"]}),
)
DETAILS = [ReportDetail(REPORT, TESTS), ReportDetail(BARE, ())]


def printed(format_: str, method: str, *args: Any, is_terminal: bool = False, **options: Any) -> str:
    stream = io.StringIO()
    getattr(Printer(Format(format_), stream, is_terminal), method)(*args, **options)
    return stream.getvalue()


# text


def test_text_in_a_pipe_is_tab_separated_lines() -> None:
    assert printed("text", "records", REPORT_FIELDS, [REPORT, BARE]) == (
        "r1\tfailed\t2026-11-22T03:00:00Z\t2026-11-22T03:00:12Z\t12.267\tcompleted\tuser\tanna\tnightly, 22\n"
        "r2\tunknown\t\t\t\t\t\t\t\n"
    )


def test_a_tab_in_a_value_makes_no_column_and_a_newline_no_line() -> None:
    (line,) = printed("text", "records", REPORT_FIELDS, [Report("r1", "a\tb\nc\rd")]).splitlines()
    assert len(line.split("\t")) == len(REPORT_FIELDS)
    assert line.endswith(r"a\tb\nc\rd")


def test_a_report_in_full_has_a_line_for_each_test() -> None:
    lines = printed("text", "records", DETAIL, DETAILS).splitlines()
    assert [line.split("\t")[:4] for line in lines] == [
        ["r1", "HC_1", "critical", "passed"],
        ["r1", "HC_2", "general", "failed"],
    ]
    assert lines[0].split("\t")[8:] == ["the store", "", "daily"]
    assert json.loads(lines[1].split("\t")[9]) == {"messages": ["no answer"]}


@pytest.mark.parametrize("is_terminal", [False, True])
@pytest.mark.parametrize("kind", [REPORT_FIELDS, DETAIL])
def test_nothing_at_all_for_an_empty_list(is_terminal: bool, kind: Any) -> None:
    assert printed("text", "records", kind, [], is_terminal=is_terminal) == ""
    assert printed("ids", "records", kind, [], is_terminal=is_terminal) == ""


def test_one_record_in_a_pipe_is_one_line() -> None:
    export = ExportRecord("j1", JobStatus("COMPLETED"), ("a", "b"), None, Path("/x.zip"), 12, "ab", None, False)
    assert printed("text", "record", EXPORT_FIELDS, export) == "j1\tCOMPLETED\ta,b\t\t/x.zip\t12\tab\t\tfalse\t\t\n"


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_record_can_be_said_in_one_line_of_text(is_terminal: bool) -> None:
    export = ExportRecord("j1", path=Path("/x.zip"))
    assert printed("text", "record", EXPORT_FIELDS, export, text="/x.zip", is_terminal=is_terminal) == "/x.zip\n"
    assert json.loads(printed("json", "record", EXPORT_FIELDS, export, text="/x.zip"))["job_id"] == "j1"
    assert printed("ids", "record", EXPORT_FIELDS, export, text="/x.zip") == "j1\n"


def test_a_line_is_cells_between_tabs() -> None:
    assert printed("text", "line", "j1", "COMPLE\tTED\n") == "j1\tCOMPLE\\tTED\\n\n"
    assert printed("json", "line", "/x.zip") == "/x.zip\n"


def test_a_table_in_a_pipe_is_that_of_a_terminal_without_colour() -> None:
    stream = io.StringIO()
    for printer in (Printer(Format.TABLE, stream, False, color=True), Printer(Format.TEXT, stream, True)):
        printer.records(REPORT_FIELDS, [REPORT])
        printer.record(DETAIL, DETAILS[0])
    half = len(stream.getvalue()) // 2
    piped, drawn = stream.getvalue()[:half], stream.getvalue()[half:]
    assert piped == drawn
    assert "\x1b" not in piped


# json


def test_json_of_a_list_is_one_array() -> None:
    first, second = json.loads(printed("json", "records", REPORT_FIELDS, [REPORT, BARE]))
    assert first == {
        "id": "r1",
        "result": "failed",
        "start_time": "2026-11-22T03:00:00Z",
        "end_time": "2026-11-22T03:00:12Z",
        "duration_seconds": 12.267,
        "state": "completed",
        "owner": "user",
        "created_by": "anna",
        "name": "nightly, 22",
    }
    assert second["start_time"] is None
    assert second["duration_seconds"] is None


def test_json_of_a_report_has_its_suites() -> None:
    body = {"suiteStatus": [{"id": "s1", "name": "Daily", "result": "odd", "notes": "late", "criticalTestStatus": []}]}
    first = json.loads(printed("json", "record", DETAIL, ReportDetail.from_json(body, run_id="r1")))
    assert first["suites"] == [
        {"id": "s1", "name": "Daily", "result": "unknown", "notes": "late", "extra": {"result": "odd"}}
    ]
    assert list(first)[-3:] == ["extra", "suites", "tests"]


def test_json_of_nothing_is_an_empty_array() -> None:
    assert printed("json", "records", REPORT_FIELDS, []) == "[]\n"


def test_json_of_one_record_is_one_object() -> None:
    export = ExportRecord(
        "j1", JobStatus("COMPLETED"), ("a",), "u1", Path("/x.zip"), 12, "ab", timedelta(seconds=1.5), True
    )
    assert json.loads(printed("json", "record", EXPORT_FIELDS, export)) == {
        "job_id": "j1",
        "status": "COMPLETED",
        "run_ids": ["a"],
        "upload_id": "u1",
        "path": "/x.zip",
        "bytes": 12,
        "sha256": "ab",
        "elapsed_seconds": 1.5,
        "verified": True,
        "adopted": None,
        "warnings": [],
    }


def test_json_nests_the_tests_of_a_report() -> None:
    first, second = json.loads(printed("json", "records", DETAIL, DETAILS))
    assert [test["id"] for test in first["tests"]] == ["HC_1", "HC_2"]
    assert first["tests"][0]["duration_seconds"] == 0.507
    assert first["tests"][1]["extra"] == {"messages": ["no answer"]}
    assert (first["id"], second["id"], second["tests"]) == ("r1", "r2", [])
    assert json.loads(printed("json", "record", DETAIL, DETAILS[0])) == first


def test_json_is_ascii_and_loses_nothing() -> None:
    name = "漢\x1b[31m\u202e\x7f\n\ud800"
    text = printed("json", "records", REPORT_FIELDS, [Report("r1", name)])
    assert all(character == "\n" or " " <= character <= "~" for character in text)
    assert json.loads(text)[0]["name"] == name


def _nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {"deeper": value}
    return value


@pytest.mark.parametrize("hostile", [{"x": float("inf")}, {"x": float("nan")}, _nested(100_000)])
@pytest.mark.parametrize(("format_", "method"), [("json", "records"), ("json", "record"), ("text", "records")])
def test_what_json_cannot_carry_is_a_clear_error(hostile: Any, format_: str, method: str) -> None:
    detail = ReportDetail(REPORT, (TestResult("HC_1", extra=hostile),))
    with pytest.raises(ProtocolError):
        printed(format_, method, DETAIL, [detail] if method == "records" else detail)


@pytest.mark.parametrize("format_", ["text", "csv", "json"])
def test_what_cannot_be_written_leaves_standard_output_empty(format_: str) -> None:
    stream = io.StringIO()
    tests = (TestResult("HC_1"), TestResult("HC_2", extra={"x": float("inf")}))
    with pytest.raises(ProtocolError):
        Printer(Format(format_), stream, is_terminal=False).records(DETAIL, [ReportDetail(REPORT, tests)])
    assert stream.getvalue() == ""


def test_an_error_among_the_rows_leaves_standard_output_empty() -> None:
    def rows() -> Iterator[Report]:
        yield REPORT
        raise NetworkError("page 2 did not come")

    stream = io.StringIO()
    with pytest.raises(NetworkError):
        Printer(Format.JSON, stream, is_terminal=False).records(REPORT_FIELDS, rows())
    assert stream.getvalue() == ""


# csv


def test_csv_has_a_header_and_quotes_as_rfc_4180() -> None:
    text = printed("csv", "records", REPORT_FIELDS, [Report("r1", 'say "a", b')])
    assert text.splitlines()[0] == ",".join(field.name for field in REPORT_FIELDS)
    assert text.splitlines()[1].endswith(',"say ""a"", b"')
    assert list(csv.reader(io.StringIO(text)))[1][-1] == 'say "a", b'


def test_csv_of_nothing_is_the_header() -> None:
    assert printed("csv", "records", REPORT_FIELDS, []) == ",".join(field.name for field in REPORT_FIELDS) + "\n"


def test_csv_disarms_formulas_in_text_and_leaves_numbers_alone() -> None:
    backwards = Report("=r1", "@name", start_time=START, end_time=START - timedelta(seconds=1.5))
    (row,) = csv.DictReader(io.StringIO(printed("csv", "records", REPORT_FIELDS, [backwards])))
    assert (row["id"], row["name"], row["duration_seconds"]) == ("'=r1", "'@name", "-1.5")
    job = JobRow("j1", JobStatus("+X"), ("=a", "b"), saved_to=Path("-x"))
    (row,) = csv.DictReader(io.StringIO(printed("csv", "records", JOB_FIELDS, [job])))
    assert (row["status"], row["run_ids"], row["saved_to"]) == ("'+X", "'=a,b", "'-x")


def test_csv_of_reports_in_full_has_a_line_for_each_test() -> None:
    rows = list(csv.DictReader(io.StringIO(printed("csv", "records", DETAIL, DETAILS))))
    assert [(row["run_id"], row["id"], row["duration_seconds"]) for row in rows] == [
        ("r1", "HC_1", "0.507"),
        ("r1", "HC_2", ""),
    ]


# ids


def test_ids_are_one_a_line() -> None:
    assert printed("ids", "records", REPORT_FIELDS, [REPORT, BARE]) == "r1\nr2\n"
    assert printed("ids", "records", DETAIL, DETAILS) == "r1\nr2\n"
    assert printed("ids", "records", REPORT_FIELDS, [Report("r\n1")]) == "r\\n1\n"


# streams


@pytest.mark.parametrize("format_", list(Format))
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("is_terminal", [False, True])
def test_no_encoding_is_a_crash(format_: Format, encoding: str, is_terminal: bool) -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    Printer(format_, stream, is_terminal).records(REPORT_FIELDS, [Report("r1", "漢字 \ud800")])
    assert b"r1" in buffer.getvalue()


@pytest.fixture
def full_disk() -> Iterator[TextIO]:
    with Path("/dev/full").open("w") as stream:
        yield stream
        _forget(stream)


@pytest.fixture
def pipe_that_nobody_reads() -> Iterator[TextIO]:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        yield stream
        _forget(stream)


def _forget(stream: TextIO) -> None:
    """Send what could not be written to nowhere, so that closing the stream does not fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


EACH_WAY = [("records", [REPORT_FIELDS, [REPORT]]), ("record", [REPORT_FIELDS, REPORT]), ("line", ["/x.zip"])]


@pytest.mark.parametrize("format_", list(Format))
@pytest.mark.parametrize(("method", "args"), EACH_WAY)
def test_a_full_disk_is_an_oserror_at_once(full_disk: TextIO, format_: Format, method: str, args: list[Any]) -> None:
    with pytest.raises(OSError, match="space"):
        getattr(Printer(format_, full_disk, is_terminal=False), method)(*args)


@pytest.mark.parametrize(("method", "args"), EACH_WAY)
def test_a_reader_that_left_is_a_broken_pipe_at_once(
    pipe_that_nobody_reads: TextIO, method: str, args: list[Any]
) -> None:
    with pytest.raises(BrokenPipeError):
        getattr(Printer(Format.TEXT, pipe_that_nobody_reads, is_terminal=False), method)(*args)


@pytest.mark.parametrize("format_", list(Format))
def test_a_closed_stream_is_an_oserror(format_: Format, tmp_path: Path) -> None:
    stream = (tmp_path / "out").open("w")
    printer = Printer(format_, stream, is_terminal=False)
    stream.close()
    with pytest.raises(OSError, match="descriptor"):
        printer.records(REPORT_FIELDS, [REPORT])


def test_lines_are_written_as_the_rows_come() -> None:
    stream = io.StringIO()

    def rows() -> Iterator[Report]:
        yield REPORT
        assert stream.getvalue()
        yield BARE

    Printer(Format.IDS, stream, is_terminal=False).records(REPORT_FIELDS, rows())
    assert stream.getvalue() == "r1\nr2\n"


def test_only_a_table_imports_rich() -> None:
    """In a process of its own: the tests have imported it long since."""
    script = (
        "import sys; from hcexport.output.printers import *; from hcexport.output.records import *\n"
        "from hcexport.models import Report\n"
        "for format_ in set(Format) - {Format.TABLE}:\n"
        "    Printer(format_, sys.stdout, False).records(REPORT_FIELDS, [Report('r1')])\n"
        "for format_ in ('json', 'csv', 'ids'):\n"
        "    Printer(Format(format_), sys.stdout, True).record(REPORT_FIELDS, Report('r1'))\n"
        "assert not {'rich', 'click', 'httpx', 'threading'} & set(sys.modules), sys.modules.keys()\n"
        "Printer(Format.TEXT, sys.stdout, True).records(REPORT_FIELDS, [Report('r1')])\n"
        "assert 'rich' in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).stderr == b""


def test_any_fields_can_be_printed() -> None:
    fields = (Field("setting", "SETTING", lambda pair: pair[0]), Field("value", "VALUE", lambda pair: pair[1]))
    assert printed("text", "records", fields, [("store", "file"), ("verbose", True)]) == "store\tfile\nverbose\ttrue\n"
