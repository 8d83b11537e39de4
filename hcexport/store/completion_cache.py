"""Ids that were seen last, for completion: a cache, so whatever is wrong with it counts as empty and is no error."""

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
    """An id, words to know it by, and when it came to be, in epoch seconds."""

    id: str
    text: str = ""
    time: float = 0.0

    @classmethod
    def described(cls, id: str, time: datetime | None, *words: str | None) -> Self:  # noqa: A002 # an id is an id
        """Made of what people know it by: its time in this machine's zone, and words."""
        when = f"{to_local(time):%Y-%m-%d %H:%M}" if time else None
        return cls(id, ", ".join(filter(None, [when, *words])), time.timestamp() if time else 0.0)

    @classmethod
    def of_report(cls, report: Report) -> Self:
        """A report by its time, name and result."""
        return cls.described(report.id, report.start_time, report.name, report.result)


@dataclass(frozen=True)
class CompletionCache:
    """The ids of one ``kind`` that were seen last at one organization; ``folder`` is the cache's."""

    folder: Path
    organization: str
    kind: str

    @property
    def path(self) -> Path:
        """Its file."""
        digest = sha256(f"{self.kind}\n{self.organization}".encode()).hexdigest()[:32]
        return self.folder / f"{self.kind}-{digest}.json"

    def seen(self) -> list[CachedId]:
        """What is kept, newest first."""
        try:
            rows = json.loads(read_private(self.path) or b"[]")
            return [CachedId(str(one), str(text), float(time)) for one, text, time in rows]
        except (ConfigError, ValueError, TypeError, RecursionError):
            return []

    def kept_at(self) -> float:
        """When it was last written, in epoch seconds."""
        with suppress(OSError):
            return self.path.stat().st_mtime
        return 0.0

    def keep(self, rows: Iterable[CachedId]) -> None:
        """Add what was seen now; the newest stay."""
        merged = {one.id: one for one in (*self.seen(), *rows)}
        newest = nlargest(KEPT, merged.values(), key=lambda one: one.time)
        with suppress(ConfigError):
            write_private(self.path, json.dumps([astuple(one) for one in newest]).encode())
