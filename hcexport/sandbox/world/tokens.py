"""Access tokens: what each is bound to, and until when it is good."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from hcexport.sandbox.world.accounts import Account


@dataclass(frozen=True)
class Token:
    """A token that was handed out; ``expires`` is in seconds since 1970."""

    value: str
    account: Account | None  # None: an application on its own
    expires: float
    referer: str | None = None
    ip: str | None = None

    def fits(self, referer: str, ip: str) -> bool:
        """Tell whether a request may use it: its referer is the bound one, or a page below that."""
        if self.referer is not None and referer != self.referer:
            return referer.startswith(self.referer.rstrip("/") + "/")
        return self.ip in (None, ip)


class Tokens:
    """The tokens that are good at the moment."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._good: dict[str, Token] = {}

    def issue(
        self, account: Account | None, seconds: float, *, referer: str | None = None, ip: str | None = None
    ) -> Token:
        """Hand out a token that is good for ``seconds``."""
        token = Token(secrets.token_urlsafe(96), account, self._clock() + seconds, referer, ip)
        self._good[token.value] = token
        return token

    def find(self, value: str) -> Token | None:
        """Find a token that was issued, not revoked, and has not expired."""
        token = self._good.get(value)
        return token if token and token.expires > self._clock() else None

    def revoke(self, value: str) -> None:
        """End a token; one that is not known is not a failure."""
        self._good.pop(value, None)

    def revoke_all(self) -> None:
        """End every token."""
        self._good.clear()
