"""From an upload item to a verified file: fetch, check, publish."""

from __future__ import annotations

import stat
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hcexport.errors import BadDownload, Busy, NetworkError
from hcexport.models import UploadItem
from hcexport.retry import TransferBudget
from hcexport.times import NO_DEADLINE, Deadline, Sleep
from hcexport.transfer.destination import Destination, FileDestination
from hcexport.transfer.disk import creating
from hcexport.transfer.fetch import Fetch, OnBytes
from hcexport.transfer.part_file import Part, PartMetadata
from hcexport.transfer.publish import PartTakenError, publish, stream
from hcexport.transfer.range_response import ItemSource
from hcexport.transfer.verify_zip import find_twins, shortfall, verify

COMMIT_WAIT_S = 60.0  # while the server is still writing the item
COMMIT_FIRST_LOOK_S, COMMIT_LOOK_MAX_S = 0.25, 5.0


@dataclass(frozen=True)
class Saved:
    """A verified zip. ``path`` is None for standard output, ``bytes`` its size, ``sha256`` in hexadecimal.

    ``kept`` says that a file was there already and stays (``--if-exists skip``): nothing was written or checked.
    """

    path: Path | None
    bytes: int = 0
    sha256: str = ""
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
    on_verifying: Callable[[], None] = lambda: None,
    on_retry: Callable[[NetworkError, float], None] = lambda _failure, _delay_s: None,
    deadline: Deadline = NO_DEADLINE,
    sleep: Sleep = time.sleep,
    output: IO[bytes] | None = None,
) -> Saved:
    """Save an upload item: part file, length, zip structure, every CRC, fsync, rename, fsync of the folder.

    ``origin`` names the organization, so that a part of another organization is never resumed; ``run_ids`` are the
    reports that should be in the zip; ``confirm`` gets the checked zip, and raises to keep it from being published;
    ``on_bytes`` gets the bytes so far and the total (None: not known); ``on_verifying`` is called before the check,
    which takes a while for a large zip; ``output`` is standard output. Raises CannotCreate, BadDownload, Busy (not
    committed yet), TimedOut, NetworkError after five minutes without progress, and what the client raises. Whatever is
    raised, a part that a later run can resume stays, and nothing else. Source: uploads/<id>/download.
    """
    budget = TransferBudget(deadline, sleep, on_retry=on_retry)
    item = _wait_for_commit(client, item_id, budget)
    existing = destination.existing(item.name)
    if existing:
        return Saved(existing, kept=True)
    with Fetch(client, PartMetadata(origin, item_id), destination.folder, budget, on_bytes) as fetch:
        while True:
            part, names = _fetch_and_verify(fetch, item_id, deadline, on_verifying)
            confirm(part.file)
            try:
                path, kept = _deliver(part, destination, item, output)
            except PartTakenError as taken:
                fetch.start_over(taken)
                continue
            if kept:
                return Saved(path, kept=True)
            warnings = (*find_twins(names), *shortfall(names, run_ids), *_warn_of_open_folder(destination.folder))
            return Saved(path, part.size, part.sha256, warnings)


def _wait_for_commit(client: ItemSource, item_id: str, budget: TransferBudget) -> UploadItem:
    """Return the item once the server has all of it. Raises Busy if that takes longer than a minute."""
    until = budget.deadline.within(COMMIT_WAIT_S)
    delay = COMMIT_FIRST_LOOK_S
    while True:
        try:
            item = client.upload_item(item_id)
        except NetworkError as failure:
            budget.wait(failure)
            continue
        budget.progressed()
        if item.committed:
            return item
        budget.deadline.check()
        if until.passed:
            raise Busy(f"the server is still writing the upload item {item_id}", hint=f"hcexport download {item_id}")
        budget.sleep(min(delay, until.remaining()))
        delay = min(delay * 2, COMMIT_LOOK_MAX_S)


def _fetch_and_verify(
    fetch: Fetch, item_id: str, deadline: Deadline, on_verifying: Callable[[], None]
) -> tuple[Part, tuple[str, ...]]:
    """Return the checked part and its files' names; starts over while a bad zip may be due to the transfer."""
    while True:
        part = fetch.fetch_all()
        on_verifying()
        try:
            return part, verify(part.file, deadline=deadline)
        except BadDownload as bad:
            if not fetch.is_doubtful:
                fetch.drop()
                if bad.hint:
                    bad.hint, bad.way_on = f"{bad.hint}: {item_id}", "none"
                else:
                    bad.hint, bad.way_on = "the server's copy is damaged; export again", "export"
                raise
            fetch.start_over(bad)


def _deliver(
    part: Part, destination: Destination, item: UploadItem, output: IO[bytes] | None
) -> tuple[Path | None, bool]:
    """Publish the part. Returns the path, and whether another file appeared there meanwhile and stays."""
    if isinstance(destination, FileDestination):
        target = destination.target(item.name)
        published = publish(part, target, if_exists=destination.if_exists, mode=destination.mode)
        return published or target, published is None
    stream(part, output or sys.stdout.buffer)
    return None, False


def _warn_of_open_folder(folder: Path | None) -> list[str]:
    """Return a warning if anybody may replace files in the folder."""
    if folder is None:
        return []
    with creating(folder):
        mode = folder.stat().st_mode
    is_open = mode & stat.S_IWOTH and not mode & stat.S_ISVTX
    return [f"anybody may replace files in {folder}: it is writable for all"] if is_open else []
