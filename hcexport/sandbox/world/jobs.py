"""Asynchronous jobs: what they say follows from the clock alone, so nothing runs in the background.

Upload items: where the server leaves what an export made.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hcexport.sandbox.http import Json
from hcexport.sandbox.world.archive import Archive

SUBMITTED_SHARE = 0.2  # of its duration a job waits before it executes

CONTENT_TYPE = "application/octet-stream"


def _job_id() -> str:
    return f"j{uuid.uuid4()}"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job; ``started`` and ``seconds`` are in seconds. A ``URL`` in the result is a path until it is answered."""

    name: str
    operation: str  # path of the operation, from the context on
    username: str
    started: float
    seconds: float
    result: Json
    ending: str = "COMPLETED"
    id: str = field(default_factory=_job_id)
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def status(self, now: float) -> str:
        """Tell the state at a moment."""
        elapsed = now - self.started
        if elapsed >= self.seconds:
            return self.ending
        return "SUBMITTED" if elapsed < self.seconds * SUBMITTED_SHARE else "EXECUTING"

    def snapshot(self, now: float) -> Json:
        """Describe the job at a moment; ``result`` is there at its end only, and ``endtime`` is 0 until then."""
        ended = now >= self.started + self.seconds
        end = int((self.started + self.seconds) * 1000)
        begun = self.started if self.status(now) == "SUBMITTED" else self.started + self.seconds * SUBMITTED_SHARE
        return ({"result": self.result} if ended else {}) | {
            "updatedtime": end if ended else int(begun * 1000),
            "jobid": self.id,
            "resource": {"name": "healthCheck"},
            "requestID": self.request_id,
            "name": self.name,
            "endtime": end if ended else 0,
            "starttime": int(self.started * 1000),
            "operationURI": self.operation,
            "status": self.status(now),
            "username": self.username,
        }


class Jobs:
    """The jobs of an organization."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def add(self, job: Job) -> Job:
        """Submit a job."""
        with self._lock:
            self._jobs[job.id] = job
        return job

    def alter(self, job_id: str, **changes: Any) -> None:
        """Change how a job goes or ends: what scenarios do."""
        with self._lock:
            self._jobs[job_id] = replace(self._jobs[job_id], **changes)

    def ids(self) -> list[str]:
        """List the ids, newest first."""
        with self._lock:
            return list(reversed(self._jobs))

    def get(self, job_id: str) -> Job | None:
        """Find a job."""
        return self._jobs.get(job_id)

    def completed(self, job_id: str) -> bool:
        """Tell whether a job has reached its good end."""
        return self._jobs[job_id].status(self._clock()) == "COMPLETED"


@dataclass(frozen=True)
class Item:
    """An upload item; ``date`` is in epoch milliseconds."""

    name: str
    date: int
    archive: Archive
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def resource(self) -> Json:
        """Describe the item with the documented keys."""
        return {
            "itemID": self.id,
            "description": "",
            "itemName": self.name,
            "date": self.date,
            "committed": True,
            "contentType": CONTENT_TYPE,
        }


class Uploads:
    """The upload items of an organization; one is there once the job that makes it has completed."""

    def __init__(self, completed: Callable[[str], bool]) -> None:
        self._completed = completed
        self._kept: dict[str, tuple[Item, str]] = {}
        self._lock = threading.Lock()

    def add(self, item: Item, job_id: str) -> None:
        """Keep what a job will leave."""
        with self._lock:
            self._kept[item.id] = item, job_id

    def all(self) -> list[Item]:
        """List the items that are there."""
        with self._lock:
            return [item for item, job_id in self._kept.values() if self._completed(job_id)]

    def get(self, item_id: str) -> Item | None:
        """Find an item that is there."""
        return next((item for item in self.all() if item.id == item_id), None)

    def delete(self, item_id: str) -> None:
        """Remove an item."""
        with self._lock:
            self._kept.pop(item_id, None)
