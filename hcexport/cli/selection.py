"""Which reports: the selectors that ``list`` and ``export`` share, so that ``export`` takes what ``list`` shows."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hcexport.cli.app import App
from hcexport.cli.command import Option
from hcexport.cli.options import WHEN, WordList, add_options, whole_number
from hcexport.errors import NotFound, ProtocolError
from hcexport.health.results import has_ended
from hcexport.models import Report, Result

_GROUP = "Selection"
_SINCE = "Started at or after WHEN: 2026-11-01, 2026-11-01T03:00Z, 24h, 7d, today, yesterday (local time without Z)."
_NEVER = datetime.min.replace(tzinfo=UTC)  # reports without a start count as the oldest


@dataclass(frozen=True)
class Selection:
    """The conditions that a report must meet; ``latest`` then keeps the newest N.

    ``since`` and ``until`` may be so long ago, by the server's clock.
    """

    result: tuple[str, ...] = ()
    since: datetime | timedelta | None = None
    until: datetime | timedelta | None = None
    name: str | None = None
    created_by: str | None = None
    latest: int | None = None
    all: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no selector was given, not even ``--all``."""
        return self == Selection()

    def matches(self, report: Report, now: datetime) -> bool:
        """Whether a report is selected. A report without a start is outside every span of time."""
        since, until, started = _moment(self.since, now), _moment(self.until, now), report.start_time
        return (
            self._fits(report)
            and (since is None or (started is not None and started >= since))
            and (until is None or (started is not None and started < until))
        )

    def select(self, reports: Iterable[Report], now: datetime | None = None) -> list[Report]:
        """Return the selected reports, newest first, at the server's time of ``now``.

        Raises NotFound when there are none, and ProtocolError when a start that decides cannot be read: a guess might
        select another report.
        """
        now, fitting = now or datetime.now(UTC), [report for report in reports if self._fits(report)]
        if any(bound is not None for bound in (self.latest, self.since, self.until)):
            _require_starts(fitting)
        chosen = newest_first(report for report in fitting if self.matches(report, now))[: self.latest]
        if not chosen:
            raise NotFound("no report matches", hint="list all reports: hcexport list --all")
        return chosen

    def _fits(self, report: Report) -> bool:
        """Whether a report is selected, but for its time."""
        return (
            (not self.result or report.result in self.result)
            and (self.name is None or fnmatch.fnmatchcase(report.name.casefold(), self.name.casefold()))
            and (self.created_by is None or report.created_by.casefold() == self.created_by.casefold())
        )


def select_reports(app: App, selection: Selection, *, only_ended: bool = False) -> list[Report]:
    """Select from the organization's reports, by its clock.

    ``only_ended`` leaves out those that have not ended, and says so: they cannot be exported yet. Raises as
    ``Selection.select`` does.
    """
    reports = list(app.reports())
    now = app.session.server_now()
    if only_ended:
        whole = replace(selection, latest=None)
        running = [report for report in reports if not has_ended(report) and whole.matches(report, now)]
        reports = [report for report in reports if has_ended(report)]
        if running:
            ids = ", ".join(report.id for report in running)
            app.messages.notice(f"left out because {'they have' if running[1:] else 'it has'} not ended: {ids}")
    return selection.select(reports, now)


def _moment(when: datetime | timedelta | None, now: datetime) -> datetime | None:
    return now - when if isinstance(when, timedelta) else when


def _require_starts(reports: Iterable[Report]) -> None:
    unread = [report.id for report in reports if report.has_unreadable_start]
    if unread:
        raise ProtocolError(
            f"the start time of report {unread[0]} cannot be read, so --latest, --since and --until cannot be applied",
            hint="list the reports with hcexport list --all, and name them: hcexport export RUN_ID",
        )


def newest_first(reports: Iterable[Report]) -> list[Report]:
    """Sort by start, because the order of the server's list is not documented."""
    return sorted(reports, key=lambda report: (report.start_time or _NEVER, report.id), reverse=True)


selector_options = add_options(
    Option(
        ["--result"],
        multiple=True,
        type=WordList([result.value for result in Result], case_sensitive=False),
        group=_GROUP,
        help="Reports with one of these results.",
    ),
    Option(["--since"], type=WHEN, metavar="WHEN", group=_GROUP, help=_SINCE),
    Option(["--until"], type=WHEN, metavar="WHEN", group=_GROUP, help="Started before WHEN."),
    Option(["--name"], metavar="GLOB", group=_GROUP, help="Name like 'Nightly*'."),
    Option(["--created-by"], metavar="USER", group=_GROUP, help="Created by USER."),
    Option(["--latest"], type=whole_number(1), metavar="N", group=_GROUP, help="Only the newest N that match."),
    Option(["--all"], is_flag=True, group=_GROUP, help="All reports."),
)


def pop_selection(given: dict[str, Any]) -> Selection:
    """Remove the selectors from a command's options and return them as a Selection."""
    chosen = {name: given.pop(name) for name in Selection.__dataclass_fields__}
    return Selection(**{**chosen, "result": tuple(word for words in chosen["result"] for word in words)})
