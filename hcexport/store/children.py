"""Running another program for a secret, so that it surely ends in time and learns nothing that it need not know."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

_OURS_ALONE = ("HCEXPORT_TOKEN", "HCEXPORT_PASSWORD", "ARCGIS_ENTERPRISE_PASSWORD")


class TookTooLong(Exception):
    """The program was ended because its time was up."""


def run_for_secret(
    command: Sequence[str], *, given: bytes, limit_s: float, environ: Mapping[str, str], attended: bool = False
) -> tuple[int, bytes]:
    """Exit status and output of a program that gets ``given`` on its stdin and has ``limit_s`` seconds.

    Unless somebody attends, it has a session of its own: no terminal to ask on, and all of it is ended when its time
    is up. Raises TookTooLong, or OSError when it cannot be started.
    """
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in environ.items() if name not in _OURS_ALONE},
        start_new_session=not attended,
    )
    try:
        output, _ = child.communicate(given, timeout=limit_s)
    except subprocess.TimeoutExpired:
        raise TookTooLong from None
    finally:
        if child.returncode is None:
            _end(child, whole_session=not attended)
    return child.returncode, output


def _end(child: subprocess.Popen[bytes], *, whole_session: bool) -> None:
    with suppress(ProcessLookupError):
        if whole_session:
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()
