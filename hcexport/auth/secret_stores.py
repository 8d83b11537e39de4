"""Secrets in the system's keyring: every call in a child process, with a time limit.

Secrets in files that only their owner reads. Plaintext, so it is used only where it was chosen.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hcexport.auth.child_process import SaidTooMuch, TookTooLong, run_with_limit
from hcexport.auth.tokens import AccountKey, SecretKind
from hcexport.errors import ConfigError
from hcexport.files import own_folder, private_folder, read_private, translated, write_private
from hcexport.redaction import Secret, redact

UNATTENDED_S = 3.0  # contract: secrets; a keyring that answers does so in tenths of a second
ATTENDED_S = 60.0  # somebody may be typing the keyring's own password
_CHILD = Path(__file__).with_name("keyring_child.py")
_PROBLEMS = {
    "none": "there is no keyring here that can be trusted with a secret",
    "locked": "the keyring is locked",
    "not-kept": "the keyring did not keep what it was given",
    "too-long": "the secret is longer than this keyring can keep",
    "failed": "the keyring cannot be used",
}
_HINT = "unlock or start the keyring, or keep secrets in a file of your own: hcexport login --store file"


class KeyringStore:
    """The keyring that the user named, or the best of those the system is known to keep safe.

    ``attended`` says that somebody is there to unlock it. One that could not be used is not asked again by this
    process, so that several questions take no longer than one.
    """

    name = "keyring"

    def __init__(self, environ: Mapping[str, str], *, attended: bool = False) -> None:
        self._environ = environ
        self._attended = attended
        self._unusable: ConfigError | None = None

    def probe(self) -> str:
        """The backend's name, after a trial entry was written, read and removed."""
        return f"the keyring ({self._ask('probe', 'hcexport:probe', 'probe')['backend']})"

    def load(self, key: AccountKey, entry: SecretKind) -> Secret | None:
        """Raises ConfigError when the keyring is locked, missing or does not answer in time."""
        secret = self._ask("get", *_place(key, entry))["secret"]
        return None if secret is None else Secret(secret)

    def save(self, key: AccountKey, entry: SecretKind, secret: Secret) -> None:
        """Read back before it returns."""
        self._ask("set", *_place(key, entry), secret=secret.reveal())

    def delete(self, key: AccountKey, entry: SecretKind) -> bool:
        """Whether there was one."""
        return bool(self._ask("delete", *_place(key, entry))["found"])

    def _ask(self, do: str, service: str, username: str, secret: str | None = None) -> Mapping[str, Any]:
        if self._unusable:
            raise self._unusable
        request = {"do": do, "service": service, "username": username, "secret": secret, "attended": self._attended}
        result = self._run(json.dumps(request).encode())
        if problem := result.get("problem"):
            detail = f": {redact(result['detail'])}" if result["detail"] else ""
            raise self._failure(_PROBLEMS[problem] + detail, lasting=problem in {"none", "locked"})
        return result

    def _run(self, request: bytes) -> Mapping[str, Any]:
        limit_s = ATTENDED_S if self._attended else UNATTENDED_S
        command = [sys.executable, "-P", str(_CHILD)]
        try:
            _, output = run_with_limit(
                command, given=request, limit_s=limit_s, environ=self._environ, attended=self._attended
            )
            answer: dict[str, Any] = json.loads(output)
        except TookTooLong:
            raise self._failure(f"the keyring did not answer within {limit_s:g} s", lasting=True) from None
        except (OSError, ValueError, SaidTooMuch):
            raise self._failure("the keyring cannot be asked: its process broke off", lasting=True) from None
        return answer

    def _failure(self, message: str, *, lasting: bool) -> ConfigError:
        error = ConfigError(message, hint=_HINT)
        self._unusable = error if lasting else None
        return error


def _place(key: AccountKey, entry: SecretKind) -> tuple[str, str]:
    return f"hcexport:{key.organization.url}", f"{key.username}#{entry}"


@dataclass(frozen=True)
class FileStore:
    """One file a secret, 0600, in a folder of its own, 0700."""

    folder: Path
    name: str = "file"

    def probe(self) -> str:
        """The folder, made and tried."""
        own_folder(self.folder)
        trial = private_folder(self.folder) / ".probe"
        write_private(trial, b"x")  # an empty file would fit on a full disk
        with translated("remove", trial):
            trial.unlink(missing_ok=True)
        return f"files in {self.folder}"

    def load(self, key: AccountKey, entry: SecretKind) -> Secret | None:
        """Raises ConfigError when the file is a link, is loose, is foreign, or holds no text."""
        path = self._path(key, entry)
        content = read_private(path)
        try:
            return Secret(content.decode().rstrip("\r\n")) if content else None
        except UnicodeDecodeError:
            raise ConfigError(f"{path} does not hold a secret of ours", hint="hcexport login writes it anew") from None

    def save(self, key: AccountKey, entry: SecretKind, secret: Secret) -> None:
        """Replaces the file as a whole."""
        write_private(self._path(key, entry), secret.reveal().encode())

    def delete(self, key: AccountKey, entry: SecretKind) -> bool:
        """Removes the file."""
        path = self._path(key, entry)
        with translated("remove", path):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def _path(self, key: AccountKey, entry: SecretKind) -> Path:
        own_folder(self.folder)
        return self.folder / f"{key.file_name}.{entry}"
