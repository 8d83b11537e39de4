"""Run another program to get a secret: within a time limit, and without handing it secrets of ours."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

_OUR_SECRETS = ("HCEXPORT_TOKEN", "HCEXPORT_PASSWORD", "ARCGIS_ENTERPRISE_PASSWORD", "HCEXPORT_PING")
OUTPUT_CAP = 64 * 2**10  # bytes; no secret is longer
_POLL_S = 0.02  # between checks whether a program has ended whose output a background process holds open


class TookTooLong(Exception):
    """The program was killed because its time was up."""


class SaidTooMuch(Exception):
    """The program was killed because it wrote more than ``OUTPUT_CAP``."""


def run_with_limit(
    command: Sequence[str], *, given: bytes, limit_s: float, environ: Mapping[str, str], attended: bool = False
) -> tuple[int, bytes]:
    """Run a program with ``given`` on its stdin for at most ``limit_s`` seconds; returns exit status and output.

    Unless ``attended``, the program gets a session of its own, so that it cannot ask on the terminal and is killed
    with everything that it started. Processes that it leaves in the background are not waited for.
    Raises TookTooLong, SaidTooMuch, or OSError when the program cannot be started.
    """
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: _strip_user(name, value) for name, value in environ.items() if name not in _OUR_SECRETS},
        start_new_session=not attended,
    )
    try:
        with suppress(BrokenPipeError):  # the program may end without reading its stdin
            _require(child.stdin).write(given)
            _require(child.stdin).close()
        output = _read_output(child, time.monotonic() + limit_s)
    finally:
        if child.returncode is None:
            _kill(child, whole_session=not attended)
        _close_pipes(child)
    return child.returncode, output


def _read_output(child: subprocess.Popen[bytes], ends_at: float) -> bytes:
    """Read what a program writes until it ends, or until it closes its output and ends."""
    pipe, output = _require(child.stdout).fileno(), b""
    while True:
        has_ended = child.poll() is not None  # before the read, because output may come between read and end
        if select.select([pipe], [], [], 0 if has_ended else _POLL_S)[0]:
            if not (more := os.read(pipe, OUTPUT_CAP)):
                break
            output += more
        elif has_ended:
            return output
        if len(output) > OUTPUT_CAP:
            raise SaidTooMuch
        if time.monotonic() > ends_at:
            raise TookTooLong
    try:
        child.wait(max(0.0, ends_at - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TookTooLong from None
    return output


def _strip_user(name: str, value: str) -> str:
    """Take user and password out of a proxy variable."""
    return re.sub(r"^(\w+://)?.*@", r"\1", value) if name.lower().endswith("_proxy") else value


def _require(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe  # noqa: S101 # Popen opens each pipe that it was asked for
    return pipe


def _kill(child: subprocess.Popen[bytes], *, whole_session: bool) -> None:
    with suppress(ProcessLookupError):
        if whole_session:
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()


def _close_pipes(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()
