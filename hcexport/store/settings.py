"""The settings of a command: what there is to set. ``store.resolution`` finds the values.

To add a setting, add a field to ``Settings``: its name is its option, its key in the file, and with ``HCEXPORT_``
before it its environment variable. ``_choice`` makes a setting of a few words; another ``parse`` raises UsageError for
a text that is no value. A command takes the option with ``@add_options(setting_option("--name", group="..."))`` of
``cli.options``, and reads ``app.settings.name.value``.

Every start imports this module, so it imports as little as it can.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from hcexport.errors import ConfigError, UsageError
from hcexport.times import parse_duration, type_duration

if TYPE_CHECKING:
    from pathlib import Path

    from hcexport.health.ignores import Ignore
    from hcexport.organization import Organization
    from hcexport.store.config_file import ConfigFile


T = TypeVar("T")
_BETWEEN_IGNORES = re.compile(r"\s*\n\s*|(?<=:[0-9]{4}-[0-9]{2}-[0-9]{2})\s*,\s*")  # a test's name may hold a comma
_PROFILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Value(NamedTuple, Generic[T]):
    """A value and its origin: ``--url``, ``HCEXPORT_URL``, ``profile prod (config.toml:12)`` or ``built-in``."""

    value: T
    origin: str


class Row(NamedTuple):
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
    if isinstance(value, PathLike):
        from pathlib import Path  # noqa: PLC0415 # start-up

        return str(Path(value).absolute())
    return str(value)


def _setting(
    parse: Callable[[str], object],
    default: object,
    metavar: str,
    help: str,  # noqa: A002 # as click calls it
    also: str | None = None,
    **flags: Any,
) -> Any:
    """A row that has no name yet; ``also`` is a second environment variable, of Esri's own tools."""
    return Row("", parse, default, help, (also,) if also else (), metavar=metavar, **flags)


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
    from pathlib import Path  # noqa: PLC0415 # start-up

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


def _organization(text: str) -> Organization:
    from hcexport.organization import Organization  # noqa: PLC0415 # start-up

    return Organization.parse(text)


class Settings:
    """Everything that is configured for one command. To add a setting, add a field here; its name is its option.

    Of the class, a field is the setting's row; of an object, its value. No dataclass, because making one of so many
    fields takes longer than the rest of this module.
    """

    profile: Value[str]
    config: ConfigFile
    url: Value[Organization | None] = _setting(
        _organization, None, "URL", "Address of the organization.", "ARCGIS_ENTERPRISE_URL", is_connection=True
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

    def __init__(self, profile: Value[str], config: ConfigFile, values: Mapping[str, Value[Any]]) -> None:
        self.profile, self.config = profile, config
        vars(self).update(values)

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
    for name, row in vars(Settings).items():
        if isinstance(row, Row):
            yield row._replace(name=name, environment=(f"HCEXPORT_{name.upper()}", *row.environment))


ROWS = tuple(_rows())
PROFILE = Row("profile", profile_name, None, "Profile to use.", ("HCEXPORT_PROFILE",), (), "NAME", is_connection=True)
ROW_OF = {row.name: row for row in (PROFILE, *ROWS)}
KNOWN = frozenset(row.name for row in ROWS)
