"""Passwords that nobody types: from a file, a command, or the environment."""

from __future__ import annotations

import math
import os
import select
import shlex
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from hcexport.auth.child_process import SaidTooMuch, TookTooLong, run_with_limit
from hcexport.errors import ConfigError
from hcexport.files import open_at_once
from hcexport.redaction import Secret
from hcexport.store.settings import Settings

PASSWORD_COMMAND_LIMIT_S = 30.0  # enough for a secret manager across a network
FILE_LIMIT_S = 30.0  # for a pipe, which may be written late; a file answers at once
_LARGEST = 4096  # bytes; more is not a password

Remaining = Callable[[], float]


class PasswordSource(NamedTuple):
    """A place to get a password from. ``read`` raises ConfigError, which names the origin and not the password.

    ``can_repeat`` says that reading costs nothing and can be done again: not so of a pipe or a command.
    """

    origin: str
    read: Callable[[], Secret]
    can_repeat: bool = True


def password_sources(
    settings: Settings, environ: Mapping[str, str], remaining: Remaining = lambda: math.inf
) -> Iterator[PasswordSource]:
    """List the configured sources, first the ``HCEXPORT_`` variables, then ``ARCGIS_ENTERPRISE_``, then the file.

    ``remaining`` are the seconds that are left for reading a pipe or running a command, asked when it begins.
    """

    def file(origin: str, path: str | Path | None) -> Iterator[PasswordSource]:
        if path:
            place = os.path.expanduser(path)  # noqa: PTH111 # Path.expanduser raises, and reading says why
            is_pipe = os.path.lexists(place) and not os.path.isfile(place)  # noqa: PTH113 # as above
            yield PasswordSource(origin, partial(read_password_file, Path(path), remaining), can_repeat=not is_pipe)

    def command(origin: str, line: str | None) -> Iterator[PasswordSource]:
        if line:
            yield PasswordSource(origin, partial(run_password_command, line, environ, remaining), can_repeat=False)

    def value(origin: str) -> Iterator[PasswordSource]:
        if text := environ.get(origin):
            yield PasswordSource(origin, partial(parse_password, text, origin))

    yield from file("HCEXPORT_PASSWORD_FILE", environ.get("HCEXPORT_PASSWORD_FILE"))
    yield from command("HCEXPORT_PASSWORD_COMMAND", environ.get("HCEXPORT_PASSWORD_COMMAND"))
    yield from value("HCEXPORT_PASSWORD")
    yield from file("ARCGIS_ENTERPRISE_PASSWORD_FILE", environ.get("ARCGIS_ENTERPRISE_PASSWORD_FILE"))
    yield from value("ARCGIS_ENTERPRISE_PASSWORD")
    if settings.password_file.origin not in environ:
        yield from file(f"password_file of {settings.password_file.origin}", settings.password_file.value)
    if settings.password_command.origin not in environ:
        yield from command(f"password_command of {settings.password_command.origin}", settings.password_command.value)


def parse_password(text: str, origin: str) -> Secret:
    """Take the newline off a password; spaces are part of it. Raises ConfigError."""
    password = text.rstrip("\r\n")
    if not password:
        raise ConfigError(f"{origin}: there is no password in it")
    if any(character in password for character in "\r\n\0"):
        raise ConfigError(f"{origin}: there is more than one line in it")
    return Secret(password)


def read_password_file(path: Path, remaining: Remaining = lambda: math.inf) -> Secret:
    """Read a password from a file or a pipe. Raises ConfigError, also when others may read the file.

    A group may read a file of root's, because Kubernetes and systemd hand secrets to services that way.
    """
    try:
        with open_at_once(path.expanduser()) as file:
            _refuse_readable(path, os.fstat(file.fileno()))
            return _decode(_read_all(file.fileno(), path, min(FILE_LIMIT_S, remaining())), str(path))
    except (OSError, RuntimeError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise ConfigError(
            f"cannot read the password file {path}: {reason}", hint=f"ls -l {shlex.quote(str(path))}"
        ) from None


def run_password_command(command: str, environ: Mapping[str, str], remaining: Remaining = lambda: math.inf) -> Secret:
    """Run a command that prints a password: split into words as by a shell, run without a shell. Raises ConfigError."""
    origin, limit_s = "the password command", min(PASSWORD_COMMAND_LIMIT_S, remaining())
    hint = "run it by hand to see why"
    try:
        words = shlex.split(command)
        status, output = run_with_limit(words, given=b"", limit_s=limit_s, environ=environ)
    except TookTooLong:
        raise ConfigError(f"{origin} did not end within {limit_s:g} s", hint=hint) from None
    except SaidTooMuch:
        raise ConfigError(f"{origin} printed more than a password", hint=hint) from None
    except (OSError, ValueError, IndexError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "it is not a command"
        raise ConfigError(f"{origin} cannot be started: {reason}") from None
    if status:
        raise ConfigError(f"{origin} ended with status {status}", hint=hint)
    return _decode(output, origin)


def _refuse_readable(path: Path, found: os.stat_result) -> None:
    loose = 0o027 if found.st_uid == 0 else 0o077
    if stat.S_ISREG(found.st_mode) and found.st_mode & loose:
        raise ConfigError(f"others can read the password file {path}", hint=f"chmod 600 {path}")


def _read_all(descriptor: int, path: Path, limit_s: float) -> bytes:
    ends_at, content = time.monotonic() + limit_s, b""
    while len(content) <= _LARGEST:
        if not select.select([descriptor], [], [], max(0.0, ends_at - time.monotonic()))[0]:
            raise ConfigError(f"nothing came out of {path} within {limit_s:g} s")
        if not (more := os.read(descriptor, _LARGEST)):
            return content
        content += more
    raise ConfigError(f"{path} holds more than a password")


def _decode(content: bytes, origin: str) -> Secret:
    try:
        return parse_password(content.decode("utf-8-sig"), origin)
    except UnicodeDecodeError:
        raise ConfigError(f"{origin}: it is not UTF-8") from None
