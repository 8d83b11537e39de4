"""Pieces of the HTML page that its parts share."""

from __future__ import annotations

from datetime import UTC, datetime

from hcexport.health.trend import SIGNS, TestTrend
from hcexport.models import Result
from hcexport.output.reports import facts
from hcexport.output.reports.markup import Child, Markup, element

# Class names of one letter, because the matrix may have tens of thousands of cells.
SHORT: dict[Result | None, str] = {
    Result.PASSED: "p",
    Result.WARNING: "w",
    Result.FAILED: "f",
    Result.UNKNOWN: "u",
    None: "a",
}
WORDS: dict[Result | None, str] = {None: "not in the report", **{result: result.value for result in Result}}


def section(key: str, heading: str, *children: Child, calm: bool = False, sign: Result | None = None) -> Markup:
    """A part of the page with its heading, which names it to a screen reader."""
    mark = element("span", facts.sign(sign), class_=f"s {SHORT[sign]}", aria_hidden="true") if sign else None
    title = element("h2", mark, heading, id=f"{key}-heading")
    return element("section", title, *children, aria_labelledby=f"{key}-heading", class_="calm" if calm else None)


def scrollable(key: str, table: Markup, *, newest_first: bool = False) -> Markup:
    """A table that scrolls sideways where it is too wide; with the keyboard too, so it takes the focus."""
    css = "scroll newest-first" if newest_first else "scroll"
    label = f"{key.replace('-', ' ')} table"
    return element("div", table, class_=css, tabindex="0", role="region", aria_label=label)


def result_badge(result: Result, count: int | None = None) -> Markup:
    """A result by colour, sign and word, and how many there are of it."""
    mark = element("span", facts.sign(result), aria_hidden="true")
    words = f" {result}" if count is None else f" {facts.count_words(result, count)} "
    return element("span", mark, words, class_=f"s {SHORT[result]}")


def time_of(time: datetime | None) -> Markup:
    """A point in time with its zone."""
    if time is None:
        return element("span", "not known")
    return element("time", facts.utc(time), datetime=f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")


def strip(row: TestTrend) -> Markup:
    """The last results of a test as signs; a screen reader is told how many did not pass."""
    cells = row.recent
    bad = sum(cell not in {Result.PASSED, None} for cell in cells)
    signs = [element("i", SIGNS[cell], class_=SHORT[cell]) for cell in cells]
    told = element("span", f"{bad} of {len(cells)} did not pass", class_="vh")
    # The hidden words stand first: after the last cell of a row they would make its table scroll.
    return element("span", told, element("span", signs, aria_hidden="true", class_="strip"))
