"""``hcexport show``."""

from __future__ import annotations

import click

from hcexport.cli.app import App
from hcexport.cli.command import completed
from hcexport.cli.options import app_command, parse_ids
from hcexport.cli.outcome import Outcome
from hcexport.errors import NotFound, Partial, ServerError
from hcexport.output.records import DETAIL


@app_command(
    "show",
    profiles=True,
    formats=("text", "json", "csv"),
    examples=["hcexport show vegcl1xm6u", "hcexport list --latest 1 --format ids | hcexport show -"],
)
@click.argument("run_id", nargs=-1, required=True, shell_complete=completed("report ids"))
def command(app: App, run_id: tuple[str, ...]) -> Outcome:
    """Show reports in full: every test with severity, result and duration.

    RUN_ID is an id that `hcexport list` shows; - reads ids from standard input. If some of several ids do not exist,
    the others are shown.
    """
    details, missing = [], []
    for report_id in parse_ids(run_id, "RUN_ID"):
        try:
            details.append(app.client.report(report_id))
        except (NotFound, ServerError) as error:
            missing.append((report_id, error))
    if missing and not details:
        raise missing[0][1]
    what = "; ".join(f"{report_id}: {error.message}" for report_id, error in missing)
    partial = Partial(f"{len(missing)} of {len(missing) + len(details)} reports cannot be shown: {what}")
    return Outcome(DETAIL, records=details, error=partial if missing else None)
