"""Whose secrets are kept, which, and what a place that keeps them must do."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from hcexport.errors import UsageError
from hcexport.organization import Organization
from hcexport.redaction import Secret


class SecretKind(StrEnum):
    """Which secret of an account: each has an entry of its own in a store."""

    TOKEN = "token"  # noqa: S105 - a name
    REFRESH_TOKEN = "refresh-token"  # noqa: S105 - a name
    PASSWORD = "password"  # noqa: S105 - a name


class Kind(StrEnum):
    """How a token was got, which says what it can be renewed with."""

    PASSWORD = "password"  # noqa: S105 - a name
    OAUTH = "oauth"
    PASTED = "pasted"
    ENVIRONMENT = "environment"


@dataclass(frozen=True)
class Token:
    """A token and what is known about it; ``expires`` is aware, None where the server did not say."""

    secret: Secret
    expires: datetime | None = None
    username: str = ""
    referer: str = ""
    kind: Kind = Kind.PASSWORD


@dataclass(frozen=True)
class AccountKey:
    """Whose secret it is: scheme, host, port, context and user. Raises UsageError for control characters."""

    organization: Organization
    username: str

    def __post_init__(self) -> None:
        if any(not character.isprintable() for character in f"{self.organization}{self.username}"):
            raise UsageError("a user or an address holds a control character")

    @property
    def file_name(self) -> str:
        """A name of its own in a folder: the host for people, a digest of the whole for uniqueness."""
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
        """Make sure that it keeps what it is given, before a secret is asked for; where that is, in words."""

    def load(self, key: AccountKey, entry: SecretKind) -> Secret | None:
        """The secret, None where there is none."""

    def save(self, key: AccountKey, entry: SecretKind, secret: Secret) -> None:
        """Keep the secret, and make sure that it was kept."""

    def delete(self, key: AccountKey, entry: SecretKind) -> bool:
        """Forget the secret; whether there was one."""
