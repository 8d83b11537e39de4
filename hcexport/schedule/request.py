"""What is to run, when and with what: the value that every kind of schedule is written from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from hcexport.errors import UsageError

# Options before the command's name whose value is the next word, so that the value is not taken for the command.
TAKE_A_VALUE = frozenset(
    {"--profile", "--url", "--format", "--log-file", "--color", "--progress", "--ca-bundle"}
    | {"--client-cert", "--client-key", "--connect-timeout", "--timeout", "--parallel", "--shard"}
)
_SHORT_THAT_TAKES_A_VALUE = re.compile(r"-[hqv]*[pF]")
_PROFILE = re.compile(r"-[hqv]*p.*|--profile(=.*)?")
_QUIET_OR_VERBOSE = re.compile(r"-h*[qv].*|--quiet|--verbose")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A command to run each day, and what it needs from here.

    ``command`` is as typed, from ``hcexport`` on. ``program`` is what starts this hcexport, an absolute path first.
    ``home``, ``url``, ``username`` and ``password_file`` are what the ``HCEXPORT_`` variables say now, ``profiles``
    the chosen names. ``files`` are the paths that these profiles name in the config file, ``bare_profiles`` those of
    them that name no file with a password. ``user`` and ``folder`` are whose process this is and where it runs. Paths
    are absolute.
    """

    kind: str
    command: tuple[str, ...]
    program: tuple[str, ...]
    user: str
    folder: str
    at: str = "05:15"
    name: str = "hcexport"
    parts: int | None = None
    timezone: str | None = None
    profiles: tuple[str, ...] = ()
    home: str | None = None
    url: str | None = None
    username: str | None = None
    password_file: str | None = None
    files: tuple[str, ...] = ()
    bare_profiles: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that are set now, by name."""
        values = {
            "HCEXPORT_HOME": self.home,
            "HCEXPORT_URL": self.url,
            "HCEXPORT_USERNAME": self.username,
            "HCEXPORT_PASSWORD_FILE": self.password_file,
        }
        return {name: value for name, value in values.items() if value}

    @property
    def start(self) -> tuple[str, ...]:
        """The words that start the program: what the command names by an absolute path, else what runs now."""
        return self.command[:1] if self.command[0].startswith("/") else self.program

    @property
    def cron_time(self) -> str:
        """The time of day as cron reads it: ``15 5 * * *``."""
        return f"{int(self.at[3:])} {int(self.at[:2])} * * *"

    @property
    def subcommand(self) -> str:
        """The name of the command, such as ``export``."""
        return self.command[_subcommand_index(self.command)]

    @property
    def names_profiles(self) -> bool:
        """Whether the command itself says which profiles it is for."""
        return any(_PROFILE.fullmatch(word) for word in self.command)

    @property
    def profile_patterns(self) -> list[str]:
        """The names and globs of the chosen profiles: those of the command itself, else ``profiles``."""
        values = []
        for word, following in zip(self.command, [*self.command[1:], ""], strict=True):
            if word == "--profile" or re.fullmatch("-[hqv]*p", word):
                values.append(following)
            elif found := re.fullmatch(r"(?:--profile=|-[hqv]*p)(.+)", word):
                values.append(found[1])
        return [each.strip() for value in values or self.profiles for each in value.split(",")]

    @property
    def sets_verbosity(self) -> bool:
        """Whether the command itself says how much is said."""
        return any(_QUIET_OR_VERBOSE.fullmatch(word) for word in self.command)

    def arguments(self, *added: str) -> list[str]:
        """The words after the program, with the profiles (unless the command names its own) and more options added.

        They follow the command's name at once, because after ``--`` they would be ids.
        """
        profiles = () if self.names_profiles else self.profiles
        named = [word for profile in profiles for word in ("-p", profile)]
        after = _subcommand_index(self.command) + 1
        return [*self.command[1:after], *named, *added, *self.command[after:]]


def check(request: Request) -> None:
    """Raise UsageError for what no kind of schedule can carry out."""
    if not request.command or PurePosixPath(request.command[0]).name != "hcexport":
        raise UsageError("the command to run is not hcexport", hint=_EXAMPLE)
    _subcommand_index(request.command)
    if not _TIME.fullmatch(request.at):
        raise UsageError(f"{request.at!r} is not a time of day", hint="give it as HH:MM, such as 05:15")
    if not _NAME.fullmatch(request.name):
        raise UsageError(f"{request.name!r} cannot name a file", hint="use letters, digits, '.', '_' and '-'")
    if request.parts is not None and request.kind != "kubernetes":
        raise UsageError(f"--parts is for kubernetes, not for {request.kind}")
    _check_text(request)
    for path in (request.program[0], request.folder, request.home, request.password_file):
        if path and (not path.startswith("/") or ".." in PurePosixPath(path).parts):
            raise UsageError(f"{path!r} is not an absolute path", hint="give it from / on and without '..'")


_EXAMPLE = "type it as you would by hand: -- hcexport export --new --out /var/backups/"


def _check_text(request: Request) -> None:
    values = [*request.environment.values(), request.user, request.folder, request.timezone or ""]
    for text in [*request.command, *request.program, *request.profiles, *request.files, *values]:
        if any(unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"} or each in "\ufeff\ufffe\uffff" for each in text):
            raise UsageError(f"{text!r} holds a line end or another character that cannot be written to a file")


def _subcommand_index(command: Sequence[str]) -> int:
    index = 1
    while index < len(command):
        word = command[index]
        if not word.startswith("-"):
            return index
        index += 2 if word in TAKE_A_VALUE or _SHORT_THAT_TAKES_A_VALUE.fullmatch(word) else 1
    raise UsageError("the command to run names nothing that hcexport does", hint=_EXAMPLE)
