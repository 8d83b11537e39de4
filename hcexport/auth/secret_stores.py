"""The two places that keep secrets: the system's keyring, and files that only their owner can read.

Files hold secrets in plain text, so they are used only where the user chose them.
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
from hcexport.files import own_folder, private_folder, read_private, translate_errors, write_private
from hcexport.redaction import Secret, redact

UNATTENDED_S = 3.0  # a keyring that is unlocked answers within tenths of a second
ATTENDED_S = 60.0  # a person may be typing the keyring's own password
_CHILD = Path(__file__).with_name("keyring_child.py")
_PROBLEMS = {
    "none": "no usable keyring on this machine",
    "locked": "the keyring is locked",
    "not-kept": "the keyring did not keep what it was given",
    "failed": "the keyring cannot be used",
}
_HINT = "unlock or start the keyring, or store secrets in a file only you can read: hcexport login --store file"


class KeyringStore:
    """The keyring that the user named, or the best trusted keyring; each call runs in a child process with a limit.

    ``attended`` says that a person is there to unlock it. A keyring that could not be used is not asked again by this
    process, so that several questions take no longer than the first.
    """

    name = "keyring"

    def __init__(self, environ: Mapping[str, str], *, attended: bool = False) -> None:
        self._environ = environ
        self._attended = attended
        self._unusable: ConfigError | None = None

    def probe(self) -> str:
        """Write, read and remove a trial secret; returns the backend's name."""
        return f"the keyring ({self._ask('probe', 'hcexport:probe', 'probe')['backend']})"

    def load(self, key: AccountKey, kind: SecretKind) -> Secret | None:
        """Read a secret. Raises ConfigError when the keyring is locked, missing or does not answer in time."""
        secret = self._ask("get", *_entry(key, kind))["secret"]
        return None if secret is None else Secret(secret)

    def save(self, key: AccountKey, kind: SecretKind, secret: Secret) -> None:
        """Keep a secret; the child reads it back."""
        self._ask("set", *_entry(key, kind), secret=secret.reveal())

    def delete(self, key: AccountKey, kind: SecretKind) -> bool:
        """Forget a secret; returns whether there was such a secret."""
        return bool(self._ask("delete", *_entry(key, kind))["found"])

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
            raise self._failure("the keyring process ended without an answer", lasting=True) from None
        return answer

    def _failure(self, message: str, *, lasting: bool) -> ConfigError:
        error = ConfigError(message, hint=_HINT)
        self._unusable = error if lasting else None
        return error


def _entry(key: AccountKey, kind: SecretKind) -> tuple[str, str]:
    return f"hcexport:{key.organization.url}", f"{key.username}#{kind}"


@dataclass(frozen=True)
class FileStore:
    """One file for each secret, 0600, in a folder of its own, 0700."""

    folder: Path
    name: str = "file"

    def probe(self) -> str:
        """Write and remove a trial file; returns the folder."""
        own_folder(self.folder)
        trial = private_folder(self.folder) / ".probe"
        write_private(trial, b"x")  # not empty, because an empty file fits on a full disk
        with translate_errors("remove", trial):
            trial.unlink(missing_ok=True)
        return f"files in {self.folder}"

    def load(self, key: AccountKey, kind: SecretKind) -> Secret | None:
        """Read a secret. Raises ConfigError for a file that is a link, readable for others, foreign, or no text."""
        path = self._path(key, kind)
        content = read_private(path)
        try:
            return Secret(content.decode().rstrip("\r\n")) if content else None
        except UnicodeDecodeError:
            raise ConfigError(
                f"{path} does not hold a secret of hcexport", hint="sign in again: hcexport login"
            ) from None

    def save(self, key: AccountKey, kind: SecretKind, secret: Secret) -> None:
        """Keep a secret; the file is replaced as a whole."""
        write_private(self._path(key, kind), secret.reveal().encode())

    def delete(self, key: AccountKey, kind: SecretKind) -> bool:
        """Remove the file of a secret; returns whether there was such a file."""
        path = self._path(key, kind)
        with translate_errors("remove", path):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def _path(self, key: AccountKey, kind: SecretKind) -> Path:
        own_folder(self.folder)
        return self.folder / f"{key.file_name}.{kind}"
