"""Which reports: the selectors that ``list`` and ``export`` share, so that ``export`` takes what ``list`` shows."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hcexport.cli.command import Option
from hcexport.cli.options import WHEN, WordList, add_options, whole_number
from hcexport.errors import NotFound
from hcexport.models import Report, Result

_GROUP = "Selection"
_SINCE = "Started at or after WHEN: 2026-11-01, 2026-11-01T03:00Z, 24h, 7d, today, yesterday (local time without Z)."
_NEVER = datetime.min.replace(tzinfo=UTC)  # reports without a start count as the oldest


@dataclass(frozen=True)
class Selection:
    """The conditions that a report must meet; ``latest`` then keeps the newest N."""

    result: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    name: str | None = None
    created_by: str | None = None
    latest: int | None = None
    all: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no selector was given, not even ``--all``."""
        return self == Selection()

    def matches(self, report: Report) -> bool:
        """Whether a report is selected. A report without a start is outside every span of time."""
        started = report.start_time
        return (
            (not self.result or report.result in self.result)
            and (self.since is None or (started is not None and started >= self.since))
            and (self.until is None or (started is not None and started < self.until))
            and (self.name is None or fnmatch.fnmatchcase(report.name, self.name))
            and (self.created_by is None or report.created_by == self.created_by)
        )

    def select(self, reports: Iterable[Report]) -> list[Report]:
        """Return the selected reports, newest first. Raises NotFound when there are none."""
        chosen = newest_first(filter(self.matches, reports))[: self.latest]
        if not chosen:
            raise NotFound("no report matches", hint="list all reports: hcexport list --all")
        return chosen


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
