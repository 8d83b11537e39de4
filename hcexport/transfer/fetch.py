"""Fetch all bytes of an upload item into a part file, however often the connection breaks.

A download begins again at its first byte when the response to a Range request does not fit the part
(``RangeResponse.continues``), when the part has no strong validator (``strong_validator``) or no size, and when the zip
fails its check. A later run resumes a part only if ``part_file.adopt`` finds one of the same organization and item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from hcexport.errors import BadDownload, NetworkError
from hcexport.retry import TransferBudget
from hcexport.transfer.disk import require_room
from hcexport.transfer.part_file import Part, PartMetadata, adopt, create, remove_stale
from hcexport.transfer.range_response import ItemSource, RangeResponse
from hcexport.transfer.verify_zip import SIGNATURE_BYTES, begins_like_a_zip

if TYPE_CHECKING:
    from hcexport.api.http import Response

RESTARTS = 3  # from the first byte
PROGRESS_EVERY_S = 0.1

OnBytes = Callable[[int, int | None], None]
OnRestart = Callable[[Exception], None]


class Fetch:
    """The download of one item. On exit, a part file that a later run can resume stays, and nothing else.

    ``is_doubtful`` is true if the part was resumed, or if its response had no length. A failed check may then be due to
    the transfer, so starting over may help.
    """

    def __init__(
        self,
        client: ItemSource,
        note: PartMetadata,
        folder: Path | None,
        budget: TransferBudget,
        *,
        on_bytes: OnBytes,
        on_restart: OnRestart,
    ) -> None:
        self._client = client
        self._wanted = note
        self._folder = folder
        self._budget = budget
        self._on_bytes = on_bytes
        self._on_restart = on_restart
        self._part: Part | None = None
        self._restarts = 0
        self.is_doubtful = False

    def __enter__(self) -> Self:
        if self._folder:
            remove_stale(self._folder)
            self._part = adopt(self._folder, self._wanted)
        self.is_doubtful = self._part is not None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._part:
            self._part.close_keeping()

    def fetch_all(self) -> Part:
        """Return the part with all bytes in it.

        Raises BadDownload, CannotCreate, TimedOut, and NetworkError when the budget is used up.
        """
        while True:
            try:
                part = self._attempt()
            except NetworkError as failure:
                if failure.retryable and self._part and not self._part.note.resumable:
                    self.start_over(failure)
                self._budget.wait(failure)
            else:
                if part:
                    return part

    def start_over(self, reason: Exception) -> None:
        """Drop the part, so that the next attempt begins at the first byte. Raises BadDownload after too many times."""
        self.drop()
        self._restarts += 1
        if self._restarts > RESTARTS:
            raise BadDownload(
                f"the download was started {self._restarts} times and is not complete: {reason}",
                hint="the server, or a proxy on the way, breaks it: try again later",
            ) from reason
        self._on_restart(reason)

    def drop(self) -> None:
        """Remove the part: its bytes are of no use."""
        if self._part:
            self._part.discard()
        self._part, self.is_doubtful = None, False

    def _attempt(self) -> Part | None:
        """Send one request and write its bytes; None if the response did not fit, and the part was dropped."""
        part = self._part
        start, validator = (part.size, part.note.validator) if part else (0, None)
        with self._client.open_item(self._wanted.item_id, first_byte=start, validator=validator) as response:
            self._budget.start_timing()
            promised = RangeResponse.of(response)
            if promised.is_whole_file:
                return self._begin(promised, response)
            if part and promised.continues(part.size, part.note):
                self.is_doubtful = True
                return self._write_all(response.chunks, part)
            if part and promised.says_complete(part.size, part.note):
                return part
            self.start_over(
                BadDownload(f"the server answered {response.status} with other bytes than it was asked for")
            )
            return None

    def _begin(self, promised: RangeResponse, response: Response) -> Part:
        if promised.encoding:
            raise BadDownload(
                f"a proxy on the way has compressed the zip once more ({promised.encoding})",
                hint="reach the organization without that proxy, or make it leave downloads alone",
            )
        head = b""
        while len(head) < SIGNATURE_BYTES and (chunk := next(response.chunks, b"")):
            head += chunk
        if not begins_like_a_zip(head):
            if len(head) < SIGNATURE_BYTES and not promised.has_certain_end:
                raise NetworkError("the connection was closed before the first bytes of the zip")
            raise BadDownload("the server did not send a zip", hint="look at the upload item in a browser")
        if self._part:
            self.start_over(BadDownload("the item has changed, or the server cannot resume downloads"))
        note = PartMetadata(self._wanted.origin, self._wanted.item_id, promised.validator, promised.total)
        self._part = create(self._folder, note)
        self.is_doubtful = not promised.has_certain_end
        return self._write_all(chain([head], response.chunks), self._part)

    def _write_all(self, chunks: Iterator[bytes], part: Part) -> Part:
        total = part.note.total
        if total is not None:
            require_room(part.folder, total - part.size)
        next_progress = 0.0
        for chunk in chunks:
            part.write(chunk)
            now = self._budget.count_bytes(len(chunk))
            if now >= next_progress or part.size == total:
                self._on_bytes(part.size, total)
                next_progress = now + PROGRESS_EVERY_S
        if total is not None and part.size != total:
            raise NetworkError(f"{part.size} bytes came instead of {total}")
        return part
