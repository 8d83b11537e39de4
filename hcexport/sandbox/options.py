"""The options of a simulated organization: a frozen value, every field with a default."""

import re
import secrets
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from os import PathLike

KUBERNETES = "ArcGISEnterpriseOnKubernetes"

Certificate = tuple[str | PathLike[str], str | PathLike[str]] | ssl.SSLContext


def _password() -> str:
    return secrets.token_urlsafe(12)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options; lives and durations are in seconds, ``clock`` returns seconds since 1970."""

    port: int = 0
    host: str = "127.0.0.1"
    certificate: Certificate | None = None
    context: str = "enterprise"
    scenario: str = "normal"

    username: str = "administrator"
    password: str = field(default_factory=_password, repr=False)  # of every account
    mfa_code: str = "123456"  # the right answer of an account with a second factor
    client_secret: str = field(default_factory=_password, repr=False)  # of the registered app hcexport-demo
    token_seconds: float = 3600.0  # the longest life that generateToken grants, whatever is asked
    access_seconds: float = 1800.0  # of an access token of OAuth
    refresh_seconds: float = 1_209_600.0  # the longest life of a refresh token: 14 days
    lock_seconds: float = 900.0  # how long an account stays locked after five failures in a row

    job_seconds: float = 0.5  # the documented sample took 507 ms
    report_days: int = 90
    extra_reports: int = 0  # cheap ones, older than the nightly history
    item_bytes: int = 0  # of padding in every exported zip, for large downloads
    seed: int = 1

    deployment: str = KUBERNETES
    version: str = "12.0"
    read_only: bool = False  # the mode at the start; ``admin/mode/update`` changes it
    clock: Callable[[], float] = time.time

    @property
    def root(self) -> str:
        """The path of the organization: the context with a slash before it, or nothing."""
        return f"/{self.context}" if self.context else ""

    @property
    def release(self) -> tuple[int, ...]:
        """The version as numbers, which compare."""
        return tuple(int(part) for part in self.version.split("."))

    def __post_init__(self) -> None:
        """Check the context and the version; raises ValueError."""
        if self.context != self.context.strip("/"):
            raise ValueError(f"the context must not begin or end with a slash: '{self.context}'")
        if not re.fullmatch(r"\d+(\.\d+)*", self.version):
            raise ValueError(f"a version is numbers with dots between them: '{self.version}'")
