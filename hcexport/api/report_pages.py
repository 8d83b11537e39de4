"""Read a page of ``healthCheck/reports/query``, as documented and as servers may differ from that.

``start`` of the query is undocumented, and everything above 1,000 reports depends on it. So ``total`` tells whether
rows are missing: a list that is too short must not be taken for the whole.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from operator import itemgetter
from sys import intern
from typing import NamedTuple

from hcexport.api_json import Json, JsonFields
from hcexport.errors import ProtocolError
from hcexport.models import Report, Result

_values = itemgetter("id", "name", "state", "owner", "createdBy", "result", "startTime", "endTime")
_KEYS = 8
_RESULTS = {result.value: result for result in Result}
_NOTHING: Json = {}  # shared by all documented rows, which have no further keys, and never changed
_COMMON_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


class ReportPage(NamedTuple):
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
    if not isinstance(row, dict):
        return None
    try:
        return _read_documented_row(row) or Report.from_json(row)
    except ProtocolError:
        return None


def _read_documented_row(row: Json) -> Report | None:
    """Read a row that has the documented keys, no others, and values of their types; None for another row.

    A list has up to 100,000 rows, and ``Report.from_json``, which reads these too, takes four times as long.
    """
    try:
        run_id, name, state, owner, created_by, word, start, end = _values(row)
        texts = {type(run_id), type(name), type(state), type(owner), type(created_by), type(word)}
        if len(row) != _KEYS or texts != {str} or type(start) is not int or type(end) is not int or start <= 0:
            return None
        if not _COMMON_ID.fullmatch(run_id):
            return None
        ended = datetime.fromtimestamp(end / 1000, UTC) if end > 0 else None
        started = datetime.fromtimestamp(start / 1000, UTC)
        few = intern(state), intern(owner), intern(created_by)  # the same words stand in every row
        return Report(run_id, name, _RESULTS[word], *few, started, ended, _NOTHING)
    except (KeyError, ValueError, OverflowError, OSError):
        return None


def _whole_number(value: object) -> int | None:
    """A number that servers write as integer, as text, or with a fraction of zero."""
    try:
        return int(float(value)) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
