"""From an upload item to a verified file: fetch, check, publish (contract: downloading)."""

from __future__ import annotations

import stat
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from hcexport.errors import BadDownload, Busy, NetworkError
from hcexport.models import UploadItem
from hcexport.retry import RetryBudget
from hcexport.times import NO_DEADLINE, Deadline, Sleep
from hcexport.transfer.destination import Destination, FileDestination
from hcexport.transfer.disk import creating
from hcexport.transfer.fetch import Fetch, OnBytes
from hcexport.transfer.part_file import Part, PartMetadata
from hcexport.transfer.publish import PartTakenError, publish, stream
from hcexport.transfer.range_response import ItemSource
from hcexport.transfer.verify_zip import find_twins, shortfall, verify

COMMIT_WAIT_S = 60.0  # for an item that the server is still putting together
COMMIT_FIRST_LOOK_S, COMMIT_LOOK_MAX_S = 0.25, 5.0


class Phase(StrEnum):
    """What a download is doing."""

    PREPARING = "preparing"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    SAVING = "saving"


OnPhase = Callable[[Phase], None]


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
    confirm: Callable[[IO[bytes]], None] = lambda _zip: None,
    on_bytes: OnBytes = lambda _done, _total: None,
    on_phase: OnPhase = lambda _phase: None,
    on_retry: Callable[[NetworkError, float], None] = lambda _failure, _delay_s: None,
    deadline: Deadline = NO_DEADLINE,
    sleep: Sleep = time.sleep,
    output: IO[bytes] | None = None,
) -> Saved:
    """Save an upload item: part file, length, zip structure, every CRC, fsync, rename, fsync of the folder.

    ``origin`` names the organization, so that a part of another one is never gone on with; ``run_ids`` are the reports
    that should be in the zip; ``confirm`` gets the checked zip, and raises to keep it from being published;
    ``on_bytes`` gets bytes so far and in all (None: not known); ``output`` is standard output. Raises CannotCreate,
    BadDownload, Busy (not committed yet), TimedOut, NetworkError after five minutes without progress, and what the
    client raises. Whatever is raised, a part that a later run can go on with stays, and nothing else.
    Source: uploads/<id>/download.
    """
    on_phase(Phase.PREPARING)
    patience = RetryBudget(deadline, sleep, on_retry=on_retry)
    item = _committed(client, item_id, patience)
    existing = destination.existing(item.name)
    if existing:
        return Saved(existing, kept=True)
    with Fetch(client, PartMetadata(origin, item_id), destination.folder, patience, on_bytes) as fetch:
        while True:
            part, names = _whole_and_good(fetch, deadline, on_phase)
            confirm(part.file)
            digest = part.sums(deadline).sha256
            on_phase(Phase.SAVING)
            try:
                path, kept = _deliver(part, destination, item, output)
            except PartTakenError as taken:
                fetch.start_over(taken)
                continue
            if kept:
                return Saved(path, kept=True)
            warnings = (*find_twins(names), *shortfall(names, run_ids), *_exposure(destination.folder))
            return Saved(path, part.size, digest, fetch.resumed_from, names, warnings)


def _committed(client: ItemSource, item_id: str, patience: RetryBudget) -> UploadItem:
    """The item, once the server has all of it. Raises Busy when that takes longer than a minute."""
    until = patience.deadline.within(COMMIT_WAIT_S)
    delay = COMMIT_FIRST_LOOK_S
    while True:
        try:
            item = client.upload_item(item_id)
        except NetworkError as failure:
            patience.wait(failure)
            continue
        patience.progressed()
        if item.committed:
            return item
        patience.deadline.check()
        if until.passed:
            raise Busy(f"the server is still putting {item_id} together", hint=f"hcexport download {item_id}")
        patience.sleep(min(delay, until.remaining()))
        delay = min(delay * 2, COMMIT_LOOK_MAX_S)


def _whole_and_good(fetch: Fetch, deadline: Deadline, on_phase: OnPhase) -> tuple[Part, tuple[str, ...]]:
    """Fetch and check, as often as starting over may mend it; the part, and the names of the files in it."""
    while True:
        on_phase(Phase.DOWNLOADING)
        part = fetch.whole()
        on_phase(Phase.VERIFYING)
        try:
            return part, verify(part.file, part.sums(deadline).members, deadline=deadline)
        except BadDownload as bad:
            if not fetch.is_doubtful:
                fetch.drop()
                if bad.hint:
                    bad.hint, bad.way_on = f"{bad.hint}: {fetch.item_id}", "none"
                else:
                    bad.hint, bad.way_on = "the server's copy is damaged; export again", "export"
                raise
            fetch.start_over(bad)


def _deliver(
    part: Part, destination: Destination, item: UploadItem, output: IO[bytes] | None
) -> tuple[Path | None, bool]:
    """Where it is now, and whether that is another file that came in between and stays."""
    if isinstance(destination, FileDestination):
        target = destination.target(item.name)
        published = publish(part, target, if_exists=destination.if_exists, mode=destination.mode)
        return published or target, published is None
    stream(part, output or sys.stdout.buffer)
    return None, False


def _exposure(folder: Path | None) -> list[str]:
    """A warning for a folder in which anybody may put anything in a file's place."""
    if folder is None:
        return []
    with creating(folder):
        mode = folder.stat().st_mode
    is_open = mode & stat.S_IWOTH and not mode & stat.S_ISVTX
    return [f"anybody may replace files in {folder}: it is writable for all"] if is_open else []
