"""Which reports: the selectors that ``list`` and ``export`` share, so that ``export`` takes what ``list`` shows."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hcexport.cli.app import App
from hcexport.cli.command import Option
from hcexport.cli.options import WHEN, WordList, add_options, whole_number
from hcexport.errors import NotFound, ProtocolError
from hcexport.health.results import has_ended
from hcexport.models import Report, Result

_GROUP = "Selection"
_SINCE = "Started at or after WHEN: 2026-11-01, 2026-11-01T03:00Z, 24h, 7d, today, yesterday (local time without Z)."
_NEVER = datetime.min.replace(tzinfo=UTC)  # reports without a start count as the oldest


class Selection(NamedTuple):
    """The conditions that a report must meet; ``latest`` then keeps the newest N.

    ``since`` and ``until`` as a timedelta are that long ago, by the server's clock.
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

    def find(self, reports: Iterable[Report], now: datetime | None = None) -> list[Report]:
        """Return all reports that meet the conditions, newest first, at the server's time of ``now``.

        A report without a start is outside every span of time. Raises ProtocolError when a start that decides cannot
        be read: a guess might select another report.
        """
        fitting = [report for report in reports if self._fits(report)]
        if any(bound is not None for bound in (self.latest, self.since, self.until)):
            _require_starts(fitting)
        now = now or datetime.now(UTC)
        since, until = _moment(self.since, now), _moment(self.until, now)
        return newest_first(
            report
            for report in fitting
            if (since is None or (report.start_time is not None and report.start_time >= since))
            and (until is None or (report.start_time is not None and report.start_time < until))
        )

    def select(self, reports: Iterable[Report], now: datetime | None = None) -> list[Report]:
        """Return the selected reports, newest first. Raises NotFound when there are none, and as ``find`` does."""
        return self.cut(self.find(reports, now))

    def cut(self, found: list[Report]) -> list[Report]:
        """Return the newest of the reports that were found. Raises NotFound when there are none."""
        if not found and self in {Selection(), Selection(all=True)}:
            raise NotFound("there are no reports yet", hint="start a health check: hcexport run")
        if not found:
            raise NotFound("no report matches", hint="list all reports: hcexport list --all")
        return found[: self.latest]

    def _fits(self, report: Report) -> bool:
        """Whether a report is selected, but for its time."""
        return (
            (not self.result or report.result in self.result)
            and (self.name is None or fnmatch.fnmatchcase(report.name.casefold(), self.name.casefold()))
            and (self.created_by is None or report.created_by.casefold() == self.created_by.casefold())
        )


def select_ended(app: App, selection: Selection) -> list[Report]:
    """Return the selected reports that have ended, by the server's clock. The others are named in a notice."""
    reports = list(app.reports())
    return selection.cut(leave_out_running(app, selection.find(reports, app.session.server_now())))


def leave_out_running(app: App, reports: Iterable[Report]) -> list[Report]:
    """Return the reports that have ended, and name the others in a notice: they cannot be exported yet."""
    reports = list(reports)
    if running := [report.id for report in reports if not has_ended(report)]:
        app.messages.notice(f"left out, because they have not ended: {', '.join(running)}")
    return [report for report in reports if has_ended(report)]


def _moment(when: datetime | timedelta | None, now: datetime) -> datetime | None:
    return now - when if isinstance(when, timedelta) else when


def _require_starts(reports: Iterable[Report]) -> None:
    unread = [report.id for report in reports if report.has_unreadable_start]
    if unread:
        raise ProtocolError(
            f"the start time of report {unread[0]} cannot be read, so --latest, --since and --until cannot be applied",
            hint="list the reports: hcexport list --all; and name them: hcexport export RUN_ID",
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
    chosen = {name: given.pop(name) for name in Selection._fields}
    return Selection(**{**chosen, "result": tuple(word for words in chosen["result"] for word in words)})
