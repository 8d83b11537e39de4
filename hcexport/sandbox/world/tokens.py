"""Tokens, and what a person allowed an application on the way to one."""

from dataclasses import dataclass

from hcexport.sandbox.world.accounts import Account


@dataclass(frozen=True)
class Token:
    """An access token: whose it is, and what it is bound to."""

    account: Account | None  # None: an application on its own
    referer: str | None = None
    ip: str | None = None
    client_id: str | None = None  # the application it was made for; None: made by generateToken

    def fits(self, referer: str, ip: str) -> bool:
        """Tell whether a request may use it: its referer is the bound one, or a page below that."""
        if self.referer is not None and referer != self.referer:
            return referer.startswith(self.referer.rstrip("/") + "/")
        return self.ip in (None, ip)


@dataclass(frozen=True)
class Authorization:
    """What an application asked for at the authorize page, and who allowed it once somebody has."""

    client_id: str
    redirect_uri: str
    state: str
    challenge: str
    method: str
    refresh_seconds: float
    account: Account | None = None


@dataclass(frozen=True)
class Refresh:
    """A refresh token."""

    account: Account
    client_id: str
    redirect_uri: str
    seconds: float
