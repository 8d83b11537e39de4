"""Submitting an export, as ``export`` and ``run`` do it, and what follows a submitted export: waiting, saving."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hcexport.cli.app import App
from hcexport.cli.outcome import Outcome
from hcexport.cli.saving import Saving, saved_outcome
from hcexport.cli.waiting import job_outcome, require_item, require_success, resume_command, wait_for, with_resume_hint
from hcexport.errors import Interrupted
from hcexport.transfer.submit import Operation, Submitted, Submitter, export_of, submit


def export_reports(
    app: App,
    ids: tuple[str, ...],
    saving: Saving | None,
    *,
    wait: bool,
    under_way: Submitted | None = None,
    needs_ledger: bool = False,
) -> Outcome:
    """Submit, unless an export of these reports is under way; wait and save as is asked for.

    ``needs_ledger`` is that of Operation. The outcome's record is an ExportRecord.
    """
    with with_lookup_hint("export"):
        further = saving.options if saving else ["--wait"] if wait else []
        operation = _export_of(app, ids, further)._replace(needs_ledger=needs_ledger)
        submitted = under_way or submit(
            app.client, app.ledger, make_submitter(app), operation, on_lost=app.messages.trouble
        )
        job = submitted.job
        further = saving.options if saving else []
        with with_resume_hint(app, job.id, further=further):
            app.messages.notice(f"job {job.id} {'is under way' if under_way else 'submitted'} ({count_reports(ids)})")
            if saving:
                saving.load()
                app.messages.info(f"saving to {saving.place}")
            elif not wait and not app.label and app.printer.is_terminal:
                app.messages.notice(f"hint: {resume_command(app, 'wait', [job.id, '--out', 'FILE'])}")
            if wait or saving:
                job = wait_for(app, job.id, reports=len(ids), is_new=under_way is None)
                require_success(job)
                require_item(app, job)
            if saving:
                record = saving.save(job, ids, adopted=submitted.adopted)
                return saved_outcome(record, hint=f"go on with {resume_command(app, 'wait', [job.id], further)}")
            return job_outcome(app, job, ids, adopted=submitted.adopted)


def make_submitter(app: App, username: str = "") -> Submitter:
    """The user who submits, by default that of the settings."""
    return Submitter(app.organization.url, username or app.settings.username.value or "", app.settings.profile.value)


def _export_of(app: App, ids: Sequence[str], further: Sequence[str]) -> Operation:
    """Make the operation that exports reports, and that is submitted again with the options that were typed."""
    operation = export_of(ids)
    words = shlex.split(resume_command(app, "export", operation.command[2:], further))
    return operation._replace(command=tuple(words))


@contextmanager
def with_lookup_hint(what: str) -> Iterator[None]:
    """Hint how to find the job when a signal comes before its id is known here, because the server may have it."""
    try:
        yield
    except Interrupted as end:
        end.hint = end.hint or f"the {what} may have been sent; look for it with hcexport jobs --server"
        raise


def count_reports(ids: Sequence[str]) -> str:
    """``3 reports``."""
    return f"{len(ids)} report{'s' * (len(ids) > 1)}"
