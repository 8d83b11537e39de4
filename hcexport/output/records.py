"""What each command prints: the records, and their fields in the order of the columns.

How to add a column: append a ``Field``. It stands last, because scripts pick columns by their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hcexport.health.results import WORST_FIRST, distinct
from hcexport.health.retention import Decision
from hcexport.models import Job, JobStatus, Report, ReportDetail, Result, TestResult
from hcexport.output.fields import Cell, Field, Fields, NestedFields
from hcexport.output.humanize import duration


@dataclass(frozen=True)
class Row:
    """A value and where it comes from."""

    name: str
    value: Cell
    origin: str


ROW_FIELDS: Fields[Row] = (
    Field("name", "NAME", lambda row: row.name),
    Field("value", "VALUE", lambda row: row.value),
    Field("origin", "FROM", lambda row: row.origin),
)


_MAY = {True: "yes", False: "no", None: "not known"}
_IN_FIRST_LINE = {"profile", "url", "username"}  # of the description of a status


@dataclass(frozen=True)
class Status:
    """Who is signed in, where, until when.

    ``privileges`` are those for health checks and for downloads; None where the server does not tell. ``error`` is why
    nothing is known of the profile, as an error is printed.
    """

    profile: str
    url: str
    release: str = ""
    username: str = ""
    role: str = ""
    token_origin: str = ""
    token_expires: datetime | None = None
    token_remaining_s: float | None = None
    privileges: Mapping[str, bool | None] = field(default_factory=dict)
    settings: tuple[Row, ...] = ()
    error: Mapping[str, Any] | None = None

    def describe(self, zone_of: Callable[[datetime], datetime]) -> list[str]:
        """Describe the status in four lines, with the settings that are not built in; times in the zone given."""
        role = f" ({self.role})" if self.role else ""
        release = f", ArcGIS Enterprise {self.release}" if self.release else ""
        token = self.token_origin
        if self.token_expires and self.token_remaining_s is not None:
            left, until = duration(self.token_remaining_s), zone_of(self.token_expires)
            token += f", {left} left (until {until:%Y-%m-%d %H:%M %Z})"
        own = [row for row in self.settings if row.origin != "built-in" and row.name not in _IN_FIRST_LINE]
        settings = ", ".join(f"{row.name}={row.value} ({row.origin})" for row in own) or "all built-in"
        may = {name: _MAY[allowed] for name, allowed in self.privileges.items()}
        return [
            f"{self.profile}: signed in to {self.url} as {self.username}{role}{release}",
            f"token     {token}",
            f"may       run and read health checks: {may['check_health']}; download exports: {may['download']}",
            f"settings  {settings}; all: hcexport status --settings",
        ]

    def rows(self) -> list[Row]:
        """Turn the status into lines for people and for ``cut``."""
        server = "the server"
        left = None if self.token_remaining_s is None else duration(self.token_remaining_s)
        return [
            Row("release", self.release, server),
            Row("account", self.username, server),
            Row("role", self.role, server),
            *(Row(f"may_{name}", _MAY[may], server) for name, may in self.privileges.items()),
            Row("token_expires", self.token_expires, self.token_origin),
            Row("token_remaining", left, self.token_origin),
            *self.settings,
        ]


def _value(name: str) -> Any:
    return lambda status: getattr(status, name)


STATUS: NestedFields[Status, Row] = NestedFields(
    fields=(
        *(Field(name, name.upper(), _value(name)) for name in ("profile", "url", "release", "username", "role")),
        Field("token_origin", "TOKEN FROM", lambda status: status.token_origin),
        Field("token_expires", "TOKEN ENDS", lambda status: status.token_expires),
        Field("token_remaining_seconds", "TOKEN LEFT", lambda status: status.token_remaining_s),
        Field("privileges", "PRIVILEGES", lambda status: status.privileges),
    ),
    name="settings",
    rows=lambda status: status.settings,
    row_fields=ROW_FIELDS,
    key=Field("profile", "PROFILE", lambda status: status.profile),
)

# Of several profiles: a row each; programs find every field.
STATUS_ROWS: Fields[Status] = (
    Field("profile", "PROFILE", lambda status: status.profile),
    Field("url", "ORGANIZATION", lambda status: status.url),
    Field("username", "USER", lambda status: status.username),
    Field("release", "RELEASE", lambda status: status.release),
    Field("token_expires", "TOKEN ENDS", lambda status: status.token_expires),
    Field("may_check_health", "HEALTH CHECKS", lambda status: _MAY[status.privileges.get("check_health")]),
    Field("may_download", "DOWNLOADS", lambda status: _MAY[status.privileges.get("download")]),
)
STATUS_OR_ERROR = replace(STATUS, fields=(*STATUS.fields, Field("error", "ERROR", lambda status: status.error)))

REPORT_FIELDS: Fields[Report] = (
    Field("id", "ID", lambda report: report.id),
    Field("result", "RESULT", lambda report: report.result),
    Field("start_time", "STARTED", lambda report: report.start_time),
    Field("end_time", "ENDED", lambda report: report.end_time, from_width=None),
    Field("duration_seconds", "TOOK", lambda report: report.duration),
    Field("state", "STATE", lambda report: report.state, from_width=140),
    Field("owner", "OWNER", lambda report: report.owner, from_width=140),
    Field("created_by", "CREATED BY", lambda report: report.created_by, from_width=100),
    Field("name", "NAME", lambda report: report.name),
)

TEST_FIELDS: Fields[TestResult] = (
    Field("id", "ID", lambda test: test.id),
    Field("severity", "SEVERITY", lambda test: test.severity),
    Field("result", "RESULT", lambda test: test.result),
    Field("start_time", "STARTED", lambda test: test.start_time, from_width=None),
    Field("end_time", "ENDED", lambda test: test.end_time, from_width=None),
    Field("duration_seconds", "TOOK", lambda test: test.duration),
    Field("name", "NAME", lambda test: test.name, from_width=110),
    Field("description", "TEST", lambda test: test.description, shown=lambda test: test.description or test.name),
    Field("extra", "MORE", lambda test: test.extra, from_width=None),
    Field("suite", "SUITE", lambda test: test.suite_name or test.suite_id, from_width=110),
)


def _suites(detail: ReportDetail) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {"id": suite.id, "name": suite.name, "result": suite.result, "notes": suite.notes, "extra": suite.extra}
        for suite in detail.suites
    )


def _describe_suites(detail: ReportDetail) -> tuple[str, ...]:
    """Each suite that says more than its result: name, result, notes."""
    return tuple(
        f"{suite.name or suite.id or 'suite'} {suite.result}{f' ({suite.notes})' if suite.notes else ''}"
        for suite in detail.suites
        if suite.name or suite.id or suite.notes
    )


def _count_results(detail: ReportDetail) -> str:
    """How many tests have each result, the worst result first: ``1 of 13 failed, 2 warned, 10 passed``."""
    counted = Counter(test.result for test in distinct(detail.tests))
    counts = [
        f"{counted[result]} {'warned' if result is Result.WARNING else result}"
        for result in WORST_FIRST
        if counted[result]
    ]
    return ", ".join(counts).replace(" ", f" of {counted.total()} ", 1)


DETAIL: NestedFields[ReportDetail, TestResult] = NestedFields(
    fields=(
        *(field.through(lambda detail: detail.report) for field in REPORT_FIELDS),
        Field("extra", "MORE", lambda detail: detail.report.extra, from_width=None),
        Field("suites", "SUITES", _suites, shown=_describe_suites, from_width=None),
    ),
    name="tests",
    rows=lambda detail: detail.tests,
    row_fields=TEST_FIELDS,
    key=Field("run_id", "REPORT", lambda detail: detail.report.id),
    summary=Field("summary", "TESTS", _count_results),
)


@dataclass(frozen=True)
class JobRow:
    """A job of the ledger or the server with its present state; ``status`` is None when neither knows it.

    ``kind`` is ``export`` or ``check``. ``name`` is the name of a check's report, empty where it is not known.
    """

    job_id: str
    status: JobStatus | None = None
    run_ids: tuple[str, ...] = ()
    submitted_at: datetime | None = None
    profile: str = ""
    url: str = ""
    username: str = ""
    upload_id: str | None = None
    saved_to: Path | None = None
    kind: str = "export"
    name: str = ""


JOB_FIELDS: Fields[JobRow] = (
    Field("job_id", "JOB ID", lambda job: job.job_id),
    Field("status", "STATUS", lambda job: job.status),
    Field("submitted_at", "SUBMITTED", lambda job: job.submitted_at),
    Field("run_ids", "REPORTS", lambda job: job.run_ids, shown=lambda job: len(job.run_ids) or None),
    Field("profile", "PROFILE", lambda job: job.profile, from_width=110),
    Field("url", "ORGANIZATION", lambda job: job.url, from_width=None),
    Field("username", "USER", lambda job: job.username, from_width=140),
    Field("upload_id", "UPLOAD ITEM", lambda job: job.upload_id, from_width=None),
    Field("saved_to", "SAVED TO", lambda job: job.saved_to, from_width=110),
    Field("kind", "KIND", lambda job: job.kind, from_width=140),
    Field("name", "NAME", lambda job: job.name, from_width=140),
)


# What ``wait`` prints of each job.
ENDED_FIELDS: Fields[Job] = (
    Field("job_id", "JOB ID", lambda job: job.id),
    Field("status", "STATUS", lambda job: job.status),
)


@dataclass(frozen=True)
class ExportRecord:
    """What became of an export, as far as known; ``elapsed`` is the time that the command took.

    ``adopted`` says that the answer to the submit was lost, and the job was found among those of the server.
    ``warnings`` are what stderr said of the zip, such as reports that are not in it.
    """

    job_id: str | None = None
    status: JobStatus | None = None
    run_ids: tuple[str, ...] = ()
    upload_id: str | None = None
    path: Path | None = None
    bytes: int | None = None
    sha256: str | None = None
    elapsed: timedelta | None = None
    verified: bool | None = None
    adopted: bool | None = None
    warnings: tuple[str, ...] = ()


EXPORT_FIELDS: Fields[ExportRecord] = (
    Field("job_id", "JOB ID", lambda export: export.job_id),
    Field("status", "STATUS", lambda export: export.status),
    Field("run_ids", "REPORTS", lambda export: export.run_ids),
    Field("upload_id", "UPLOAD ITEM", lambda export: export.upload_id),
    Field("path", "PATH", lambda export: export.path),
    Field("bytes", "BYTES", lambda export: export.bytes),
    Field("sha256", "SHA-256", lambda export: export.sha256),
    Field("elapsed_seconds", "TOOK", lambda export: export.elapsed),
    Field("verified", "VERIFIED", lambda export: export.verified),
    Field("adopted", "ADOPTED", lambda export: export.adopted),
    Field("warnings", "WARNINGS", lambda export: export.warnings),
)


@dataclass(frozen=True)
class CheckRecord:
    """A health check that was run: its report, the job that made it, and what became of the report's export."""

    detail: ReportDetail
    job_id: str | None = None
    export: ExportRecord | None = None


def check_fields(
    report: NestedFields[ReportDetail, TestResult], *, exported: bool
) -> NestedFields[CheckRecord, TestResult]:
    """The fields of a check that was run: those of its report, its job's id, and what ``export`` says of the file."""

    def detail(check: CheckRecord) -> ReportDetail:
        return check.detail

    def of_export(name: str, key: str) -> Field[CheckRecord]:
        return Field(name, key.upper(), lambda check: getattr(check.export, key, None))

    names = {"export_job_id": "job_id", **{name: name for name in ("path", "bytes", "sha256", "verified")}}
    return NestedFields(
        fields=(
            *(field.through(detail) for field in report.fields),
            Field("job_id", "JOB ID", lambda check: check.job_id),
            *(of_export(name, key) for name, key in names.items() if exported),
        ),
        name=report.name,
        rows=lambda check: report.rows(check.detail),
        row_fields=report.row_fields,
        key=report.key.through(detail),
    )


@dataclass(frozen=True)
class StartedCheck:
    """A health check that is not waited for."""

    job_id: str | None
    name: str


STARTED_FIELDS: Fields[StartedCheck] = (
    Field("job_id", "JOB ID", lambda check: check.job_id),
    Field("name", "NAME", lambda check: check.name),
)

# What becomes of each report, and why.
DELETION_FIELDS: Fields[Decision] = (
    Field("action", "ACTION", lambda decision: decision.action),
    Field("id", "ID", lambda decision: decision.report.id),
    Field("result", "RESULT", lambda decision: decision.report.result),
    Field("start_time", "STARTED", lambda decision: decision.report.start_time),
    Field("name", "NAME", lambda decision: decision.report.name),
    Field("reason", "REASON", lambda decision: decision.reason or None),
)
