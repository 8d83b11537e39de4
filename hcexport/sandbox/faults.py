"""Faults: each takes an endpoint and gives back an endpoint that misbehaves. ``scenarios.py`` combines them.

A fault sees requests that passed the access check. Its state (turns, outages) lasts as long as the sandbox.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from hcexport.sandbox.context import Endpoint, RequestContext
from hcexport.sandbox.http import Json, Response, page

Fault = Callable[[Endpoint], Endpoint]


def normally(endpoint: Endpoint) -> Endpoint:
    """Change nothing."""
    return endpoint


def in_turn(*faults: Fault) -> Fault:
    """Apply the first fault to the first request, the next to the second, and begin again after the last."""

    def fault(endpoint: Endpoint) -> Endpoint:
        turns, lock = itertools.cycle([each(endpoint) for each in faults]), threading.Lock()

        def faulty(context: RequestContext) -> Json | Response:
            with lock:
                turn = next(turns)
            return turn(context)

        return faulty

    return fault


def instead(answer: Endpoint) -> Fault:
    """Answer something else, and do not do what was asked."""
    return lambda _endpoint: answer


def change_json(change: Callable[[RequestContext, Json], Json]) -> Fault:
    """Change a JSON answer, or the world that it is about."""

    def fault(endpoint: Endpoint) -> Endpoint:
        def faulty(context: RequestContext) -> Json | Response:
            answer = endpoint(context)
            return answer if isinstance(answer, Response) else change(context, answer)

        return faulty

    return fault


def change_job(**changes: Any) -> Fault:
    """Change how the job goes or ends that an operation submits; ``changes`` are fields of Job."""

    def change(context: RequestContext, answer: Json) -> Json:
        if "jobid" in answer:
            context.world.jobs.alter(answer["jobid"], **changes)
        return answer

    return change_json(change)


def change_body(change: Callable[[Response], Iterable[bytes]]) -> Fault:
    """Change the body of a download, and leave its headers as they are."""

    def fault(endpoint: Endpoint) -> Endpoint:
        def faulty(context: RequestContext) -> Json | Response:
            answer = endpoint(context)
            return replace(answer, chunks=change(answer)) if isinstance(answer, Response) else answer

        return faulty

    return fault


def late(seconds: float) -> Fault:
    """Wait before answering."""

    def fault(endpoint: Endpoint) -> Endpoint:
        def faulty(context: RequestContext) -> Json | Response:
            time.sleep(seconds)
            return endpoint(context)

        return faulty

    return fault


def lose_answer(endpoint: Endpoint) -> Endpoint:
    """Do what was asked, and close the connection without an answer."""

    def faulty(context: RequestContext) -> Json | Response:
        endpoint(context)
        raise ConnectionAbortedError

    return faulty


def block_large_bodies(limit: int) -> Fault:
    """Answer 403 in HTML, as a web application firewall does, to a request with more than ``limit`` bytes of body."""

    def fault(endpoint: Endpoint) -> Endpoint:
        def faulty(context: RequestContext) -> Json | Response:
            large = int(context.request.headers.get("Content-Length", "0")) > limit
            return page("403 Forbidden", "<p>Request blocked.</p>", 403) if large else endpoint(context)

        return faulty

    return fault


def retry_later(status: int, title: str, seconds: int) -> Response:
    """Make the page of an ingress that is busy, with ``Retry-After``."""
    answer = page(title, f"<p>Try again in {seconds} s.</p>", status)
    return replace(answer, headers=(*answer.headers, ("Retry-After", str(seconds))))


def cut(share: float) -> Fault:
    """Break the connection after a share of the body."""

    def keep_share(answer: Response) -> Iterator[bytes]:
        left = int(answer.length * share)
        for chunk in answer.chunks:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return

    return change_body(keep_share)


def slowly(bytes_a_second: int) -> Fault:
    """Send the body slowly: every tenth of a second a tenth of ``bytes_a_second``."""
    size = bytes_a_second // 10

    def delay_chunks(answer: Response) -> Iterator[bytes]:
        for chunk in answer.chunks:
            for start in range(0, len(chunk), size):
                time.sleep(0.1)
                yield chunk[start : start + size]

    return change_body(delay_chunks)


class Outage:
    """Answer 503 for some seconds, from the first request on and again after each request to a trigger."""

    def __init__(self, seconds: float, *triggers: Endpoint) -> None:
        self._seconds = seconds
        self._triggers = triggers
        self._ends: float | None = None

    def __call__(self, endpoint: Endpoint) -> Endpoint:
        """Apply the outage to an endpoint: it is over for all its endpoints at the same time."""

        def faulty(context: RequestContext) -> Json | Response:
            now = context.world.now()
            if self._ends is None:
                self._ends = now + self._seconds
            if now < self._ends:
                return retry_later(503, "Service Unavailable", math.ceil(self._ends - now))
            if endpoint in self._triggers:
                self._ends = now + self._seconds
            return endpoint(context)

        return faulty
