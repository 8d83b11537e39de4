"""What the checks share: the pieces of the run, what earlier checks have learnt, and what a check finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hcexport.api.client import Client
from hcexport.api.session import Session
from hcexport.auth.sign_in import TokenProvider
from hcexport.errors import HcexportError
from hcexport.models import Account
from hcexport.store.paths import Paths
from hcexport.store.settings import Settings
from hcexport.times import Deadline


class Run(Protocol):
    """The pieces of a run. Each is built when it is first used, and raises what the run would end with."""

    environ: Mapping[str, str]

    @property
    def paths(self) -> Paths:
        """Where files are kept on this machine."""

    @property
    def settings(self) -> Settings:
        """Every setting with its origin."""

    @property
    def session(self) -> Session:
        """The HTTP session."""

    @property
    def tokens(self) -> TokenProvider:
        """Where the token comes from."""

    @property
    def client(self) -> Client:
        """The organization's API."""


@dataclass
class Visit:
    """A run that is examined, ``limit`` of the present check, and what earlier checks have learnt.

    ``portal`` is the answer to the first request, or the error that it ended with.
    """

    run: Run
    limit: Deadline
    offline: bool = False
    host: str = ""
    port: int = 0
    addresses: tuple[str, ...] = ()
    portal: Mapping[str, Any] | HcexportError | None = None
    account: Account | None = None
    can_renew: bool = False


@dataclass(frozen=True)
class Finding:
    """What a check found; ``result`` is ``ok``, ``warn`` or ``skip``. A check that fails raises an error instead."""

    result: str
    found: str
    hint: str | None = None


def ok(found: str) -> Finding:
    """Everything is as it should be."""
    return Finding("ok", found)


def warn(found: str, hint: str | None = None) -> Finding:
    """A run works, and somebody should look at this."""
    return Finding("warn", found, hint)


def skip(found: str) -> Finding:
    """The check does not apply, or was not made."""
    return Finding("skip", found)
