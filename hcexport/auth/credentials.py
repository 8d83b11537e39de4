"""What is kept of a sign-in: secrets in the store that was chosen, and beside it what is not secret about them.

What is known of an account's secrets and is not secret itself; a small file in the state folder.

It is not in the config file, which belongs to the user and may be mounted read-only.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from hcexport.auth.secret_stores import FileStore, KeyringStore
from hcexport.auth.tokens import AccountKey, Kind, SecretKind, SecretStore, Token
from hcexport.files import lock, read_private, write_private
from hcexport.organization import Organization
from hcexport.redaction import Secret
from hcexport.store.paths import Paths

UNDER_WAY_S = 130.0  # longer than anybody waits for an answer to a sign-in
LOCKING_S = 900.0  # accounts lock after five failures in so many seconds
_REFUSED_KEPT = 8  # as many wrong passwords as there are sources of one, and some
_LOST_AT_MOST = 4  # sendings without an answer in LOCKING_S
_SENT_KEPT = 16


def secret_store(name: str, paths: Paths, *, attended: bool = False) -> SecretStore:
    """The store that ``keyring`` or ``file`` names; ``attended`` says that somebody is there to unlock a keyring."""
    return FileStore(paths.credentials) if name == "file" else KeyringStore(os.environ, attended=attended)


def environment_token(environ: Mapping[str, str]) -> Token | None:
    """The token in ``HCEXPORT_TOKEN``: used as it is, never stored. Raises UsageError when it cannot be one."""
    text = environ.get("HCEXPORT_TOKEN")
    return Token(Secret.token(text), kind=Kind.ENVIRONMENT) if text else None


@dataclass(frozen=True)
class Credentials:
    """The stored credentials of one account. Every method raises ConfigError when a place cannot be used.

    ``profile`` is the one that they are kept for.
    """

    key: AccountKey
    store: SecretStore
    paths: Paths
    profile: str = ""

    def token(self) -> Token | None:
        """The stored token, expired or not."""
        if (secret := self.store.load(self.key, SecretKind.TOKEN)) is None:
            return None
        session = self.session()
        return Token(secret, session.expires, self.key.username, session.referer, session.kind)

    def keep_token(self, token: Token) -> None:
        """Keep a token; its expiry is on disk first, so that no reader takes the new one for expired."""
        self._note_kept(expires=token.expires, referer=token.referer, kind=token.kind)
        self.store.save(self.key, SecretKind.TOKEN, token.secret)

    def refresh_token(self) -> Secret | None:
        """The stored refresh token; ``session().refresh_expires`` says how long it is good."""
        return self.store.load(self.key, SecretKind.REFRESH_TOKEN)

    def keep_refresh_token(
        self, secret: Secret, expires: datetime | None, *, client_id: str = "", redirect_uri: str = ""
    ) -> None:
        """Keep a refresh token, its end, and the application that it was made for."""
        self._note_kept(refresh_expires=expires, client_id=client_id, redirect_uri=redirect_uri)
        self.store.save(self.key, SecretKind.REFRESH_TOKEN, secret)

    def password(self) -> Secret | None:
        """The remembered password."""
        return self.store.load(self.key, SecretKind.PASSWORD)

    def keep_password(self, secret: Secret) -> None:
        """Remember the password, as ``login --remember`` asks."""
        self._note_kept()
        self.store.save(self.key, SecretKind.PASSWORD, secret)

    def forget_token(self) -> bool:
        """Forget a token that the server does not take any more; whether there was one."""
        return self.store.delete(self.key, SecretKind.TOKEN)

    def forget(self) -> bool:
        """Forget everything in this store but which passwords were refused; whether there was anything."""
        found = [self.store.delete(self.key, entry) for entry in SecretKind]
        elsewhere = tuple(name for name in self.session().stores if name != self.store.name)
        if elsewhere:
            self._change(stores=elsewhere)
        else:
            known = self.session()
            self._change(**{**vars(TokenMetadata()), "salt": known.salt, "refused": known.refused})
        return any(found)

    def leave_to_others(self) -> bool:
        """Whether other profiles use this account too; then it is not this profile's any more."""
        others = tuple(name for name in self.session().profiles if name != self.profile)
        if others:
            self._change(profiles=others)
        return bool(others)

    def was_refused(self, password: Secret) -> bool:
        """Whether the server refused this password before: sending it again would help to lock the account."""
        session = self.session()
        return bool(session.refused) and _is_in(_hash(password, session.salt), session.refused)

    def remember_refused(self, password: Secret) -> None:
        """Remember that the server refused this password, as a salted hash."""
        session = self.session()
        salt = session.salt or os.urandom(16).hex()
        digest = _hash(password, salt)
        if not _is_in(digest, session.refused):
            self._change(salt=salt, refused=(*session.refused, digest)[-_REFUSED_KEPT:])
        self.forget_sent(password)

    def forget_refused(self, password: Secret) -> None:
        """The server took this password after all: it was changed back."""
        session = self.session()
        if session.refused:
            digest = _hash(password, session.salt)
            self._change(refused=tuple(one for one in session.refused if one != digest))
        self.forget_sent(password)

    def note_sent(self, password: Secret) -> None:
        """Note that this password is about to be sent, before anybody can know what becomes of it."""
        session = self.session()
        salt = session.salt or os.urandom(16).hex()
        self._change(salt=salt, sent=(*session.sent, (_hash(password, salt), time.time()))[-_SENT_KEPT:])

    def forget_sent(self, password: Secret, *, all_times: bool = True) -> None:
        """What became of this password is known, of all times that it was sent or of the last."""
        session = self.session()
        if session.sent:
            digest = _hash(password, session.salt)
            times = [one for one in session.sent if one[0] == digest]
            gone = times if all_times else times[-1:]
            self._change(sent=tuple(one for one in session.sent if one not in gone))

    def held_back_s(self, password: Secret) -> float:
        """Seconds until this password may be sent: while it is under way, or was lost so often that it may lock."""
        session, now = self.session(), time.time()
        if not session.sent:
            return 0.0
        digest = _hash(password, session.salt)
        times = [at for known, at in session.sent if known == digest and 0 <= now - at < LOCKING_S]
        if not times:
            return 0.0
        free = times[-1] + UNDER_WAY_S if len(times) < _LOST_AT_MOST else times[-_LOST_AT_MOST] + LOCKING_S
        return max(0.0, free - now)

    def session(self) -> TokenMetadata:
        """What is known beside the secrets; empty where nothing is."""
        return TokenMetadata.from_bytes(read_private(self._path))

    def renewal_lock(self, limit_s: float = UNDER_WAY_S) -> AbstractContextManager[bool]:
        """One renewal at a time on this machine, if it can be had. Read the store again once inside."""
        return lock(self.paths.locks / self.key.file_name, limit_s)

    @property
    def _path(self) -> Path:
        return self.paths.sessions / f"{self.key.file_name}.json"

    def _note_kept(self, **values: Any) -> None:
        known = self.session()
        self._change(
            organization=self.key.organization.url,
            username=self.key.username,
            profiles=tuple(dict.fromkeys([*known.profiles, self.profile])),
            stores=tuple(dict.fromkeys([*known.stores, self.store.name])),
            **values,
        )

    def _change(self, **values: Any) -> None:
        write_private(self._path, replace(self.session(), **values).to_bytes())


def accounts_of(profile: str, paths: Paths) -> dict[AccountKey, tuple[str, ...]]:
    """The accounts that secrets were kept of for a profile, and in which stores. Raises ConfigError."""
    accounts = {}
    for path in sorted(paths.sessions.glob("*.json")):
        known = TokenMetadata.from_bytes(read_private(path))
        if profile in known.profiles:
            accounts[AccountKey(Organization.parse(known.organization), known.username)] = known.stores
    return accounts


@lru_cache(maxsize=4)
def _hash(password: Secret, salt: str) -> str:
    # 16 MiB and some 50 ms a guess: the hash of a wrong password is often close to the right one
    return hashlib.scrypt(
        password.reveal().encode("utf-8", "surrogatepass"), salt=salt.encode(), n=2**14, r=8, p=1
    ).hex()


def _is_in(digest: str, digests: tuple[str, ...]) -> bool:
    return any(hmac.compare_digest(digest, one) for one in digests)


@dataclass(frozen=True)
class TokenMetadata:
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
    def from_bytes(cls, content: bytes | None) -> TokenMetadata:
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
