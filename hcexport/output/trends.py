"""What ``diff`` and ``history`` print: the changes between two reports, and how each test did over many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hcexport.health.compare import Comparison, TestChange
from hcexport.health.trend import TestTrend
from hcexport.models import Report, Result
from hcexport.output.fields import Field, Fields, NestedFields

T = TypeVar("T")

# The columns of text and CSV; JSON names the test as well.
CHANGE_FIELDS: Fields[TestChange] = (
    Field("change", "CHANGE", lambda row: row.change),
    Field("test_id", "TEST ID", lambda row: row.test.id),
    Field("severity", "SEVERITY", lambda row: row.test.severity),
    Field("was", "WAS", lambda row: row.was),
    Field("is", "IS", lambda row: row.now),
    Field("since", "SINCE", lambda row: row.since),
    Field(
        "description", "TEST", lambda row: row.test.description, shown=lambda row: row.test.description or row.test.name
    ),
)
CHANGE_JSON_FIELDS: Fields[TestChange] = (
    *CHANGE_FIELDS[:2],
    Field("name", "NAME", lambda row: row.test.name),
    *CHANGE_FIELDS[2:],
)


def comparison_fields(
    rows: Callable[[Comparison], Sequence[TestChange]],
    row_fields: Fields[TestChange],
    describe: Callable[[Report], Mapping[str, Any]],
) -> NestedFields[Comparison, TestChange]:
    """The fields of a comparison in JSON: both reports as ``describe`` has them, the counts, and these rows."""
    return NestedFields(
        fields=(
            Field("old", "OLD", lambda found: describe(found.old)),
            Field("new", "NEW", lambda found: describe(found.new)),
            Field("counts", "COUNTS", lambda found: found.counts),
        ),
        name="tests",
        rows=rows,
        row_fields=row_fields,
        key=Field("new_id", "NEW", lambda found: found.new.id),
    )


def describe_report(report: Report) -> dict[str, Any]:
    """A report of a comparison in JSON."""
    return {"id": report.id, "name": report.name, "result": report.result, "start_time": report.start_time}


def trend_fields(*, ascii_only: bool) -> Fields[TestTrend]:
    """The columns of text and CSV for a test over reports."""
    return (*_TREND_FIELDS, Field("recent", "RECENT", lambda row: row.strip(ascii_only=ascii_only)))


def _show_changes(row: TestTrend) -> str:
    return f"{row.changes} flapping" if row.flapping else str(row.changes)


def _results(row: TestTrend) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {"report_id": report.id, "start_time": report.start_time, "result": result} for report, result in row.results
    )


_TREND_FIELDS: Fields[TestTrend] = (
    Field("test_id", "TEST ID", lambda row: row.test.id),
    Field("severity", "SEVERITY", lambda row: row.test.severity),
    Field("result", "NOW", lambda row: row.result),
    Field("since", "SINCE", lambda row: row.since),
    Field("in_a_row", "IN A ROW", lambda row: row.in_a_row),
    Field("changes", "CHANGES", lambda row: row.changes, shown=_show_changes),
)
TREND_JSON_FIELDS: Fields[TestTrend] = (
    _TREND_FIELDS[0],
    Field("name", "NAME", lambda row: row.test.name),
    *_TREND_FIELDS[1:],
    Field("flapping", "FLAPPING", lambda row: row.flapping),
    Field("results", "RESULTS", _results),
)


@dataclass(frozen=True)
class Turn:
    """A report in which the result of a test changed; ``was`` is None in the first that has the test."""

    test_id: str
    report: Report
    was: Result | None
    now: Result


TURN_FIELDS: Fields[Turn] = (
    Field("test_id", "TEST ID", lambda turn: turn.test_id),
    Field("start_time", "STARTED", lambda turn: turn.report.start_time),
    Field("was", "WAS", lambda turn: turn.was),
    Field("is", "IS", lambda turn: turn.now),
    Field("report_id", "REPORT", lambda turn: turn.report.id),
    Field("report_name", "REPORT NAME", lambda turn: turn.report.name),
)


def turns_of(rows: Sequence[TestTrend]) -> list[Turn]:
    """Each change of each test, the newest first."""
    return [Turn(row.test.id, report, was, now) for row in rows for report, was, now in reversed(row.turns)]
