"""A service and its timer for the system's systemd."""

from __future__ import annotations

import re

from hcexport.errors import UsageError
from hcexport.schedule.request import Request

_PLAIN = re.compile(r"[A-Za-z0-9_./:=@,+-]+")


def write_units(request: Request) -> str:
    """The service, run as the user of now because nobody else may read what hcexport keeps, and the timer."""
    environment = request.environment
    credential = ""
    if request.password_file:
        credential = f"LoadCredential=password:{_raw(request.password_file)}\n"
        del environment["HCEXPORT_PASSWORD_FILE"]
    settings = "".join(f"Environment={_quote(f'{name}={value}')}\n" for name, value in environment.items())
    if credential:
        settings += "Environment=HCEXPORT_PASSWORD_FILE=%d/password\n"
    # systemd fills in variables in the arguments, not in the path of the program
    program, *more = request.start
    if any(character in program for character in "'\"\\"):
        raise UsageError(f"systemd does not start {program!r}, because of a quote or backslash in its path")
    words = [_quote(program), *map(_quote_argument, [*more, *request.arguments()])]
    name, time = request.name, request.at
    return f"""\
# {name}.service
# Runs each day at {time}, local time of the machine. To install it, save all of this as {name}.units and run, as root:
#   awk '/^# [^ ]+[.](service|timer)$/ {{file = "/etc/systemd/system/" $2}} {{print > file}}' {name}.units
#   systemctl daemon-reload && systemctl enable --now {name}.timer
[Unit]
Description=hcexport, each day at {time}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User={_raw(request.user)}
WorkingDirectory={_raw(request.folder)}
{credential}{settings}ExecStart={" ".join(words)}
# A run that hangs must not keep the timer from starting the next.
TimeoutStartSec=23h

# {name}.timer
[Unit]
Description=Start {name}.service each day at {time}

[Timer]
OnCalendar=*-*-* {time}:00
Persistent=true

[Install]
WantedBy=timers.target
"""


def _quote(word: str) -> str:
    """A word as systemd reads it in ExecStart and Environment."""
    if not _PLAIN.fullmatch(word):
        word = '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return word.replace("%", "%%")


def _quote_argument(word: str) -> str:
    return _quote(word).replace("$", "$$")


def _raw(value: str) -> str:
    """A value that systemd takes as it stands; UsageError for a last character that it would not take so."""
    if value.endswith((" ", "\\")):
        raise UsageError(f"systemd cannot be given {value!r}, because of its last character")
    return value.replace("%", "%%")
