"""What a session waits for, and when to show it to a person."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

SLOW_S = 3.0  # promised to users: from then on a terminal shows that there is no answer yet

OnWait = Callable[[str, float], AbstractContextManager[None]]  # of what is waited for, and the seconds until it shows


def show_nothing(_text: str, _after_s: float) -> AbstractContextManager[None]:
    """Show no wait to anybody."""
    return nullcontext()
