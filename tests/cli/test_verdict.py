"""The outcome options: what is not healthy is status 10, and nothing that was asked for is missing because of it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hcexport.cli.app import App, CommonOptions
from hcexport.cli.judging import Judging
from hcexport.health.ignores import Ignore
from hcexport.health.verdict import Level, Rules
from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

CRITICAL_NIGHT, WARNING_NIGHT = 12, 0  # of the sandbox's past: HC_112_002 failed, HC_112_013 warned
TODAY = datetime.now(UTC).date()
TOMORROW, YESTERDAY = TODAY + timedelta(days=1), TODAY - timedelta(days=1)


def night(box: Sandbox, ago: int) -> str:
    """The id of a nightly check."""
    nights = [report for report in box.reports if report.name.startswith("Nightly check")]
    return nights[ago].id


def details_asked(box: Sandbox) -> list[str]:
    """The ids of the reports that were read in full."""
    paths = [request.path for request in box.requests if "/reports/" in request.path]
    return [path.rpartition("/")[2] for path in paths if not path.endswith(("/query", "/export"))]


def verdict_of(done: Any) -> dict[str, Any]:
    """The error object of status 10, beside which standard output has its document."""
    assert done.returncode == 10, done.stderr
    assert done.stdout
    error: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])["error"]
    assert (error["code"], error["exit_status"], error["retryable"], error["hint"]) == ("verdict", 10, False, None)
    return error


@pytest.mark.parametrize(
    ("level", "ago", "status"),
    [
        ("critical", CRITICAL_NIGHT, 10),
        ("failed", CRITICAL_NIGHT, 10),
        ("failed", WARNING_NIGHT, 0),
        ("warning", WARNING_NIGHT, 10),
        ("critical", 34, 0),  # a test failed that is not critical
        ("failed", 34, 10),
        ("failed", 28, 10),  # a test is unknown
        ("warning", 1, 0),
    ],
)
def test_levels(hcexport: Hcexport, box: Sandbox, level: str, ago: int, status: int) -> None:
    done = hcexport("show", night(box, ago), "--fail-on", level)
    assert done.returncode == status, done.stderr
    assert len(done.stdout.splitlines()) == 13
    assert "hcexport: error: not healthy: " in done.stderr.splitlines()[-1:][0] if status else not done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--result", "failed", "--latest", "1"),
        ("show", "{id}"),
        ("show", "--latest", "1", "--result", "failed"),
        ("export", "--run-ids", "{id}"),
        ("export", "--latest", "1", "--result", "failed", "--out", "x.zip"),
        ("diff", "{before}", "{id}"),
    ],
    ids=" ".join,
)
def test_every_command_judges_what_it_has_in_its_hands(
    hcexport: Hcexport, box: Sandbox, words: tuple[str, ...]
) -> None:
    run_id = night(box, CRITICAL_NIGHT)
    given = [word.format(id=run_id, before=night(box, CRITICAL_NIGHT + 1)) for word in words]
    plain = hcexport(*given, env={"HCEXPORT_IF_EXISTS": "overwrite"})
    judged = hcexport(*given, "--fail-on", "critical", env={"HCEXPORT_IF_EXISTS": "overwrite"})
    assert judged.stdout == plain.stdout or words[:2] == ("export", "--run-ids")  # which prints the id of a new job
    assert (plain.returncode, judged.returncode) == (0, 10), judged.stderr
    assert judged.stdout
    assert "1 critical test" in judged.stderr
    assert run_id in judged.stderr
    assert "HC_112_002" in judged.stderr
    assert "hint" not in judged.stderr


def test_a_bad_report_is_saved_all_the_same(hcexport: Hcexport, box: Sandbox) -> None:
    done = hcexport("export", "--run-ids", night(box, 12), "-o", "x.zip", "--fail-on", "failed", "-Fjson", "-q")
    assert "HC_112_002" in verdict_of(done)["message"]
    assert zipfile.ZipFile(Path(json.loads(done.stdout)["path"])).testzip() is None


def test_a_file_that_is_kept_does_not_hide_bad_health(hcexport: Hcexport, box: Sandbox) -> None:
    (hcexport.cwd / "x.zip").write_text("old")
    export = ("export", "-o", "x.zip", "--if-exists", "skip", "--fail-on", "critical")
    for selection in (["--run-ids", night(box, 12)], ["--result", "failed", "--latest", "1"]):
        done = hcexport(*export, *selection)
        assert (done.returncode, done.stdout) == (10, f"{hcexport.cwd / 'x.zip'}\n")
    assert not any(request.method == "POST" for request in box.requests)


def test_json_says_of_each_report_whether_it_is_healthy(hcexport: Hcexport, box: Sandbox) -> None:
    listed = hcexport("list", "--latest", "14", "--fail-on", "failed", "-Fjson")
    verdict_of(listed)
    rows = json.loads(listed.stdout)
    assert {row["id"] for row in rows if not row["healthy"]} == {night(box, 12)}
    assert sorted(details_asked(box)) == sorted(row["id"] for row in rows if row["result"] != "passed")
    shown = hcexport("show", "--latest", "14", "--fail-on", "failed", "-Fjson")
    verdict_of(shown)
    assert [row["healthy"] for row in json.loads(shown.stdout)] == [row["healthy"] for row in rows]
    assert "healthy" not in json.loads(hcexport("list", "--latest", "1", "-Fjson").stdout)[0]


@pytest.mark.parametrize("test", ["HC_112_002", "hc_112_00?", "HEALTHCHECK_relationalDatastore"])
def test_a_known_failure_does_not_count_until_its_day(hcexport: Hcexport, box: Sandbox, test: str) -> None:
    show = ("show", night(box, 12), "--fail-on", "failed", "-Fjson", "--ignore")
    done = hcexport(*show, f"{test}:{TODAY}")
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert report["healthy"] is True
    assert {each["id"]: each["ignored_until"] for each in report["tests"] if each["ignored_until"]} == {
        "HC_112_002": str(TODAY)
    }
    over = verdict_of(hcexport(*show, f"{test}:{YESTERDAY}"))
    assert f"the exception for {test} ended on {YESTERDAY}" in over["message"]


def test_ignores_of_the_profile(hcexport: Hcexport, box: Sandbox) -> None:
    config = Path(hcexport.env["HCEXPORT_HOME"]) / "config.toml"
    config.parent.mkdir(exist_ok=True)
    show = ("show", night(box, 12), "--fail-on", "failed")
    config.write_text(f'[defaults]\nignore = ["x, y*:{TOMORROW}", "HC_112_002:{TOMORROW}"]\n')
    assert hcexport(*show).returncode == 0
    config.write_text("")
    assert hcexport("config", "set", "ignore", f"HC_1:{TOMORROW},HC_112_002:{TOMORROW}").returncode == 0
    assert hcexport(*show).returncode == 0
    assert hcexport("config", "get", "ignore").stdout == f"HC_1:{TOMORROW},HC_112_002:{TOMORROW}\n"
    assert hcexport(*show, env={"HCEXPORT_IGNORE": f"HC_1:{TOMORROW}"}).returncode == 10
    config.write_text('[defaults]\nignore = ["HC_112_002"]\n')
    assert hcexport(*show).returncode == 78


@pytest.mark.parametrize("words", [("--ignore", "HC_112_002"), ("--ignore", "HC:2026-02-30"), ("--fail-on", "error")])
def test_options_that_cannot_be_read(hcexport: Hcexport, box: Sandbox, refused: Any, words: tuple[str, ...]) -> None:
    refused(hcexport("list", *words), 2)
    assert not box.requests


def test_age(hcexport: Hcexport, error_of: Callable[..., Any]) -> None:
    assert hcexport("list", "--max-age", "2d").returncode == 0
    old = hcexport("list", "--until", "7d", "--max-age", "26h", "-Fjson")
    assert "26h" in verdict_of(old)["message"]
    assert json.loads(old.stdout)
    error_of(hcexport("list", "--name", "nosuch", "--max-age", "26h", "-Fjson"), 10)
    error_of(hcexport("list", "--name", "nosuch", "--max-age", "26h", "--fail-on", "failed", "-Fjson"), 5)
    assert hcexport("export", "--until", "7d", "--latest", "1", "-o", "x.zip", "--max-age", "26h").returncode == 10
    assert (hcexport.cwd / "x.zip").exists()


def test_a_check_that_has_not_ended_is_not_judged(hcexport_alone: Hcexport, error_of: Callable[..., Any]) -> None:
    with Sandbox(job_seconds=60) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        hcexport_alone("run", "--name", "mine", "--no-wait")
        error_of(hcexport_alone("list", "--name", "mine", "--fail-on", "failed", "-Fjson"), 5)
        error_of(hcexport_alone("show", "--name", "mine", "--max-age", "1h", "-Fjson"), 10)
        assert box.reports[0].id in hcexport_alone("show", "--name", "mine", "--max-age", "1h").stderr
        both = hcexport_alone("list", "--latest", "2", "--fail-on", "failed", "-Fjson")
    assert both.returncode == 0
    assert [row["healthy"] for row in json.loads(both.stdout)] == [None, True]
    assert "has not ended" in both.stderr


def test_another_failure_outranks_the_verdict(hcexport: Hcexport, box: Sandbox) -> None:
    done = hcexport("show", "nosuch", night(box, 12), "--fail-on", "failed")
    assert done.returncode == 8
    assert night(box, 12) in done.stdout
    (hcexport.cwd / "x.zip").write_text("old")
    taken = hcexport("export", "--run-ids", night(box, 12), "-o", "x.zip", "--fail-on", "failed")
    assert (taken.returncode, taken.stdout) == (73, "")


def test_a_report_that_cannot_be_read_is_its_own_status(hcexport: Hcexport, error_of: Callable[..., Any]) -> None:
    done = hcexport("export", "--run-ids", "nosuch", "--fail-on", "failed", "-Fjson", "-q")
    error_of(done, 5)


def test_an_age_needs_no_report_in_full(hcexport: Hcexport, box: Sandbox) -> None:
    assert hcexport("list", "--result", "failed", "--max-age", "1000d").returncode == 0
    assert details_asked(box) == []


def test_the_options_that_go_on_are_those_that_were_typed(hcexport: Hcexport) -> None:
    ignore = Ignore.parse(f"HC_1:{TOMORROW}")
    rules = Rules(Level.WARNING, timedelta(0), (ignore,))
    with App(CommonOptions(), hcexport.env) as app:
        assert Judging(app, rules, "text").options == ["--fail-on", "warning", "--max-age", "0s"]
    with App(CommonOptions(), hcexport.env, {"ignore": (ignore,)}) as app:
        assert Judging(app, rules, "text").options[-2:] == ["--ignore", str(ignore)]
