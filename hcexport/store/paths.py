"""Where hcexport keeps things on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hcexport.errors import ConfigError
from hcexport.files import refuse_foreign


@dataclass(frozen=True)
class Paths:
    """The places. Nothing here exists until something is written to it."""

    config: Path
    data: Path
    state: Path
    cache: Path

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Paths:
        """The platform's own folders, or everything under ``HCEXPORT_HOME``.

        Raises ConfigError where the platform has no home for this user; nothing lands in the working folder.
        """
        if home := environ.get("HCEXPORT_HOME"):
            folder = _expanded(home)
            return cls(folder, folder, folder, folder / "cache")
        from platformdirs import PlatformDirs  # noqa: PLC0415 # start-up

        own = PlatformDirs("hcexport", appauthor=False)
        folders: tuple[Path, ...] = ()
        with suppress(RuntimeError):  # of a new platformdirs, where an old one answers "~"
            folders = (own.user_config_path, own.user_data_path, own.user_state_path, own.user_cache_path)
        if not folders or not all(folder.is_absolute() for folder in folders):
            raise ConfigError("this user has no home folder", hint="set HCEXPORT_HOME to a folder to keep things in")
        return cls(*folders)

    def check(self) -> Self:
        """The same, once none of the folders is somebody else's or open to everybody. Raises ConfigError."""
        for folder in dict.fromkeys([self.config, self.data, self.state]):
            refuse_foreign(folder)
        return self

    @property
    def config_file(self) -> Path:
        """Settings and profiles, in TOML."""
        return self.config / "config.toml"

    @property
    def credentials(self) -> Path:
        """Folder of the file store."""
        return self.data / "credentials"

    @property
    def sessions(self) -> Path:
        """Folder of what is known of each stored token beside its secret."""
        return self.state / "sessions"

    @property
    def locks(self) -> Path:
        """Folder of lock files."""
        return self.state / "locks"

    @property
    def ledger(self) -> Path:
        """Database of the exports submitted from here."""
        return self.state / "ledger.db"

    @property
    def history(self) -> Path:
        """Database of the reports that were read in full."""
        return self.state / "history.db"


def _expanded(home: str) -> Path:
    try:
        return Path(home).expanduser().absolute()
    except RuntimeError:
        raise ConfigError(f"HCEXPORT_HOME={home} names a home that is not there", hint="give a full path") from None
