"""Changes to the configuration file: a setting is written to a profile or to the defaults, or removed from there."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

from hcexport.errors import UsageError
from hcexport.store import config_file
from hcexport.store.config_file import DEFAULTS, ConfigFile, Section, profile_section
from hcexport.store.paths import Paths
from hcexport.store.settings import KNOWN, ROWS, profile_name


def set_value(paths: Paths, profile: str | None, name: str, text: str) -> None:
    """Write one setting, to a profile or to the defaults; ``profile`` as a name sets the default profile.

    Raises UsageError for an unknown name or a bad value, and ConfigError when the file cannot be changed.
    """
    section, parse = _target(profile, name)
    parse(text)
    config_file.change(paths.config_file, {section: {name: text}})


def unset_value(paths: Paths, profile: str | None, name: str) -> None:
    """Remove one setting from a profile or from the defaults. Raises as ``set_value``."""
    section, _ = _target(profile, name)
    config_file.change(paths.config_file, {section: {name: None}})


def remember_profile(paths: Paths, name: str, values: Mapping[str, str | None]) -> None:
    """Write the results of a sign-in to its profile; the first profile becomes the default. Raises ConfigError."""
    known = ConfigFile.read(paths.config_file, KNOWN)
    is_first = known.profile is None and not known.profiles
    default: dict[Section, dict[str, str | None]] = {(): {"profile": name}} if is_first else {}
    config_file.change(paths.config_file, {**default, profile_section(profile_name(name)): values})


def _target(profile: str | None, name: str) -> tuple[Section, Callable[[str], object]]:
    """Return the section that holds a setting, and the function that parses its text."""
    if name == "profile" and profile is None:
        return (), profile_name
    row = next((row for row in ROWS if row.name == name), None)
    if row is None:
        near = difflib.get_close_matches(name, KNOWN, 1)
        raise UsageError(f"there is no setting {name!r}", hint=f"did you mean {near[0]!r}?" if near else None)
    return DEFAULTS if profile is None else profile_section(profile_name(profile)), row.parse
