"""A line for a user's crontab."""

from __future__ import annotations

import shlex

from hcexport.errors import UsageError
from hcexport.schedule.request import Request

LONGEST_COMMAND = 998  # bytes; Debian's cron refuses a crontab with a longer line


def write_crontab(request: Request) -> str:
    """One line that runs the command. Its environment stands in it, because a line of its own holds for all below.

    Raises UsageError for a line that is too long.
    """
    quiet = () if request.sets_verbosity else ("--quiet",)
    words = [
        *(f"{name}={shlex.quote(value)}" for name, value in request.environment.items()),
        *(shlex.quote(word) for word in [*request.start, *request.arguments(*quiet)]),
    ]
    command = _escape(f"cd {shlex.quote(request.folder)} && {' '.join(words)} >/dev/null")
    if len(command.encode()) > LONGEST_COMMAND:
        raise UsageError(
            f"the crontab line is longer than the {LONGEST_COMMAND} bytes that cron takes",
            hint="put options into the profile: hcexport config set",
        )
    file = f"{request.name}.crontab"
    return f"""\
# {file}
# Runs each day at {request.at}, local time of the machine. To install it, save it as {file} and run:
#   (crontab -l 2>/dev/null; cat {file}) | crontab -
# Cron mails all that is written: standard output goes nowhere, and with --quiet standard error has only errors.
{request.cron_time} {command}
"""


def _escape(line: str) -> str:
    """Escape ``%``, which ends a command. Every backslash is in single quotes, which are closed and opened after it.

    Else it would stand before another backslash or ``%``, which not every cron reads in the same way.
    """
    return line.replace("\\", "\\''").replace("%", "\\%")
