"""Ids that were seen last, for completion. A cache: a file that cannot be read or written is no error."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import astuple, dataclass
from datetime import datetime
from hashlib import sha256
from heapq import nlargest
from pathlib import Path
from typing import Self

from hcexport.errors import ConfigError
from hcexport.files import read_private, write_private
from hcexport.models import Report
from hcexport.times import to_local

KEPT = 200  # more than anybody picks from with TAB


@dataclass(frozen=True)
class CachedId:
    """An id, words that describe it to a person, and its time in epoch seconds."""

    id: str
    text: str = ""
    time: float = 0.0

    @classmethod
    def describe(cls, id: str, time: datetime | None, *words: str | None) -> Self:  # noqa: A002 # an id is an id
        """Describe an id by its time in this machine's zone, and by words."""
        when = f"{to_local(time):%Y-%m-%d %H:%M}" if time else None
        return cls(id, ", ".join(filter(None, [when, *words])), time.timestamp() if time else 0.0)

    @classmethod
    def of_report(cls, report: Report) -> Self:
        """Describe a report by its time, name and result."""
        return cls.describe(report.id, report.start_time, report.name, report.result)


@dataclass(frozen=True)
class CompletionCache:
    """The ids of a ``kind`` (reports, jobs) that were seen last at an organization, in a file in ``folder``."""

    folder: Path
    organization: str
    kind: str

    @property
    def path(self) -> Path:
        """The file."""
        digest = sha256(f"{self.kind}\n{self.organization}".encode()).hexdigest()[:32]
        return self.folder / f"{self.kind}-{digest}.json"

    def read(self) -> list[CachedId]:
        """The ids that are kept, newest first."""
        try:
            rows = json.loads(read_private(self.path) or b"[]")
            return [CachedId(str(each), str(text), float(time)) for each, text, time in rows]
        except (ConfigError, ValueError, TypeError, RecursionError):
            return []

    def kept_at(self) -> float:
        """When the file was last written, in epoch seconds; 0 where there is no file."""
        with suppress(OSError):
            return self.path.stat().st_mtime
        return 0.0

    def keep(self, rows: Iterable[CachedId]) -> None:
        """Add ids that were seen now, and keep the newest of all."""
        merged = {row.id: row for row in (*self.read(), *rows)}
        newest = nlargest(KEPT, merged.values(), key=lambda row: row.time)
        with suppress(ConfigError):
            write_private(self.path, json.dumps([astuple(row) for row in newest]).encode())
