"""Read a page of ``healthCheck/reports/query``, as documented and as servers may differ from that.

``start`` of the query is undocumented, and everything above 1,000 reports depends on it. So ``total`` tells whether
rows are missing: a list that is too short must not be taken for the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from hcexport.api_json import Json, JsonFields
from hcexport.errors import ProtocolError
from hcexport.models import Report


@dataclass(frozen=True)
class ReportPage:
    """``next_start`` is 0 or less on the last page; ``without_id`` counts the rows that name no report."""

    reports: tuple[Report, ...]
    without_id: int
    next_start: int
    total: int | None

    @classmethod
    def from_json(cls, body: Json) -> ReportPage:
        """Read a page. Raises ProtocolError for an answer that is no list of reports."""
        read = JsonFields(body)
        rows, total = read.take("runs"), _whole_number(read.take("total"))
        if rows is None and total is not None:  # some serializers leave out a list that is empty
            rows = []
        if not isinstance(rows, list):
            raise ProtocolError("the server's answer has no list of 'runs'")
        found = [_read_row(row) for row in rows]
        reports = tuple(report for report in found if report)
        if found and not reports:
            raise ProtocolError("none of the reports that the server lists has a usable id")
        return cls(reports, len(found) - len(reports), _whole_number(read.take("nextstart")) or 0, total)


def _read_row(row: object) -> Report | None:
    try:
        return Report.from_json(row) if isinstance(row, dict) else None
    except ProtocolError:
        return None


def _whole_number(value: object) -> int | None:
    """A number that servers write as integer, as text, or with a fraction of zero."""
    try:
        return int(float(value)) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
