"""Times, durations and sizes, as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from hcexport.times import to_local

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_TENTHS_BELOW_S = 10  # above it, tenths of a second are noise


def minute(time: datetime) -> str:
    """A point in time to the minute, in this machine's zone, which ``zones`` names."""
    return to_local(time).strftime("%Y-%m-%d %H:%M")


def zones(times: Iterable[datetime]) -> str:
    """The zone of times as ``minute`` writes them: ``CET``, or ``CET/CEST`` where the clock was changed in between."""
    return "/".join(dict.fromkeys(to_local(time).tzname() or "" for time in times))


def iso(time: datetime) -> str:
    """A point in time in ISO 8601, UTC, to the second: the form that jq's ``fromdate`` reads."""
    return time.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"


def duration(seconds: float) -> str:
    """Seconds as ``0.5s``, ``42s``, ``2m 05s``, ``1h 02m`` or ``3d 04h``."""
    if seconds < 0:
        return "-" + duration(-seconds)
    if round(seconds, 1) < _TENTHS_BELOW_S:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d {whole % _DAY // _HOUR:02}h"


def size(count: float) -> str:
    """Bytes in decimal units, as disks are sold: ``999 B``, ``1.2 kB``, ``3.4 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if round(count, 1) < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
