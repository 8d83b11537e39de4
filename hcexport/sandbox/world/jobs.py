"""Asynchronous jobs: what they say follows from the clock alone, so nothing runs in the background."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hcexport.sandbox.wire import Json

SUBMITTED_SHARE = 0.2  # of its duration a job waits before it executes


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
