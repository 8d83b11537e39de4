"""All bytes of an upload item into one part, over every break (contract: downloading, 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from hcexport.errors import BadDownload, NetworkError
from hcexport.retry import RetryBudget
from hcexport.transfer.disk import require_room
from hcexport.transfer.part_file import Part, PartMetadata, adopt, create, remove_stale
from hcexport.transfer.range_response import ItemSource, ItemStream, RangeResponse
from hcexport.transfer.verify_zip import SIGNATURE_BYTES, begins_like_a_zip

RESTARTS = 3  # from the first byte
SAY_S = 0.1  # between two reports of progress

OnBytes = Callable[[int, int | None], None]


class Fetch:
    """One item on its way. Leaving it keeps a part that a later run can go on with, and nothing else."""

    def __init__(
        self, client: ItemSource, note: PartMetadata, folder: Path | None, patience: RetryBudget, on_bytes: OnBytes
    ) -> None:
        self._client = client
        self._wanted = note
        self._folder = folder
        self._patience = patience
        self._on_bytes = on_bytes
        self._part: Part | None = None
        self._restarts = 0
        self.resumed_from = 0
        self.is_doubtful = False  # in pieces, or ended by nothing but silence: starting over may mend it

    def __enter__(self) -> Self:
        if self._folder:
            remove_stale(self._folder)
            self._part = adopt(self._folder, self._wanted)
        if self._part:
            self.resumed_from = self._part.size
            self.is_doubtful = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._part:
            self._part.close_keeping()

    @property
    def item_id(self) -> str:
        """The upload item."""
        return self._wanted.item_id

    def whole(self) -> Part:
        """The part with every byte in it. Raises BadDownload, CannotCreate, TimedOut, NetworkError when given up."""
        while True:
            try:
                part = self._attempt()
            except NetworkError as failure:
                if failure.retryable and self._part and not self._part.note.resumable:
                    self.start_over(failure)
                self._patience.wait(failure)
            else:
                if part:
                    return part

    def start_over(self, reason: Exception) -> None:
        """Drop what there is; the next attempt begins at the first byte. Raises BadDownload after too many times."""
        self.drop()
        self._restarts += 1
        if self._restarts > RESTARTS:
            raise BadDownload(
                f"the download was begun {self._restarts} times and is not whole: {reason}",
                hint="what is between here and the server breaks it, or the server does: try again later",
            ) from reason

    def drop(self) -> None:
        """Remove the part: nothing in it is of use."""
        if self._part:
            self._part.discard()
        self._part, self.is_doubtful, self.resumed_from = None, False, 0

    def _attempt(self) -> Part | None:
        """One request, and its bytes; None when the answer was of no use and the next one begins at the first byte."""
        part = self._part
        start, validator = (part.size, part.note.validator) if part else (0, None)
        with self._client.open_item(self._wanted.item_id, first_byte=start, validator=validator) as answer:
            self._patience.opened()
            offer = RangeResponse.of(answer)
            if offer.is_whole_file:
                return self._begin(offer, answer)
            if part and offer.continues(part.size, part.note):
                self.is_doubtful = True
                return self._pour(answer.chunks(), part)
            if part and offer.says_complete(part.size, part.note):
                return part
            self.start_over(BadDownload(f"the server answered {answer.status} with other bytes than it was asked for"))
            return None

    def _begin(self, offer: RangeResponse, answer: ItemStream) -> Part:
        if offer.encoding:
            raise BadDownload(
                f"something between here and the server packed the zip once more ({offer.encoding})",
                hint="reach the organization without that proxy, or make it leave downloads alone",
            )
        head, chunks = _first(SIGNATURE_BYTES, answer.chunks())
        if not begins_like_a_zip(head):
            if len(head) < SIGNATURE_BYTES and not offer.has_certain_end:
                raise NetworkError("the answer ended before it had begun")
            raise BadDownload("what the server sent is not a zip", hint="look at the upload item in a browser")
        if self._part:
            self.start_over(BadDownload("the item has changed, or the server cannot go on in the middle"))
        note = PartMetadata(self._wanted.origin, self._wanted.item_id, offer.validator, offer.total)
        self._part = create(self._folder, note)
        self.is_doubtful = not offer.has_certain_end
        return self._pour(chunks, self._part)

    def _pour(self, chunks: Iterator[bytes], part: Part) -> Part:
        total = part.note.total
        if total is not None:
            require_room(part.folder, total - part.size)
        say_at = 0.0
        for chunk in chunks:
            part.write(chunk)
            now = self._patience.arrived(len(chunk))
            if now >= say_at or part.size == total:
                self._on_bytes(part.size, total)
                say_at = now + SAY_S
        if total is not None and part.size != total:
            raise NetworkError(f"{part.size} bytes came instead of {total}")
        return part


def _first(size: int, chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """At least ``size`` bytes where there are as many, and an iterator over all bytes, these included."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= size:
            break
    return head, _joined(head, chunks)


def _joined(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest
