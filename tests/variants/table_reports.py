"""Variants of ``healthCheck/reports/query``: numbers, pages, keys, rows, times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .case import Variant
from .organization import HOUR, Answer, Call, Json, at_first, changed, documented, error, merged, say

ALL = ("list", "--all", "--format", "ids")
LATEST = ("export", "--latest", "1", "--out", "reports.zip")
EVERY = ("export", "--all", "--out", "reports.zip")


def _query(name: str, status: int, answer: Answer, **more: Any) -> Variant:
    return Variant("query", name, status, {"query": answer}, **{"argv": ALL, **more})


def _rows(change: Callable[[Json], Json]) -> Answer:
    return changed(lambda body, _: {**body, "runs": [change(dict(row)) for row in body["runs"]]})


def _times(write: Callable[[int], object]) -> Answer:
    return _rows(lambda row: {**row, "startTime": write(row["startTime"]), "endTime": write(row["endTime"])})


def _key(old: str, new: str) -> Answer:
    return _rows(lambda row: {**{key: value for key, value in row.items() if key != old}, new: row[old]})


def _next(write: Callable[[int], object]) -> Answer:
    return changed(lambda body, _: {**body, "nextStart": write(body["nextStart"])})


def _without(*keys: str) -> Answer:
    return changed(lambda body, _: {key: value for key, value in body.items() if key not in keys})


def _from(first: int) -> Answer:
    """Count ``start`` from another number than 1, or ignore it."""

    def answer(call: Call) -> None:
        rows = call.organization.rows
        start = int(call.parameters["start"]) - first
        end = start + call.organization.page
        following = end + first if end < len(rows) else -1
        say({"total": len(rows), "nextStart": following, "runs": rows[start:end]})(call)

    return answer


def _ignored(*, total: bool) -> Answer:
    def answer(call: Call) -> None:
        first = call.organization.rows[: call.organization.page]
        body = {"nextStart": int(call.parameters["start"]) + len(first), "runs": first}
        say({**body, **({"total": len(call.organization.rows)} if total else {})})(call)

    return answer


def _ids(count: int) -> tuple[str, ...]:
    return tuple(f"r{number}" for number in range(1, count + 1))


def _localized(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%b %d, %Y, %I:%M:%S %p}"


def _running(row: Json) -> Json:
    is_newest = row["id"] == "r3"
    return {**row, "state": "running", "endTime": 0, "result": None} if is_newest else row


def _shifted(call: Call) -> None:
    """Give pages that begin with the last row of the page before."""
    body = documented(call)
    back = 1 if body["nextStart"] > 0 and body["num"] > 1 else 0
    say({**body, "nextStart": body["nextStart"] - back})(call)


def _refuses(parameter: str, allowed: Callable[[str], bool]) -> Answer:
    def answer(call: Call) -> None:
        good = allowed(call.parameters.get(parameter, ""))
        (say(documented(call)) if good else error(400, f"Invalid parameter {parameter}."))(call)

    return answer


def _ahead(call: Call) -> None:
    """Answer with rows and a Date of 5 h from now: the newest report is an hour old by that clock."""
    now = datetime.now(UTC).timestamp() + 5 * 3600
    rows = [
        {**row, "startTime": int(now * 1000) - age * HOUR, "endTime": int(now * 1000) - age * HOUR + 1}
        for row, age in zip(call.organization.rows, (7, 4, 1), strict=True)
    ]
    date = datetime.fromtimestamp(now, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    say({"total": 3, "nextStart": -1, "runs": rows}, date=date)(call)


_PAGES = {"page": 3, "reports": 8, "says": ("r1", "r8")}
_LATEST: dict[str, Any] = {"argv": LATEST, "sends": ("r3",)}

REPORTS = (
    _query("as documented", 0, merged(), says=_ids(3)),
    _query("milliseconds as text", 0, _times(str), **_LATEST),
    _query("milliseconds as float", 0, _times(float), **_LATEST),
    _query("times in ISO 8601", 0, _times(lambda ms: datetime.fromtimestamp(ms / 1000, UTC).isoformat()), **_LATEST),
    _query("times in seconds", 0, _times(lambda ms: ms // 1000), **_LATEST),
    _query("localized times, all listed", 0, _times(_localized), says=_ids(3)),
    _query("localized times, --latest", 6, _times(_localized), argv=LATEST, says=("r",)),
    _query("localized times, --since", 6, _times(_localized), argv=("list", "--since", "30d")),
    _query("localized times, --until", 6, _times(_localized), argv=("list", "--until", "today")),
    _query("localized times, --run-ids", 0, _times(_localized), argv=("export", "--run-ids", "r1", "--out", "x.zip")),
    _query("no times", 0, _times(lambda _: None), says=_ids(3)),
    _query("nextStart -1", 0, merged(), **_PAGES),
    _query('nextStart "-1"', 0, _next(str), **_PAGES),
    _query("nextStart 4.0", 0, _next(float), **_PAGES),
    _query("nextStart 0 at the end", 0, _next(lambda number: max(number, 0)), **_PAGES),
    _query("nextStart null at the end", 0, _next(lambda number: None if number < 0 else number), **_PAGES),
    _query("nextStart in another case", 0, _without(), **_PAGES),
    _query(
        "nextstart",
        0,
        changed(lambda body, _: {key.lower(): value for key, value in body.items()}),
        **_PAGES,
    ),
    _query("nextStart missing, rows missing", 6, _without("nextStart"), page=3, reports=8),
    _query("nextStart null, rows missing", 6, _next(lambda _: None), page=3, reports=8),
    _query("nextStart missing, all rows there", 0, _without("nextStart"), says=_ids(3)),
    _query(
        "nextStart is start on an empty page",
        0,
        changed(
            lambda body, call: (
                {**body, "nextStart": body["start"] + len(body["runs"])}
                if body["runs"]
                else {**body, "nextStart": int(call.parameters["start"])}
            )
        ),
        **_PAGES,
    ),
    _query("the last page points to an empty one", 0, _next(lambda number: 9 if number < 0 else number), **_PAGES),
    _query("start counted from 0", 6, _from(0), page=3, reports=8),
    _query("start counted from 0, one report", 6, _from(0), reports=1),
    _query("start ignored, one page", 0, changed(lambda body, _: {**body, "start": 1}), says=_ids(3)),
    _query("start ignored, nextStart grows", 6, _ignored(total=True), page=3, reports=8),
    _query("start ignored, no total", 0, _ignored(total=False), page=3, reports=8, says=_ids(3)),
    _query("start refused", 6, _refuses("start", lambda text: not text), says=("start",)),
    _query("num capped in silence", 0, merged(), page=2, reports=7, says=("r1", "r7")),
    _query("num above the limit refused", 6, _refuses("num", lambda text: int(text) <= 100), says=("num",)),
    _query("runs []", 5, merged(), reports=0),
    _query("runs null, total 0", 5, changed(lambda body, _: {**body, "runs": None}), reports=0),
    _query("runs missing, total 0", 5, say({"total": 0})),
    _query("runs missing, total 3", 6, say({"total": 3})),
    _query("nothing at all", 6, say({})),
    _query("Runs", 0, changed(lambda body, _: {key.title(): value for key, value in body.items()}), says=_ids(3)),
    _query("runs an object", 6, say({"total": 1, "runs": {"id": "r1"}})),
    _query("total too small", 0, merged(total=1), says=_ids(3)),
    _query("total as text", 0, merged(total="3"), says=_ids(3)),
    _query("total -1", 0, merged(total=-1), says=_ids(3)),
    _query("id as ID", 0, _key("id", "ID"), says=_ids(3)),
    _query("id as runId", 0, _key("id", "runId"), says=_ids(3)),
    _query("id as reportId", 0, _key("id", "reportId"), says=_ids(3)),
    _query("no id anywhere", 6, _key("id", "guid")),
    _query(
        "a row without id",
        0,
        changed(lambda body, _: {**body, "runs": [*body["runs"], {"name": "x"}], "total": 4}),
        says=_ids(3),
    ),
    _query("keys in capitals", 0, _rows(lambda row: {key.upper(): value for key, value in row.items()}), **_LATEST),
    _query(
        "each row twice",
        0,
        changed(lambda body, _: {**body, "runs": [*body["runs"], *body["runs"]]}),
        argv=EVERY,
        sends=("r3", "r2", "r1"),
    ),
    _query("pages that overlap", 0, _shifted, page=3, reports=6, argv=EVERY, sends=tuple(reversed(_ids(6)))),
    _query("newest first", 0, changed(lambda body, _: {**body, "runs": body["runs"][::-1]}), **_LATEST),
    _query("a running report is listed", 0, _rows(_running), says=_ids(3)),
    _query("a running report, --latest", 0, _rows(_running), argv=LATEST, sends=("r2",), says=("r3",)),
    _query("a running report, --all", 0, _rows(_running), argv=EVERY, sends=("r2", "r1"), says=("r3",)),
    _query("only running reports", 5, _rows(lambda row: {**row, "state": "running", "endTime": 0}), argv=EVERY),
    _query("no state", 0, _rows(lambda row: {**row, "state": None}), **_LATEST),
    _query("result in capitals", 0, _rows(lambda row: {**row, "result": "FAILED"}), argv=(*ALL, "--result", "failed")),
    _query("result unknown", 0, _rows(lambda row: {**row, "result": "meh"}), argv=(*ALL, "--result", "unknown")),
    _query(
        "user in other case", 0, merged(), argv=("list", "--created-by", "ADMINistrator", "-F", "ids"), says=_ids(3)
    ),
    _query("name in other case", 0, merged(), argv=("list", "--name", "nightly*", "-F", "ids"), says=_ids(3)),
    _query("500 twice", 0, at_first(2, error(500)), says=_ids(3)),
    _query(
        "a server 5 h ahead, --since 2h", 0, _ahead, argv=("export", "--since", "2h", "--out", "x.zip"), sends=("r3",)
    ),
)
