"""``hcexport list``."""

from __future__ import annotations

from typing import Any

import click

from hcexport.cli.app import App
from hcexport.cli.command import option
from hcexport.cli.options import FORMATS, app_command, one_of
from hcexport.cli.selection import pop_selection, selectors
from hcexport.models import Report
from hcexport.output.records import REPORT_FIELDS
from hcexport.store.completion_cache import KEPT, CachedId

_SORTABLE = {field.name: field.value for field in REPORT_FIELDS}


@app_command(
    "list",
    formats=FORMATS,
    examples=["hcexport list --latest 10", "hcexport list --result failed --since 7d --format ids"],
)
@selectors
@option(
    "--sort", type=click.Choice(list(_SORTABLE)), metavar="FIELD", group="Order", help=f"By {one_of(list(_SORTABLE))}."
)
@option("--reverse", is_flag=True, group="Order", help="The other way round.")
@option("--limit", type=click.IntRange(1), metavar="N", group="Order", help="Print at most N.")
def command(app: App, sort: str | None, reverse: bool, limit: int | None, **selectors: Any) -> None:
    """List health check reports, newest first.

    All pages are read. In a pipe: one tab-separated row a report, without a heading.
    """
    selection = pop_selection(selectors)
    reports = selection.of(app.reports())
    newest = [CachedId.of_report(report) for report in reports[:KEPT]]
    if sort:
        reports.sort(key=lambda report: _sort_key(report, sort))
    if reverse:
        reports.reverse()
    app.printer.records(REPORT_FIELDS, reports[:limit])
    app.recent("reports").keep(newest)


def _sort_key(report: Report, name: str) -> tuple[bool, Any]:
    """Reports that lack the field come last."""
    value = _SORTABLE[name](report)
    return value is None, value if value is not None else 0
