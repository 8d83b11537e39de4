"""The zip of an export.

The names inside the real zip were never published. Ours has, in the folder ``healthCheckReports``, for each report
``<name>_<id>.csv`` and ``<name>_<id>.json``: in the name unsafe characters are replaced, and the id keeps equal names
apart. The CSV (UTF-8, comma, header line) has a row for each test; the JSON is the report resource. Equal reports make
equal bytes, so that the ETag is valid as long as the item is there.
"""

import csv
import hashlib
import io
import json
import random
import re
import threading
import weakref
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from tempfile import SpooledTemporaryFile
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from hcexport.sandbox.world.reports import Report

FOLDER = "healthCheckReports"
UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')
NAME_LIMIT = 60  # characters, so that a name of four-byte characters fits into 255 bytes
TEST_COLUMNS = ("id", "name", "description", "severity", "result", "startTime", "endTime")
BLOCK = 1 << 20
IN_MEMORY = 8 << 20  # a larger zip is kept in a temporary file
EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)  # the first day that a zip can store


class Archive:
    """The zip of some reports and ``padding`` incompressible bytes; it is made when first read."""

    def __init__(self, reports: Sequence[Report], padding: int = 0) -> None:
        self._reports = tuple(reports)
        self._padding = padding
        self._lock = threading.Lock()

    @cached_property
    def etag(self) -> str:
        """The strong ETag of the bytes, known without making them."""
        return f'"{hashlib.sha256(repr((self._reports, self._padding)).encode()).hexdigest()[:32]}"'

    @property
    def size(self) -> int:
        """The length in bytes."""
        with self._lock:
            return self._file.seek(0, io.SEEK_END)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Read a part of the zip, a block at a time; several threads may read at once."""
        while start < stop:
            with self._lock:
                self._file.seek(start)
                chunk = self._file.read(min(BLOCK, stop - start))
            start += len(chunk)
            yield chunk

    @cached_property
    def _file(self) -> SpooledTemporaryFile[bytes]:
        file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 # lives as long as the archive
        weakref.finalize(self, file.close)
        with ZipFile(file, "w") as archive:
            for report in self._reports:
                archive.writestr(_member(report, "csv"), _table(report), ZIP_DEFLATED)
                archive.writestr(_member(report, "json"), json.dumps(report.resource(), indent=2), ZIP_DEFLATED)
            if self._padding:
                _pad(archive, self._padding)
        return file


def _member(report: Report, kind: str) -> ZipInfo:
    name = UNSAFE.sub("_", report.name)[:NAME_LIMIT].strip(" ._")
    made = max(datetime.fromtimestamp(report.start_time / 1000, UTC), EARLIEST)
    return ZipInfo(f"{FOLDER}/{name}_{report.id}.{kind}", made.timetuple()[:6])


def _table(report: Report) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("reportId", "reportName", "reportResult", *TEST_COLUMNS))
    for suite in report.resource()["suiteStatus"]:
        for test in (*suite["criticalTestStatus"], *suite["generalTestStatus"]):
            writer.writerow((report.id, report.name, report.result, *(test[column] for column in TEST_COLUMNS)))
    return text.getvalue()


def _pad(archive: ZipFile, size: int) -> None:
    member = ZipInfo(f"{FOLDER}/padding.bin")
    member.compress_type = ZIP_STORED
    block = random.Random(size).randbytes(BLOCK)  # noqa: S311 # noise, not a secret
    with archive.open(member, "w", force_zip64=True) as file:
        for start in range(0, size, BLOCK):
            file.write(block[: size - start])
