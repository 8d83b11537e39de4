"""``hcexport list``."""

from __future__ import annotations

from typing import Any

import click

from hcexport.cli.app import App
from hcexport.cli.command import option
from hcexport.cli.judging import Judging, judging_options
from hcexport.cli.options import FORMATS, app_command, whole_number
from hcexport.cli.outcome import Outcome
from hcexport.cli.reading import select_reports
from hcexport.cli.selection import pop_selection, selector_options
from hcexport.models import Report
from hcexport.output.records import REPORT_FIELDS
from hcexport.store.completion_cache import KEPT, CachedId
from hcexport.store.settings import one_of

_SORTABLE = {field.name: field.value for field in REPORT_FIELDS}


@app_command(
    "list",
    profiles=True,
    formats=FORMATS,
    examples=["hcexport list --latest 10", "hcexport list --result failed --since 7d --format ids"],
)
@selector_options
@option(
    "--sort", type=click.Choice(list(_SORTABLE)), metavar="FIELD", group="Order", help=f"By {one_of(list(_SORTABLE))}."
)
@option("--reverse", is_flag=True, group="Order", help="Reverse the order.")
@option("--limit", type=whole_number(1), metavar="N", group="Order", help="Show at most N rows.")
@judging_options
def command(
    app: App,
    *,
    sort: str | None,
    reverse: bool,
    limit: int | None,
    fail_on: str | None,
    max_age: float | None,
    **selectors: Any,
) -> Outcome:
    """List health check reports, newest first.

    All pages are read. With --fail-on a report that passed is judged by its row, and another one is read in full. In a
    pipe: one tab-separated row a report, without a heading.
    """
    selection, judging = pop_selection(selectors), Judging.plan(app, fail_on, max_age)
    with judging.of_a_selection():
        reports = select_reports(app, selection)
    app.recent("reports").keep([CachedId.of_report(report) for report in reports[:KEPT]])
    verdict = judging.judge(reports)
    if sort:
        reports.sort(key=lambda report: _sort_key(report, sort))
    if reverse:
        reports.reverse()
    shown = reports[:limit]
    count = f"{len(shown)} of {len(reports)}" if len(shown) < len(reports) else f"{len(reports)}"
    return Outcome(
        judging.report_fields(REPORT_FIELDS, verdict),
        records=shown,
        verdict=verdict,
        count=f"{count} report{'s' * (len(reports) != 1)}",
    )


def _sort_key(report: Report, name: str) -> tuple[bool, Any]:
    """Sort reports that lack the field last."""
    value = _SORTABLE[name](report)
    return value is None, value if value is not None else 0
