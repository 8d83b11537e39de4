"""Which reports the selectors choose, by whose clock, and when they refuse to guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from hcexport.cli.options import WHEN
from hcexport.cli.selection import Selection, select_ended
from hcexport.errors import NotFound, ProtocolError
from hcexport.models import Report

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def row(run_id: str, hours_ago: float = 1, **more: Any) -> Report:
    started = int((NOW - timedelta(hours=hours_ago)).timestamp() * 1000)
    body = {"id": run_id, "startTime": started, "endTime": started + 60_000, "state": "completed", "result": "passed"}
    return Report.from_json({**body, **more})


@dataclass
class App:
    """An organization with some reports and a clock."""

    rows: Sequence[Report]
    now: datetime = NOW
    notices: list[str] = field(default_factory=list)

    @property
    def session(self) -> Any:
        return SimpleNamespace(server_now=lambda: self.now)

    @property
    def messages(self) -> Any:
        return SimpleNamespace(notice=self.notices.append)

    def reports(self) -> Sequence[Report]:
        return self.rows

    def select(self, *, only_ended: bool = False, **conditions: Any) -> list[str]:
        selection = Selection(**conditions)
        chosen = select_ended(self, selection) if only_ended else selection.select(self.rows, self.now)  # type: ignore[arg-type]
        return [report.id for report in chosen]


RUNNING = row("running", 0.1, endTime=0, state="running", result=None)
UNREADABLE = row("odd", startTime="Apr 21, 2021, 10:42:17 PM")


def test_names_and_users_are_matched_without_regard_to_case() -> None:
    app = App([row("a", name="Nightly Straße", createdBy="Admin"), row("b", name="Weekly", createdBy="other")])
    assert app.select(name="nightLY STRASSE") == ["a"]
    assert app.select(created_by="aDMIN") == ["a"]


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=5), timedelta(hours=-5)])
def test_so_long_ago_is_counted_by_the_clock_of_the_server(ahead: timedelta) -> None:
    app = App([row("new", 1 - ahead.total_seconds() / 3600), row("old", 3 - ahead.total_seconds() / 3600)], NOW + ahead)
    assert app.select(since=WHEN.convert("2h", None, None)) == ["new"]
    assert app.select(until=WHEN.convert("120m", None, None)) == ["old"]


@pytest.mark.parametrize("text", ["2026-11-02T10:00Z", "2026-11-02 10:00+00:00"])
def test_a_point_in_time_is_the_same_on_every_clock(text: str) -> None:
    app = App([row("new", 1), row("old", 3)], NOW + timedelta(hours=5))
    assert app.select(since=WHEN.convert(text, None, None)) == ["new"]


def test_reports_that_have_not_ended_are_left_out_and_named() -> None:
    app = App([RUNNING, row("a"), row("b", 2)])
    assert app.select(latest=1) == ["running"]
    assert app.notices == []
    assert app.select(latest=1, only_ended=True) == ["a"]
    assert "running" in app.notices[0]


def test_a_running_report_outside_the_selection_is_not_named() -> None:
    app = App([RUNNING, row("a", name="Nightly")])
    assert app.select(name="nightly", only_ended=True) == ["a"]
    assert app.notices == []


def test_when_none_has_ended_nothing_is_selected() -> None:
    app = App([RUNNING])
    with pytest.raises(NotFound):
        app.select(all=True, only_ended=True)
    assert "running" in app.notices[0]


@pytest.mark.parametrize("conditions", [{"latest": 1}, {"since": timedelta(days=1)}, {"until": timedelta(0)}], ids=str)
def test_a_start_that_cannot_be_read_is_not_guessed(conditions: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as caught:
        App([row("a"), UNREADABLE]).select(**conditions)
    assert "odd" in caught.value.message


def test_a_start_that_decides_nothing_need_not_be_read() -> None:
    app = App([row("a", name="Nightly"), UNREADABLE])
    assert sorted(app.select(all=True)) == ["a", "odd"]
    assert app.select(latest=1, name="nightly") == ["a"]


def test_a_report_without_a_start_is_the_oldest() -> None:
    assert App([row("none", startTime=0), row("a")]).select(latest=2) == ["a", "none"]
