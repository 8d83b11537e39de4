"""Find the value of each setting, and its origin.

First wins: option, environment, the profile in the config file, the file's defaults, built-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hcexport.errors import ConfigError, HcexportError, UsageError
from hcexport.organization import Organization
from hcexport.store.config_file import DEFAULTS, ConfigFile, Section, profile_section
from hcexport.store.paths import Paths
from hcexport.store.settings import KNOWN, PROFILE, ROWS, Row, Settings, Value

FIRST_PROFILE = "default"
_OF_ITS_OWN = {"username", "store", "password_file", "password_command"}  # these lead to the secrets of a profile


def resolve(
    options: Mapping[str, Any], environ: Mapping[str, str], paths: Paths, *, new_profile: bool = False
) -> Settings:
    """Resolve the settings of one command. ``options`` are by name; text is parsed, other values are taken as they are.

    ``new_profile`` allows a profile that the file does not have yet. Raises UsageError for a bad option or
    environment variable and ConfigError for a bad file, an unknown profile, or one that is typed with the address of
    another organization.
    """
    config = ConfigFile.read(paths.config_file, KNOWN)
    sources = _Sources(options, environ, config)
    profile = sources.profile()
    if not new_profile:
        _refuse_unknown(profile, sources, config)
    elsewhere = sources.elsewhere(profile.value)
    if elsewhere and profile.origin == "--profile" and not (new_profile and elsewhere.origin == "--url"):
        raise ConfigError(
            f"profile {profile.value} is not of {elsewhere.value}, which {elsewhere.origin} names",
            hint=f"leave out --profile, or {elsewhere.origin}",
        )
    values = {row.name: sources.value(row, profile.value, is_elsewhere=bool(elsewhere)) for row in ROWS}
    return Settings(profile, config, values)


class _Sources:
    """Where values come from: the command line, the environment, the config file."""

    def __init__(self, options: Mapping[str, Any], environ: Mapping[str, str], config: ConfigFile) -> None:
        self._options, self._environ, self._config = options, environ, config

    def value(self, row: Row, profile: str, *, is_elsewhere: bool) -> Value[Any]:
        """Find a value; ``is_elsewhere``: the profile is of another organization, which gets none of its secrets."""
        places = {profile_section(profile): f"profile {profile}", DEFAULTS: "defaults"}
        if is_elsewhere and row.name in _OF_ITS_OWN:
            del places[profile_section(profile)]
        return self.find_given(row) or self._find_in_file(row, places) or Value(row.default, "built-in")

    def elsewhere(self, profile: str) -> Value[Organization] | None:
        """Return the organization that is named, if the profile in the file is of another one."""
        named, filed = self.find_given(ROWS[0]), self._config.sections.get(profile_section(profile))
        if not (named and filed):
            return None
        own = filed.get("url", self._config.sections.get(DEFAULTS, {}).get("url"))
        return None if own is None or _same(own, named.value) else named

    def find_given(self, row: Row) -> Value[Any] | None:
        """Find a value on the command line or in the environment."""
        option = self._options.get(row.name)
        if option is not None:
            return Value(_parse(row, option, UsageError, row.option), row.option)
        for variable in row.environment:
            if text := self._environ.get(variable):
                return Value(_parse(row, text, UsageError, variable), variable)
        return None

    def _find_in_file(self, row: Row, places: Mapping[Section, str]) -> Value[Any] | None:
        for section, origin in places.items():
            if (text := self._config.sections.get(section, {}).get(row.name)) is not None:
                place = self._config.place(section, row.name)
                value = _parse(row, text, ConfigError, f"{place}: {row.name}")
                if isinstance(value, Path):
                    value = self._config.path.parent / value
                return Value(value, f"{origin} ({place})")
        return None

    def profile(self) -> Value[str]:
        """Return the profile that is named, else that of the organization that is named, else the file's default."""
        if named := self.find_given(PROFILE):
            return named
        if url := self.find_given(ROWS[0]):
            return Value(self._profile_of(url.value), url.origin)
        names = self._config.profiles
        if self._config.profile is not None:
            return Value(self._config.profile, self._config.place((), "profile"))
        return Value(names[0], "the only profile") if len(names) == 1 else Value(FIRST_PROFILE, "built-in")

    def _profile_of(self, organization: Organization) -> str:
        for name in sorted(self._config.profiles, key=lambda name: name != self._config.profile):
            if _same(self._config.sections[profile_section(name)].get("url"), organization):
                return name
        return organization.host if self._config.profiles else FIRST_PROFILE


def _same(text: str | None, organization: Organization) -> bool:
    try:
        return text is not None and Organization.parse(text) == organization
    except UsageError:
        return False  # a bad address is reported when its profile is used


def _parse(row: Row, given: object, error: type[HcexportError], origin: str) -> object:
    if not isinstance(given, str):
        return given
    try:
        return row.parse(given)
    except UsageError as bad:
        raise error(f"{origin}: {bad.message}", hint=bad.hint) from None


def _refuse_unknown(profile: Value[str], sources: _Sources, config: ConfigFile) -> None:
    if profile.value in config.profiles or profile.origin == "built-in" or sources.find_given(ROWS[0]):
        return
    raise config.unknown_profile(profile.value, profile.origin)


def profile_url(settings: Settings) -> Organization | None:
    """The address that the config file has for the profile; None for a profile without a readable address."""
    text = settings.config.sections.get(profile_section(settings.profile.value), {}).get("url")
    try:
        return None if text is None else Organization.parse(text)
    except UsageError:
        return None
