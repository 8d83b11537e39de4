"""Reports as the commands get them: in full from the server, or from the history where they were read before."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TypeVar

from hcexport.cli.app import App
from hcexport.cli.command import Option
from hcexport.cli.options import add_options
from hcexport.cli.reading_at_once import read_at_once
from hcexport.cli.selection import Selection
from hcexport.errors import HcexportError, NetworkError, NotFound, ProtocolError, ServerError, TimedOut
from hcexport.models import Report, ReportDetail, Result

T = TypeVar("T")

_FROM_THE_ROW = ("name", "state", "owner", "created_by", "start_time", "end_time")
_WORTH_A_NOTICE = 20  # reports, a request for each
_ASK_SERVER = "leave out --offline to ask the server"
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

    Raises what the client raises, with a hint at ``--offline`` where the server was not reached; NotFound when offline
    and none is kept.
    """
    if offline:
        return _require_kept(app, [detail.report for detail in app.history.latest()])
    try:
        reports = list(app.reports())
    except (NetworkError, TimedOut) as error:
        if app.history.ids():
            error.hint = "; ".join(filter(None, [error.hint, _KEPT]))
        raise
    app.history.refresh(reports)
    return reports


def select_reports(app: App, selection: Selection) -> list[Report]:
    """The selected reports, newest first, by the server's clock. Raises NotFound when there are none."""
    return selection.select(list_reports(app), app.session.server_now())


def read_kept(app: App, selection: Selection) -> list[ReportDetail]:
    """The selected of the reports kept on this machine, newest first. Raises NotFound, with a hint at the server."""
    kept = _require_kept(app, {detail.report.id: detail for detail in app.history.latest()})
    try:
        return [kept[report.id] for report in selection.select(detail.report for detail in kept.values())]
    except NotFound as error:
        error.hint = _ASK_SERVER
        raise


def _require_kept(app: App, kept: T) -> T:
    if kept:
        return kept
    raise NotFound(f"no report of {app.organization} is kept on this machine", hint=_ASK_SERVER)


def read_reports(app: App, rows: Sequence[Report]) -> list[ReportDetail]:
    """The reports in full, in the order given. Those that were read before are not asked for again."""
    known = app.history.ids() if rows else frozenset()
    details = {row.id: detail for row in rows if row.id in known and (detail := app.history.get(row.id))}
    unknown = {row.id: row for row in rows if row.id not in details}
    for run_id, found in _read_new(app, unknown):
        if isinstance(found, ReportDetail):
            details[run_id] = found
    return [_with_row(details[row.id], row) for row in rows]


def _read_new(
    app: App, rows: Mapping[str, Report | None], tolerated: tuple[type[HcexportError], ...] = ()
) -> Generator[tuple[str, ReportDetail | HcexportError], None, None]:
    """Read reports from the server and keep those that have ended, also where a failure or a signal ends it early."""
    is_long = len(rows) >= _WORTH_A_NOTICE
    if is_long:
        app.messages.notice(f"reading {len(rows)} reports; they are kept on this machine")
        app.progress.reports(0, len(rows))
    fresh: list[ReportDetail] = []
    try:
        for count, (run_id, found) in enumerate(read_at_once(app, list(rows), tolerated), 1):
            if isinstance(found, ReportDetail):
                fresh.append(_with_row(found, rows[run_id]))
            if is_long:
                app.progress.reports(count, len(rows))
            yield run_id, found
    finally:
        app.settle_progress()
        app.history.add(filter(_tells_whether_it_ended, fresh))  # all at once, because each step is a fsync


def _tells_whether_it_ended(detail: ReportDetail) -> bool:
    report = detail.report
    return bool(report.state or report.end_time) or report.result is not Result.UNKNOWN


def read_by_id(
    app: App, ids: Iterable[str], *, offline: bool = False
) -> tuple[list[ReportDetail], list[tuple[str, HcexportError]]]:
    """The reports with these ids in full, and the ids without a report, each with its error.

    The list is asked once for the present names of those that were read before. Where the list cannot be read, or does
    not have a report any more, the report is returned as it was read, with a warning.
    """
    ids = list(ids)
    details = {run_id: detail for run_id in ids if (detail := app.history.get(run_id))}
    unknown = [run_id for run_id in ids if run_id not in details]
    if offline:
        missing = {run_id: _not_kept(run_id) for run_id in unknown}
    else:
        details = _take_current_names(app, details) if details else {}
        missing = _add_from_server(app, unknown, details)
    return [details[each] for each in ids if each in details], [
        (each, missing[each]) for each in ids if each in missing
    ]


def _not_kept(run_id: str) -> HcexportError:
    return NotFound(f"report {run_id} is not kept on this machine", hint=_ASK_SERVER)


def _add_from_server(app: App, ids: Iterable[str], details: dict[str, ReportDetail]) -> dict[str, HcexportError]:
    """Ask for reports and add them to ``details``; return the errors of those that cannot be read.

    Raises the first error of a server that is not reached, because the others would wait for it just as long.
    """
    missing: dict[str, HcexportError] = {}
    with closing(_read_new(app, dict.fromkeys(ids), (NotFound, ServerError, NetworkError))) as answers:
        for run_id, found in answers:
            if isinstance(found, ReportDetail):
                details[run_id] = found
            elif isinstance(found, NetworkError) and not isinstance(found, ProtocolError) and not details:
                raise found
            else:
                missing[run_id] = found
    return missing


def require_reports(app: App, ids: Iterable[str], *, offline: bool = False) -> list[ReportDetail]:
    """The reports with these ids in full. Raises the error of the first that cannot be read."""
    details, missing = read_by_id(app, ids, offline=offline)
    if missing:
        raise missing[0][1]
    return details


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
