"""``hcexport run``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from hcexport.cli.app import App
from hcexport.cli.checking import Started, choose_suites, find_again, start_check, wait_for_report
from hcexport.cli.command import option
from hcexport.cli.exporting import export_reports
from hcexport.cli.judging import Judging, judging_options
from hcexport.cli.lock import lock_option, lock_organization
from hcexport.cli.options import app_command
from hcexport.cli.outcome import Outcome
from hcexport.cli.reading import read_reports
from hcexport.cli.report_files import Reporting, report_option
from hcexport.cli.saving import Saving, saved_outcome, saving_options
from hcexport.cli.waiting import resume_command, waiting_options
from hcexport.errors import HcexportError, Interrupted, UsageError
from hcexport.models import Report
from hcexport.output.records import STARTED_FIELDS, CheckRecord, ExportRecord, StartedCheck, check_fields


@app_command(
    "run",
    profiles=True,
    waits=True,
    formats=("text", "json", "nagios"),
    examples=["hcexport run --fail-on failed --out 'health-{date}.zip'", "hcexport run BSHC-001 --no-wait"],
)
@click.argument("suite", nargs=-1)
@option("--name", metavar="NAME", group="Check", help="Name of the report.  [hcexport, the time, four digits]")
@option("--no-wait", is_flag=True, group="Check", help="Print the job's id and exit; continue with --resume.")
@option("--resume", metavar="NAME", group="Check", help="Continue the check NAME that was started earlier.")
@waiting_options
@lock_option
@saving_options
@judging_options
@report_option
def command(
    app: App,
    *,
    suite: tuple[str, ...],
    name: str | None,
    no_wait: bool,
    resume: str | None,
    lock_wait: float,
    extract: Path | None,
    cleanup: bool,
    fail_on: str | None,
    max_age: float | None,
    report: tuple[str, ...],
) -> Outcome:
    """Run a health check and wait for its report.

    SUITE is an id or a name of a suite; without it, every suite that the server offers to users. Prints the report's
    id; with --out the report is exported and saved as well, and the path is printed. A check that is sent is never
    sent again: when its answer is lost, it is found by its name.
    """
    judging = Judging.plan(app, fail_on, max_age)
    if resume is not None and (suite or name is not None or no_wait):
        raise UsageError("--resume cannot be combined with SUITE, --name or --no-wait")
    if no_wait and (app.typed.get("out") or extract or cleanup or judging.is_asked or report):
        raise UsageError(
            "--no-wait cannot be combined with --out, --fail-on, --max-age or --report", hint="add them to --resume"
        )
    name, resume = _name(name, "--name"), _name(resume, "--resume")
    saving = None if no_wait else Saving.plan(app, extract, cleanup)
    Reporting.plan(app, report, judging)
    files = [word for file in report for word in ("--report", file)]
    further = [*(saving.options if saving else ()), *judging.options, *files]
    if not resume:  # two checks at once would disturb each other; to go on with a check disturbs nobody
        app.enter(lock_organization(app, lock_wait))
    started = find_again(app, resume) if resume else start_check(app, choose_suites(app, suite), name, further)
    if no_wait:
        return _not_waited_for(app, started)
    made = wait_for_report(app, started, further)
    judged = [*judging.options, *files]
    saved = _export(app, started, made, saving, judged) if saving else None
    return _conclude(app, started, made, saved, judging)


def _name(name: str | None, option: str) -> str | None:
    if name is not None and not name.strip():
        raise UsageError(f"{option} is empty", hint="leave it out for a name that no other report has")
    return name.strip() if name else None


def _not_waited_for(app: App, started: Started) -> Outcome:
    name = started.check.name
    app.messages.notice(f"go on with {resume_command(app, 'run', ['--resume', name])}")
    record = StartedCheck(started.job_id or None, name)
    return Outcome(STARTED_FIELDS, record, lines=[started.job_id] if started.job_id else [])


def _export(app: App, started: Started, report: Report, saving: Saving, judged: Sequence[str]) -> Outcome:
    """Export the report; what ends that before its time hints at the export, and then at the options ``judged``."""
    if kept := saving.existing():
        app.messages.notice(f"{kept} already exists; skipped")
        return saved_outcome(ExportRecord(path=kept))
    try:
        return export_reports(app, (report.id,), saving, wait=True)
    except (Interrupted, HcexportError) as error:
        if judged and error.hint:
            onward = resume_command(app, "run", ["--resume", started.check.name], judged, out=None, if_exists=None)
            error.hint += f"; then {onward}"
        raise


def _conclude(app: App, started: Started, report: Report, saved: Outcome | None, judging: Judging) -> Outcome:
    """Read the report and judge it; what was saved is printed also where the report cannot be read."""
    lines = [report.id] if saved is None else saved.lines
    onward = f"go on with {resume_command(app, 'run', ['--resume', started.check.name])}"
    try:
        (detail,) = read_reports(app, [report])
        verdict = judging.judge([detail])
    except HcexportError as error:
        error.hint = "; ".join(filter(None, [error.hint, onward]))
        return Outcome(lines=None if app.common.format == "json" else lines, error=error)
    if lines is None:  # standard output got the zip itself
        return Outcome(verdict=verdict, reports=lambda: [detail])
    record = CheckRecord(detail, started.job_id or None, saved.record if saved else None)
    fields = check_fields(judging.detail_fields(verdict), exported=saved is not None)
    return Outcome(fields, record, lines=lines, verdict=verdict, hint=onward, reports=lambda: [detail])
