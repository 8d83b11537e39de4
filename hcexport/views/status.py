"""How ``status`` and ``config list`` look: every value with where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hcexport.views.fields import Field, Fields, Nested, Value
from hcexport.views.quantities import duration


@dataclass(frozen=True)
class Row:
    """One value and its origin."""

    name: str
    value: Value
    origin: str


ROW_FIELDS: Fields[Row] = (
    Field("name", "NAME", lambda row: row.name),
    Field("value", "VALUE", lambda row: row.value),
    Field("origin", "FROM", lambda row: row.origin),
)


@dataclass(frozen=True)
class Status:
    """Who is signed in, where, until when; ``privileges`` are the two that matter, None where they cannot be told."""

    profile: str
    url: str
    release: str
    username: str
    role: str
    token_origin: str
    token_expires: datetime | None
    token_remaining_s: float | None
    privileges: Mapping[str, bool | None]
    settings: tuple[Row, ...]

    def rows(self) -> list[Row]:
        """The same as lines for people and for ``cut``."""
        said = {True: "yes", False: "no", None: "not known"}
        server = "the server"
        left = None if self.token_remaining_s is None else duration(self.token_remaining_s)
        return [
            Row("release", self.release, server),
            Row("account", self.username, server),
            Row("role", self.role, server),
            *(Row(f"may_{name}", said[may], server) for name, may in self.privileges.items()),
            Row("token_expires", self.token_expires, self.token_origin),
            Row("token_remaining", left, self.token_origin),
            *self.settings,
        ]


def _value(name: str) -> Any:
    return lambda status: getattr(status, name)


STATUS: Nested[Status, Row] = Nested(
    fields=(
        *(Field(name, name.upper(), _value(name)) for name in ("profile", "url", "release", "username", "role")),
        Field("token_origin", "TOKEN FROM", lambda status: status.token_origin),
        Field("token_expires", "TOKEN ENDS", lambda status: status.token_expires),
        Field("token_remaining_seconds", "TOKEN LEFT", lambda status: status.token_remaining_s),
        Field("privileges", "PRIVILEGES", lambda status: status.privileges),
    ),
    name="settings",
    rows=lambda status: status.settings,
    row_fields=ROW_FIELDS,
    key=Field("profile", "PROFILE", lambda status: status.profile),
)
