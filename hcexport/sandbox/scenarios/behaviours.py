"""Ways to misbehave, as things that happen to an endpoint: each takes one and gives back another."""

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from hcexport.sandbox.call import Call, Endpoint
from hcexport.sandbox.pages import page
from hcexport.sandbox.wire import Json, Response

Twist = Callable[[Endpoint], Endpoint]


def served(endpoint: Endpoint) -> Endpoint:
    """Do nothing to it."""
    return endpoint


def in_turn(*twists: Twist) -> Twist:
    """Do one thing to the first call, the next to the second, and so on round."""

    def twist(endpoint: Endpoint) -> Endpoint:
        turns, lock = itertools.cycle([one(endpoint) for one in twists]), threading.Lock()

        def twisted(call: Call) -> Json | Response:
            with lock:
                turn = next(turns)
            return turn(call)

        return twisted

    return twist


def instead(answer: Endpoint) -> Twist:
    """Answer something else, and leave undone what was asked."""
    return lambda _endpoint: answer


def changed(change: Callable[[Call, Json], Json]) -> Twist:
    """Change a JSON answer, or what it is about."""

    def twist(endpoint: Endpoint) -> Endpoint:
        def twisted(call: Call) -> Json | Response:
            answer = endpoint(call)
            return answer if isinstance(answer, Response) else change(call, answer)

        return twisted

    return twist


def streamed(change: Callable[[Response], Iterable[bytes]]) -> Twist:
    """Change the body of a download, but not what its head says."""

    def twist(endpoint: Endpoint) -> Endpoint:
        def twisted(call: Call) -> Json | Response:
            answer = endpoint(call)
            return replace(answer, chunks=change(answer)) if isinstance(answer, Response) else answer

        return twisted

    return twist


def late(seconds: float) -> Twist:
    """Take time to answer."""

    def twist(endpoint: Endpoint) -> Endpoint:
        def twisted(call: Call) -> Json | Response:
            time.sleep(seconds)
            return endpoint(call)

        return twisted

    return twist


def refused(status: int, title: str, retry_after: int) -> Response:
    """Make the page of an ingress that asks to come back later."""
    answer = page(title, f"<p>Try again in {retry_after} s.</p>", status)
    return replace(answer, headers=(*answer.headers, ("Retry-After", str(retry_after))))


def cut(share: float) -> Twist:
    """Break the connection after a share of the body."""
    return streamed(lambda answer: _until(int(answer.length * share), answer.chunks))


def _until(length: int, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[:length]
        length -= len(chunk)
        if length <= 0:
            return


def dripping(bytes_a_second: int) -> Twist:
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

        def twisted(call: Call) -> Json | Response:
            now = call.world.now()
            if self._ends is None:
                self._ends = now + self._seconds
            if now < self._ends:
                return refused(503, "Service Unavailable", math.ceil(self._ends - now))
            if endpoint is self._trigger:
                self._ends = now + self._seconds
            return endpoint(call)

        return twisted
