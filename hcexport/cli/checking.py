"""Running a health check, as ``run`` does it: which suites, starting it once, finding it again, waiting for it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hcexport.cli.app import App
from hcexport.cli.exporting import make_submitter
from hcexport.cli.reading import list_reports
from hcexport.cli.waiting import resume_command, wait_for
from hcexport.errors import HcexportError, Interrupted, JobFailed, NotFound, OutcomeUnknown, UsageError
from hcexport.health.results import has_ended
from hcexport.models import Report, Suite
from hcexport.transfer.check import Check, CheckWatch, check_of
from hcexport.transfer.submit import submit

_JOB_LEAD = timedelta(seconds=0.5)  # a report may be there a moment before its job


@dataclass(frozen=True)
class Started:
    """A check that was started; ``job_id`` is empty where its job is not known."""

    check: Check
    job_id: str


def choose_suites(app: App, wanted: Sequence[str]) -> list[Suite]:
    """The suites with these ids or names, all that are offered to users without any. Raises NotFound."""
    offered = [suite for suite in app.client.suites() if suite.id and not suite.system_only]
    known = ", ".join(f"{suite.id} ({suite.name})" if suite.name else suite.id for suite in offered)
    if not offered:
        raise NotFound("the server offers no health check suites")
    words = [part for word in wanted for part in ([word] if _find(offered, word) else word.split(","))]
    chosen: dict[str, Suite] = {}
    for word in words:
        suite = _find(offered, word)
        if suite is None:
            raise NotFound(f"no suite named {word.strip()!r}", hint=f"suites: {known}")
        chosen[suite.id] = suite
    return list(chosen.values()) or offered


def _find(suites: Sequence[Suite], word: str) -> Suite | None:
    name = word.strip().casefold()
    return next((suite for suite in suites if name in {suite.id.casefold(), suite.name.casefold()} - {""}), None)


def default_name() -> str:
    """A name that no other report has: ``hcexport 2026-11-24T03:00:00Z 3f9a``."""
    return f"hcexport {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {secrets.token_hex(2)}"


def start_check(app: App, suites: Sequence[Suite], name: str | None, further: Sequence[str]) -> Started:
    """Start a check once, under ``name`` or a new name. ``further`` are options for the command to go on with."""
    # Other reports may have the name that was typed: those that are there already are not of this check.
    others = (
        frozenset(report.id for report in list_reports(app) if report.name.strip() == name) if name else frozenset()
    )
    title = name or default_name()
    check = Check(title, _username(app), app.session.server_now(), others)
    try:
        submitted = submit(
            app.client,
            app.ledger,
            make_submitter(app, check.username),
            check_of([suite.id for suite in suites], check),
            on_lost=app.messages.trouble,
        )
    except Interrupted as end:
        end.hint = end.hint or f"it may have been started; look for it with {_resume(app, title, further)}"
        raise
    job = f", job {submitted.job.id}" if submitted.job.id else ""
    app.messages.notice(f"check {title!r} started{job}")
    return Started(check, submitted.job.id)


def find_again(app: App, name: str) -> Started:
    """Find a check that was started earlier, from here by the ledger or elsewhere by the server's list.

    Raises NotFound where neither knows the name, and OutcomeUnknown for a check of which nobody knows whether it was
    started.
    """
    entry = app.ledger.find_run(app.organization.url, name)
    reports = list_reports(app)
    if entry is None:
        return _find_elsewhere(name, reports)
    since = entry.intended + (app.session.server_now() - datetime.now(UTC))
    if entry.job_id:
        with suppress(HcexportError, OverflowError):  # the job's own start is exact, if it is there and makes sense
            start = app.client.job(entry.job_id).start_time
            since = start - _JOB_LEAD if start else since
    check = Check(name, entry.username or _username(app), since)
    if not entry.job_id:
        if check.find(reports) is None:
            raise OutcomeUnknown(
                f"the check {name!r} was submitted, and the server has no report with that name",
                hint="try again later, or start another check: hcexport run",
            )
        # The check has started, as which job is not known: an open intent would leave other submits in doubt.
        app.ledger.note_adopted(entry, "")
    return Started(check, entry.job_id or "")


def _find_elsewhere(name: str, reports: Sequence[Report]) -> Started:
    found = Check(name).all(reports)
    if not found:
        raise NotFound(f"no check named {name!r}, neither started from here nor on the server")
    if len(found) > 1:  # nobody knows which is meant, unless a single check is under way
        found = [report for report in found if not has_ended(report)]
    if len(found) != 1:
        raise UsageError(
            f"several reports are named {name!r}", hint="find the id: hcexport list; then: hcexport show ID"
        )
    return Started(Check(name, found[0].created_by, found[0].start_time), "")


def wait_for_report(app: App, started: Started, further: Sequence[str]) -> Report:
    """Wait until the check's report has ended, and return its row. Raises JobFailed for a job that FAILED."""
    name = started.check.name
    with _with_resume_hint(app, name, further):
        watch = CheckWatch(
            app.client,
            started.check,
            lambda job: app.messages.notice(
                f"job {job.id} is {job.status}, its report is not there yet; still waiting"
            ),
        )
        job = wait_for(app, started.job_id, jobs=watch)
        if watch.report is not None and job.succeeded:
            return watch.report
        reason = f": {job.failure}" if job.failure else "; the server gave no reason"
        raise JobFailed(
            f"the check {name!r}, job {job.id}, ended {job.status}{reason}",
            hint="check the server's logs, then run another",
        )


@contextmanager
def _with_resume_hint(app: App, name: str, further: Sequence[str]) -> Iterator[None]:
    """Add the command to go on with to whatever ends the wait early."""
    onward = f"go on with {_resume(app, name, further)}"
    try:
        yield
    except (Interrupted, HcexportError) as error:
        if error.way_on == "wait":
            error.hint = f"{error.hint}; then {onward}" if error.hint else onward
        raise
    except Exception as error:
        error.add_note(onward)  # the boundary hints at notes
        raise


def _resume(app: App, name: str, further: Sequence[str]) -> str:
    return resume_command(app, "run", ["--resume", name], further)


def _username(app: App) -> str:
    """The user who runs the check: whose token it is, else who is configured; empty where neither is known."""
    with suppress(HcexportError):
        if username := app.client.account().username:
            return username
    return app.settings.username.value or ""
