"""Submitting an export exactly once.

The server starts a job for every POST that reaches it, and in most ways to lose the answer it has done so. So the
intent is in the ledger before the POST and the job's id right after it; the POST is repeated only when it surely did
nothing; and when the answer is lost, the server's jobs are searched for the one it must have started.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hcexport.api.client import Client
from hcexport.errors import HcexportError, NetworkError, NotFound, OutcomeUnknown, TimedOut
from hcexport.models import Job
from hcexport.store.ledger import Ledger, LedgerEntry

SEARCHED_JOBS = 500  # one request each; a server with more of them is searched by a person
CLOCK_SLACK = timedelta(seconds=2)  # HTTP dates are whole seconds
_OPERATION = "/healthcheck/reports/export"


@dataclass(frozen=True)
class Origin:
    """Whose export it is, for the ledger and for the search."""

    organization: str
    username: str
    profile: str


def submit(
    client: Client, ledger: Ledger, origin: Origin, run_ids: Sequence[str], *, on_lost: Callable[[str], None]
) -> Job:
    """Submit an export of ``run_ids`` once, and return its job, which is in the ledger by then.

    ``on_lost`` hears that the answer was lost and is being looked for. Raises OutcomeUnknown when exactly one
    matching job cannot be found, and what the client raises when the server refused.
    """
    entry = ledger.intend(origin.organization, origin.username, run_ids, origin.profile)
    try:
        job = client.export_reports(run_ids)
    except (NetworkError, TimedOut) as error:
        if getattr(error, "unsent", False) or getattr(error, "refused", False):
            ledger.withdrawn(entry)
            raise
        on_lost(error.message)
        job = _find(client, ledger, entry, origin, error)
    except HcexportError:
        ledger.withdrawn(entry)
        raise
    ledger.submitted(entry, job.id)
    return job


def _find(client: Client, ledger: Ledger, entry: LedgerEntry, origin: Origin, lost: HcexportError) -> Job:
    """The one job on the server that the lost answer must have been about."""
    try:
        since = client.session.on_server(entry.intended) - CLOCK_SLACK
        found = _candidates(client, ledger, origin, since)
    except HcexportError as error:
        raise _unknown(f"{lost.message}; and the server's jobs cannot be read: {error.message}", entry) from None
    if len(found) != 1:
        raise _unknown(f"{lost.message}; {len(found) or 'none'} of the server's jobs could be it", entry)
    return found[0]


def _candidates(client: Client, ledger: Ledger, origin: Origin, since: datetime) -> list[Job]:
    username = origin.username or client.account().username  # a token from the environment says no name
    known = {entry.job_id for entry in ledger.entries(origin.organization)}
    fresh = [job_id for job_id in client.job_ids() if job_id not in known]
    if len(fresh) > SEARCHED_JOBS:
        raise OutcomeUnknown(f"there are {len(fresh)} of them")
    jobs = (_job_if_there(client, job_id) for job_id in fresh)
    return [job for job in jobs if job and _is_it(job, username, since)]


def _job_if_there(client: Client, job_id: str) -> Job | None:
    try:
        return client.job(job_id)
    except NotFound:
        return None


def _is_it(job: Job, username: str, since: datetime) -> bool:
    return is_export(job) and job.username == username and job.start_time is not None and job.start_time >= since


def is_export(job: Job) -> bool:
    """Whether a job of the server is an export of health check reports."""
    return job.operation_uri.lower().rstrip("/").endswith(_OPERATION)


def _unknown(message: str, entry: LedgerEntry) -> OutcomeUnknown:
    profile = ["--profile", entry.profile] if entry.profile else []
    look = shlex.join(["hcexport", "jobs", "--server", *profile])
    again = shlex.join(["hcexport", "export", "--run-ids", ",".join(entry.run_ids), *profile])
    return OutcomeUnknown(
        f"the export was sent, and what became of it is not known: {message}",
        hint=f"look for it with: {look}; if it is not there: {again}",
    )
