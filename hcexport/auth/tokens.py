"""A token, the account that it belongs to, and what a store of secrets must do."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from hcexport.errors import UsageError
from hcexport.organization import Organization
from hcexport.redaction import Secret


class SecretKind(StrEnum):
    """Which secret of an account: a store keeps each in an entry of its own."""

    TOKEN = "token"  # noqa: S105 # a name
    REFRESH_TOKEN = "refresh-token"  # noqa: S105 # a name
    PASSWORD = "password"  # noqa: S105 # a name


class Token(NamedTuple):
    """A token and what is known about it; ``expires`` is aware, None where it is not known."""

    secret: Secret
    expires: datetime | None = None
    username: str = ""


@dataclass(frozen=True)
class AccountKey:
    """Whose secrets they are: organization and user. Raises UsageError for control characters."""

    organization: Organization
    username: str

    def __post_init__(self) -> None:
        if any(not character.isprintable() for character in f"{self.organization}{self.username}"):
            raise UsageError("a user or an address holds a control character")

    @property
    def file_name(self) -> str:
        """Name of the account's files: the host, for people, and a digest that tells accounts apart."""
        digest = hashlib.sha256(f"{self.organization.url}\n{self.username}".encode()).hexdigest()[:32]
        return f"{re.sub('[^a-z0-9.-]', '_', self.organization.host.lower())[:100]}-{digest}"

    def __str__(self) -> str:
        return f"{self.username} at {self.organization}" if self.username else str(self.organization)


class SecretStore(Protocol):
    """A place that keeps secrets. Every method raises ConfigError when the place cannot be used."""

    @property
    def name(self) -> str:
        """The word that chooses it: ``keyring`` or ``file``."""

    def probe(self) -> str:
        """Write, read and remove a trial secret, before a person is asked for a real secret; returns the place."""

    def load(self, key: AccountKey, kind: SecretKind) -> Secret | None:
        """Read a secret; None where there is no such secret."""

    def save(self, key: AccountKey, kind: SecretKind, secret: Secret) -> None:
        """Keep a secret, and make sure that it was kept."""

    def delete(self, key: AccountKey, kind: SecretKind) -> bool:
        """Forget a secret; returns whether there was such a secret."""
