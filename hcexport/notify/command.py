"""The user's command that is called when something changed. It is run without a shell, and without our secrets."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from hcexport.notify.events import Event, Facts, State, find_changes
from hcexport.redaction import holds_secret, shorten

LIMIT_S = 30.0
_DYING_S = 1.0
_SUMMARY_CAP = 1000  # characters: a summary goes into the subject of a mail or one line of a chat
_OURS = ("HCEXPORT_TOKEN", "HCEXPORT_PASSWORD", "HCEXPORT_PING", "ARCGIS_ENTERPRISE_")


@dataclass(frozen=True)
class Message:
    """What the command is told of a run: its JSON document on stdin, the rest in the environment."""

    document: str
    summary: str
    profile: str


def notify_of_change(
    argv: Sequence[str],
    previous: State,
    facts: Facts,
    message: Message,
    environ: Mapping[str, str],
    *,
    limit_s: float = LIMIT_S,
) -> tuple[State, str]:
    """Call the command once where something changed. Returns the state to keep, and a warning where the call failed.

    The state of before is kept after a failed call, so that the next run tries again what is still so by then.
    """
    events, state = find_changes(previous, facts)
    if not events:
        return state, ""
    warning = run_command(argv, events, facts.status, message, environ, limit_s=limit_s)
    return (previous if warning else state), warning


def run_command(
    argv: Sequence[str],
    events: Sequence[Event],
    status: int,
    message: Message,
    environ: Mapping[str, str],
    *,
    limit_s: float = LIMIT_S,
) -> str:
    """Run the command to its end, ``limit_s`` seconds at most. Returns a warning where it failed, else nothing.

    It has a session of its own: no terminal to ask on, and all that it started is killed when its time is up. Its
    output is dropped.
    """
    told = {
        "HCEXPORT_EVENT": " ".join(events),
        "HCEXPORT_SUMMARY": _line(message.summary),
        "HCEXPORT_EXIT_STATUS": str(status),
        "HCEXPORT_PROFILE": _line(message.profile),
    }
    child: subprocess.Popen[bytes] | None = None
    try:
        with _hold_signals():
            child = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**_clean(environ), **told},
                start_new_session=True,
            )
        child.communicate(message.document.encode("utf-8", "replace"), limit_s)
    except subprocess.TimeoutExpired:
        return f"the notify command did not end within {limit_s:g} s"
    except (OSError, ValueError, IndexError) as error:  # an empty list, a NUL in a word
        reason = (isinstance(error, OSError) and error.strerror) or "it is not a command"
        return f"the notify command cannot be started: {reason.lower()}"
    finally:
        if child:
            _end(child)
    return f"the notify command ended with status {child.returncode}" if child.returncode else ""


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the command and all of its session, unless it has ended; close its stdin."""
    if child.returncode is None:
        with suppress(OSError, subprocess.TimeoutExpired):  # it is another user's, as after sudo: it is left alone
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(_DYING_S)
    if child.stdin:
        with suppress(OSError):
            child.stdin.close()


@contextmanager
def _hold_signals() -> Iterator[None]:
    """Hold back signals that raise, because a start that they end leaves a process whose id is not known here."""
    is_main = threading.current_thread() is threading.main_thread()  # other threads run no handlers, and set none
    numbers = signal.valid_signals() if is_main else ()
    handlers = {number: handler for number in numbers if callable(handler := signal.getsignal(number))}
    held: list[int] = []
    try:
        for number in handlers:
            signal.signal(number, lambda number, _frame: held.append(number))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for came in held:
            signal.raise_signal(came)


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without our secrets: not by their names, not by their values, and no user of a proxy."""
    kept = {name: _without_user(name, value) for name, value in environ.items() if not name.startswith(_OURS)}
    return {name: value for name, value in kept.items() if not holds_secret(value)}


def _without_user(name: str, value: str) -> str:
    return re.sub(r"^(\w+://)?.*@", r"\1", value) if name.lower().endswith("_proxy") else value


def _line(text: str) -> str:
    """A text as a variable may hold it: one line, no control characters, UTF-8 whatever the locale is."""
    words = "".join(each if each.isprintable() else " " for each in shorten(text, _SUMMARY_CAP)).split()
    return os.fsdecode(" ".join(words).encode())
