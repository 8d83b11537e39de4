"""``hcexport delete``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import click

from hcexport.cli.app import App
from hcexport.cli.command import complete_with, option
from hcexport.cli.exporting import count_reports
from hcexport.cli.lock import lock_option, lock_organization
from hcexport.cli.messages import confirm
from hcexport.cli.options import app_command, parse_ids, whole_number
from hcexport.cli.outcome import Outcome
from hcexport.cli.reading import list_reports, read_reports
from hcexport.cli.selection import Selection, newest_first, pop_selection, selector_options
from hcexport.errors import CannotCreate, Interrupted, NotFound, ServerError, UsageError
from hcexport.health.results import has_ended
from hcexport.health.retention import NOT_KEPT, Decision, newest_of_suites, plan_deletion, suites_of
from hcexport.models import Report, ReportDetail
from hcexport.output.records import DELETION_FIELDS
from hcexport.transfer.deletion import delete_reports


@app_command(
    "delete",
    formats=("text", "table", "json", "csv"),
    examples=["hcexport delete --until 400d", "hcexport delete vegcl1xm6u --unsaved --yes"],
)
@click.argument("run_id", nargs=-1, shell_complete=complete_with("report ids"))
@selector_options
@option("--unsaved", is_flag=True, group="Guards", help="Also delete reports that were not saved from here.")
@option("--failed-too", is_flag=True, group="Guards", help="Also delete reports that did not pass.")
@option(
    "--max",
    "most",
    type=whole_number(1),
    default=200,
    metavar="N",
    group="Guards",
    help="Delete nothing if more than N reports would be deleted.  [200]",
)
@lock_option
@option("--yes", is_flag=True, help="Do not ask for confirmation.")
def command(
    app: App,
    *,
    run_id: tuple[str, ...],
    most: int,
    yes: bool,
    lock_wait: float,
    unsaved: bool,
    failed_too: bool,
    **selectors: Any,
) -> Outcome:
    """Delete reports on the server, for good.

    Shows what would be deleted and why the others stay, and asks. The newest report of each suite always stays. What is
    deleted stays in this machine's history: `hcexport history`.
    """
    selection = pop_selection(selectors)
    if run_id and not selection.is_empty:
        raise UsageError("ids cannot be combined with --latest, --since …", hint="give one or the other")
    if not run_id and selection.is_empty:
        raise UsageError("no reports selected", hint="name them, or --until 400d, another selector, or --all")
    ids = parse_ids(run_id, "RUN_ID") if run_id else ()
    with lock_organization(app, lock_wait):
        decisions = _plan(app, ids, selection, unsaved=unsaved, failed_too=failed_too)
        return _carry_out(app, decisions, most=most, yes=yes)


def _plan(app: App, ids: Sequence[str], selection: Selection, *, unsaved: bool, failed_too: bool) -> list[Decision]:
    """Decide for each chosen report. Those that may be deleted are read in full, and kept in the history."""
    rows = list_reports(app)
    chosen = _find_named(rows, ids) if ids else selection.select(rows, app.session.server_now())
    ended = newest_first(filter(has_ended, rows))
    saved = app.ledger.saved_ids(app.organization.url)
    newest = frozenset(report.id for report in ended[:1])  # of whatever suite
    plan = partial(plan_deletion, chosen, saved=saved, unsaved=unsaved, failed_too=failed_too)
    before = plan({}, newest=newest)
    details = _read(app, [decision.report for decision in before if decision.reason == NOT_KEPT])
    wanted = frozenset(suite for detail in details.values() for suite in suites_of(detail))
    newest |= newest_of_suites(ended, lambda report: details.get(report.id) or _read_one(app, report), wanted)
    return plan(details, newest=newest)


def _find_named(rows: Sequence[Report], ids: Sequence[str]) -> list[Report]:
    """Return the reports with these ids, newest first. Raises NotFound when one is missing: it may be mistyped."""
    there = {report.id: report for report in rows}
    if missing := [run_id for run_id in ids if run_id not in there]:
        raise NotFound(f"there is no report {', '.join(missing)}; nothing was deleted", hint="hcexport list --all")
    return newest_first(there[run_id] for run_id in ids)


def _read(app: App, reports: Sequence[Report]) -> dict[str, ReportDetail]:
    """Return those of the reports that the history keeps, by id. Raises CannotCreate when it cannot be written."""
    if not reports:
        return {}
    _require_history(app)
    for report in reports:
        _read_one(app, report)
    _require_history(app)  # the disk may have become full meanwhile
    kept = ((report.id, app.history.get(report.id)) for report in reports)
    return {run_id: detail for run_id, detail in kept if detail}


def _require_history(app: App) -> None:
    if not app.history.is_writable():
        raise CannotCreate(
            f"{app.paths.history} cannot be written to keep the reports; nothing was deleted",
            hint="hcexport doctor",
        )


def _read_one(app: App, report: Report) -> ReportDetail | None:
    with suppress(NotFound, ServerError):  # the report stays then
        return read_reports(app, [report])[0]
    return None


def _carry_out(app: App, decisions: list[Decision], *, most: int, yes: bool) -> Outcome:
    doomed = [decision.report.id for decision in decisions if not decision.reason]
    count = count_reports(doomed)
    if len(doomed) > most:
        raise UsageError(f"{count} would be deleted; nothing was deleted", hint=f"--max {len(doomed)}")
    if not doomed:
        app.messages.notice("nothing to delete: every report stays")
        return Outcome(DELETION_FIELDS, records=decisions)
    if yes:
        return _delete(app, decisions, doomed)
    shown = Outcome(DELETION_FIELDS, records=decisions)
    if not app.may_ask:
        refusal = UsageError(f"{count} would be deleted; nothing was deleted", hint="add --yes to delete them")
        return replace(shown, error=refusal)
    if app.common.format != "json":
        app.printer.records(DELETION_FIELDS, decisions)
    if not confirm(f"Delete {count} on {app.organization} for good?"):
        app.messages.notice("nothing was deleted")
        stayed = [replace(decision, reason=decision.reason or "declined") for decision in decisions]
        return Outcome(DELETION_FIELDS, records=stayed) if app.common.format == "json" else Outcome()
    outcome = _delete(app, decisions, doomed)
    return outcome if app.common.format == "json" else Outcome(error=outcome.error)


def _delete(app: App, decisions: list[Decision], doomed: list[str]) -> Outcome:
    try:
        done = delete_reports(app.client, doomed, on_lost=lambda why: app.messages.warning(f"{why}; reading the list"))
    except Interrupted as end:
        end.hint = "some reports may be deleted: hcexport list --all"
        raise
    if done.gone:
        app.messages.notice(f"deleted {count_reports(done.gone)}")
    left = set(done.left)
    after = [replace(each, reason="still on the server") if each.report.id in left else each for each in decisions]
    return Outcome(DELETION_FIELDS, records=after, error=done.error)
