"""``hcexport sandbox``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from hcexport.cli.app import App
from hcexport.cli.command import option
from hcexport.cli.options import DURATION, app_command, whole_number
from hcexport.cli.outcome import Outcome
from hcexport.errors import CannotCreate, ConfigError, Interrupted, UsageError
from hcexport.sandbox import SCENARIOS, Sandbox
from hcexport.sandbox.sandbox import self_signed

_MARK = "HCEXPORT_SANDBOX"  # for a prompt that tells the shell inside from the one outside
_TOKEN_LIFE_S = 24 * 3600.0  # of the token that is handed out: a day of trying things


@app_command(
    "sandbox",
    formats=("text",),
    asks_server=False,
    examples=[
        "hcexport sandbox -- hcexport export --latest 3 --wait --out reports.zip",
        "hcexport sandbox --scenario flaky -- sh nightly.sh",
    ],
    context={"allow_interspersed_args": False},
    lists={"Scenarios": SCENARIOS},
)
@option("--port", type=whole_number(0, 65535), default=0, metavar="N", help="Port to listen on; 0 picks a free one.")
@option("--scenario", type=click.Choice(list(SCENARIOS)), default="normal", metavar="NAME", help="Failure to simulate.")
@option("--job-time", type=DURATION, default=0.5, metavar="DUR", help="How long an export or a check takes.  [0.5s]")
@option("--tls", is_flag=True, help="Serve HTTPS with a temporary certificate.")
@click.argument("program", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
def command(app: App, *, port: int, scenario: str, job_time: float, tls: bool, program: tuple[str, ...]) -> Outcome:
    """Serve a simulated organization on 127.0.0.1.

    With COMMAND: runs it with HCEXPORT_URL, HCEXPORT_TOKEN, a private HCEXPORT_HOME and HCEXPORT_SANDBOX=1 set, and
    ends with its status. Without: serves until Ctrl-C. Shows how to sign in on a terminal.
    """
    with tempfile.TemporaryDirectory(prefix="hcexport-sandbox-") as folder:
        certificate = _certificate(Path(folder)) if tls else None
        box = Sandbox(
            port=port, scenario=scenario, job_seconds=job_time, certificate=certificate, token_seconds=_TOKEN_LIFE_S
        )
        try:
            box.start()
        except OSError as error:
            raise CannotCreate(f"cannot listen on port {port}: {error.strerror}", hint="--port 0") from None
        try:
            environment = _environment(box, Path(folder), certificate)
            if not program or sys.stderr.isatty():
                app.messages.notice(f"Sandbox at {box.url}. {box.how_to_sign_in}")
            if program:
                return Outcome(status=_run(program, {**_without_ours(app.environ), **environment, _MARK: "1"}))
            _serve(app, environment)
        finally:
            box.stop()
    return Outcome()


def _certificate(folder: Path) -> tuple[str, str]:
    try:
        cert, key = self_signed(folder)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise ConfigError(f"no certificate for --tls: {error}", hint="install openssl, or leave --tls out") from None
    return str(cert), str(key)


def _environment(box: Sandbox, folder: Path, certificate: tuple[str, str] | None) -> dict[str, str]:
    home = folder / "home"
    home.mkdir(mode=0o700)
    trusted = {"HCEXPORT_CA_BUNDLE": certificate[0]} if certificate else {}
    return {"HCEXPORT_URL": box.url, "HCEXPORT_TOKEN": box.new_token(), "HCEXPORT_HOME": str(home), **trusted}


def _without_ours(environ: Mapping[str, str]) -> dict[str, str]:
    """Remove the variables meant for a real organization, and put our own folder first on PATH."""
    rest = {name: value for name, value in environ.items() if not name.startswith(("HCEXPORT_", "ARCGIS_ENTERPRISE_"))}
    own = str(Path(sys.argv[0]).absolute().parent)
    return {**rest, "PATH": os.pathsep.join(filter(None, [own, rest.get("PATH", os.defpath)]))}


def _run(program: Sequence[str], environment: dict[str, str]) -> int:
    """Run a program to its end and return its status, 128 + n for signal n, as a shell does."""
    found = shutil.which(program[0], path=environment["PATH"])
    if found is None:
        raise UsageError(f"command not found: {program[0]}")
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []  # signals that came during the start, when the child's id was not known here

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if child is None:
            early.append(number)
        elif number != signal.SIGINT:  # the terminal has sent SIGINT to the child as well
            child.send_signal(number)

    with _handling_signals(pass_on):
        try:
            child = subprocess.Popen([found, *program[1:]], env=environment)
        except OSError as error:
            raise UsageError(f"cannot run {program[0]}: {error.strerror}") from None
        for number in early:
            child.send_signal(number)
        status = child.wait()
    return 128 - status if status < 0 else status


@contextmanager
def _handling_signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Give the signals that end a command another handler, except those that are ignored (by nohup)."""
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    taken = [number for number, was in before.items() if was is not signal.SIG_IGN]
    try:
        for number in taken:
            signal.signal(number, handler)
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])


def _serve(app: App, environment: Mapping[str, str]) -> None:
    """Print how to reach the sandbox, and serve until Ctrl-C, which is the normal end."""
    for name, value in environment.items():
        app.printer.line(f"export {name}={value}")
    app.messages.notice("Press Ctrl-C to stop.")
    try:
        while True:
            signal.pause()
    except Interrupted as interrupted:
        if interrupted.status != 128 + signal.SIGINT:
            raise
