from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hcexport.output.humanize import duration, iso, minute, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"),
        (0.507, "0.5s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (125, "2m 05s"),
        (3599.6, "1h 00m"),
        (7380, "2h 03m"),
        (86_399.9, "1d 00h"),
        (273_600, "3d 04h"),
        (-2.5, "-2.5s"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1234, "1.2 kB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (12_300_000, "12.3 MB"),
        (5e9, "5.0 GB"),
        (5e15, "5000.0 TB"),
    ],
)
def test_size(count: float, text: str) -> None:
    assert size(count) == text


def test_times_are_utc_whatever_zone_they_come_in() -> None:
    time = datetime(2026, 11, 22, 4, 0, 12, 999_000, tzinfo=timezone(timedelta(hours=1)))
    assert iso(time) == "2026-11-22T03:00:12Z"
    assert minute(time) == "2026-11-22 03:00"
    assert iso(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00Z"
