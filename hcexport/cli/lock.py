"""The lock of an organization: one run at a time that starts or deletes something there."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from io import FileIO
from pathlib import Path

from hcexport.cli.app import App
from hcexport.cli.command import Option
from hcexport.cli.options import DURATION, add_options
from hcexport.errors import Busy, ConfigError
from hcexport.files import lock_at_once, open_lock_file
from hcexport.output.humanize import iso
from hcexport.times import Sleep

_LOOK_S = 0.1
_NAMELESS_S = 1.0  # a holder writes its name right after it has locked
_HELD: list[Path] = []  # by profiles of this process; a process id would not tell, because in containers all are alike
_HELD_IS_TRUE = threading.Lock()

lock_option = add_options(
    Option(
        ["--lock-wait"],
        type=DURATION,
        metavar="DUR",
        default="0",
        group="Waiting",
        help="How long to wait for another run to end.  [0]",
    )
)


@contextmanager
def lock_organization(app: App, wait_s: float, *, sleep: Sleep = time.sleep) -> Iterator[None]:
    """Hold the organization's lock inside the block.

    Raises Busy, with the process that holds it, if that takes longer than ``wait_s`` seconds. Goes on without the lock,
    and says so, where the file system has no locks.
    """
    url = app.organization.url
    path = app.paths.locks / f"organization-{sha256(url.encode()).hexdigest()[:32]}.lock"
    try:
        file = open_lock_file(path)
    except (OSError, ConfigError) as error:
        app.messages.notice(f"other runs are not kept out: {path} cannot be opened: {error}")
        yield
        return
    with file:
        try:
            _take(app, file, path, wait_s, sleep)
        except BlockingIOError:
            raise Busy(
                f"another run holds the lock of {url}: {_holder(file, sleep)}",
                hint="try again when it has ended, or wait for it: --lock-wait 30m",
            ) from None
        except OSError as error:
            app.messages.notice(f"other runs are not kept out: {path} cannot be locked: {error.strerror}")
            yield
            return
        _write(file, json.dumps({"pid": os.getpid(), "start": iso(datetime.now(UTC))}))
        try:
            yield
        finally:
            _write(file, "")
            file.close()
            _HELD.remove(path)


def _take(app: App, file: FileIO, path: Path, wait_s: float, sleep: Sleep) -> None:
    """Lock the file; raises BlockingIOError when the time is up. Another profile of this run is always waited for."""
    clock = app.deadline.clock
    until, is_said = clock() + wait_s, False
    while True:
        try:
            with _HELD_IS_TRUE:
                lock_at_once(file)
                return _HELD.append(path)
        except BlockingIOError:
            if app.deadline.remaining() <= 0 or (clock() >= until and path not in _HELD):
                raise
            if not is_said:
                is_said = True
                app.messages.notice(f"waiting for another run to end: {_holder(file, sleep)}")
        sleep(_LOOK_S)


def _holder(file: FileIO, sleep: Sleep) -> str:
    """Name the process that holds the lock; it may be about to write its name."""
    for _ in range(round(_NAMELESS_S / _LOOK_S)):
        if holder := _read(file):
            return f"process {holder.get('pid')}, since {holder.get('start')}"
        sleep(_LOOK_S)
    return "its process is unknown"


def _read(file: FileIO) -> dict[str, object]:
    try:
        file.seek(0)
        found = json.loads(file.read() or b"{}")
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(file: FileIO, text: str) -> None:
    """Say who holds the lock; a full disk must not end the run."""
    try:
        file.truncate(0)
        file.seek(0)
        file.write(text.encode())
    except OSError:
        return
