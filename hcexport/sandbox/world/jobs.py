"""Asynchronous jobs, and the upload items that exports make.

The state of both follows from the clock alone: nothing runs in the background.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from hcexport.sandbox.http import Json
from hcexport.sandbox.world.archive import Archive

SUBMITTED_SHARE = 0.2  # of its duration, in which a job waits before it executes
SIGNED_SECONDS = 300
CONTENT_TYPE = "application/octet-stream"


def _job_id() -> str:
    return f"j{uuid.uuid4()}"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job; times are seconds. A ``URL`` in the result is a path, which the endpoint makes a URL of."""

    name: str
    operation: str  # path of the operation, from the context on
    username: str
    started: float
    seconds: float
    result: Json | None  # None for a job without a result
    makes: str  # id of the report or upload item
    ending: str = "COMPLETED"
    result_delay: float = 0.0  # between the end of the job and its result
    id: str = field(default_factory=_job_id)
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def status(self, now: float) -> str:
        """Return the status at a moment."""
        elapsed = now - self.started
        if elapsed >= self.seconds:
            return self.ending
        return "SUBMITTED" if elapsed < self.seconds * SUBMITTED_SHARE else "EXECUTING"

    def has_result(self, now: float) -> bool:
        """Tell whether the job says its result at a moment."""
        return self.result is not None and now >= self.started + self.seconds + self.result_delay

    def snapshot(self, now: float) -> Json:
        """Describe the job at a moment; until its end it has no ``result``, and its ``endtime`` is 0."""
        ended = now >= self.started + self.seconds
        end = int((self.started + self.seconds) * 1000)
        begun = self.started if self.status(now) == "SUBMITTED" else self.started + self.seconds * SUBMITTED_SHARE
        return ({"result": self.result} if self.has_result(now) else {}) | {
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

    def alter(self, job_id: str, **changes: Any) -> Job:
        """Change how a job goes or ends, as scenarios do."""
        with self._lock:
            self._jobs[job_id] = replace(self._jobs[job_id], **changes)
            return self._jobs[job_id]

    def ids(self) -> list[str]:
        """List the ids, newest first."""
        with self._lock:
            return list(reversed(self._jobs))

    def get(self, job_id: str) -> Job | None:
        """Find a job."""
        return self._jobs.get(job_id)

    def is_result_known(self, job_id: str) -> bool:
        """Tell whether a job is COMPLETED and says its result."""
        job, now = self._jobs[job_id], self._clock()
        return job.status(now) == "COMPLETED" and job.has_result(now)


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
    """The upload items of an organization; an item is there once its job names it."""

    def __init__(self, is_result_known: Callable[[str], bool]) -> None:
        self._is_result_known = is_result_known
        self._items: dict[str, tuple[Item, str]] = {}
        self._lock = threading.Lock()

    def add(self, item: Item, job_id: str) -> None:
        """Add the item that a job makes."""
        with self._lock:
            self._items[item.id] = item, job_id

    def all(self) -> list[Item]:
        """List the items that are there."""
        with self._lock:
            return [item for item, job_id in self._items.values() if self._is_result_known(job_id)]

    def get(self, item_id: str) -> Item | None:
        """Find an item that is there."""
        return next((item for item in self.all() if item.id == item_id), None)

    def delete(self, item_id: str) -> None:
        """Remove an item."""
        with self._lock:
            self._items.pop(item_id, None)


class SignedUrls:
    """The signed URLs of an object store: whoever has the URL may download the item for some minutes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.origin = ""  # scheme, host and port of the store; known once it listens
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def make(self, item_id: str) -> str:
        """Make the signed URL of an item."""
        expires = str(int(self._clock()) + SIGNED_SECONDS)
        query = urlencode({"Expires": expires, "Signature": self._sign(item_id, expires)})
        return f"{self.origin}/uploads/{item_id}?{query}"

    def item_id(self, path: str, query: Mapping[str, str]) -> str | None:
        """Return the item of a signed URL; None if the signature is wrong or the time is over."""
        item_id, expires = path.removeprefix("/uploads/"), query.get("Expires", "")
        right = hmac.compare_digest(query.get("Signature", "").encode(), self._sign(item_id, expires).encode())
        return item_id if right and int(expires) > self._clock() else None

    def _sign(self, item_id: str, expires: str) -> str:
        return hmac.new(self._key, f"{item_id} {expires}".encode(), hashlib.sha256).hexdigest()
