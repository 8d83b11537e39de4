"""Running another program for a secret, so that it surely ends in time and learns nothing that it need not know."""

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

_OURS_ALONE = ("HCEXPORT_TOKEN", "HCEXPORT_PASSWORD", "ARCGIS_ENTERPRISE_PASSWORD", "HCEXPORT_PING")
OUTPUT_CAP = 64 * 2**10  # bytes; no secret is longer
_LOOK_S = 0.02  # between two looks at a program that has handed its output to others


class TookTooLong(Exception):
    """The program was ended because its time was up."""


class SaidTooMuch(Exception):
    """The program was ended because it wrote more than ``OUTPUT_CAP``."""


def run_with_limit(
    command: Sequence[str], *, given: bytes, limit_s: float, environ: Mapping[str, str], attended: bool = False
) -> tuple[int, bytes]:
    """Exit status and output of a program that gets ``given`` on its stdin and has ``limit_s`` seconds.

    Unless somebody attends, it has a session of its own: no terminal to ask on, and all of it is ended when its time
    is up. What it leaves behind in the background is not waited for. Raises TookTooLong, SaidTooMuch, or OSError when
    it cannot be started.
    """
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: _without_user(name, value) for name, value in environ.items() if name not in _OURS_ALONE},
        start_new_session=not attended,
    )
    try:
        with suppress(BrokenPipeError):  # it may want none of it
            _pipe(child.stdin).write(given)
            _pipe(child.stdin).close()
        output = _output(child, time.monotonic() + limit_s)
    finally:
        if child.returncode is None:
            _end(child, whole_session=not attended)
        _close(child)
    return child.returncode, output


def _output(child: subprocess.Popen[bytes], ends_at: float) -> bytes:
    """What a program wrote until it ended."""
    pipe, output = _pipe(child.stdout).fileno(), b""
    while True:
        has_ended = child.poll() is not None  # before the look, so that nothing it wrote is missed
        if select.select([pipe], [], [], 0 if has_ended else _LOOK_S)[0]:
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


def _without_user(name: str, value: str) -> str:
    """A variable without the user and password of a proxy."""
    return re.sub(r"^(\w+://)?.*@", r"\1", value) if name.lower().endswith("_proxy") else value


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe  # noqa: S101 # each was asked for
    return pipe


def _end(child: subprocess.Popen[bytes], *, whole_session: bool) -> None:
    with suppress(ProcessLookupError):
        if whole_session:
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()


def _close(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()
