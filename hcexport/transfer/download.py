"""From an upload item to a verified file: fetch, check, publish (contract: downloading)."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from hcexport.api.deadline import NO_DEADLINE, Deadline, Sleep
from hcexport.errors import BadDownload, Busy, NetworkError
from hcexport.models import UploadItem
from hcexport.transfer.archive import Contents, shortfall, verify
from hcexport.transfer.destination import Destination, FileDestination, creating
from hcexport.transfer.fetch import Fetch, OnBytes
from hcexport.transfer.follower import Followed
from hcexport.transfer.parts import Note, Part
from hcexport.transfer.publish import PartTakenError, publish, stream
from hcexport.transfer.retry import Patience
from hcexport.transfer.source import ItemSource

COMMIT_WAIT_S = 60.0  # for an item that the server is still putting together
COMMIT_FIRST_LOOK_S, COMMIT_LOOK_MAX_S = 0.25, 5.0


class Phase(StrEnum):
    """What a download is doing."""

    PREPARING = "preparing"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    SAVING = "saving"


@dataclass(frozen=True)
class Saved:
    """A verified zip and where it is: ``path`` is None for standard output, ``bytes`` its size, ``names`` its files.

    ``resumed_from`` bytes were there from an earlier run. ``kept`` says that a file was there already and stays
    (``--if-exists skip``): nothing was written or checked. ``warnings`` name what the user should know.
    """

    path: Path | None
    bytes: int = 0
    sha256: str = ""
    resumed_from: int = 0
    names: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    kept: bool = False


def download(
    client: ItemSource,
    item_id: str,
    destination: Destination,
    *,
    origin: str,
    run_ids: Sequence[str] = (),
    on_bytes: OnBytes = lambda _done, _total: None,
    on_phase: Callable[[Phase], None] = lambda _phase: None,
    on_retry: Callable[[NetworkError, float], None] = lambda _failure, _delay_s: None,
    deadline: Deadline = NO_DEADLINE,
    sleep: Sleep = time.sleep,
    output: IO[bytes] | None = None,
) -> Saved:
    """Save an upload item: part file, length, zip structure, every CRC, fsync, rename, fsync of the folder.

    ``origin`` names the organization, so that a part of another one is never gone on with; ``run_ids`` are the reports
    that should be in the zip; ``on_bytes`` gets bytes so far and in all (None: not known); ``output`` is standard
    output. Raises CannotCreate, BadDownload, Busy (not committed yet), TimedOut, NetworkError after five minutes
    without progress, and what the client raises. Whatever is raised, a part that a later run can go on with stays, and
    nothing else. Source: uploads/<id>/download.
    """
    on_phase(Phase.PREPARING)
    patience = Patience(deadline, sleep, on_retry=on_retry)
    item = _committed(client, item_id, patience, deadline, sleep)
    folder = destination.folder if isinstance(destination, FileDestination) else None
    if isinstance(destination, FileDestination) and (existing := destination.existing(item.name)):
        return Saved(existing, kept=True)
    with Fetch(client, Note(origin, item_id), folder, patience, on_bytes) as fetch:
        while True:
            on_phase(Phase.DOWNLOADING)
            part = fetch.whole()
            on_phase(Phase.VERIFYING)
            try:
                contents, sums = _verified(part, deadline)
            except BadDownload as bad:
                if not fetch.is_doubtful:
                    fetch.drop()
                    raise
                fetch.start_over(bad)
                continue
            on_phase(Phase.SAVING)
            try:
                path = _deliver(part, destination, item, output)
            except PartTakenError as taken:
                fetch.start_over(taken)
                continue
            if path is None and isinstance(destination, FileDestination):
                return Saved(destination.target(item.name), kept=True)
            warnings = (*shortfall(contents.names, run_ids), *_exposure(folder))
            return Saved(path, part.size, sums.sha256, fetch.resumed_from, contents.names, warnings)


def _committed(client: ItemSource, item_id: str, patience: Patience, deadline: Deadline, sleep: Sleep) -> UploadItem:
    """The item, once the server has all of it. Raises Busy when that takes longer than a minute."""
    until = deadline.within(COMMIT_WAIT_S)
    delay = COMMIT_FIRST_LOOK_S
    while True:
        try:
            item = client.upload_item(item_id)
        except NetworkError as failure:
            patience.wait(failure)
            continue
        if item.committed:
            patience.progressed()
            return item
        deadline.check()
        if until.passed:
            raise Busy(f"the server is still putting {item_id} together", hint=f"hcexport download {item_id}")
        sleep(min(delay, until.remaining()))
        delay = min(delay * 2, COMMIT_LOOK_MAX_S)


def _verified(part: Part, deadline: Deadline) -> tuple[Contents, Followed]:
    sums = part.sums(deadline)
    return verify(part.file, sums.members, deadline=deadline), sums


def _deliver(part: Part, destination: Destination, item: UploadItem, output: IO[bytes] | None) -> Path | None:
    if isinstance(destination, FileDestination):
        target = destination.target(item.name)
        return publish(part, target, if_exists=destination.if_exists, mode=destination.mode)
    if destination.path is None:
        stream(part, output or sys.stdout.buffer)
    else:
        with creating(destination.path):
            descriptor = os.open(destination.path, os.O_WRONLY | os.O_CLOEXEC)  # neither made nor emptied
            with os.fdopen(descriptor, "wb") as device:
                stream(part, device)
    return destination.path


def _exposure(folder: Path | None) -> list[str]:
    """A warning for a folder in which anybody may put anything in a file's place."""
    if folder is None:
        return []
    with creating(folder):
        mode = folder.stat().st_mode
    is_open = mode & stat.S_IWOTH and not mode & stat.S_ISVTX
    return [f"anybody may replace files in {folder}: it is writable for all"] if is_open else []
