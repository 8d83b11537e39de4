"""``hcexport list``: what it shows, in which order, in which format; the selectors that ``export`` shares."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

KEYS = ["id", "result", "start_time", "end_time", "duration_seconds", "state", "owner", "created_by", "name"]
NIGHTLY_HOUR = 3  # of the sandbox's checks, UTC


def ids_of(hcexport: Hcexport, *args: str) -> list[str]:
    done = hcexport("list", "--format", "ids", *args)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_every_format_shows_the_same_reports(hcexport: Hcexport, box: Sandbox) -> None:
    newest_first = [report.id for report in box.reports]

    assert ids_of(hcexport) == newest_first

    text = hcexport("list").stdout
    rows = [line.split("\t") for line in text.splitlines()]
    assert [row[0] for row in rows] == newest_first
    assert {len(row) for row in rows} == {len(KEYS)}
    assert "\x1b" not in text

    listed = json.loads(hcexport("list", "-F", "json").stdout)
    assert [report["id"] for report in listed] == newest_first
    assert list(listed[0]) == KEYS
    known = box.reports[0]
    started = datetime.fromtimestamp(known.start_time / 1000, UTC)
    assert listed[0]["start_time"] == f"{started:%Y-%m-%dT%H:%M:%SZ}"
    assert listed[0]["duration_seconds"] == (known.end_time - known.start_time) / 1000

    table = list(csv.reader(io.StringIO(hcexport("list", "--format=csv").stdout)))
    assert table[0] == KEYS
    assert [row[0] for row in table[1:]] == newest_first


def test_all_pages_are_read(hcexport_alone: Hcexport) -> None:
    with Sandbox(extra_reports=2500, report_days=2) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        assert set(ids_of(hcexport_alone)) == {report.id for report in box.reports}
        pages = [request for request in box.requests if request.path.endswith("/query")]

    assert [page.query["start"] for page in pages] == ["1", "1001", "2001"]
    assert {(page.query["num"], page.query["f"]) for page in pages} == {("1000", "json")}


def test_selectors_choose_and_combine(hcexport: Hcexport, box: Sandbox) -> None:
    bad = [report.id for report in box.reports if report.result in {"failed", "warning"}]
    assert bad
    assert ids_of(hcexport, "--result", "failed", "--result", "warning") == bad
    assert ids_of(hcexport, "--result", "failed", "--result", "warning", "--latest", "2") == bad[:2]

    upgrades = [report.id for report in box.reports if not report.name.startswith("Nightly")]
    assert upgrades
    assert set(ids_of(hcexport, "--name", "[!N]*")) == set(upgrades)

    someone = box.reports[0].created_by
    theirs = [report.id for report in box.reports if report.created_by == someone]
    assert ids_of(hcexport, "--created-by", someone, "--all") == theirs


def test_points_in_time(hcexport: Hcexport, box: Sandbox) -> None:
    third, first = box.reports[2], box.reports[0]
    moment = datetime.fromtimestamp(third.start_time / 1000, UTC)
    since = f"{moment + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"

    newer = ids_of(hcexport, "--since", since)
    assert newer == [report.id for report in box.reports[:2]]
    exact = moment.isoformat(timespec="milliseconds")
    assert third.id in ids_of(hcexport, "--since", exact)  # at or after
    assert third.id not in ids_of(hcexport, "--until", exact)  # before
    older = ids_of(hcexport, "--until", since)
    assert older == [report.id for report in box.reports[2:]]

    week_ago = datetime.now(UTC) - timedelta(days=7)
    week = [report.id for report in box.reports if report.start_time / 1000 >= week_ago.timestamp()]
    assert ids_of(hcexport, "--since", "7d") == week
    assert ids_of(hcexport, "--since", "168h", "--until", "today")[-1] == week[-1]
    day = f"{datetime.fromtimestamp(first.start_time / 1000, UTC):%Y-%m-%d}"
    assert first.id in ids_of(hcexport, "--since", day)


def test_order_and_limit(hcexport: Hcexport, box: Sandbox) -> None:
    everything = [report.id for report in box.reports]
    assert ids_of(hcexport, "--reverse") == everything[::-1]
    assert ids_of(hcexport, "--reverse", "--limit", "2") == everything[::-1][:2]
    by_name = json.loads(hcexport("list", "--sort", "name", "-F", "json").stdout)
    names = [report["name"] for report in by_name]
    assert names == sorted(names)
    assert names != [report.name for report in box.reports]


def test_selecting_nothing_is_not_found(hcexport: Hcexport, error_of: Callable[..., Any]) -> None:
    error = error_of(hcexport("list", "--name", "no such*", "--format", "json"), 5)
    assert "hcexport list" in error["hint"]
    assert not error["retryable"]


def test_names_from_the_server_are_inert_in_every_format(hcexport: Hcexport, box: Sandbox) -> None:
    name = '=1+1\x1b[31m\t[bold]\n"x"'
    box._world.reports.alter(box.reports[0].id, name=name)

    text = hcexport("list", "--latest", "1", env={"FORCE_COLOR": "1"}).stdout
    assert text.count("\n") == 1
    assert text.count("\t") == len(KEYS) - 1
    assert "\x1b" not in text
    assert "[bold]" in text

    assert json.loads(hcexport("list", "--latest", "1", "-F", "json").stdout)[0]["name"] == name
    shown = next(csv.DictReader(io.StringIO(hcexport("list", "--latest", "1", "-F", "csv").stdout)))["name"]
    assert shown.startswith("'=1+1")
    assert "\x1b" not in shown


def test_a_reader_that_has_enough_ends_it_quietly(hcexport: Hcexport, running: Callable[..., Any]) -> None:
    with running(hcexport.argv("list", "--all"), env={**hcexport.env, "PYTHONUNBUFFERED": "1"}) as process:
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize("place", [">/dev/full", ">&-"])
def test_output_that_goes_nowhere_is_an_error(hcexport: Hcexport, refused: Callable[..., Any], place: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {place}', "sh", *hcexport.argv("list", "--latest", "1")],
        env=hcexport.env,
        capture_output=True,
        text=True,
        check=False,
    )
    refused(done, 73)


@pytest.mark.parametrize(
    "words",
    [
        ("--result", "fine"),
        ("--since", "tomorrowish"),
        ("--latest", "0"),
        ("--latest", "x"),
        ("--sort", "colour"),
        ("--format", "xml"),
        ("--lat", "3"),  # names are accepted whole only
        ("surplus",),
        ("--connect-timeout", "soon"),
        ("--timeout", "soon"),
        ("--connect-timeout", "0"),
        ("--color", "maybe"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any], words: tuple[str, ...]
) -> None:
    form = () if "--format" in words else ("-F", "json")
    done = hcexport("list", *form, *words)
    if form:
        error = error_of(done, 2)
        assert words[-1] in error["message"] or words[0] in error["message"]
        assert "hcexport list --help" in error["hint"]
    assert done.returncode == 2
    assert done.stdout == ""
    assert box.requests == []


@pytest.mark.parametrize(
    ("options", "named"),
    [({"deployment": "ArcGISEnterpriseOnWindows"}, "ArcGISEnterpriseOnWindows"), ({"version": "11.1"}, "11.1")],
)
def test_another_product_or_an_old_release_is_said(
    hcexport_alone: Hcexport, error_of: Callable[..., Any], options: dict[str, str], named: str
) -> None:
    with Sandbox(**options) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        error = error_of(hcexport_alone("list", "-F", "json"), 78)
        assert named in error["message"]
        error = error_of(hcexport_alone("export", "--run-ids", "a", "-F", "json"), 78)
        assert named in error["message"]


def test_results_are_a_list_like_every_other(hcexport: Hcexport, box: Sandbox, refused: Callable[..., Any]) -> None:
    both = ids_of(hcexport, "--result", "failed", "--result", "warning")
    assert both == [report.id for report in box.reports if report.result in {"failed", "warning"}]
    assert ids_of(hcexport, "--result", "failed,warning") == both
    assert ids_of(hcexport, "--result", "FAILED, warning,failed") == both
    assert hcexport("list", "-F", "ids", "--result", "-", stdin="failed\nwarning\n").stdout.split() == both
    assert "nonsense" in refused(hcexport("list", "--result", "failed,nonsense"), 2)
    refused(hcexport("list", "--result", "failed,"), 2)
    refused(hcexport("list", "--result", "-", stdin=""), 5)
