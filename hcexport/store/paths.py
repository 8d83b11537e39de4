"""Where hcexport keeps files on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from hcexport.errors import CannotCreate, ConfigError
from hcexport.files import refuse_foreign


class Paths(NamedTuple):
    """Folders and files. A path exists once something was written to it."""

    config: Path
    data: Path
    state: Path
    cache: Path

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Paths:
        """Return the platform's own folders, or everything under ``HCEXPORT_HOME``.

        Raises ConfigError where the user has no home, because the working folder must never take its place.
        """
        if home := environ.get("HCEXPORT_HOME"):
            folder = _expand(home)
            return cls(folder, folder, folder, folder / "cache")
        from platformdirs import PlatformDirs  # noqa: PLC0415 # start-up

        own = PlatformDirs("hcexport", appauthor=False)
        folders: tuple[Path, ...] = ()
        with suppress(RuntimeError):  # a new platformdirs raises, an old one returns "~"
            folders = (own.user_config_path, own.user_data_path, own.user_state_path, own.user_cache_path)
        if not folders or not all(folder.is_absolute() for folder in folders):
            raise ConfigError("home directory not found", hint="set HCEXPORT_HOME to a folder to keep things in")
        return cls(*folders)

    def check(self) -> Self:
        """Raise ConfigError if a folder belongs to somebody else or is writable for everybody; return self."""
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
        """Folder of the metadata of stored tokens."""
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

    def require_apart(self, path: Path) -> None:
        """Raise CannotCreate for a place where hcexport keeps something: what is written there would replace it."""
        databases = [Path(f"{kept}{suffix}") for kept in (self.ledger, self.history) for suffix in ("", "-wal", "-shm")]
        kept = {each.resolve() for each in (*databases, self.config_file, self.config, self.data, self.state)}
        folders = {each.resolve() for each in (self.credentials, self.sessions, self.locks, self.cache)}
        real = path.resolve()
        if real in kept or folders & {real, *real.parents}:
            raise CannotCreate(f"hcexport keeps its own data in {path}", hint="name another file")


def _expand(home: str) -> Path:
    try:
        return Path(home).expanduser().absolute()
    except RuntimeError:
        raise ConfigError(f"home directory of HCEXPORT_HOME={home} not found", hint="give a full path") from None
