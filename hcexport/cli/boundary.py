"""The error boundary: the only place that prints errors and ends the process.

Whatever happens in a command arrives here and leaves as one line on stderr (one JSON object with ``--format json``)
and one of the exit statuses of ``hcexport.errors``. No traceback reaches a user.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

import click

from hcexport.cli.streams import _flush, _open_standard_streams
from hcexport.errors import CannotCreate, HcexportError, Interrupted, UsageError

_FLAGS, _WITH_VALUE = "hqv", "Fopu"  # the options of one letter; a test holds them to the commands
_SIGNALS = ("SIGHUP", "SIGINT", "SIGTERM")


def run(root: click.Group) -> NoReturn:
    """Run the command line of this process and end it with a documented status."""
    _open_standard_streams()
    arguments = sys.argv[1:]
    try:
        _catch_signals()
        status = _outcome(root, arguments)
        _end_at_once()
    except Interrupted as error:  # while something else was being said; there is no second time
        status = _report(error, as_json=_wants_json(arguments))
    _end(status)


def _outcome(root: click.Group, arguments: Sequence[str]) -> int:
    """The status that the command ends with; its error has been said."""
    try:
        status = _status_of(root, arguments)
        _flush()
    except (Interrupted, HcexportError) as error:
        return _report(_interrupt_before(error) or error, as_json=_wants_json(arguments))
    except BrokenPipeError:
        return 0  # the reader has what it wanted: `hcexport list | head -1`
    except Exception as error:  # noqa: BLE001 # nothing may leave as a traceback
        return _report(_interrupt_before(error) or _unexpected(error), as_json=_wants_json(arguments))
    return status


def _interrupt_before(error: BaseException) -> Interrupted | None:
    """The signal that an error came from: what fails while a command is being left is not why it ended."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Interrupted):
            return cause
        cause = cause.__context__
    return None


def _status_of(root: click.Group, arguments: Sequence[str]) -> int:
    try:
        result = root.main(list(arguments), prog_name="hcexport", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except SystemExit:
        raise BrokenPipeError from None  # the one time that click ends by itself, and with status 1
    except click.Abort:
        raise UsageError("nothing was typed", hint="give what is asked for, or use --no-input") from None
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return UsageError.status
    except click.ClickException as error:
        raise _usage(error) from None
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.filename is not None:
            raise
        reason = (error.strerror or str(error)).lower()
        raise CannotCreate(f"the output cannot be written: {reason}", hint=_notes(error)) from None


def _usage(error: click.ClickException) -> UsageError:
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx else "hcexport"
    message = error.format_message().rstrip(".")
    return UsageError(message[:1].lower() + message[1:], hint=f"{path} --help")


def _unexpected(error: Exception) -> HcexportError:
    hint = "please report it; --log-file FILE keeps the details"
    return HcexportError(
        f"unexpected {type(error).__name__}: {error}", hint="; ".join(filter(None, [hint, _notes(error)]))
    )


def _notes(error: Exception) -> str | None:
    """What others have added to an exception: how to go on."""
    return "; ".join(getattr(error, "__notes__", [])) or None


def _report(error: HcexportError | Interrupted, *, as_json: bool) -> int:
    """Say the error on stderr; returns its status, also when there is no stderr to say it on."""
    import json  # noqa: PLC0415 # start-up: only errors need these

    from hcexport.output.sanitize import escape_controls  # noqa: PLC0415 # start-up
    from hcexport.redaction import redact, shortened  # noqa: PLC0415 # start-up

    message = escape_controls(shortened(error.message))
    hint = escape_controls(redact(error.hint)) if error.hint else None
    if as_json:
        fields = {
            "code": error.code,
            "message": message,
            "hint": hint,
            "exit_status": error.status,
            "retryable": error.retryable,
        }
        text = json.dumps({"error": fields})
    else:
        text = f"hcexport: error: {message}" + (f"\nhint: {hint}" if hint else "")
    with suppress(OSError, ValueError):  # stderr is gone, the status still speaks
        print(text, file=sys.stderr, flush=True)  # noqa: T201 # the boundary is who prints errors
    return error.status


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether ``--format json`` was typed, also where the rest of the line could not be understood."""
    wanted, words = "", iter(arguments)
    for word in words:
        name, is_joined, value = word.partition("=")
        letters = word[1:].lstrip(_FLAGS) if word[:1] == "-" else ""
        if word == "--":
            break
        if name == "--format":
            wanted = value if is_joined else next(words, "")
        elif letters[:1] and letters[0] in _WITH_VALUE:
            value = letters[1:] or next(words, "")
            wanted = value if letters[0] == "F" else wanted
    return wanted == "json"


def _catch_signals() -> None:
    """Turn the first signal into an exception that unwinds the command; a second one ends the process at once."""
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _end_at_once()
    raise Interrupted(number, signal.Signals(number).name)


def _end_at_once() -> None:
    """From now on a signal ends the process, without a word."""
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda again, _: os._exit(128 + again))


def _end(status: int) -> NoReturn:
    """End without the interpreter's own flush, which would complain of a pipe that is gone."""
    try:
        _flush()
    except (OSError, ValueError):
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 1)
    sys.exit(status)
