"""The config file: read with tomllib, written with tomlkit because that keeps comments.

::

    version = 1
    profile = "prod"          # the default profile

    [defaults]
    timeout = "1h"

    [profiles.prod]
    url = "https://gis.example.com/arcgis"
"""

from __future__ import annotations

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from shlex import quote
from typing import Any

from hcexport.errors import ConfigError
from hcexport.files import lock, open_at_once, refuse_foreign, translate_errors, write_private

VERSION = 1
_SHOWN = 5  # profiles in a hint
_SECRETS = frozenset({"password", "passphrase", "token", "refresh_token", "secret", "client_secret"})
_TOP_LEVEL = frozenset({"version", "profile", "defaults", "profiles"})
_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"\s*([^=#\[\]{}]+?)\s*=")
_KEY_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)")

Section = tuple[str, ...]
DEFAULTS: Section = ("defaults",)


def profile_section(name: str) -> Section:
    """The section that holds a profile."""
    return ("profiles", name)


@dataclass(frozen=True)
class ConfigFile:
    """The checked content of the file. Values are text, as they would stand in an environment variable."""

    path: Path
    profile: str | None = None
    sections: Mapping[Section, Mapping[str, str]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    lines: Mapping[Section, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, known: Collection[str]) -> ConfigFile:
        """Read the file; a missing file is empty. ``known`` are the names of settings.

        Raises ConfigError with file and line when it is not TOML, has the wrong shape, or holds a secret.
        """
        text = _read_text(path)
        return cls(path) if text is None else _read(path, text, frozenset(known))

    @property
    def profiles(self) -> list[str]:
        """Names of the profiles, in the order of the file."""
        return [section[1] for section in self.sections if section[0] == "profiles"]

    @property
    def some_profiles(self) -> str:
        """The first profiles, for a hint."""
        names = self.profiles
        return ", ".join([*names[:_SHOWN], *(["…"] if len(names) > _SHOWN else [])])

    def unknown_profile(self, name: str, origin: str = "") -> ConfigError:
        """Return the error for a profile that the file does not have, with those that it has."""
        near = difflib.get_close_matches(name, self.profiles, 1)
        if near:
            hint = f"did you mean {near[0]!r}?"
        else:
            others = f"choose one of {self.some_profiles}, or " if self.profiles else ""
            hint = f"{others}make it: hcexport login -p {quote(name)} URL"
        return ConfigError(f"there is no profile {name!r}" + (f" ({origin})" if origin else ""), hint=hint)

    def place(self, section: Section, key: str) -> str:
        """Return where a value stands: ``config.toml:12``."""
        line = self.lines.get((*section, key))
        return f"{self.path.name}:{line}" if line else self.path.name


class _Reader:
    """Checks a parsed document and makes a ConfigFile of it."""

    def __init__(self, path: Path, lines: Mapping[Section, int], known: Collection[str]) -> None:
        self._path, self._lines, self._known = path, lines, known
        self._warnings: list[str] = []

    def read(self, document: Mapping[str, Any]) -> ConfigFile:
        self._check_version(document.get("version", VERSION))
        self._warn_unknown((), document, _TOP_LEVEL)
        profile = document.get("profile")
        if profile is not None and not isinstance(profile, str):
            raise self._error(("profile",), "profile must be the name of a profile; a table is [profiles.NAME]")
        sections = dict(self._sections(document))
        return ConfigFile(self._path, profile, sections, tuple(self._warnings), self._lines)

    def _check_version(self, version: object) -> None:
        if not isinstance(version, int) or isinstance(version, bool):
            raise self._error(("version",), "version must be a whole number")
        if version > VERSION:
            self._warnings.append(f"{self._path} was written by a newer hcexport: it is read, and never changed")

    def _sections(self, document: Mapping[str, Any]) -> Iterator[tuple[Section, Mapping[str, str]]]:
        yield DEFAULTS, self._section(DEFAULTS, document.get("defaults", {}))
        profiles = document.get("profiles", {})
        if not isinstance(profiles, dict):
            raise self._error(("profiles",), "profiles must be a table: [profiles.NAME]")
        for name, content in profiles.items():
            yield profile_section(name), self._section(profile_section(name), content)

    def _section(self, section: Section, content: object) -> Mapping[str, str]:
        if not isinstance(content, dict):
            raise self._error(section, f"{'.'.join(section)} must be a table: [{'.'.join(section)}]")
        self._warn_unknown(section, content, self._known)
        return {key: self._value((*section, key), value) for key, value in content.items() if key in self._known}

    def _value(self, place: Section, value: object) -> str:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return "\n".join(value)
        raise self._error(place, f"{place[-1]} must be a text, a number or a list of texts")

    def _warn_unknown(self, section: Section, content: Mapping[str, Any], known: Collection[str]) -> None:
        for key in content:
            if key in _SECRETS:
                raise self._error(
                    (*section, key), f"{key}: no secrets in this file", hint="remove it, and use: hcexport login"
                )
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                guess = f"; did you mean {near[0]!r}?" if near else ""
                self._warnings.append(f"{self._place((*section, key))}: unknown key {key!r}{guess}")

    def _place(self, place: Section) -> str:
        line = self._lines.get(place)
        return f"{self._path}:{line}" if line else str(self._path)

    def _error(self, place: Section, message: str, *, hint: str | None = None) -> ConfigError:
        return ConfigError(f"{self._place(place)}: {message}", hint=hint)


Edit = Callable[[Any, Callable[[], Any]], None]


def change(path: Path, changes: Mapping[Section, Mapping[str, str | None]]) -> None:
    """Set keys of sections (None removes one) in one step, and leave the rest of the file as its owner wrote it.

    Raises ConfigError when the file is of a newer version, or cannot be read, written, or changed safely.
    """
    _rewrite(path, lambda document, new_table: _apply(document, changes, new_table))


def remove_profile(path: Path, name: str) -> None:
    """Remove a profile, which is the default no more. Raises as ``change``."""

    def remove(document: Any, _new_table: Callable[[], Any]) -> None:
        del document["profiles"][name]
        if document.get("profile") == name:
            del document["profile"]

    _rewrite(path, remove)


def rename_profile(path: Path, old: str, new: str) -> None:
    """Rename a profile, also where it is the default. Raises as ``change``."""

    def rename(document: Any, _new_table: Callable[[], Any]) -> None:
        if old in document["profiles"]:  # where the header is renamed in the text already, it is not
            document["profiles"] = {new if name == old else name: table for name, table in document["profiles"].items()}
        if document.get("profile") == old:
            document["profile"] = new

    _rewrite(path, rename, lambda text: _rename_headers(text, old, new))


def _rename_headers(text: str, old: str, new: str) -> str:
    """Return the text with the profile's header renamed; its place, and the comments around it, stay."""

    def rename(line: str) -> str:
        header = _HEADER.match(line)
        if header and _key_parts(header[1]) == profile_section(old):
            return line.replace(header[1], f'profiles."{new}"' if "." in new else f"profiles.{new}", 1)
        return line

    return "".join(map(rename, text.splitlines(keepends=True)))


def _rewrite(path: Path, edit: Edit, prepare: Callable[[str], str] = str) -> None:
    """Edit the file in one step, and check that what is written means what it should."""
    import tomlkit  # noqa: PLC0415 # start-up
    from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415 # start-up

    path = path.resolve()  # replace the file that a symbolic link leads to, not the link: people link dotfiles
    with lock(path.with_name(f".{path.name}.lock")):
        before = _read_text(path) or f"version = {VERSION}\n"
        meant = _parse(path, before)
        _refuse_newer(path, meant.get("version", VERSION))
        _edit(path, edit, meant, dict)
        if _without_empty_tables(meant) == _without_empty_tables(tomllib.loads(before)):
            return  # nothing changes, so the file need not be writable
        try:
            document = tomlkit.parse(prepare(before))
            _edit(path, edit, document, tomlkit.table)
            text = tomlkit.dumps(document)
        except (TOMLKitError, RecursionError):  # it refuses files that tomllib reads
            raise _unsafe(path) from None
        if not _means(text, meant):
            raise _unsafe(path)
        write_private(path, text.encode())


def _means(text: str, document: Mapping[str, Any]) -> bool:
    """Whether the text is TOML of this document: some releases of tomlkit write what no parser reads."""
    try:
        return _without_empty_tables(tomllib.loads(text)) == _without_empty_tables(document)
    except tomllib.TOMLDecodeError:
        return False


def _parse(path: Path, content: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content)
    except (ValueError, RecursionError) as error:
        line = re.search(r"at line (\d+)", str(error))
        place = f"{path}:{line[1]}" if line else str(path)
        reason = re.sub(r"\s*\(?at line \d+,?( column | col )\d+\)?", "", str(error))
        is_renamed = re.search(r"^\s*\[profile\.", content, re.MULTILINE) is not None
        hint = "[profile.NAME] should be [profiles.NAME]" if is_renamed else "correct it, or move it away"
        raise ConfigError(f"{place}: {reason}", hint=hint) from None


def _edit(path: Path, edit: Edit, document: Any, new_table: Callable[[], Any]) -> None:
    try:
        edit(document, new_table)
    except (ValueError, TypeError, AttributeError, KeyError):  # a text in place of a table, or an inline table
        raise _unsafe(path) from None


def _apply(document: Any, changes: Mapping[Section, Mapping[str, str | None]], new_table: Callable[[], Any]) -> None:
    for section, values in changes.items():
        table = document
        for name in section:
            table = table.setdefault(name, new_table())
        table.update({key: value for key, value in values.items() if value is not None})
        for key in [key for key, value in values.items() if value is None and key in table]:
            del table[key]


def _without_empty_tables(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document without empty tables, which need not be written."""
    tables = {
        name: _without_empty_tables(value) if isinstance(value, dict) else value for name, value in document.items()
    }
    return {name: value for name, value in tables.items() if value != {}}


def _unsafe(path: Path) -> ConfigError:
    return ConfigError(f"{path} cannot be edited safely", hint="edit it by hand")


def _refuse_newer(path: Path, version: object) -> None:
    if isinstance(version, int) and version > VERSION:
        raise ConfigError(f"{path} was written by a newer hcexport: it is not changed", hint="upgrade hcexport")


@lru_cache(maxsize=1)  # each of many profiles reads the file
def _read(path: Path, text: str, known: Collection[str]) -> ConfigFile:
    return _Reader(path, _lines(text), known).read(_parse(path, text))


def _read_text(path: Path) -> str | None:
    try:
        with open_at_once(path) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ConfigError(f"{path} is not a file", hint="move it away")
            refuse_foreign(path, found)
            return file.read().decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise ConfigError(f"{path} is not a file", hint="move it away") from None
    except PermissionError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", hint=f"ls -l {quote(str(path))}") from None
    except OSError as error:
        with translate_errors("read", path):
            raise error from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: byte {error.start}") from None


def _lines(text: str) -> dict[Section, int]:
    """Find the line of each table and key, as far as a single line shows it; for messages only."""
    lines: dict[Section, int] = {}
    section: Section = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            section = _key_parts(header[1])
            lines.setdefault(section, number)
        elif key := _KEY.match(line):
            lines.setdefault((*section, *_key_parts(key[1])), number)
    return lines


def _key_parts(dotted: str) -> Section:
    return tuple("".join(part) for part in _KEY_PART.findall(dotted))
