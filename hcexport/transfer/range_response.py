"""What a download needs of the API, and what an answer to it promises."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Protocol

from hcexport.models import UploadItem
from hcexport.transfer.part_file import PartMetadata

_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{0,1000}"')
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)
_UNSATISFIED = re.compile(r"bytes \*/([0-9]{1,18})", re.IGNORECASE)
STRONG_AFTER_S = 60  # RFC 7232, 2.2.2: a Last-Modified this much older than Date is strong
_LENGTH = re.compile(r"[0-9]{1,18}")


class ItemStream(Protocol):
    """An open answer. ``status`` is 200, 206 or 416; names of ``headers`` are lower case."""

    @property
    def status(self) -> int: ...  # noqa: D102 - the class says it

    @property
    def headers(self) -> Mapping[str, str]: ...  # noqa: D102 - the class says it

    def chunks(self) -> Iterator[bytes]:
        """Raw bytes as they arrive. Raises NetworkError when the line breaks, TimedOut at the deadline."""
        ...


class ItemSource(Protocol):
    """The part of the API client that a download uses."""

    def upload_item(self, item_id: str) -> UploadItem:
        """``uploads/<id>``."""
        ...

    def open_item(
        self, item_id: str, *, first_byte: int = 0, validator: str | None = None
    ) -> AbstractContextManager[ItemStream]:
        """``uploads/<id>/download`` from ``first_byte`` on, if the item still has this validator."""
        ...


@dataclass(frozen=True)
class RangeResponse:
    """What the headers of an answer promise; what cannot be understood is not promised.

    The body is the bytes ``first`` to the last of ``total`` (None: not said). ``validator`` is strong or None.
    ``has_certain_end`` says that a body cut short would be noticed. ``encoding`` is what a proxy did to the bytes.
    """

    status: int
    first: int | None
    total: int | None
    validator: str | None
    has_certain_end: bool
    encoding: str

    @classmethod
    def of(cls, answer: ItemStream) -> RangeResponse:
        """Read the headers of an answer."""
        headers = answer.headers
        first, total = _range(answer.status, headers)
        encoding = headers.get("content-encoding", "").strip().lower()
        return cls(
            status=answer.status,
            first=first,
            total=total,
            validator=strong_validator(headers),
            has_certain_end=total is not None or "transfer-encoding" in headers,
            encoding="" if encoding == "identity" else encoding,
        )

    @property
    def is_whole_file(self) -> bool:
        """Whether the answer is all of the file from its first byte, whatever was asked for."""
        return self.status == HTTPStatus.OK

    def continues(self, size: int, note: PartMetadata) -> bool:
        """Whether this is exactly what follows ``size`` bytes of what the note says."""
        return (
            self.status == HTTPStatus.PARTIAL_CONTENT
            and self.first == size
            and self.total == note.total
            and self.validator in {None, note.validator}
            and not self.encoding
        )

    def says_complete(self, size: int, note: PartMetadata) -> bool:
        """Whether nothing follows ``size`` bytes because they are all."""
        return self.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and self.total == size == note.total


def strong_validator(headers: Mapping[str, str]) -> str | None:
    """What ``If-Range`` may say: a strong ETag, or a Last-Modified old enough to be strong."""
    if headers.get("accept-ranges", "").strip().lower() == "none":
        return None
    etag = headers.get("etag", "").strip()
    if etag:
        return etag if _STRONG_ETAG.fullmatch(etag) else None
    modified = headers.get("last-modified", "").strip()
    try:
        age = parsedate_to_datetime(headers.get("date", "")) - parsedate_to_datetime(modified)
    except (ValueError, TypeError, OverflowError):
        return None
    return modified if age.total_seconds() >= STRONG_AFTER_S else None


def _range(status: int, headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    """First byte and size of the whole; None for what is not said, or not up to the last byte."""
    said = headers.get("content-range", "").strip()
    if status == HTTPStatus.PARTIAL_CONTENT and (found := _CONTENT_RANGE.fullmatch(said)):
        first, last, total = map(int, found.groups())
        return (first, total) if first <= last == total - 1 else (None, None)
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and (found := _UNSATISFIED.fullmatch(said)):
        return None, int(found[1])
    length = headers.get("content-length", "").strip()
    is_plain = status == HTTPStatus.OK and "transfer-encoding" not in headers and _LENGTH.fullmatch(length)
    return (0 if status == HTTPStatus.OK else None), (int(length) if is_plain else None)
