"""Bytes into a part file, resumed, verified, and published whole (contract: downloading)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from hcexport.api.deadline import NO_DEADLINE, Deadline, Sleep
from hcexport.errors import BadDownload, Busy, NetworkError
from hcexport.models import UploadItem
from hcexport.transfer import parts
from hcexport.transfer.archive import Contents, begins_like_a_zip, shortfall, verify
from hcexport.transfer.destination import Destination, FileDestination, creating, require_room
from hcexport.transfer.parts import Note, Part
from hcexport.transfer.publish import PartTakenError, publish, stream
from hcexport.transfer.retry import Patience
from hcexport.transfer.source import ItemSource, ItemStream, Offer

RESTARTS = 3  # from the first byte
COMMIT_WAIT_S = 60.0  # for an item that the server says is not yet committed
_PARTIAL, _UNSATISFIABLE = 206, 416


class Phase(StrEnum):
    """What a download is doing."""

    PREPARING = "preparing"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    SAVING = "saving"


@dataclass(frozen=True)
class Saved:
    """A verified zip and where it is. ``path`` is None for standard output, ``bytes`` its size.

    ``resumed_from`` bytes were there from an earlier run. ``kept`` says that a file was there already and stays
    (``--if-exists skip``): nothing was written. ``warnings`` name what the zip lacks.
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
    on_bytes: Callable[[int, int | None], None] = lambda _done, _total: None,
    on_phase: Callable[[Phase], None] = lambda _phase: None,
    on_retry: Callable[[NetworkError, float], None] = lambda _failure, _delay_s: None,
    deadline: Deadline = NO_DEADLINE,
    sleep: Sleep = time.sleep,
    output: IO[bytes] | None = None,
) -> Saved:
    """Save an upload item: part file, length, zip structure, CRCs, fsync, rename, fsync of the folder.

    ``origin`` names the organization, so that a part of another one is never gone on with. ``on_bytes`` gets bytes so
    far and bytes in all, or None. Raises CannotCreate, BadDownload, Busy (not committed yet), TimedOut, NetworkError
    after five minutes without progress, and what the client raises. Whatever is raised, a part that a later run can go
    on with stays, and nothing else. Source: uploads/<id>/download.
    """
    on_phase(Phase.PREPARING)
    patience = Patience(deadline, sleep, on_retry=on_retry)
    item = _committed(client, item_id, patience, deadline, sleep)
    folder = destination.folder if isinstance(destination, FileDestination) else None
    if isinstance(destination, FileDestination) and (there := destination.existing(item.name)):
        return Saved(there, kept=True)
    with _Fetch(client, Note(origin, item_id), folder, patience, on_bytes) as fetch:
        while True:
            on_phase(Phase.DOWNLOADING)
            part = fetch.whole()
            on_phase(Phase.VERIFYING)
            try:
                contents = fetch.verified(part, deadline)
                if contents is None:
                    continue
                on_phase(Phase.SAVING)
                digest = _digest(part)
                path = _deliver(part, destination, item, output)
            except PartTakenError:
                fetch.start_over(None)
                continue
            if path is None and isinstance(destination, FileDestination):
                return Saved(destination.target(item.name), kept=True)
            return Saved(
                path, part.size, digest, fetch.resumed_from, contents.names, tuple(shortfall(contents.names, run_ids))
            )


def _deliver(part: Part, destination: Destination, item: UploadItem, output: IO[bytes] | None) -> Path | None:
    if isinstance(destination, FileDestination):
        target = destination.target(item.name)
        return publish(part, target, if_exists=destination.if_exists, mode=destination.mode)
    with ExitStack() as stack:
        if destination.path is None:
            stream(part, output or sys.stdout.buffer)
        else:
            with creating(destination.path):
                stream(part, stack.enter_context(destination.path.open("wb")))
    return destination.path


def _digest(part: Part) -> str:
    digest = sha256()
    part.file.seek(0)
    while chunk := part.file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _committed(client: ItemSource, item_id: str, patience: Patience, deadline: Deadline, sleep: Sleep) -> UploadItem:
    """The item, once the server has all of it."""
    until = deadline.within(COMMIT_WAIT_S)
    delay = 0.25
    while True:
        try:
            item = client.upload_item(item_id)
        except NetworkError as failure:
            patience.wait(failure)
            continue
        if item.committed:
            return item
        if until.passed:
            deadline.check()
            raise Busy(f"the server is still putting together {item_id}", hint=f"hcexport download {item_id}")
        sleep(min(delay, until.remaining()))
        delay = min(delay * 2, 5.0)


class _Fetch:
    """One download under way: the part so far, and how often it was begun again."""

    def __init__(
        self,
        client: ItemSource,
        note: Note,
        folder: Path | None,
        patience: Patience,
        on_bytes: Callable[[int, int | None], None],
    ) -> None:
        self._client = client
        self._note = note
        self._folder = folder
        self._patience = patience
        self._on_bytes = on_bytes
        self._part: Part | None = None
        self._restarts = 0
        self._joined = False  # the bytes came in more than one piece
        self._whole_end = True
        self.resumed_from = 0

    def __enter__(self) -> Self:
        parts.sweep(self._folder)
        self._part = parts.claim(self._folder, self._note)
        if self._part:
            self.resumed_from = self._part.size
            self._joined = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._part:
            self._part.leave()

    def whole(self) -> Part:
        """Fetch until all bytes are there."""
        while True:
            try:
                part = self._attempt()
            except NetworkError as failure:
                if self._part and not self._part.note.resumable:
                    self.start_over(failure)
                self._patience.wait(failure)
            else:
                if part:
                    return part

    def start_over(self, reason: Exception | None) -> None:
        """Drop what there is; the next attempt begins at the first byte."""
        if self._part:
            self._part.discard()
        self._part, self._joined, self.resumed_from = None, False, 0
        self._restarts += 1
        if self._restarts > RESTARTS:
            raise BadDownload(f"the download broke off {self._restarts} times; the last time: {reason}") from reason

    def verified(self, part: Part, deadline: Deadline) -> Contents | None:
        """What the zip holds; None when it is bad in a way that starting over may mend."""
        try:
            return verify(part.file, deadline=deadline)
        except BadDownload as bad:
            if not self._joined and self._whole_end:
                part.discard()
                raise
            self.start_over(bad)
            return None

    def _attempt(self) -> Part | None:
        """One request and its bytes; the part when that was all, None to ask again from the first byte."""
        part = self._part
        start = part.size if part else 0
        with self._client.open_item(
            self._note.item_id, first_byte=start, validator=part.note.validator if part and start else None
        ) as answer:
            self._patience.opened()
            offer = Offer.of(answer)
            if answer.status == _UNSATISFIABLE and part and offer.total == part.size == part.note.total:
                return part
            if answer.status in {_PARTIAL, _UNSATISFIABLE}:
                if not (part and answer.status == _PARTIAL and _continues(part, offer)):
                    self.start_over(BadDownload(f"an answer {answer.status} that does not fit"))
                    return None
                self._joined = True
                return self._pour(answer.chunks(), part, part.note.total)
            return self._begin(answer, offer)

    def _begin(self, answer: ItemStream, offer: Offer) -> Part:
        if offer.encoding:
            raise BadDownload(f"something on the way packed the file again ({offer.encoding})")
        head, chunks = _peek(answer.chunks())
        if not begins_like_a_zip(head):
            raise BadDownload("the server sent something that is not a zip")
        if self._part:
            self.start_over(BadDownload("the server began again"))
        note = Note(self._note.origin, self._note.item_id, offer.validator, offer.total)
        if self._folder and offer.total:
            require_room(self._folder, offer.total)
        with creating(self._folder or Path("a temporary file")):
            self._part = parts.fresh(self._folder, note)
        self._whole_end = offer.whole_end
        return self._pour(chunks, self._part, offer.total)

    def _pour(self, chunks: Iterator[bytes], part: Part, total: int | None) -> Part:
        self._on_bytes(part.size, total)
        for chunk in chunks:
            with creating(part.path or Path("a temporary file")):
                part.write(chunk)
            self._on_bytes(part.size, total)
            self._patience.arrived(len(chunk))
        if total is not None and part.size != total:
            raise NetworkError(f"{part.size} bytes came instead of {total}")
        return part


def _continues(part: Part, offer: Offer) -> bool:
    return (
        offer.fits
        and not offer.encoding
        and offer.first_byte == part.size
        and offer.total == part.note.total
        and offer.validator in {None, part.note.validator}
    )


def _peek(chunks: Iterator[bytes], size: int = 4) -> tuple[bytes, Iterator[bytes]]:
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= size:
            break
    return head, _chained(head, chunks)


def _chained(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from rest
