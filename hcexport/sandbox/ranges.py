"""Byte ranges as RFC 9110 section 14 has them: one range is honoured, anything else gets the whole."""

import re

from hcexport.sandbox.wire import Headers

ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.IGNORECASE)


class UnsatisfiableError(Exception):
    """The range begins behind the end."""


def requested(headers: Headers, size: int, etag: str) -> tuple[int, int] | None:
    """Tell the part that is asked for as (start, stop), or None for the whole; raises UnsatisfiableError."""
    match = ONE_RANGE.fullmatch(headers.get("Range", "").strip())
    # A date or a weak validator never equals our strong one, and then the whole is due.
    if not match or headers.get("If-Range", etag) != etag:
        return None
    first, last = match.groups()
    if not first:
        return _suffix(last, size)
    start, stop = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < int(first):
        return None  # malformed, and so not there
    if start >= size:
        raise UnsatisfiableError
    return start, stop


def _suffix(last: str, size: int) -> tuple[int, int] | None:
    if not last:
        return None
    if int(last) == 0:
        raise UnsatisfiableError
    return max(size - int(last), 0), size
