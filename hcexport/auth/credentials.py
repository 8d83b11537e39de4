"""What is kept of a sign-in: secrets in the chosen store, and beside them a small file with what is not secret.

That file is in the state folder, because the config file belongs to the user and may be mounted read-only.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from hcexport.auth.secret_stores import FileStore, KeyringStore
from hcexport.auth.tokens import AccountKey, SecretKind, SecretStore, Token
from hcexport.errors import ConfigError
from hcexport.files import lock, read_private, write_private
from hcexport.organization import Organization
from hcexport.redaction import Secret
from hcexport.store.paths import Paths
from hcexport.store.settings import Settings

UNDER_WAY_S = 130.0  # longer than a session waits for the answer to a sign-in
LOCKING_S = 900.0  # servers lock an account after five failures within this time
_REFUSED_KEPT = 8  # wrong passwords: more than there are sources of passwords
_UNANSWERED_ALLOWED = 4  # sendings of a password without an answer within LOCKING_S: one less than locks an account
_SENT_KEPT = 16
_BUILT_IN = "built-in"


@dataclass(frozen=True)
class TokenMetadata:
    """What is known about an account's secrets.

    ``client_id`` and ``redirect_uri`` are those that the refresh token was made for: it is good for no others.
    ``refused`` are hashes of wrong passwords. ``sent`` are hashes of passwords that were sent and not answered, each
    with the time of sending in epoch seconds. All hashes share ``salt``, so that a check costs one hash.
    ``profiles`` are those that signed in to this account, and ``stores`` hold secrets of it: a logout needs both.
    """

    expires: datetime | None = None
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
        """Read the file's content; a damaged file counts as empty, because the server's answers make up for it."""
        try:
            body = json.loads(content or b"{}")
            return cls(
                expires=_read_time(body.get("expires")),
                refresh_expires=_read_time(body.get("refresh_expires")),
                client_id=str(body.get("client_id", "")),
                redirect_uri=str(body.get("redirect_uri", "")),
                salt=str(body.get("salt", "")),
                refused=_read_texts(body.get("refused", ())),
                sent=tuple((str(digest), float(at)) for digest, at in body.get("sent", ())),
                organization=str(body.get("organization", "")),
                username=str(body.get("username", "")),
                profiles=_read_texts(body.get("profiles", ())),
                stores=_read_texts(body.get("stores", ())),
            )
        except (ValueError, TypeError, AttributeError, RecursionError):
            return cls()

    def to_bytes(self) -> bytes:
        """Write the file's content."""
        return json.dumps(self.__dict__, default=datetime.isoformat, indent=1).encode() + b"\n"


def _read_time(value: object) -> datetime | None:
    found = datetime.fromisoformat(value) if isinstance(value, str) else None
    return found if found and found.tzinfo else None


def _read_texts(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


@dataclass(frozen=True)
class Credentials:
    """The secrets of one account in one store, used by ``profile``.

    Every method raises ConfigError when a place cannot be used.
    """

    key: AccountKey
    store: SecretStore
    paths: Paths
    profile: str = ""

    def metadata(self) -> TokenMetadata:
        """Read what is known about the secrets; empty where nothing is."""
        return TokenMetadata.from_bytes(read_private(self._path))

    def renewal_lock(self, limit_s: float = UNDER_WAY_S) -> AbstractContextManager[bool]:
        """Lock the account against renewals by other processes, if possible. Read the store again once inside."""
        return lock(self.paths.locks / self.key.file_name, limit_s)

    # Secrets

    def token(self) -> Token | None:
        """Read the stored token, expired or not."""
        secret = self.store.load(self.key, SecretKind.TOKEN)
        return Token(secret, self.metadata().expires, self.key.username) if secret is not None else None

    def keep_token(self, token: Token) -> None:
        """Keep a token; its expiry is written first, so that no reader takes the new token for expired."""
        self._note_kept(expires=token.expires)
        self.store.save(self.key, SecretKind.TOKEN, token.secret)

    def refresh_token(self) -> Secret | None:
        """Read the refresh token; ``metadata().refresh_expires`` is its end."""
        return self.store.load(self.key, SecretKind.REFRESH_TOKEN)

    def keep_refresh_token(
        self, secret: Secret, expires: datetime | None, *, client_id: str = "", redirect_uri: str = ""
    ) -> None:
        """Keep a refresh token, its end, and the application that it was made for."""
        self._note_kept(refresh_expires=expires, client_id=client_id, redirect_uri=redirect_uri)
        self.store.save(self.key, SecretKind.REFRESH_TOKEN, secret)

    def password(self) -> Secret | None:
        """Read the remembered password."""
        return self.store.load(self.key, SecretKind.PASSWORD)

    def keep_password(self, secret: Secret) -> None:
        """Remember the password, as ``login --remember`` asks."""
        self._note_kept()
        self.store.save(self.key, SecretKind.PASSWORD, secret)

    def forget_token(self) -> bool:
        """Forget a token that the server refused; returns whether there was a token."""
        return self.store.delete(self.key, SecretKind.TOKEN)

    def forget(self) -> bool:
        """Forget everything in this store but which passwords were refused; returns whether there was anything."""
        found = [self.store.delete(self.key, kind) for kind in SecretKind]
        known = self.metadata()
        elsewhere = tuple(name for name in known.stores if name != self.store.name)
        self._write(
            replace(known, stores=elsewhere) if elsewhere else TokenMetadata(salt=known.salt, refused=known.refused)
        )
        return any(found)

    def leave_to_others(self) -> bool:
        """Stop using this account where other profiles use it too; returns whether there are such profiles."""
        others = tuple(name for name in self.metadata().profiles if name != self.profile)
        if others:
            self._change(profiles=others)
        return bool(others)

    # Passwords that must not be sent again, because the server locks an account after five failures

    def was_refused(self, password: Secret) -> bool:
        """Tell whether the server refused this password before."""
        known = self.metadata()
        return bool(known.refused) and _is_in(_hash(password, known.salt), known.refused)

    def remember_refused(self, password: Secret) -> None:
        """Note that the server refused this password."""
        known, salt = self._salted()
        digest = _hash(password, salt)
        if not _is_in(digest, known.refused):
            self._change(salt=salt, refused=(*known.refused, digest)[-_REFUSED_KEPT:])
        self.forget_sent(password)

    def forget_refused(self, password: Secret) -> None:
        """Note that the server took this password after all: the account's password was changed back."""
        known = self.metadata()
        if known.refused:
            digest = _hash(password, known.salt)
            self._change(refused=tuple(other for other in known.refused if other != digest))
        self.forget_sent(password)

    def note_sent(self, password: Secret) -> None:
        """Note that this password is about to be sent, because an answer may never come."""
        known, salt = self._salted()
        self._change(salt=salt, sent=(*known.sent, (_hash(password, salt), time.time()))[-_SENT_KEPT:])

    def forget_sent(self, password: Secret, *, all_times: bool = True) -> None:
        """Forget that this password was sent, every time or the last time: the outcome is known."""
        known = self.metadata()
        if known.sent:
            digest = _hash(password, known.salt)
            sendings = [sending for sending in known.sent if sending[0] == digest]
            gone = sendings if all_times else sendings[-1:]
            self._change(sent=tuple(sending for sending in known.sent if sending not in gone))

    def held_back_s(self, password: Secret) -> float:
        """Seconds until this password may be sent.

        It is held back while an answer may still come, and longer when sending it again could lock the account.
        """
        known, now = self.metadata(), time.time()
        if not known.sent:
            return 0.0
        digest = _hash(password, known.salt)
        times = [at for other, at in known.sent if other == digest and 0 <= now - at < LOCKING_S]
        if not times:
            return 0.0
        is_safe = len(times) < _UNANSWERED_ALLOWED
        free = times[-1] + UNDER_WAY_S if is_safe else times[-_UNANSWERED_ALLOWED] + LOCKING_S
        return max(0.0, free - now)

    # The file beside the secrets

    @property
    def _path(self) -> Path:
        return self.paths.sessions / f"{self.key.file_name}.json"

    def _salted(self) -> tuple[TokenMetadata, str]:
        known = self.metadata()
        return known, known.salt or os.urandom(16).hex()

    def _note_kept(self, **values: Any) -> None:
        known = self.metadata()
        self._change(
            organization=self.key.organization.url,
            username=self.key.username,
            profiles=tuple(dict.fromkeys([*known.profiles, self.profile])),
            stores=tuple(dict.fromkeys([*known.stores, self.store.name])),
            **values,
        )

    def _change(self, **values: Any) -> None:
        self._write(replace(self.metadata(), **values))

    def _write(self, metadata: TokenMetadata) -> None:
        write_private(self._path, metadata.to_bytes())


@lru_cache(maxsize=4)
def _hash(password: Secret, salt: str) -> str:
    # 16 MiB and some 50 ms a guess, because a wrong password is often close to the right one
    return hashlib.scrypt(
        password.reveal().encode("utf-8", "surrogatepass"), salt=salt.encode(), n=2**14, r=8, p=1
    ).hex()


def _is_in(digest: str, digests: tuple[str, ...]) -> bool:
    return any(hmac.compare_digest(digest, other) for other in digests)


def environment_token(environ: Mapping[str, str]) -> Token | None:
    """The token in ``HCEXPORT_TOKEN``: used as it is, never stored. Raises UsageError for what cannot be a token."""
    text = environ.get("HCEXPORT_TOKEN")
    return Token(Secret.token(text)) if text else None


def secret_store(name: str, paths: Paths, *, attended: bool = False) -> SecretStore:
    """The store that ``keyring`` or ``file`` names; ``attended`` says that a person is there to unlock a keyring."""
    return FileStore(paths.credentials) if name == "file" else KeyringStore(os.environ, attended=attended)


def has_stored(settings: Settings) -> bool:
    """Tell whether a store was chosen, by ``login`` or by hand: else there is nothing to look into or to keep in."""
    return settings.store.origin != _BUILT_IN


def credentials_of(settings: Settings, paths: Paths, store: SecretStore | None = None) -> Credentials:
    """The configured account's credentials, in ``store`` or the configured store."""
    key = AccountKey(settings.organization, settings.username.value or "")
    return Credentials(key, store or secret_store(settings.store.value, paths), paths, settings.profile.value)


def all_credentials_of(settings: Settings, paths: Paths, *, attended: bool = False) -> list[Credentials]:
    """Every place where secrets of the configured profile may be: the configured account first, then earlier ones.

    An earlier account is another user or address of the profile. A keyring is asked only where it is configured or
    known to hold something, because it may be slow; files are always looked for.
    """
    own = credentials_of(settings, paths, secret_store(settings.store.value, paths, attended=attended))
    accounts = _accounts_of(own.profile, paths)
    stores = {own.store.name: own.store}
    found = {(own.key, own.store.name): own}
    for key in dict.fromkeys([own.key, *accounts]):
        for name in ("file", *accounts.get(key, ())):
            store = stores.setdefault(name, secret_store(name, paths, attended=attended))
            found.setdefault((key, name), Credentials(key, store, paths, own.profile))
    return list(found.values())


def forget_all(
    settings: Settings,
    paths: Paths,
    *,
    attended: bool,
    warn: Callable[[str], None],
    spared: Credentials | None = None,
) -> None:
    """Forget the secrets that a profile has left, except ``spared`` and the accounts that other profiles use too.

    No other command would find them. A store that cannot be asked is a warning.
    """
    for earlier in all_credentials_of(settings, paths, attended=attended):
        if spared and (earlier.key, earlier.store.name) == (spared.key, spared.store.name):
            continue
        try:
            if (spared and earlier.key == spared.key) or not earlier.leave_to_others():
                earlier.forget()
        except ConfigError as error:
            warn(f"the {earlier.store.name} store may still hold secrets of {earlier.key}: {error.message}")


def rename_profile(old: str, new: str, paths: Paths) -> None:
    """Keep the secrets of a profile under its new name, so that a logout finds them. Raises ConfigError."""
    for path in sorted(paths.sessions.glob("*.json")):
        known = TokenMetadata.from_bytes(read_private(path))
        if old in known.profiles:
            profiles = tuple(dict.fromkeys(new if name == old else name for name in known.profiles))
            write_private(path, replace(known, profiles=profiles).to_bytes())


def _accounts_of(profile: str, paths: Paths) -> dict[AccountKey, tuple[str, ...]]:
    """The accounts that a profile signed in to, each with the names of the stores that hold its secrets."""
    accounts = {}
    for path in sorted(paths.sessions.glob("*.json")):
        known = TokenMetadata.from_bytes(read_private(path))
        if profile in known.profiles:
            accounts[AccountKey(Organization.parse(known.organization), known.username)] = known.stores
    return accounts
