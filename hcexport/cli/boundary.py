"""The error boundary: the only place that prints errors and ends the process.

Whatever happens in a command arrives here and leaves as one line on stderr (one JSON object with ``--format json``)
and one of the exit statuses of ``hcexport.errors``. No traceback reaches a user.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

import click

from hcexport.cli.streams import flush, open_standard_streams
from hcexport.errors import CannotCreate, HcexportError, Interrupted, UsageError, Verdict
from hcexport.store.settings import one_of

_NEAR = 0.8  # of difflib's ratio: --lates is near --latest, --json is not near --since
_JSON_ELSEWHERE = {"-o", "--output", "--json"}  # how other tools spell --format json
_SIGNALS = ("SIGHUP", "SIGINT", "SIGTERM")


def run(root: click.Group) -> NoReturn:
    """Run the command line of this process and end it with a documented status."""
    open_standard_streams()
    arguments = sys.argv[1:]
    try:
        _catch_signals()
        status = _run(root, arguments)
        _end_at_next_signal()
    except Interrupted as error:  # a signal came while another error was being reported
        status = _report(error, root, arguments)
    end(status)


def _run(root: click.Group, arguments: Sequence[str]) -> int:
    """Run the command, report its error, and return the exit status."""
    try:
        status = _call(root, arguments)
        flush()
    except (Interrupted, HcexportError) as error:
        return _report(_interrupt_before(error) or error, root, arguments)
    except BrokenPipeError:
        return 0  # the reader has read enough: `hcexport list | head -1`
    except Exception as error:  # noqa: BLE001 # no traceback may reach a user
        return _report(_interrupt_before(error) or _make_unexpected(error), root, arguments)
    return status


def _interrupt_before(error: BaseException) -> Interrupted | None:
    """Return the signal behind an error: what fails while a command is unwound is not the reason why it ended."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Interrupted):
            return cause
        cause = cause.__context__
    return None


def _call(root: click.Group, arguments: Sequence[str]) -> int:
    """Run the command through click; turn click's exceptions into ours."""
    try:
        result = root.main(list(arguments), prog_name="hcexport", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except SystemExit:
        raise BrokenPipeError from None  # click ends the process by itself, with status 1, for a broken pipe alone
    except click.Abort:
        raise UsageError("no input", hint="type a value at the prompt, or use --no-input") from None
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return UsageError.status
    except click.ClickException as error:
        raise _usage(error) from None
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.filename is not None:
            raise
        if error.errno == errno.ENOENT:  # of os.getcwd(), which names no file
            raise CannotCreate("the current folder was removed", hint="cd to another, and type it again") from None
        reason = (error.strerror or str(error)).lower()
        raise CannotCreate(f"cannot write to standard output: {reason}", hint=_notes(error)) from None


def _usage(error: click.ClickException) -> UsageError:
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx else "hcexport"
    message, hint = error.format_message().rstrip("."), f"{path} --help"
    if isinstance(error, click.NoSuchOption):
        import difflib  # noqa: PLC0415 # start-up

        # Of click's suggestions keep those that are near: it has one for almost every word.
        near = difflib.get_close_matches(error.option_name, error.possibilities or (), 1, _NEAR)
        message = f"no such option {error.option_name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        hint = f"{path} --format json" if error.option_name in _JSON_ELSEWHERE else hint
    elif isinstance(error, click.MissingParameter) and error.param and isinstance(error.param.type, click.Choice):
        message = f"missing {error.param.human_readable_name}: {one_of([*error.param.type.choices])}"
    return UsageError(message[:1].lower() + message[1:], hint=hint)


def _make_unexpected(error: Exception) -> HcexportError:
    hint = "please report it; --log-file FILE keeps the details"
    return HcexportError(
        f"unexpected {type(error).__name__}: {error}", hint="; ".join(filter(None, [hint, _notes(error)]))
    )


def _notes(error: Exception) -> str | None:
    """Return the notes of an exception: how to go on."""
    return "; ".join(getattr(error, "__notes__", [])) or None


def _report(error: HcexportError | Interrupted, root: click.Group, arguments: Sequence[str]) -> int:
    """Print the error on stderr and return its status, also when there is no stderr."""
    import json  # noqa: PLC0415 # start-up: only errors need it

    from hcexport.output.terminal import fold  # noqa: PLC0415 # start-up

    fields, wanted = error_object(error), _format_of(root, arguments)
    if wanted == "nagios":
        return _print_plugin_line(error, fields["message"])
    if wanted == "json":
        text = json.dumps({"error": fields})
    else:
        text = f"hcexport: error: {fields['message']}" + (f"\nhint: {fields['hint']}" if fields["hint"] else "")
        text = fold(text, sys.stderr, os.environ)
    with suppress(OSError, ValueError):  # stderr is gone; the status is still there
        print(text, file=sys.stderr, flush=True)  # noqa: T201 # errors are printed here
    return error.status


def _print_plugin_line(error: HcexportError | Interrupted, message: str) -> int:
    """Print the error as a monitoring plugin does, and return the plugin's status, which is not in our table."""
    from hcexport.output.reports import nagios  # noqa: PLC0415 # start-up

    status, line = nagios.critical(message) if isinstance(error, Verdict) else nagios.unknown(message)
    with suppress(OSError, ValueError):  # stdout is gone; the status is still there
        print(line, flush=True)  # noqa: T201 # errors are printed here
    return status


def error_object(error: HcexportError | Interrupted) -> dict[str, Any]:
    """Return an error as programs read it, without secrets and control characters."""
    from hcexport.output.sanitize import escape_controls  # noqa: PLC0415 # start-up
    from hcexport.redaction import redact, shorten  # noqa: PLC0415 # start-up

    return {
        "code": error.code,
        "message": escape_controls(shorten(error.message)),
        "hint": escape_controls(redact(error.hint)) if error.hint else None,
        "exit_status": error.status,
        "retryable": error.retryable,
    }


def _format_of(root: click.Group, arguments: Sequence[str]) -> str | None:
    """Return the value of ``--format`` as click's parser reads it, also from a line that has errors."""
    with suppress(Exception):  # whatever is wrong with the line is being reported already
        before, words = _read_options(root, arguments)
        name = next((word for word in words if not word.startswith("-")), "")
        command = root.get_command(click.Context(root), name)
        if command is None:
            return _read_options(root, arguments, interspersed=True)[0].get("format")
        wanted = _read_options(command, words[words.index(name) + 1 :])[0].get("format", before.get("format"))
        return wanted if wanted != "nagios" or _takes_nagios(command) else None
    return None


def _takes_nagios(command: click.Command) -> bool:
    """Whether the command prints a line of a monitoring plugin; for other commands that format is a usage error."""
    kinds = [each.type for each in command.params if each.name == "format"]
    return any(isinstance(kind, click.Choice) and "nagios" in kind.choices for kind in kinds)


def _read_options(
    command: click.Command, words: Sequence[str], *, interspersed: bool | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Return the text of each option, and the words that are no known option. Unknown options are passed over."""
    lenient: dict[str, Any] = {**command.context_settings, "ignore_unknown_options": True, "resilient_parsing": True}
    if interspersed is not None:
        lenient["allow_interspersed_args"] = interspersed
    options, rest, _ = command.make_parser(click.Context(command, **lenient)).parse_args(list(words))
    return options, rest


def _catch_signals() -> None:
    """Turn the first signal into an exception that unwinds the command; a second one ends the process at once."""
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _end_at_next_signal()
    raise Interrupted(number, signal.Signals(number).name)


def _end_at_next_signal() -> None:
    """From now on let a signal end the process without a message."""
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda again, _: os._exit(128 + again))


def end(status: int) -> NoReturn:
    """End at once: the interpreter's own end takes apart every module, and complains of a pipe that is gone."""
    with suppress(OSError, ValueError):
        flush()
    os._exit(status)
