"""Delete reports on the server: in batches, each sent once; the list of reports then shows which are deleted.

The answer proves little: the documented answer is not valid JSON, and a lost answer says nothing. So after an answer
that is not a plain yes the list decides, and a batch that is not gone is not sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hcexport.api.client import Client
from hcexport.errors import HcexportError, NetworkError, OutcomeUnknown, Partial, TimedOut

BATCH = 50
_LOOK = "hcexport list --all"


@dataclass(frozen=True)
class Deletion:
    """What is gone, what is left, and the error that ended it, None where everything is gone."""

    gone: tuple[str, ...]
    left: tuple[str, ...] = ()
    error: HcexportError | None = None


def delete_reports(client: Client, run_ids: Sequence[str], *, on_lost: Callable[[str], None]) -> Deletion:
    """Delete reports for good. ``on_lost`` is told why an answer proves nothing.

    Raises the refusal of a server that deleted nothing, and OutcomeUnknown where nobody knows what is gone.
    """
    sent: list[str] = []
    failure: HcexportError | None = None
    for start in range(0, len(run_ids), BATCH):
        batch = run_ids[start : start + BATCH]
        sent += batch
        try:
            client.delete_reports(batch)
        except HcexportError as error:
            failure = error
            if _did_nothing(error):
                break
            on_lost(error.message)
            if _remaining(client, batch, lost=error):
                break
            failure = None
    return _conclude(client, run_ids, sent, failure)


def _conclude(client: Client, run_ids: Sequence[str], sent: Sequence[str], failure: HcexportError | None) -> Deletion:
    if failure and _did_nothing(failure) and len(sent) <= BATCH:
        raise failure
    there = _remaining(client, run_ids, lost=failure)
    left = tuple(run_id for run_id in run_ids if run_id in there)
    gone = tuple(run_id for run_id in run_ids if run_id not in there)
    if not left:
        return Deletion(gone)
    why = failure.message if failure else "the server kept them"
    if gone:
        error: HcexportError = Partial(f"{len(left)} of {len(run_ids)} reports are left: {why}", hint=_LOOK)
        return Deletion(gone, left, error)
    if failure and not _is_lost(failure):
        raise failure
    raise OutcomeUnknown(f"the reports were sent for deletion and are still listed: {why}", hint=f"look again: {_LOOK}")


def _remaining(client: Client, run_ids: Sequence[str], *, lost: HcexportError | None) -> set[str]:
    """Those of the reports that the list still has. Without a list nobody knows what became of a lost answer."""
    try:
        return {report.id for page in client.query_reports() for report in page} & set(run_ids)
    except HcexportError as error:
        why = f"{lost.message}; and " if lost else ""
        raise OutcomeUnknown(
            f"it is not known which reports are gone: {why}the list cannot be read: {error.message}",
            hint=f"find out: {_LOOK}",
        ) from None


def _did_nothing(error: HcexportError) -> bool:
    """Whether the server surely deleted nothing for the request."""
    if isinstance(error, TimedOut):
        return error.unsent
    return error.unsent or error.refused if isinstance(error, NetworkError) else True


def _is_lost(error: HcexportError) -> bool:
    """Whether there is no answer of the API's own."""
    is_silent = isinstance(error, TimedOut) or (isinstance(error, NetworkError) and not error.by_api)
    return is_silent and not _did_nothing(error) and getattr(error, "retry_after_s", None) is None
