"""Durations and points in time, as people type and read them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcexport.errors import UsageError
from hcexport.times import parse_duration, parse_when, to_local, type_duration

NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("10m", 600),
        ("2h", 7200),
        ("1d", 86400),
        ("0", 0),
        ("0.5s", 0.5),
        (" 1m ", 60),
        ("1h30m", 5400),
        ("1d2h3m4s", 93784),
    ],
)
def test_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "-5",
        "1w",
        "1 h",
        "1h30",
        "30m1h",
        "1h1h",
        "ten",
        "inf",
        "nan",
        "1e9",
        "٣",
        "9" * 400,
        "1_000",
        "3651d",
        "1.s",
    ],
)
def test_no_duration(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration(text)
    assert repr(text) in caught.value.message
    assert "10m" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-11-01T03:00Z", datetime(2026, 11, 1, 3, tzinfo=UTC)),
        ("2026-11-01t03:00z", datetime(2026, 11, 1, 3, tzinfo=UTC)),
        ("2026-11-01T03:00+05:30", datetime(2026, 10, 31, 21, 30, tzinfo=UTC)),
        ("24h", NOW - timedelta(hours=24)),
        ("7d", NOW - timedelta(days=7)),
        # of this machine's zone, which changed its clock on 25 October
        ("2026-11-01", datetime(2026, 10, 31, 23, tzinfo=UTC)),
        ("2026-10-01", datetime(2026, 9, 30, 22, tzinfo=UTC)),
        ("2026-11-01T03:00", datetime(2026, 11, 1, 2, tzinfo=UTC)),
        ("today", datetime(2026, 11, 22, 23, tzinfo=UTC)),
        ("Yesterday", datetime(2026, 11, 21, 23, tzinfo=UTC)),
    ],
)
@pytest.mark.usefixtures("berlin")
def test_when(text: str, when: datetime) -> None:
    assert parse_when(text, NOW) == when


@pytest.mark.usefixtures("berlin")
def test_yesterday_of_a_day_with_25_hours() -> None:
    just_after = datetime(2026, 10, 25, 23, 30, tzinfo=UTC)  # 00:30 of the 26th
    assert parse_when("yesterday", just_after) == datetime(2026, 10, 24, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "now", "tomorrow", "90", "2026-13-01", "2026-11", "01/11/2026", "20261101", "99999d", "2026-11-01 x"]
)
def test_no_point_in_time(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_when(text, NOW)
    assert repr(text) in caught.value.message
    assert "yesterday" in (caught.value.hint or "")


@given(st.text(max_size=30))
def test_whatever_is_typed_is_understood_or_refused(text: str) -> None:
    with suppress(UsageError):
        assert parse_when(text, NOW).tzinfo is not None
    with suppress(UsageError):
        assert parse_duration(text) >= 0


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31", "0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"])
def test_the_ends_of_the_calendar(text: str) -> None:
    with suppress(UsageError):
        assert parse_when(text, NOW).tzinfo is not None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.5, "0.5s"),
        (90, "90s"),
        (1800, "30m"),
        (7200, "2h"),
        (86400, "1d"),
        (1_728_000, "20d"),
        (1e-6, "0.000001s"),
    ],
)
def test_a_duration_is_typed_as_it_is_read(seconds: float, text: str) -> None:
    assert type_duration(seconds) == text
    assert parse_duration(text) == seconds


@pytest.mark.usefixtures("berlin")
def test_the_time_for_never_is_a_time_in_every_zone() -> None:
    never = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert f"{to_local(never):%Y-%m-%d}" == "9999-12-31"
    assert f"{to_local(NOW):%H:%M %z}".endswith("+0100")
