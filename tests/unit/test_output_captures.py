"""What a person sees, as files that were looked at: tests/data/output/NAME-COLUMNS.txt.

After a change that is meant, ``python tests/unit/test_output_captures.py`` writes them anew; look at them again.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hcexport.models import JobStatus, Report, ReportDetail, Result, TestResult
from hcexport.output.printers import Format, Printer
from hcexport.output.records import DETAIL, JOB_FIELDS, REPORT_FIELDS, JobRow

CAPTURES = Path(__file__).parents[1] / "data" / "output"


def at(day: int, seconds: float = 0) -> datetime:
    return datetime(2026, 11, day, 3, tzinfo=UTC) + timedelta(seconds=seconds)


REPORTS = [
    Report(
        "vegcl1xm6u", "nightly 2026-11-22", Result.PASSED, "completed", "user", "administrator", at(22), at(22, 12.3)
    ),
    Report(
        "ir2qersuao",
        "before the upgrade of the production site, second attempt after the certificate was renewed",
        Result.FAILED,
        "completed",
        "user",
        "administrator",
        at(21),
        at(21, 125),
    ),
    Report("zfelr5o957", "健康診断 \x1b[31m[/]", Result.WARNING, "completed", "system", "", at(20), at(20, 0.5)),
    Report("prslejr7yt", "upgrade 12.0", Result.UNKNOWN, "running", "system", "anna@example.com", at(19)),
]

TESTS = (
    TestResult(
        "HC_112_002",
        "healthcheck_relationalDatastore",
        "Relational store health check",
        "critical",
        Result.PASSED,
        at(21),
        at(21, 0.507),
    ),
    TestResult(
        "HC_112_010",
        "home_app_availability",
        "ArcGIS Enterprise portal endpoint is available",
        "general",
        Result.FAILED,
        at(21),
        at(21, 65),
    ),
    TestResult("HC_112_011", "manager_availability", "", "general", Result.UNKNOWN),
)

JOBS = [
    JobRow(
        "j0861f797-e646-4a9b-af92-f5e86b2cd824",
        JobStatus("COMPLETED"),
        ("vegcl1xm6u", "ir2qersuao"),
        at(22),
        "production",
        "https://organization.example.com/context",
        "administrator",
        "f57951c9-37aa-4d4a-b444-9ad0316737d3",
        Path("/srv/health/reports-2026-11-22.zip"),
    ),
    JobRow("j14ef2bef-0c7c-454c-8f0f-40a17bc12150", JobStatus("FAILED"), ("zfelr5o957",), at(21), "production"),
    JobRow("j77c2b0d4-5a1e-4c0b-9d4f-2f6f3e1a9b10", None, ("prslejr7yt",), at(19), "test"),
]

KINDS: dict[str, tuple[Any, list[Any]]] = {
    "list": (REPORT_FIELDS, REPORTS),
    "show": (DETAIL, [ReportDetail(REPORTS[1], TESTS), ReportDetail(REPORTS[3], ())]),
    "jobs": (JOB_FIELDS, JOBS),
}


def drawn(name: str, width: int) -> str:
    stream = io.StringIO()
    kind, rows = KINDS[name]
    Printer(Format.TEXT, stream, is_terminal=True, width=width).records(kind, rows)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", KINDS)
def test_it_looks_as_it_did_when_it_was_looked_at(name: str, width: int) -> None:
    wanted = (CAPTURES / f"{name}-{width}.txt").read_text(encoding="utf-8")
    assert drawn(name, width) == wanted, "if it should look so: python tests/unit/test_output_captures.py"


if __name__ == "__main__":
    for name in KINDS:
        for width in (80, 120):
            (CAPTURES / f"{name}-{width}.txt").write_text(drawn(name, width), encoding="utf-8")
