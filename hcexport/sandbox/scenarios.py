"""What an administrator may want to rehearse: one row for each way to misbehave.

Ways to misbehave, as things that happen to an endpoint: each takes one and gives back another.
"""

from __future__ import annotations

import itertools
import json
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from hcexport.sandbox.context import Endpoint, RequestContext
from hcexport.sandbox.endpoints import admin, health, sharing
from hcexport.sandbox.http import Json, Response, page
from hcexport.sandbox.routes import ROUTES

FOREIGN = "http://arcgis-private-ingress.arcgis.svc.cluster.local/internal/"
ADMINISTRATION = tuple(route.endpoint for route in ROUTES if route.path.startswith("admin"))

Fault = Callable[[Endpoint], Endpoint]


def _stretch(call: RequestContext, answer: Json) -> Json:
    call.world.jobs.alter(answer["jobid"], seconds=20 * call.world.options.job_seconds)
    return answer


def _fail(call: RequestContext, answer: Json) -> Json:
    reason = {"message": "The reports could not be packaged: the object store is not available.", "details": []}
    call.world.jobs.alter(answer["jobid"], ending="FAILED", result=reason)
    return answer


def _forget_tokens(call: RequestContext, answer: Json) -> Json:
    call.world.tokens.clear()
    return answer


def _rehost(call: RequestContext, answer: Json) -> Json:
    body: Json = json.loads(json.dumps(answer).replace(call.url(""), FOREIGN))
    return body


def _bad_gateway(_call: RequestContext) -> Response:
    return page("502 Bad Gateway", "", 502)


def _login_page(_call: RequestContext) -> Response:
    return page("Sign In", "<form><input name='username'><input type='password' name='password'></form>")


def _hang_up(_call: RequestContext) -> Response:
    raise ConnectionAbortedError


def _queue_full(_call: RequestContext) -> Response:
    return refused(429, "Too Many Requests", 1)


def _damage(answer: Response) -> Iterable[bytes]:
    """Change one byte of the first member's data, which its CRC tells."""
    for number, chunk in enumerate(answer.chunks):
        if number == 0 and chunk.startswith(b"PK\x03\x04"):
            head = 30 + int.from_bytes(chunk[26:28], "little") + int.from_bytes(chunk[28:30], "little")
            yield chunk[: head + 20] + bytes([chunk[head + 20] ^ 0xFF]) + chunk[head + 21 :]
        else:
            yield chunk


@dataclass(frozen=True)
class Scenario:
    """One row: what it is, and what it does to which endpoints, made anew for each sandbox."""

    description: str
    faults: Callable[[], Mapping[Endpoint, Fault]]


ROWS = {
    "normal": Scenario("everything works", dict),
    "slow": Scenario(
        "exports take 20 times as long, answers half a second, and downloads drip",
        lambda: {health.export: changed(_stretch), admin.job: late(0.5), admin.download: dripping(20_000)},
    ),
    "failed": Scenario("every export ends FAILED", lambda: {health.export: changed(_fail)}),
    "flaky": Scenario(
        "every other poll meets an error, and a download is cut twice",
        lambda: {
            admin.job: in_turn(instead(_bad_gateway), served, instead(_login_page), served, instead(_hang_up), served),
            admin.download: in_turn(cut(0.3), cut(0.5), served),
        },
    ),
    "expired-token": Scenario(
        "every token ends as soon as an export is submitted", lambda: {health.export: changed(_forget_tokens)}
    ),
    "unavailable": Scenario(
        "503 with Retry-After for 3 seconds at first, and again after an export is submitted",
        lambda: dict.fromkeys(ADMINISTRATION, Outage(3, health.export)),
    ),
    "full-queue": Scenario(
        "429 with Retry-After twice before an export is accepted",
        lambda: {health.export: in_turn(instead(_queue_full), instead(_queue_full), served)},
    ),
    "foreign-urls": Scenario(
        "every URL in an answer names an internal host that must not be followed",
        lambda: dict.fromkeys((health.export, health.run, admin.job, sharing.info), changed(_rehost)),
    ),
    "corrupt-zip": Scenario("every download has a damaged byte", lambda: {admin.download: streamed(_damage)}),
}

SCENARIOS: Mapping[str, str] = MappingProxyType({name: row.description for name, row in ROWS.items()})


def faults(scenario: str) -> Mapping[Endpoint, Fault]:
    """Make what a scenario does to the endpoints; raises ValueError for one that is not known."""
    if scenario not in ROWS:
        raise ValueError(f"there is no scenario '{scenario}'; there are {', '.join(ROWS)}")
    return ROWS[scenario].faults()


def served(endpoint: Endpoint) -> Endpoint:
    """Do nothing to it."""
    return endpoint


def in_turn(*faults: Fault) -> Fault:
    """Do one thing to the first call, the next to the second, and so on round."""

    def fault(endpoint: Endpoint) -> Endpoint:
        turns, lock = itertools.cycle([one(endpoint) for one in faults]), threading.Lock()

        def twisted(call: RequestContext) -> Json | Response:
            with lock:
                turn = next(turns)
            return turn(call)

        return twisted

    return fault


def instead(answer: Endpoint) -> Fault:
    """Answer something else, and leave undone what was asked."""
    return lambda _endpoint: answer


def changed(change: Callable[[RequestContext, Json], Json]) -> Fault:
    """Change a JSON answer, or what it is about."""

    def fault(endpoint: Endpoint) -> Endpoint:
        def twisted(call: RequestContext) -> Json | Response:
            answer = endpoint(call)
            return answer if isinstance(answer, Response) else change(call, answer)

        return twisted

    return fault


def streamed(change: Callable[[Response], Iterable[bytes]]) -> Fault:
    """Change the body of a download, but not what its head says."""

    def fault(endpoint: Endpoint) -> Endpoint:
        def twisted(call: RequestContext) -> Json | Response:
            answer = endpoint(call)
            return replace(answer, chunks=change(answer)) if isinstance(answer, Response) else answer

        return twisted

    return fault


def late(seconds: float) -> Fault:
    """Take time to answer."""

    def fault(endpoint: Endpoint) -> Endpoint:
        def twisted(call: RequestContext) -> Json | Response:
            time.sleep(seconds)
            return endpoint(call)

        return twisted

    return fault


def refused(status: int, title: str, retry_after: int) -> Response:
    """Make the page of an ingress that asks to come back later."""
    answer = page(title, f"<p>Try again in {retry_after} s.</p>", status)
    return replace(answer, headers=(*answer.headers, ("Retry-After", str(retry_after))))


def cut(share: float) -> Fault:
    """Break the connection after a share of the body."""
    return streamed(lambda answer: _until(int(answer.length * share), answer.chunks))


def _until(length: int, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[:length]
        length -= len(chunk)
        if length <= 0:
            return


def dripping(bytes_a_second: int) -> Fault:
    """Send the body slowly, a tenth of a second's worth at a time."""
    return streamed(lambda answer: _drip(bytes_a_second // 10, answer.chunks))


def _drip(size: int, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            time.sleep(0.1)
            yield chunk[start : start + size]


class Outage:
    """Nothing is served for some seconds, from the first call on and again from each call of ``trigger`` on."""

    def __init__(self, seconds: float, trigger: Endpoint) -> None:
        self._seconds = seconds
        self._trigger = trigger
        self._ends: float | None = None

    def __call__(self, endpoint: Endpoint) -> Endpoint:
        """Put it over an endpoint."""

        def twisted(call: RequestContext) -> Json | Response:
            now = call.world.now()
            if self._ends is None:
                self._ends = now + self._seconds
            if now < self._ends:
                return refused(503, "Service Unavailable", math.ceil(self._ends - now))
            if endpoint is self._trigger:
                self._ends = now + self._seconds
            return endpoint(call)

        return twisted
