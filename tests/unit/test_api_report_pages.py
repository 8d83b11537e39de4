"""The quick way to read a row of the list comes to what the thorough way comes to."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hcexport.api.report_pages import ReportPage, _read_documented_row
from hcexport.errors import ProtocolError
from hcexport.models import Report

DOCUMENTED: dict[str, Any] = {
    "id": "jv4zc4edle",
    "name": "Nightly check",
    "result": "passed",
    "state": "completed",
    "owner": "user",
    "createdBy": "administrator",
    "startTime": 1699148551031,
    "endTime": 1699148563298,
}
VALUES = st.one_of(
    st.sampled_from([0, -1, 10**17, 1.5, True, None, "", "..", "a/b", "FAILED", "pass", "1699148551031", [], {}]),
    st.sampled_from(["passed", "failed", "warning", "unknown", "well"]),
    st.integers(),
    st.text(max_size=8),
)


def read_thoroughly(row: dict[str, Any]) -> Report | None:
    try:
        return Report.from_json(row)
    except ProtocolError:
        return None


@given(
    st.dictionaries(st.sampled_from([*DOCUMENTED, "ID", "more"]), VALUES, max_size=3),
    st.sampled_from([*DOCUMENTED, ""]),
)
def test_both_ways_read_the_same(changes: dict[str, Any], missing: str) -> None:
    row = {key: value for key, value in {**DOCUMENTED, **changes}.items() if key != missing}
    quick, thorough = _read_documented_row(row), read_thoroughly(row)
    assert quick is None or (quick, repr(quick)) == (thorough, repr(thorough))
    page = [DOCUMENTED, row]
    expected = [report for report in map(read_thoroughly, page) if report]
    assert list(ReportPage.from_json({"runs": page}).reports) == expected


def test_a_documented_row_takes_the_quick_way() -> None:
    assert _read_documented_row(DOCUMENTED) is not None
    assert _read_documented_row({**DOCUMENTED, "endTime": 0}) == Report.from_json({**DOCUMENTED, "endTime": 0})
