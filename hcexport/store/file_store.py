"""Secrets in files that only their owner reads. Plaintext, so it is used only where it was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hcexport.errors import ConfigError
from hcexport.files import own_folder, private_folder, read_private, translated, write_private
from hcexport.redaction import Secret
from hcexport.store.accounts import AccountKey, Entry


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

    def load(self, key: AccountKey, entry: Entry) -> Secret | None:
        """Raises ConfigError when the file is a link, is loose, is foreign, or holds no text."""
        path = self._path(key, entry)
        content = read_private(path)
        try:
            return Secret(content.decode().rstrip("\r\n")) if content else None
        except UnicodeDecodeError:
            raise ConfigError(f"{path} does not hold a secret of ours", hint="hcexport login writes it anew") from None

    def save(self, key: AccountKey, entry: Entry, secret: Secret) -> None:
        """Replaces the file as a whole."""
        write_private(self._path(key, entry), secret.reveal().encode())

    def delete(self, key: AccountKey, entry: Entry) -> bool:
        """Removes the file."""
        path = self._path(key, entry)
        with translated("remove", path):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def _path(self, key: AccountKey, entry: Entry) -> Path:
        own_folder(self.folder)
        return self.folder / f"{key.file_name}.{entry}"
