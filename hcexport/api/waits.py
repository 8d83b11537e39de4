"""What a session waits for, and when to show it to a person."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

SLOW_S = 3.0  # promised to users: from then on a terminal shows that there is no answer yet

T = TypeVar("T")
OnWait = Callable[[str, float], AbstractContextManager[None]]  # of what is waited for, and the seconds until it shows


def show_nothing(_text: str, _after_s: float) -> AbstractContextManager[None]:
    """Show no wait to anybody."""
    return nullcontext()


def show_slow(on_wait: OnWait, host: str, send: Callable[[], T]) -> T:
    """Send a request; show that ``host`` is waited for when it takes long."""
    with on_wait(f"waiting for {host}", SLOW_S):
        return send()
