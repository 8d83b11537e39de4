"""The API's resources as frozen values, made from its JSON. tests/data/README.md has what is documented of each.

The documentation spells keys in several cases (``jobid``, ``itemID``, ``startTime``, ``result.URL``), so they are
read without regard to case. Every field but the id may be missing. Fields of a report that are not known here stay in
``extra``. Times are epoch milliseconds in the API and aware UTC datetimes here; the API's ``0`` is None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from hcexport.api_json import Json, JsonFields, find_upload_id, id_from_url, parse_time, plain_text, says_time
from hcexport.errors import ProtocolError

_TESTS_KEY = "teststatus"  # ends the key of a list of tests, after their severity: criticalTestStatus
_WORD_CAP = 60  # characters of a job's status
_TIMED_OUT = "TIMED_OUT"
_SPELLINGS = {"CANCELED": "CANCELLED", **dict.fromkeys(("TIMED OUT", "TIME OUT", "TIMEDOUT", "TIMEOUT"), _TIMED_OUT)}
_FINAL = {"COMPLETED", "FAILED", "CANCELLED", "ERROR", _TIMED_OUT}
_UNDER_WAY = {"SUBMITTED", "EXECUTING", "CANCELLING", "UNAVAILABLE"}
_HEALTH_PRIVILEGE = "portal:admin:managesecurity"  # "Security and infrastructure"
_UPLOAD_PRIVILEGE = "portal:publisher:"  # of the Publisher role
_TRUTH = {"true": True, "false": False}


class Result(StrEnum):
    """How a report, a suite or a test ended: ``passed`` of a report and ``pass`` of a test are both PASSED here."""

    PASSED = "passed"
    FAILED = "failed"
    WARNING = "warning"
    UNKNOWN = "unknown"

    @classmethod
    def parse(cls, word: object) -> Result:
        """The result that a word of the API stands for; a word that is not known is UNKNOWN."""
        return _RESULTS.get(str(word).strip().lower(), cls.UNKNOWN)


_RESULTS = {**{r.value: r for r in Result}, "pass": Result.PASSED, "fail": Result.FAILED, "warn": Result.WARNING}


@dataclass(frozen=True)
class JobStatus:
    """A job's state: the API's word in upper case, with one spelling for "timed out" and for "cancelled".

    A word that is not known here is kept, and is neither final nor known.
    """

    word: str

    @classmethod
    def parse(cls, word: object) -> JobStatus:
        """Normalise a status as the API or one of its clients spells it."""
        normal = " ".join(plain_text(word, _WORD_CAP).upper().replace("_", " ").split())
        return cls(_SPELLINGS.get(normal, normal.replace(" ", "_")))

    @property
    def is_final(self) -> bool:
        """Whether the job has ended, well or not."""
        return self.word in _FINAL

    @property
    def is_known(self) -> bool:
        """Whether the word is one that the API documents or its clients handle."""
        return self.is_final or self.word in _UNDER_WAY

    @property
    def succeeded(self) -> bool:
        """Whether the job has ended with its result."""
        return self.word == "COMPLETED"

    def __str__(self) -> str:
        return self.word


@dataclass(frozen=True, slots=True)  # slots: there may be 100,000
class Report:
    """A row of ``healthCheck/reports/query``: what is known of a report without opening it.

    ``has_unreadable_start`` says that the server gave a start time which cannot be understood, so that nobody takes
    the report for one that has not started.
    """

    id: str
    name: str = ""
    result: Result = Result.UNKNOWN
    state: str = ""
    owner: str = ""
    created_by: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    extra: Json = field(default_factory=dict, compare=False)
    has_unreadable_start: bool = False

    @classmethod
    def from_json(cls, body: Json) -> Report:
        """Read a row of ``runs``. Raises ProtocolError when it has no usable id."""
        return cls(**_report_fields(JsonFields(body)))

    @property
    def duration(self) -> timedelta | None:
        """From start to end, None while either is unknown."""
        return _between(self.start_time, self.end_time)


@dataclass(frozen=True, slots=True)  # slots: 10,000 kept reports have 130,000
class TestResult:
    """A test in a report."""

    __test__ = False  # a class of this name is not a test to pytest

    id: str
    name: str = ""
    description: str = ""
    severity: str = ""
    result: Result = Result.UNKNOWN
    start_time: datetime | None = None
    end_time: datetime | None = None
    extra: Json = field(default_factory=dict, compare=False)
    suite_id: str = ""
    suite_name: str = ""

    @classmethod
    def from_json(cls, body: Json, severity: str = "", suite_id: str = "", suite_name: str = "") -> TestResult:
        """Read a test; ``severity`` is that of the list it stands in, for a test that does not say its own."""
        read = JsonFields(body)
        word = read.take("result")
        return cls(
            id=read.text("id") or read.text("name"),
            name=read.text("name"),
            description=read.text("description"),
            severity=read.text("severity") or severity,
            result=Result.parse(word),
            start_time=read.time("starttime"),
            end_time=read.time("endtime"),
            extra=_with_unknown_word(word, read.rest()),
            suite_id=suite_id,
            suite_name=suite_name,
        )

    @property
    def duration(self) -> timedelta | None:
        """From start to end, None while either is unknown."""
        return _between(self.start_time, self.end_time)


@dataclass(frozen=True)
class SuiteResult:
    """A suite in a report, with its tests in the order of the API."""

    id: str = ""
    name: str = ""
    result: Result = Result.UNKNOWN
    notes: str = ""
    tests: tuple[TestResult, ...] = ()
    extra: Json = field(default_factory=dict, compare=False)

    @classmethod
    def from_json(cls, body: Json) -> SuiteResult:
        """Read a suite: its tests are in ``criticalTestStatus``, ``generalTestStatus`` and any list like them."""
        read = JsonFields(body)
        made = cls(read.text("id"), read.text("name"), notes=plain_text(read.take("notes")))
        word, rest, tests = read.take("result"), dict(read.rest()), []
        for key in [key for key, value in rest.items() if _TESTS_KEY in key.lower() and isinstance(value, list)]:
            around = (key.lower().partition(_TESTS_KEY)[0], made.id, made.name)
            tests += [TestResult.from_json(test, *around) for test in rest.pop(key) if isinstance(test, dict)]
        return replace(made, result=Result.parse(word), tests=tuple(tests), extra=_with_unknown_word(word, rest))


@dataclass(frozen=True)
class ReportDetail:
    """``healthCheck/reports/<id>``: a report, its suites, and the tests of all of them in the order of the API.

    Where no test is found, ``report.extra`` keeps the whole ``suiteStatus``, because its shape is not known here.
    """

    report: Report
    tests: tuple[TestResult, ...]
    suites: tuple[SuiteResult, ...] = ()
    body: Json = field(default_factory=dict, compare=False, repr=False)  # as the server sent it, for the history

    @classmethod
    def from_json(cls, body: Json, *, run_id: str = "") -> ReportDetail:
        """Read a report resource; ``run_id`` stands in for the id that the resource may leave out."""
        read = JsonFields({**({"id": run_id} if run_id else {}), **body})
        raw = read.take("suitestatus")
        listed = raw if isinstance(raw, list) else [raw]
        suites = tuple(SuiteResult.from_json(suite) for suite in listed if isinstance(suite, dict))
        tests = tuple(test for suite in suites for test in suite.tests)
        unread = {"suiteStatus": raw} if raw and not tests else {}
        known = _report_fields(read)
        return cls(Report(**{**known, "extra": {**known["extra"], **unread}}), tests, suites, body)


@dataclass(frozen=True)
class Suite:
    """A suite of ``healthCheck/suites``: a set of tests that can be run, of some by the system alone."""

    id: str
    name: str = ""
    system_only: bool = False

    @classmethod
    def from_json(cls, body: Json) -> Suite:
        """Read a suite."""
        read = JsonFields(body)
        return cls(read.text("id"), read.text("name"), _TRUTH.get(read.text("systemonly").lower(), False))


@dataclass(frozen=True)
class Job:
    """``jobs/<id>``: a snapshot of an asynchronous operation on the server."""

    id: str
    status: JobStatus
    username: str = ""
    operation_uri: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    upload_id: str | None = None
    failure: str = ""
    result: str = ""  # in words, of a job that is COMPLETED and names no upload item

    @classmethod
    def from_json(cls, body: Json, *, job_id: str = "") -> Job:
        """Read a job, or the answer of an operation that started one. Raises ProtocolError when it names no job.

        The id comes from ``jobid`` or the end of ``jobsUrl``, the upload item's from ``result``. Nothing else of the
        URLs in them is ever used. The text of a failure may be in any of four places.
        """
        read = JsonFields(body)
        found = read.id("jobid") or id_from_url(read.take("jobsurl"), after="jobs") or job_id
        if not found:
            raise ProtocolError("the server named no job in its answer")
        result = read.take("result") or read.take("results")
        job = cls(
            id=found,
            status=JobStatus.parse(read.take("status") or read.take("jobstatus") or "UNAVAILABLE"),
            username=read.text("username"),
            operation_uri=read.text("operationuri"),
            start_time=read.time("starttime"),
            end_time=read.time("endtime"),
            upload_id=find_upload_id(result),
        )
        if not job.has_ended or job.succeeded:
            return job if job.upload_id else replace(job, result=plain_text(result))
        places = (result, *map(read.take, ("messages", "message", "error")))
        return replace(job, failure=next(filter(None, map(plain_text, places)), ""))

    @property
    def has_ended(self) -> bool:
        """Whether the job is over: by its status, or, with a word that is not known, by its end time."""
        return self.status.is_final or (not self.status.is_known and self.end_time is not None)

    @property
    def succeeded(self) -> bool:
        """Whether the job has ended with its result: COMPLETED, or a word that is not known beside an upload item."""
        return self.status.succeeded or (self.has_ended and not self.status.is_final and self.upload_id is not None)


@dataclass(frozen=True)
class UploadItem:
    """``uploads/<id>``: where the server keeps a file. It publishes neither size nor checksum."""

    id: str
    name: str = ""
    committed: bool = True

    @classmethod
    def from_json(cls, body: Json, *, item_id: str = "") -> UploadItem:
        """Read an upload item, which counts as committed where it does not say."""
        read = JsonFields(body)
        return cls(read.text("itemid") or item_id, read.text("itemname"), read.take("committed") is not False)


@dataclass(frozen=True)
class Mode:
    """``mode``: an organization that is upgraded is read-only and refuses changes; None where that is not said."""

    is_read_only: bool | None

    @classmethod
    def from_json(cls, body: Json) -> Mode:
        """Read the mode."""
        return cls(_TRUTH.get(JsonFields(body).text("isreadonly").lower()))


@dataclass(frozen=True)
class Account:
    """``community/self``: the user whom a token belongs to."""

    username: str
    role: str = ""
    privileges: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, body: Json) -> Account:
        """Read the signed-in user."""
        read = JsonFields(body)
        privileges = tuple(map(str, listed)) if isinstance(listed := read.take("privileges"), list) else ()
        return cls(read.text("username"), read.text("role"), privileges)

    @property
    def may_check_health(self) -> bool | None:
        """Whether health checks are allowed, as far as role and privileges tell; None where they are not told."""
        return self._has(lambda privilege: privilege == _HEALTH_PRIVILEGE)

    @property
    def may_download(self) -> bool | None:
        """Whether upload items are allowed: the documentation asks for another privilege than for health checks."""
        return self._has(lambda privilege: privilege.startswith(_UPLOAD_PRIVILEGE))

    def _has(self, fits: Callable[[str], bool]) -> bool | None:
        if self.role == "org_admin":
            return True
        return any(fits(privilege.lower()) for privilege in self.privileges) if self.privileges else None


def _report_fields(read: JsonFields) -> dict[str, Any]:
    run_id = read.id("id", "runid", "reportid")
    if not run_id:
        raise ProtocolError("the server listed a report without a usable id")
    word = read.take("result")
    started = parse_time(start := read.take("starttime"))
    return {
        "id": run_id,
        "name": read.text("name"),
        "result": Result.parse(word),
        "state": read.text("state"),
        "owner": read.text("owner"),
        "created_by": read.text("createdby"),
        "start_time": started,
        "end_time": read.time("endtime"),
        "extra": _with_unknown_word(word, read.rest()),
        "has_unreadable_start": started is None and says_time(start),
    }


def _with_unknown_word(word: object, rest: Json) -> Json:
    """Add the server's word for a result to the rest where that word is not known here."""
    return {**rest, "result": word} if word and str(word).strip().lower() not in _RESULTS else rest


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return end - start if start and end else None
