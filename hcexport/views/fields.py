"""The columns of each kind of record: declared once, read by every format.

The order is that of the columns in text and CSV, and of the keys in JSON. The first field is the id, for
``--format ids``. New fields go to the end: people ``cut -f`` these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from hcexport.models import Job, JobStatus, Report, ReportDetail, TestResult

T = TypeVar("T")
U = TypeVar("U")

Value = str | int | float | datetime | timedelta | JobStatus | Path | tuple[str, ...] | Mapping[str, Any] | None


@dataclass(frozen=True)
class Field(Generic[T]):
    """One column: ``name`` in JSON and CSV, ``heading`` in a table.

    ``shown`` is what a terminal shows where ``value`` would be too much. ``from_width`` is the narrowest terminal
    (columns) whose tables have room for it; None keeps it out of tables.
    """

    name: str
    heading: str
    value: Callable[[T], Value]
    shown: Callable[[T], Value] | None = None
    from_width: int | None = 0

    def through(self, part: Callable[[U], T]) -> Field[U]:
        """The same column for something that this kind of record is a part of."""
        value, shown = self.value, self.shown
        return Field(
            self.name,
            self.heading,
            lambda whole: value(part(whole)),
            None if shown is None else lambda whole: shown(part(whole)),
            self.from_width,
        )


Fields = tuple[Field[T], ...]


@dataclass(frozen=True)
class Nested(Generic[T, U]):
    """A kind of record that holds rows of another kind.

    JSON nests the rows under ``name``, a terminal shows a table of them below the record; text and CSV have a line
    for each row, led by ``key``: the record that it belongs to.
    """

    fields: Fields[T]
    name: str
    rows: Callable[[T], Sequence[U]]
    row_fields: Fields[U]
    key: Field[T]

    @property
    def flat_fields(self) -> Fields[tuple[T, U]]:
        """The columns of a line for each row, made from a record and one of its rows."""

        def record(pair: tuple[T, U]) -> T:
            return pair[0]

        def row(pair: tuple[T, U]) -> U:
            return pair[1]

        return (self.key.through(record), *(field.through(row) for field in self.row_fields))


Kind = Fields[T] | Nested[T, Any]


REPORT_FIELDS: Fields[Report] = (
    Field("id", "ID", lambda report: report.id),
    Field("result", "RESULT", lambda report: report.result),
    Field("start_time", "STARTED (UTC)", lambda report: report.start_time),
    Field("end_time", "ENDED (UTC)", lambda report: report.end_time, from_width=None),
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
    Field("start_time", "STARTED (UTC)", lambda test: test.start_time, from_width=None),
    Field("end_time", "ENDED (UTC)", lambda test: test.end_time, from_width=None),
    Field("duration_seconds", "TOOK", lambda test: test.duration),
    Field("name", "NAME", lambda test: test.name, from_width=110),
    Field("description", "TEST", lambda test: test.description, shown=lambda test: test.description or test.name),
    Field("extra", "MORE", lambda test: test.extra, from_width=None),
)

DETAIL: Nested[ReportDetail, TestResult] = Nested(
    fields=(
        *(field.through(lambda detail: detail.report) for field in REPORT_FIELDS),
        Field("extra", "MORE", lambda detail: detail.report.extra, from_width=None),
    ),
    name="tests",
    rows=lambda detail: detail.tests,
    row_fields=TEST_FIELDS,
    key=Field("run_id", "REPORT", lambda detail: detail.report.id),
)


@dataclass(frozen=True)
class JobRow:
    """A job of the ledger with its present state; ``status`` is None when neither side knows it."""

    job_id: str
    status: JobStatus | None = None
    run_ids: tuple[str, ...] = ()
    submitted_at: datetime | None = None
    profile: str = ""
    url: str = ""
    username: str = ""
    upload_id: str | None = None
    saved_to: Path | None = None


JOB_FIELDS: Fields[JobRow] = (
    Field("job_id", "JOB ID", lambda job: job.job_id),
    Field("status", "STATUS", lambda job: job.status),
    Field("submitted_at", "SUBMITTED (UTC)", lambda job: job.submitted_at),
    Field("run_ids", "REPORTS", lambda job: job.run_ids, shown=lambda job: len(job.run_ids) or None),
    Field("profile", "PROFILE", lambda job: job.profile, from_width=110),
    Field("url", "ORGANIZATION", lambda job: job.url, from_width=None),
    Field("username", "USER", lambda job: job.username, from_width=140),
    Field("upload_id", "UPLOAD ITEM", lambda job: job.upload_id, from_width=None),
    Field("saved_to", "SAVED TO", lambda job: job.saved_to, from_width=110),
)

# What ``wait`` says of each job.
ENDED_FIELDS: Fields[Job] = (
    Field("job_id", "JOB ID", lambda job: job.id),
    Field("status", "STATUS", lambda job: job.status),
)


@dataclass(frozen=True)
class ExportRecord:
    """What became of an export, as far as known (contract 5); ``elapsed`` is the command's time.

    ``adopted`` says that the answer to the submit was lost, and the job was found among the server's.
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
)
