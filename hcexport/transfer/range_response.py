"""What the response to a request for a file, or for the rest of a file, promises in its headers.

Headers are read strictly, because a part file that grows by bytes of another version is damaged without a sign.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hcexport.models import UploadItem
from hcexport.transfer.part_file import PartMetadata

if TYPE_CHECKING:
    from hcexport.api.http import Response

STRONG_AFTER_S = 60  # RFC 7232, 2.2.2: a Last-Modified this much older than Date is strong
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{0,1000}"')
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)
_UNSATISFIED = re.compile(r"bytes \*/([0-9]{1,18})", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,18}")


class ItemSource(Protocol):
    """The part of the API client that a download uses."""

    def upload_item(self, item_id: str) -> UploadItem:
        """GET ``uploads/<id>``."""
        ...

    def open_item(
        self, item_id: str, *, first_byte: int = 0, validator: str | None = None
    ) -> AbstractContextManager[Response]:
        """GET ``uploads/<id>/download`` from ``first_byte`` on if the item still has this validator, else all of it.

        The status is 200, 206 or 416.
        """
        ...


class RangeResponse(NamedTuple):
    """The promises of a response's headers; a header that cannot be understood promises nothing.

    The body is the bytes from ``first`` to the last of ``total``; None stands for what the headers do not say.
    ``validator`` is strong or None. ``has_certain_end`` says that a body cut short would be noticed. ``encoding`` is
    how a proxy has encoded the bytes, empty if it has not.
    """

    status: int
    first: int | None
    total: int | None
    validator: str | None
    has_certain_end: bool
    encoding: str

    @classmethod
    def of(cls, response: Response) -> RangeResponse:
        """Read the headers of a response."""
        headers = response.headers
        first, total = _read_range(response.status, headers)
        encoding = headers.get("content-encoding", "").strip().lower()
        return cls(
            status=response.status,
            first=first,
            total=total,
            validator=strong_validator(headers),
            has_certain_end=total is not None or "transfer-encoding" in headers,
            encoding="" if encoding == "identity" else encoding,
        )

    @property
    def is_whole_file(self) -> bool:
        """Whether the body is the whole file, whatever was asked for."""
        return self.status == HTTPStatus.OK

    def continues(self, size: int, note: PartMetadata) -> bool:
        """Whether the body is exactly the rest of the noted file after its first ``size`` bytes."""
        return (
            self.status == HTTPStatus.PARTIAL_CONTENT
            and self.first == size
            and self.total == note.total
            and self.validator in {None, note.validator}
            and not self.encoding
        )

    def says_complete(self, size: int, note: PartMetadata) -> bool:
        """Whether the server says that ``size`` bytes are the whole file."""
        return self.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and self.total == size == note.total


def strong_validator(headers: Mapping[str, str]) -> str | None:
    """Return the value for ``If-Range``: a strong ETag, or a Last-Modified old enough to be strong; else None."""
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


def _read_range(status: int, headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Return the first byte and the size of the whole file; None if not given, or if the range ends before the file."""
    content_range = headers.get("content-range", "").strip()
    if status == HTTPStatus.PARTIAL_CONTENT and (found := _CONTENT_RANGE.fullmatch(content_range)):
        first, last, total = map(int, found.groups())
        return (first, total) if first <= last == total - 1 else (None, None)
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and (found := _UNSATISFIED.fullmatch(content_range)):
        return None, int(found[1])
    length = headers.get("content-length", "").strip()
    is_plain = status == HTTPStatus.OK and "transfer-encoding" not in headers and _LENGTH.fullmatch(length)
    return (0 if status == HTTPStatus.OK else None), (int(length) if is_plain else None)
