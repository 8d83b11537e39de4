"""Zips to serve, to check and to unpack."""

from __future__ import annotations

import io
import random
import zipfile

Member = tuple[str | zipfile.ZipInfo, bytes | str]


def make_zip(*members: Member, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    """Return a zip of these members, in this order, with the same bytes at any time: ids of tests are made of them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members:
            member = zipfile.ZipInfo(name) if isinstance(name, str) else name
            archive.writestr(member, data, method if isinstance(name, str) else None)
        archive.comment = comment
    return file.getvalue()


def make_export(seed: int, size: int) -> bytes:
    """Return a zip of a CSV and ``size`` random bytes, which cannot be compressed."""
    return make_zip(("a.csv", b"id,result\n" * 100), ("a.json", random.Random(seed).randbytes(size)))
