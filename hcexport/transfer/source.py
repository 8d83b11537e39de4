"""What a download needs of the API, and what an answer to it promises."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Protocol

from hcexport.models import UploadItem

_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{0,1000}"')
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)
_UNSATISFIED = re.compile(r"bytes \*/([0-9]{1,18})", re.IGNORECASE)
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
class Offer:
    """What the headers promise: the body starts at ``first_byte`` of ``total`` bytes (None: not said).

    ``whole_end`` says that a body cut short would have been noticed. ``encoding`` is what a proxy did to the bytes.
    ``fits`` is false for a 206 that names no range, or not one up to the last byte.
    """

    first_byte: int
    total: int | None
    validator: str | None
    whole_end: bool
    encoding: str
    fits: bool = True

    @classmethod
    def of(cls, answer: ItemStream) -> Offer:
        """Read the headers of an answer, strictly: what is not understood is not promised."""
        headers = answer.headers
        first_byte, total, fits = _range(answer.status, headers)
        encoding = headers.get("content-encoding", "").strip().lower()
        return cls(
            first_byte=first_byte,
            total=total,
            validator=strong_validator(headers),
            whole_end=total is not None or "transfer-encoding" in headers,
            encoding="" if encoding == "identity" else encoding,
            fits=fits,
        )


def strong_validator(headers: Mapping[str, str]) -> str | None:
    """What ``If-Range`` may say: a strong ETag, or a Last-Modified that is strong by its age (RFC 9110, 8.8.2.2)."""
    if headers.get("accept-ranges", "").strip().lower() == "none":
        return None
    etag = headers.get("etag", "").strip()
    if etag:
        return etag if _STRONG_ETAG.fullmatch(etag) else None
    modified = headers.get("last-modified", "").strip()
    try:
        age = parsedate_to_datetime(headers.get("date", "")) - parsedate_to_datetime(modified)
    except (ValueError, TypeError):
        return None
    return modified if age.total_seconds() >= 60 else None


def _range(status: int, headers: Mapping[str, str]) -> tuple[int, int | None, bool]:
    said = headers.get("content-range", "").strip()
    if status == 416:
        found = _UNSATISFIED.fullmatch(said)
        return (int(found[1]), int(found[1]), True) if found else (0, None, False)
    if status == 206:
        found = _CONTENT_RANGE.fullmatch(said)
        if not found:
            return 0, None, False
        first, last, total = map(int, found.groups())
        return first, total, first <= last == total - 1
    length = headers.get("content-length", "").strip()
    plain = "transfer-encoding" not in headers and _LENGTH.fullmatch(length)
    return 0, int(length) if plain else None, True
