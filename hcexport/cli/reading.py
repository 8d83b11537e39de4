"""Reports as the commands get them: in full from the server, or from the history where they were read before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hcexport.cli.app import App
from hcexport.cli.command import Option
from hcexport.cli.options import add_options
from hcexport.cli.reading_at_once import read_at_once
from hcexport.cli.selection import Selection
from hcexport.errors import HcexportError, NetworkError, NotFound, ServerError, TimedOut
from hcexport.models import Report, ReportDetail, Result

_FROM_THE_ROW = ("name", "state", "owner", "created_by", "start_time", "end_time")
_WORTH_A_NOTICE = 20  # reports, a request for each
_KEPT = "to use the reports kept on this machine: add --offline"

offline_option = add_options(
    Option(
        ["--offline"],
        is_flag=True,
        group="Selection",
        help="Use only what is kept on this machine; do not ask the server.",
    )
)


def list_reports(app: App, *, offline: bool = False) -> list[Report]:
    """Every report of the organization; those that were read before get their names and times of now.

    Raises what the client raises, with a hint at ``--offline`` where the server was not reached.
    """
    if offline:
        return [detail.report for detail in app.history.latest()]
    try:
        reports = list(app.reports())
    except (NetworkError, TimedOut) as error:
        if app.history.ids():
            error.hint = "; ".join(filter(None, [error.hint, _KEPT]))
        raise
    app.history.refresh(reports)
    return reports


def select_reports(app: App, selection: Selection, *, offline: bool = False) -> list[Report]:
    """The selected reports, newest first, by the server's clock. Raises NotFound when there are none."""
    reports = list_reports(app, offline=offline)
    return selection.select(reports, None if offline else app.session.server_now())


def read_reports(app: App, rows: Sequence[Report]) -> list[ReportDetail]:
    """The reports in full, in the order given. Those that were read before are not asked for again."""
    known = app.history.ids() if rows else frozenset()
    details = {row.id: detail for row in rows if row.id in known and (detail := app.history.get(row.id))}
    unknown = {row.id: row for row in rows if row.id not in details}
    is_long = len(unknown) >= _WORTH_A_NOTICE
    if is_long:
        app.messages.notice(f"reading {len(unknown)} reports; they are kept on this machine")
        app.progress.reports(0, len(unknown))
    fresh: dict[str, ReportDetail] = {}
    try:
        for run_id, detail in read_at_once(app, list(unknown)):
            fresh[run_id] = _with_row(detail, unknown[run_id])
            if is_long:
                app.progress.reports(len(fresh), len(unknown))
    finally:
        app.settle_progress()
        app.history.add(fresh.values())  # also those read before a failure; all at once, because each step is a fsync
    found = details | fresh
    return [_with_row(found[row.id], row) for row in rows]


def read_by_id(
    app: App, ids: Iterable[str], *, offline: bool = False
) -> tuple[list[ReportDetail], list[tuple[str, HcexportError]]]:
    """The reports with these ids in full, and the ids without a report, each with its error.

    The list is asked once for the present names of those that were read before. Where the list cannot be read, or does
    not have a report any more, the report is returned as it was read, with a warning.
    """
    ids = list(ids)
    kept = {detail.report.id: detail for run_id in ids if (detail := app.history.get(run_id))}
    if kept and not offline:
        kept = _take_current_names(app, kept)
    details: list[ReportDetail] = []
    missing: list[tuple[str, HcexportError]] = []
    for run_id in ids:
        try:
            details.append(kept.get(run_id) or _find(app, run_id, offline=offline))
        except (NotFound, ServerError, NetworkError) as error:
            if isinstance(error, NetworkError) and not kept:
                raise
            missing.append((run_id, error))
    return details, missing


def require_reports(app: App, ids: Iterable[str], *, offline: bool = False) -> list[ReportDetail]:
    """The reports with these ids in full. Raises the error of the first that cannot be read."""
    details, missing = read_by_id(app, ids, offline=offline)
    if missing:
        raise missing[0][1]
    return details


def _find(app: App, run_id: str, *, offline: bool) -> ReportDetail:
    """Ask the server for a report, and keep it."""
    if offline:
        raise NotFound(f"report {run_id} is not kept on this machine", hint="leave out --offline to ask the server")
    detail = app.client.report(run_id)
    report = detail.report
    if report.state or report.end_time or report.result is not Result.UNKNOWN:  # else nobody knows whether it has ended
        app.history.add([detail])
    return detail


def _take_current_names(app: App, kept: dict[str, ReportDetail]) -> dict[str, ReportDetail]:
    try:
        rows = {report.id: report for report in list_reports(app)}
    except (NetworkError, TimedOut) as error:
        app.messages.warning(f"{error.message}; showing the kept copy of {', '.join(kept)}")
        return kept
    if gone := [run_id for run_id in kept if run_id not in rows]:
        app.messages.warning(f"deleted on the server, showing the kept copy of {', '.join(gone)}")
    return {run_id: _with_row(detail, rows.get(run_id)) for run_id, detail in kept.items()}


def _with_row(detail: ReportDetail, row: Report | None) -> ReportDetail:
    """Take over what the list knows of a report: its present name, and what the report in full may leave out."""
    known = {name: getattr(row, name) for name in _FROM_THE_ROW if row and getattr(row, name)}
    return replace(detail, report=replace(detail.report, **known))
