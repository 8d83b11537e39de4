"""The settings of a command: each value with its origin.

First wins: option, environment, the profile in the config file, the file's defaults, built-in. To add a setting, add a
field to ``Settings``: its name is its option, its key in the file, and with ``HCEXPORT_`` before it its environment
variable. A command takes the option with ``cli.options.setting_option``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from hcexport.errors import ConfigError, HcexportError, UsageError
from hcexport.organization import Organization
from hcexport.store.config_file import DEFAULTS, ConfigFile, Section, profile_section
from hcexport.store.paths import Paths
from hcexport.times import parse_duration, type_duration

if TYPE_CHECKING:
    from hcexport.health.ignores import Ignore


T = TypeVar("T")
FIRST_PROFILE = "default"
_BETWEEN_IGNORES = re.compile(r"\s*\n\s*|(?<=:[0-9]{4}-[0-9]{2}-[0-9]{2})\s*,\s*")  # a test's name may hold a comma
_PROFILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Value(Generic[T]):
    """A value and its origin: ``--url``, ``HCEXPORT_URL``, ``profile prod (config.toml:12)`` or ``built-in``."""

    value: T
    origin: str


@dataclass(frozen=True)
class Row:
    """A setting: how its text is read, and the environment variables that stand for it, in order.

    The command line makes the option from it. ``type_value`` writes a value so that ``parse`` reads it.
    """

    name: str
    parse: Callable[[str], object]
    default: object
    help: str
    environment: tuple[str, ...]
    choices: tuple[str, ...] = ()
    metavar: str = "TEXT"
    is_connection: bool = False

    @property
    def option(self) -> str:
        """Its spelling on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def default_text(self) -> str:
        """The built-in value as it is typed, empty where there is none."""
        return "" if self.default is None else type_value(self.default)


def type_value(value: object) -> str:
    """A value of a setting as it is typed, paths in full so that they can be typed anywhere."""
    if isinstance(value, float):
        return type_duration(value)
    if isinstance(value, tuple):
        return ",".join(map(type_value, value))
    return str(value.absolute() if isinstance(value, Path) else value)


def _setting(
    parse: Callable[[str], object],
    default: object,
    metavar: str,
    help: str,  # noqa: A002 # as click calls it
    also: str | None = None,
    **flags: object,
) -> Any:
    """A field that is a setting; ``also`` is a second environment variable, of Esri's own tools."""
    told = {"parse": parse, "default": default, "metavar": metavar, "help": help, **flags}
    return field(metadata={"row": told, "also": (also,) if also else ()})


def _choice(metavar: str, help: str, *words: str) -> Any:  # noqa: A002 # as click calls it
    """A field whose setting is one of these words; the first is the default."""

    def parse(text: str) -> str:
        if text not in words:
            raise UsageError(f"{text!r} must be {one_of(words)}")
        return text

    return _setting(parse, words[0], metavar, f"{help}: {one_of(words)}.", choices=words)


def one_of(words: Sequence[str]) -> str:
    """``a, b or c``."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _ignores(text: str) -> tuple[Ignore, ...]:
    """Read known failures, ``TEST:DATE`` each, separated by line ends, or by commas after a date. Raises UsageError."""
    from hcexport.health.ignores import Ignore  # noqa: PLC0415 # start-up

    return tuple(Ignore.parse(part) for part in _BETWEEN_IGNORES.split(text.strip()) if part)


def positive_duration(text: str) -> float:
    """Parse a duration that is more than 0. Raises UsageError."""
    seconds = parse_duration(text)
    if not seconds:
        raise UsageError(f"{text!r} must be more than 0")
    return seconds


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UsageError(f"home directory of {text!r} not found") from None


def profile_name(text: str) -> str:
    """A name that can stand in a file name and a heading. Raises UsageError."""
    if not _PROFILE_NAME.fullmatch(text):
        raise UsageError(f"{text!r} is not a name for a profile", hint="use letters, digits, and . _ - between them")
    return text


def _referer(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise UsageError(f"{text!r} is not a referer", hint="use the text that the token was made for, without spaces")
    return text


@dataclass(frozen=True)
class Settings:
    """Everything that is configured for one command. To add a setting, add a field here; its name is its option."""

    profile: Value[str]
    config: ConfigFile
    url: Value[Organization | None] = _setting(
        Organization.parse, None, "URL", "Address of the organization.", "ARCGIS_ENTERPRISE_URL", is_connection=True
    )
    username: Value[str | None] = _setting(str, None, "USER", "User name (case-sensitive).", "ARCGIS_ENTERPRISE_USER")
    store: Value[str] = _choice("STORE", "Where secrets are kept", "keyring", "file")
    auth: Value[str] = _choice("HOW", "How to sign in", "password", "oauth")
    client_id: Value[str | None] = _setting(str, None, "ID", "OAuth app whose redirect URIs include http://127.0.0.1.")
    token_referer: Value[str] = _setting(
        _referer, "https://hcexport", "REFERER", "Referer that a given token was made for."
    )
    password_file: Value[Path | None] = _setting(
        _path, None, "FILE", "Read the password from FILE (mode 0600).", "ARCGIS_ENTERPRISE_PASSWORD_FILE"
    )
    password_command: Value[str | None] = _setting(str, None, "COMMAND", "Command that prints the password.")
    ca_bundle: Value[Path | None] = _setting(
        _path, None, "FILE", "CA certificates to trust, not the system's (PEM).", is_connection=True
    )
    client_cert: Value[Path | None] = _setting(_path, None, "FILE", "Client certificate (PEM).", is_connection=True)
    client_key: Value[Path | None] = _setting(
        _path, None, "FILE", "Private key of the client certificate (PEM).", is_connection=True
    )
    connect_timeout: Value[float] = _setting(
        positive_duration, 10.0, "DUR", "Longest wait for a connection.", is_connection=True
    )
    timeout: Value[float] = _setting(
        parse_duration, 1800.0, "DUR", "Stop waiting after DUR (0: never); the job continues on the server."
    )
    poll_interval: Value[float] = _setting(positive_duration, 10.0, "DUR", "Longest time between two status checks.")
    color: Value[str] = _choice("WHEN", "Colors", "auto", "always", "never")
    progress: Value[str] = _choice("STYLE", "Progress", "auto", "bar", "plain", "none")
    out: Value[str | None] = _setting(
        str, None, "PATH", "Save to a file, a folder, or - (stdout). {profile} {date} {time} {job_id} are filled in."
    )
    ping: Value[str | None] = _setting(str, None, "URL", "Monitor (healthchecks) to ping; a secret.")
    notify: Value[list[str] | None] = _setting(str.splitlines, None, "WORDS", "Command to call on a change, as a list.")
    if_exists: Value[str] = _choice("WHAT", "If the file exists", "fail", "overwrite", "skip", "rename")
    ignore: Value[tuple[Ignore, ...]] = _setting(
        _ignores, (), "TEST:DATE", "Ignore failures of TEST (id, name or glob) until DATE."
    )

    @contextmanager
    def naming_origins(self) -> Iterator[None]:
        """Add to a ConfigError about a certificate's file the place that names the file."""
        try:
            yield
        except ConfigError as error:
            values = (self.ca_bundle, self.client_cert, self.client_key)
            origin = next((each.origin for each in values if each.value and str(each.value) in error.message), None)
            error.message += f" ({origin})" if origin else ""
            raise

    @property
    def organization(self) -> Organization:
        """The organization to talk to. Raises ConfigError when none is configured."""
        if self.url.value is None and self.config.profiles and self.profile.origin == "built-in":
            raise ConfigError(
                "no profile is chosen", hint=f"-p NAME ({self.config.some_profiles}), or hcexport config use NAME"
            )
        if self.url.value is None:
            raise ConfigError("no organization is configured", hint="sign in to one: hcexport login URL")
        return self.url.value

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd in the config file."""
        return self.config.warnings

    def values(self) -> Iterator[tuple[str, Value[Any]]]:
        """Yield each setting by name, the profile first, in the order of this class."""
        yield "profile", self.profile
        for row in ROWS:
            yield row.name, getattr(self, row.name)


def _rows() -> Iterator[Row]:
    for each in fields(Settings):
        if each.metadata:
            environment = (f"HCEXPORT_{each.name.upper()}", *each.metadata["also"])
            yield Row(each.name, environment=environment, **each.metadata["row"])


ROWS = tuple(_rows())
PROFILE = Row("profile", profile_name, None, "Profile to use.", ("HCEXPORT_PROFILE",), (), "NAME", is_connection=True)
ROW_OF = {row.name: row for row in (PROFILE, *ROWS)}
KNOWN = frozenset(row.name for row in ROWS)
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
    return Settings(profile, config, **values)


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
