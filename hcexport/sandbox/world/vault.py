"""Things that are handed out against a secret, each for a while: tokens, codes, sign-ins on their way."""

import secrets
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Vault(Generic[T]):
    """Keeps things of one kind under keys that nobody can guess."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[T, float]] = {}
        self._lock = threading.Lock()

    def keep(self, thing: T, seconds: float) -> str:
        """Keep a thing for some seconds, and give its key."""
        key = secrets.token_urlsafe(96)
        with self._lock:
            self._kept[key] = thing, self._clock() + seconds
        return key

    def look(self, key: str) -> T | None:
        """Look at a thing that is there and whose time has not passed."""
        thing, until = self._kept.get(key, (None, 0.0))
        return thing if until > self._clock() else None

    def take(self, key: str) -> T | None:
        """Take a thing out: one of several at once gets it."""
        thing = self.look(key)
        with self._lock:
            return thing if self._kept.pop(key, None) else None

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
