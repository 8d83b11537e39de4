"""From an upload item to a verified file: fetch, check, publish."""

from __future__ import annotations

import stat
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from hcexport.errors import (
    BadDownload,
    Busy,
    HcexportError,
    NetworkError,
    NotFound,
    ProtocolError,
    ServerError,
    TimedOut,
)
from hcexport.retry import TransferBudget
from hcexport.times import NO_DEADLINE, Deadline, Sleep
from hcexport.transfer.destination import Destination, FileDestination
from hcexport.transfer.disk import translate_write_errors
from hcexport.transfer.fetch import Fetch, OnBytes, OnRestart
from hcexport.transfer.part_file import Part, PartMetadata
from hcexport.transfer.publish import PartTakenError, publish, stream
from hcexport.transfer.range_response import ItemSource
from hcexport.transfer.verify_zip import find_twins, shortfall, verify

COMMIT_WAIT_S = 60.0  # while the server is still writing the item
LATE_S = 10.0  # promised to users: a server may know the item of a job that has just ended only after a moment
LOOK_AGAIN_S, LOOK_AGAIN_MAX_S = 0.25, 5.0
_REFUSALS = (NotFound, ServerError, ProtocolError, BadDownload)  # of an item that may not be there as a whole yet
_Fetched = tuple[Part, tuple[str, ...]]  # and the names of the files in it


class Saved(NamedTuple):
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
    is_new: bool = False,
    confirm: Callable[[IO[bytes]], None] = lambda _zip: None,
    on_bytes: OnBytes = lambda _done, _total: None,
    on_verifying: Callable[[], None] = lambda: None,
    on_retry: Callable[[NetworkError, float], None] = lambda _failure, _delay_s: None,
    on_restart: OnRestart = lambda _reason: None,
    deadline: Deadline = NO_DEADLINE,
    sleep: Sleep = time.sleep,
    output: IO[bytes] | None = None,
) -> Saved:
    """Save an upload item: part file, length, zip structure, every CRC, fsync, rename, fsync of the folder.

    The item's own page is asked for only where its name is needed, or when the download is refused: the server may
    refuse the page and allow the download, and the check of the zip tells more than ``committed`` does.

    ``origin`` names the organization, so that a part of another organization is never resumed; ``run_ids`` are the
    reports that should be in the zip; ``is_new`` says that the item's job may have ended a moment ago, so that "no such
    item" is asked again for LATE_S; ``confirm`` gets the checked zip, and raises to keep it from being published;
    ``on_bytes`` gets the bytes so far and the total (None: not known); ``on_verifying`` is called before the check,
    which takes a while for a large zip; ``on_restart`` gets the reason when the download begins again at byte 0;
    ``output`` is standard output. Raises CannotCreate, BadDownload, Busy (not committed yet), TimedOut, NetworkError
    after five minutes without progress, and what the client raises. Whatever is raised, a part that a later run can
    resume stays, and nothing else. Source: uploads/<id>/download.
    """
    budget = TransferBudget(deadline, sleep, on_retry=on_retry)
    looks = _Looks(client, item_id, budget, is_new=is_new)
    name = looks.ask_name() if isinstance(destination, FileDestination) and not destination.template else ""
    existing = destination.existing(name)
    if existing:
        return Saved(existing, kept=True)
    note = PartMetadata(origin, item_id)
    with Fetch(client, note, destination.folder, budget, on_bytes=on_bytes, on_restart=on_restart) as fetch:
        while True:
            part, names = looks.until_there(lambda: _fetch_and_verify(fetch, item_id, deadline, on_verifying))
            confirm(part.file)
            try:
                path, kept = _deliver(part, destination, name, output)
            except PartTakenError as taken:
                fetch.start_over(taken)
                continue
            if kept:
                return Saved(path, kept=True)
            warnings = (*find_twins(names), *shortfall(names, run_ids), *_warn_of_open_folder(destination.folder))
            return Saved(path, part.size, part.sha256, warnings)


class _Looks:
    """Asks for an item again that may not be there as a whole yet."""

    def __init__(self, client: ItemSource, item_id: str, budget: TransferBudget, *, is_new: bool) -> None:
        self._client, self._item_id, self._budget = client, item_id, budget
        self._late = budget.deadline.within(LATE_S if is_new else 0.0)
        self._delay_s = LOOK_AGAIN_S

    def ask_name(self) -> str:
        """Return the server's name for the item; empty where the page is refused, which does not end the download."""
        while True:
            try:
                return self._client.upload_item(self._item_id).name
            except TimedOut:
                raise
            except HcexportError as refusal:
                if not isinstance(refusal, NotFound) or self._late.passed:
                    return ""
            self._wait(self._late)

    def until_there(self, fetch: Callable[[], _Fetched]) -> _Fetched:
        """Fetch, and again while the item is late or the server still writes it. Raises Busy after a minute."""
        writing_until: Deadline | None = None
        was_writing = False
        while True:
            try:
                return fetch()
            except _REFUSALS as refusal:
                is_late = isinstance(refusal, NotFound) and not self._late.passed
                is_writing = not is_late and self._is_being_written()
                if not (is_late or is_writing or was_writing):  # once more where the server has just finished writing
                    raise
                was_writing = is_writing
                writing_until = writing_until or self._budget.deadline.within(COMMIT_WAIT_S)
                self._budget.deadline.check()
                if writing_until.passed:
                    hint = f"hcexport download {self._item_id}"
                    raise Busy(f"the server is still writing the upload item {self._item_id}", hint=hint) from refusal
                self._wait(self._late if is_late else writing_until)

    def _is_being_written(self) -> bool:
        """Whether the item's page says so; a page that is refused says nothing."""
        try:
            return not self._client.upload_item(self._item_id).committed
        except TimedOut:
            raise
        except HcexportError:
            return False

    def _wait(self, until: Deadline) -> None:
        self._budget.sleep(min(self._delay_s, until.remaining()))
        self._budget.deadline.check()
        self._budget.note_progress()
        self._delay_s = min(2 * self._delay_s, LOOK_AGAIN_MAX_S)


def _fetch_and_verify(fetch: Fetch, item_id: str, deadline: Deadline, on_verifying: Callable[[], None]) -> _Fetched:
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


def _deliver(part: Part, destination: Destination, name: str, output: IO[bytes] | None) -> tuple[Path | None, bool]:
    """Publish the part. Returns the path, and whether another file appeared there meanwhile and stays."""
    if isinstance(destination, FileDestination):
        target = destination.target(name)
        published = publish(part, target, if_exists=destination.if_exists, mode=destination.mode)
        return published or target, published is None
    stream(part, output or sys.stdout.buffer)
    return None, False


def _warn_of_open_folder(folder: Path | None) -> list[str]:
    """Return a warning if anybody may replace files in the folder."""
    if folder is None:
        return []
    with translate_write_errors(folder):
        mode = folder.stat().st_mode
    is_open = mode & stat.S_IWOTH and not mode & stat.S_ISVTX
    return [f"anybody may replace files in {folder}: it is writable for all"] if is_open else []
