"""Whether the reports that a command has read are healthy: ``--fail-on``, ``--max-age``, ``--ignore``.

A command adds ``judging_options``, makes a ``Judging`` of what was typed, and gives its reports to ``judge``; the
verdict goes into the Outcome, which prints first and then says what is not healthy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import click

from hcexport.cli.app import App
from hcexport.cli.command import Option
from hcexport.cli.options import DURATION, Parsed, add_options, setting_option
from hcexport.cli.outcome import Outcome
from hcexport.cli.reading import read_reports
from hcexport.errors import HcexportError, NotFound, Verdict
from hcexport.health import verdict as health
from hcexport.health.ignores import known_until
from hcexport.health.results import badness
from hcexport.health.verdict import Level, Rules, needs_details
from hcexport.models import Report, ReportDetail, TestResult
from hcexport.output.fields import Field, Fields, NestedFields
from hcexport.output.records import DETAIL
from hcexport.store.settings import ROW_OF, one_of, type_value
from hcexport.times import type_duration

T = TypeVar("T")
_GROUP = "Outcome"
_LEVELS = [level.value for level in Level]


def _join(_ctx: click.Context, _param: click.Parameter, values: Sequence[Any]) -> Any:
    """The values of an option that may be repeated as one tuple, None where it was not given."""
    return tuple(each for value in values for each in value) or None


judging_options = add_options(
    Option(
        ["--fail-on"],
        type=click.Choice(_LEVELS),
        metavar="LEVEL",
        group=_GROUP,
        help=f"Exit 10 if a test did not pass at this level: {one_of(_LEVELS)}.",
    ),
    Option(["--max-age"], type=DURATION, metavar="DUR", group=_GROUP, help="Exit 10 if the newest report is older."),
    setting_option(
        "--ignore", group=_GROUP, multiple=True, type=Parsed("TEST:DATE", ROW_OF["ignore"].parse), callback=_join
    ),
)


@dataclass(frozen=True)
class Judging:
    """The rules that were asked for, how reports are judged by them, and in which format that is told."""

    app: App
    rules: Rules
    format: str

    @classmethod
    def plan(cls, app: App, fail_on: str | None, max_age: float | None) -> Judging:
        """Make the rules of what was typed and of the setting ``ignore``."""
        age = None if max_age is None else timedelta(seconds=max_age)
        rules = Rules(Level(fail_on) if fail_on else None, age, app.settings.ignore.value)
        return cls(app, rules, app.common.format)

    @property
    def is_asked(self) -> bool:
        """Whether a report that is not healthy, or too old, makes status 10."""
        return self.rules.level is not None or self.rules.max_age is not None

    @property
    def options(self) -> list[str]:
        """The options as they are typed, for the command to go on with."""
        level = ["--fail-on", self.rules.level.value] if self.rules.level else []
        age = ["--max-age", type_duration(self.rules.max_age.total_seconds())] if self.rules.max_age is not None else []
        ignores = ["--ignore", type_value(self.rules.ignores)] if self.app.typed.get("ignore") else []
        return [*level, *age, *ignores]

    def judge(self, reports: Iterable[Report | ReportDetail]) -> health.Verdict | None:
        """Judge the reports; those that are rows are read in full where that is needed. None where nobody asked.

        Raises Verdict where none has ended and ``--max-age`` stands alone, and NotFound where reports must be judged.
        """
        if not self.is_asked:
            return None
        given = self._complete(list(reports))
        verdict = health.judge(given, self.rules, self.app.session.server_now())
        if not verdict.judged:
            for notice in verdict.notices:
                self.app.messages.notice(notice)
            raise self.nothing_ended()
        return verdict

    def conclude(self, outcome: Outcome, read: Callable[[], Iterable[Report | ReportDetail]]) -> Outcome:
        """Judge the reports after the work is done; a failure to read them is told after the result."""
        if not self.is_asked:
            return outcome
        try:
            return replace(outcome, verdict=self.judge(read()))
        except HcexportError as error:
            error.way_on = "none"  # the work is done, nothing is to be waited for
            return replace(outcome, error=error)

    @contextmanager
    def of_a_selection(self) -> Iterator[None]:
        """Raise Verdict for a selection without any report where only ``--max-age`` is given: it counts as old."""
        try:
            yield
        except NotFound as error:
            if self.rules.level is None and self.rules.max_age is not None:
                raise self.nothing_ended() from error
            raise

    def nothing_ended(self) -> HcexportError:
        """Make the error for a selection without a report that has ended."""
        if self.rules.level is None:
            return Verdict("not healthy: no report has ended")
        return NotFound("no report that matches has ended", hint="list all reports: hcexport list --all")

    def _complete(self, reports: list[Report | ReportDetail]) -> list[Report | ReportDetail]:
        """Read in full the reports that cannot be judged by their row alone."""
        if self.rules.level is None:
            return reports
        rows = [each for each in reports if isinstance(each, Report) and needs_details(each)]
        details = {detail.report.id: detail for detail in read_reports(self.app, rows)}
        return [details.get(each.id, each) if isinstance(each, Report) else each for each in reports]

    # What is printed

    def report_fields(self, fields: Fields[Report], verdict: health.Verdict | None) -> Fields[Report]:
        """The fields of reports, in JSON with ``healthy`` where it was asked for; None is a report not judged."""
        if verdict is None or self.rules.level is None or self.format != "json":
            return fields
        healthy = {each.report.id: each.healthy for each in verdict.judged}
        return (*fields, Field("healthy", "HEALTHY", lambda report: healthy.get(report.id)))

    def test_fields(self, fields: Fields[T], test_of: Callable[[T], TestResult]) -> Fields[T]:
        """The fields of tests, in JSON with ``ignored_until`` where failures are known."""
        if not self.rules.ignores or self.format != "json":
            return fields
        now = self.app.session.server_now()

        def ignored_until(row: T) -> str | None:
            test = test_of(row)
            until = known_until(test, self.rules.ignores, now) if badness(test.result) else None
            return str(until) if until else None

        return (*fields, Field("ignored_until", "KNOWN UNTIL", ignored_until))

    def detail_fields(self, verdict: health.Verdict | None) -> NestedFields[ReportDetail, TestResult]:
        """The fields of reports in full, in JSON with what was judged."""
        healthy: Fields[ReportDetail] = tuple(
            field.through(lambda detail: detail.report) for field in self.report_fields((), verdict)
        )
        return replace(
            DETAIL,
            fields=(*DETAIL.fields, *healthy),
            row_fields=self.test_fields(DETAIL.row_fields, lambda test: test),
        )
