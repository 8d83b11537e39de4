"""What ``doctor`` prints: the checks, and whether a run would work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hcexport.output.fields import Field, Fields, NestedFields


@dataclass(frozen=True)
class CheckRow:
    """A check: what it found, what to type, and the seconds that it took."""

    name: str
    result: str
    found: str
    hint: str | None
    seconds: float


CHECK_FIELDS: Fields[CheckRow] = (
    Field("name", "CHECK", lambda check: check.name),
    Field("result", "RESULT", lambda check: check.result),
    Field("found", "FOUND", lambda check: check.found),
    Field("hint", "WHAT TO TYPE", lambda check: check.hint),
    Field("seconds", "SECONDS", lambda check: check.seconds, from_width=140),
)


_READY: Field[Sequence[CheckRow]] = Field("ready", "READY", lambda rows: all(row.result != "fail" for row in rows))
DIAGNOSIS: NestedFields[Sequence[CheckRow], CheckRow] = NestedFields(
    fields=(_READY,), name="checks", rows=lambda rows: rows, row_fields=CHECK_FIELDS, key=_READY
)
