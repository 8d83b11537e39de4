"""Which reports: the selectors that ``list`` and ``export`` share, so that what one shows the other takes."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from hcexport.cli.command import option
from hcexport.cli.options import WHEN, WordList
from hcexport.errors import NotFound
from hcexport.models import Report, Result

_GROUP = "Selection"
_NEVER = datetime.min.replace(tzinfo=UTC)  # reports without a start count as the oldest


@dataclass(frozen=True)
class Selection:
    """What a report must be like; ``latest`` then keeps the newest so many."""

    result: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    name: str | None = None
    created_by: str | None = None
    latest: int | None = None
    all: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said, not even ``--all``."""
        return self == Selection()

    def matches(self, report: Report) -> bool:
        """Whether one report is meant. A report without a start is outside every span of time."""
        started = report.start_time
        return (
            (not self.result or report.result in self.result)
            and (self.since is None or (started is not None and started >= self.since))
            and (self.until is None or (started is not None and started < self.until))
            and (self.name is None or fnmatch.fnmatchcase(report.name, self.name))
            and (self.created_by is None or report.created_by == self.created_by)
        )

    def of(self, reports: Iterable[Report]) -> list[Report]:
        """The reports that are meant, newest first. Raises NotFound when there are none."""
        chosen = newest_first(filter(self.matches, reports))[: self.latest]
        if not chosen:
            raise NotFound("no report matches", hint="see what there is: hcexport list")
        return chosen


def newest_first(reports: Iterable[Report]) -> list[Report]:
    """By start, the newest first: the order of the server's own list is not documented."""
    return sorted(reports, key=lambda report: (report.start_time or _NEVER, report.id), reverse=True)


def selectors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the selectors to a command; they arrive as one parameter ``selection``."""
    options = [
        option(
            "--result",
            multiple=True,
            type=WordList([result.value for result in Result], case_sensitive=False),
            group=_GROUP,
            help="Reports with one of these results.",
        ),
        option("--since", type=WHEN, metavar="WHEN", group=_GROUP, help="Started at or after 2026-11-01, 7d (ago) ..."),
        option("--until", type=WHEN, metavar="WHEN", group=_GROUP, help="Started before."),
        option("--name", metavar="GLOB", group=_GROUP, help="Name like 'nightly*'."),
        option("--created-by", metavar="USER", group=_GROUP, help="Made by this user."),
        option("--latest", type=click.IntRange(1), metavar="N", group=_GROUP, help="The newest N of these."),
        option("--all", is_flag=True, group=_GROUP, help="Every report."),
    ]
    for add in reversed(options):
        function = add(function)
    return function


def pop_selection(given: dict[str, Any]) -> Selection:
    """The Selection out of a command's options, which are removed."""
    chosen = {name: given.pop(name) for name in Selection.__dataclass_fields__}
    return Selection(**{**chosen, "result": tuple(word for words in chosen["result"] for word in words)})
