"""What is known of an account's secrets and is not secret itself; a small file in the state folder.

It is not in the config file, which belongs to the user and may be mounted read-only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from hcexport.store.accounts import Kind


@dataclass(frozen=True)
class Session:
    """The file's content. Hashes of passwords share one salt, so that a check costs one of them.

    ``refused`` are those of wrong passwords, ``sent`` those of passwords of which no answer is known, each with the
    time when it was sent, in epoch seconds.
    ``client_id`` and ``redirect_uri`` are those that the refresh token was made for: it is good for no others.
    ``profiles`` signed in to this account, and ``stores`` hold secrets of it, so that a logout finds them.
    """

    expires: datetime | None = None
    referer: str = ""
    kind: Kind = Kind.PASSWORD
    refresh_expires: datetime | None = None
    client_id: str = ""
    redirect_uri: str = ""
    salt: str = ""
    refused: tuple[str, ...] = ()
    sent: tuple[tuple[str, float], ...] = ()
    organization: str = ""
    username: str = ""
    profiles: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()

    @classmethod
    def from_bytes(cls, content: bytes | None) -> Session:
        """Read it; what is missing or spoilt is as if it had never been known."""
        try:
            body = json.loads(content or b"{}")
            return cls(
                expires=_time(body.get("expires")),
                referer=str(body.get("referer", "")),
                kind=Kind(body.get("kind", Kind.PASSWORD)),
                refresh_expires=_time(body.get("refresh_expires")),
                client_id=str(body.get("client_id", "")),
                redirect_uri=str(body.get("redirect_uri", "")),
                salt=str(body.get("salt", "")),
                refused=tuple(str(one) for one in body.get("refused", ())),
                sent=tuple((str(digest), float(time)) for digest, time in body.get("sent", ())),
                organization=str(body.get("organization", "")),
                username=str(body.get("username", "")),
                profiles=tuple(str(one) for one in body.get("profiles", ())),
                stores=tuple(str(one) for one in body.get("stores", ())),
            )
        except (ValueError, TypeError, AttributeError, RecursionError):
            return cls()

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps(self.__dict__, default=datetime.isoformat, indent=1).encode() + b"\n"


def _time(value: object) -> datetime | None:
    found = datetime.fromisoformat(value) if isinstance(value, str) else None
    return found if found and found.tzinfo else None
