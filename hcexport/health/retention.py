"""Which reports may be deleted, and why the others stay. Pure: what was read and what was saved are given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hcexport.health.results import badness, has_ended
from hcexport.models import Report, ReportDetail

NOT_KEPT = "cannot be read in full, or not kept on this machine"
NO_SUITE = ""  # stands for the suite of a report that names none


@dataclass(frozen=True)
class Decision:
    """What becomes of a report: it is deleted, or it stays for a reason."""

    report: Report
    reason: str = ""

    @property
    def action(self) -> str:
        """``delete`` or ``stay``."""
        return "stay" if self.reason else "delete"


def suites_of(detail: ReportDetail) -> frozenset[str]:
    """The suites of a report, by id, else by name."""
    return frozenset((suite.id or suite.name).casefold() for suite in detail.suites) or frozenset([NO_SUITE])


def newest_of_suites(
    ended: Iterable[Report], read: Callable[[Report], ReportDetail | None], wanted: Collection[str]
) -> frozenset[str]:
    """The ids of the reports that are the newest of a wanted suite; ``ended`` are all that have ended, newest first.

    A report that cannot be read (None) counts for no suite, so that an older report stays in its place. ``read`` is
    called until a report of every wanted suite was met.
    """
    missing, newest = set(wanted), set()
    for report in ended:
        if not missing:
            break
        detail = read(report)
        if detail and (met := missing & suites_of(detail)):
            newest.add(report.id)
            missing -= met
    return frozenset(newest)


def plan_deletion(
    chosen: Sequence[Report],
    details: Mapping[str, ReportDetail],
    *,
    newest: Collection[str],
    saved: Collection[str],
    unsaved: bool = False,
    failed_too: bool = False,
) -> list[Decision]:
    """Decide for each report; ``details`` are those that were read in full and are kept on this machine, by id.

    A report without details stays for the reason ``NOT_KEPT`` if nothing else keeps it.
    """

    def reason(report: Report) -> str:
        if not has_ended(report):
            return "has not ended"
        if report.has_unreadable_start or not (report.start_time or report.end_time):
            return "its age is not known"
        if report.id in newest:
            return "newest of its suite"
        detail = details.get(report.id)
        if not failed_too and not _has_passed(report, detail):
            return "did not pass (--failed-too)"
        if not unsaved and report.id not in saved:
            return "not saved from here (--unsaved)"
        return "" if detail else NOT_KEPT

    return [Decision(report, reason(report)) for report in chosen]


def _has_passed(report: Report, detail: ReportDetail | None) -> bool:
    results = [report.result]
    if detail:
        results += [detail.report.result, *(test.result for test in detail.tests)]
    return not any(badness(result) for result in results)
