"""One list of fields a type: names for programs, headings for people."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hcexport.models import JobStatus, Report, ReportDetail, Result, TestResult
from hcexport.output.fields import Field, Fields
from hcexport.output.records import (
    DETAIL,
    ENDED_FIELDS,
    EXPORT_FIELDS,
    JOB_FIELDS,
    REPORT_FIELDS,
    TEST_FIELDS,
    ExportRecord,
    JobRow,
)

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
REPORT = Report("r1", "nightly", Result.FAILED, "completed", "user", "anna", START, START + timedelta(seconds=2))
TEST = TestResult("HC_1", "store", "the store", "critical", Result.PASSED, START, START + timedelta(seconds=1))


def values(fields: Fields[Any], row: Any) -> dict[str, Any]:
    return {field.name: field.value(row) for field in fields}


@pytest.mark.parametrize(
    "fields",
    [REPORT_FIELDS, TEST_FIELDS, DETAIL.fields, DETAIL.flat_fields, JOB_FIELDS, ENDED_FIELDS, EXPORT_FIELDS],
    ids=["report", "test", "detail", "detail flat", "job", "ended", "export"],
)
def test_field_names_are_snake_case_and_differ(fields: Fields[Any]) -> None:
    names = [field.name for field in fields]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    assert any(field.from_width is not None and field.from_width <= 80 for field in fields)


def test_a_report_has_a_column_for_all_that_is_known_of_it() -> None:
    assert values(REPORT_FIELDS, REPORT) == {
        "id": "r1",
        "result": Result.FAILED,
        "start_time": START,
        "end_time": START + timedelta(seconds=2),
        "duration_seconds": timedelta(seconds=2),
        "state": "completed",
        "owner": "user",
        "created_by": "anna",
        "name": "nightly",
    }


def test_fields_of_a_test() -> None:
    found = values(TEST_FIELDS, TestResult.from_json({"id": "HC_1", "messages": ["disk full"]}, severity="critical"))
    assert found["severity"] == "critical"
    assert found["result"] is Result.UNKNOWN
    assert found["duration_seconds"] is None
    assert found["extra"] == {"messages": ["disk full"]}


def test_rows_of_a_detail_are_led_by_the_report_they_belong_to() -> None:
    detail = ReportDetail(REPORT, (TEST,))
    assert values(DETAIL.fields, detail)["id"] == "r1"
    (test,) = DETAIL.rows(detail)
    flat = values(DETAIL.flat_fields, (detail, test))
    assert (flat["run_id"], flat["id"], flat["severity"]) == ("r1", "HC_1", "critical")


def test_the_names_of_the_fields_of_an_export() -> None:
    export = ExportRecord("j1", JobStatus("COMPLETED"), ("a",), "u1", Path("/x"), 12, "ab", timedelta(seconds=1), True)
    assert values(EXPORT_FIELDS, export) == {
        "job_id": "j1",
        "status": JobStatus("COMPLETED"),
        "run_ids": ("a",),
        "upload_id": "u1",
        "path": Path("/x"),
        "bytes": 12,
        "sha256": "ab",
        "elapsed_seconds": timedelta(seconds=1),
        "verified": True,
        "adopted": None,
        "warnings": (),
    }


def test_jobs_has_a_column_for_each_field_of_the_ledger() -> None:
    kept = ("j1", JobStatus("FAILED"), ("a", "b"), START, "prod", "https://x/y", "anna", "u1", Path("/x.zip"))
    job = JobRow(*kept, "check", "nightly")
    assert set(values(JOB_FIELDS, job).values()) == {*kept, "check", "nightly"}


def test_a_field_seen_through_a_part_keeps_all_it_says() -> None:
    field: Field[str] = Field("size", "SIZE", len, shown=str.upper, from_width=90)
    through = field.through(lambda pair: pair[0])
    assert (through.value(("abc", 1)), through.shown and through.shown(("abc", 1))) == (3, "ABC")
    assert (through.name, through.heading, through.from_width) == ("size", "SIZE", 90)
    assert Field("size", "SIZE", len).through(str).shown is None
