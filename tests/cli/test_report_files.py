"""``--report FILE``: whole or not at all, after the work and before the result, also of a run that failed."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml
from prometheus_client.parser import text_string_to_metric_families

from hcexport.cli.app import App, CommonOptions
from hcexport.cli.judging import Judging
from hcexport.cli.outcome import Outcome
from hcexport.cli.report_files import _BY_SUFFIX, ReportFile, Reporting
from hcexport.errors import CannotCreate, UsageError
from hcexport.output.fields import Field
from hcexport.sandbox import Sandbox
from tests.support.process import ROOT, Hcexport

CRITICAL_NIGHT = 12  # of the sandbox's past: HC_112_002 failed


def night(box: Sandbox, ago: int) -> str:
    """The id of a nightly check."""
    return [report for report in box.reports if report.name.startswith("Nightly check")][ago].id


def gauges(path: Path) -> dict[str, float]:
    """The metrics of a textfile that are there once, read by somebody else's parser."""
    families = list(text_string_to_metric_families(path.read_text()))
    assert {family.type for family in families} == {"gauge"}
    samples = [sample for family in families for sample in family.samples]
    assert all({"profile", "organization"} <= set(sample.labels) for sample in samples)
    return {each.name: each.value for each in samples if set(each.labels) == {"profile", "organization"}}


def outcomes(path: Path) -> list[str]:
    """The outcome of each case of a JUnit file that did not pass."""
    return [
        type(result).__name__
        for suite in JUnitXml.fromstring(path.read_bytes())
        for case in suite
        for result in case.result
    ]


def test_each_suffix_is_a_format(hcexport: Hcexport, box: Sandbox) -> None:
    names = ["r.html", "r.md", "r.xml", "r.prom", "r.json", "r.csv", "junit=r.txt", "MD=summary"]
    done = hcexport("show", night(box, CRITICAL_NIGHT), *(word for name in names for word in ("--report", name)))
    assert done.returncode == 0, done.stderr
    folder = hcexport.cwd
    assert done.stdout == hcexport("show", night(box, CRITICAL_NIGHT)).stdout
    assert (folder / "r.html").read_text().startswith("<!DOCTYPE html>")
    assert (folder / "r.md").read_text().startswith("# ")
    assert (folder / "r.md").read_text().splitlines()[0] == (folder / "summary").read_text().splitlines()[0]
    assert outcomes(folder / "r.xml") == outcomes(folder / "r.txt") == ["Failure"]
    assert gauges(folder / "r.prom")["hcexport_report_passed"] == 0
    shown = hcexport("show", night(box, CRITICAL_NIGHT), "-Fjson").stdout
    assert (folder / "r.json").read_text() == shown
    table = (folder / "r.csv").read_bytes()
    assert table.startswith(b"\xef\xbb\xbfrun_id,")
    assert len(list(csv.reader(io.StringIO(table.decode("utf-8-sig"))))) == 14


def test_json_says_what_was_judged_whatever_is_printed(hcexport: Hcexport, box: Sandbox) -> None:
    given = ("show", night(box, CRITICAL_NIGHT), "--fail-on", "failed", "--ignore", "HC_112_002:2999-01-01")
    assert hcexport(*given, "--report", "r.json", "--report", "r.xml").returncode == 0
    (report,) = json.loads((hcexport.cwd / "r.json").read_text())
    assert report["healthy"] is True
    assert {test["ignored_until"] for test in report["tests"]} == {None, "2999-01-01"}
    assert outcomes(hcexport.cwd / "r.xml") == ["Skipped"]


def test_names_are_filled_in_and_rights_follow_the_umask(hcexport: Hcexport) -> None:
    (hcexport.cwd / "default").mkdir()
    before = os.umask(0o027)
    try:
        path = hcexport.cwd / "default" / f"{datetime.now().astimezone():%Y-%m-%d}.prom"
        path.write_text("old")
        path.chmod(0o600)
        done = hcexport("show", "--report", "{profile}/{date}.prom", "-q")
        assert done.returncode == 0, done.stderr
        ReportFile("md", hcexport.cwd / "x.md").write("text")
    finally:
        os.umask(before)
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    assert gauges(path)["hcexport_last_run_exit_status"] == 0
    assert stat.S_IMODE((hcexport.cwd / "x.md").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("r.pdf", 2),
        ("report", 2),
        ("nagios=r.txt", 2),
        ("md=", 2),
        ("md=-", 2),
        ("{when}.md", 2),
        ("{job_id}.md", 2),
        ("missing/r.md", 73),
        ("json=/dev/null", 73),
        ("md=.", 73),
    ],
)
@pytest.mark.parametrize("command", [("show",), ("export", "--latest", "1", "--out", "x.zip")], ids=["show", "export"])
def test_an_unwritable_report_is_known_before_sending(
    hcexport: Hcexport, box: Sandbox, *, name: str, status: int, command: tuple[str, ...], error_of: Callable[..., Any]
) -> None:
    error_of(hcexport(*command, "--report", "good.prom", "--report", name, "-Fjson"), status)
    assert not box.requests
    assert not list(hcexport.cwd.iterdir())


def test_two_reports_of_one_name_are_refused(hcexport: Hcexport, error_of: Callable[..., Any]) -> None:
    error_of(hcexport("show", "--report", "a.md", "--report", "html=./a.md", "-Fjson"), 2)


def test_export_has_report_files_of_what_it_exports(hcexport: Hcexport, box: Sandbox) -> None:
    reports = ("--report", "r.json", "--report", "r.prom", "--fail-on", "critical")
    ids = [night(box, CRITICAL_NIGHT), night(box, 1)]
    done = hcexport("export", "--run-ids", ",".join(ids), "--out", "x.zip", *reports)
    assert done.returncode == 10, done.stderr
    assert zipfile.ZipFile(done.stdout.strip()).testzip() is None
    told = json.loads((hcexport.cwd / "r.json").read_text())
    assert [(each["id"], each["healthy"]) for each in told] == [(ids[0], False), (ids[1], True)]
    run = gauges(hcexport.cwd / "r.prom")
    assert run["hcexport_last_run_exit_status"] == 10
    assert run["hcexport_last_success_timestamp_seconds"] == run["hcexport_last_run_timestamp_seconds"]
    asked = [request.path for request in box.requests if request.path.endswith(tuple(ids))]
    assert len(asked) == 2  # each report once, though it is judged too


def test_a_dry_run_writes_nothing(hcexport: Hcexport) -> None:
    assert hcexport("export", "--latest", "1", "--dry-run", "--report", "r.prom").returncode == 0
    assert not list(hcexport.cwd.iterdir())


def test_an_export_that_is_skipped_has_its_reports(hcexport: Hcexport) -> None:
    (hcexport.cwd / "x.zip").write_text("kept")
    given = ("export", "--latest", "1", "--if-exists", "skip", "--out", "x.zip", "--report", "r.xml")
    assert hcexport(*given).returncode == 0
    assert outcomes(hcexport.cwd / "r.xml") == ["Skipped"]


def test_nothing_new_leaves_the_last_known_report(hcexport: Hcexport) -> None:
    given = ("export", "--new", "--latest", "1", "--out", "{time}-{job_id}.zip", "--report", "r.prom")
    assert hcexport(*given).returncode == 0
    before = gauges(hcexport.cwd / "r.prom")
    done = hcexport(*given, "--until", "80d")
    again = hcexport("export", "--new", "--since", "20h", "--out", "y-{job_id}.zip", "--report", "r.prom")
    assert (done.returncode, again.returncode) == (0, 0)
    name = "hcexport_report_start_timestamp_seconds"
    assert gauges(hcexport.cwd / "r.prom")[name] <= before[name]


def test_a_run_that_failed_says_so_in_the_files_of_machines(hcexport: Hcexport, box: Sandbox) -> None:
    files = ("--report", "r.prom", "--report", "r.xml", "--report", "r.html")
    assert hcexport("show", night(box, CRITICAL_NIGHT), *files).returncode == 0
    good, page = gauges(hcexport.cwd / "r.prom"), (hcexport.cwd / "r.html").read_text()
    down = {"HCEXPORT_TOKEN": "no-such-token"}
    assert hcexport("show", *files, env=down).returncode == 4
    bad = gauges(hcexport.cwd / "r.prom")
    assert bad["hcexport_last_run_exit_status"] == 4
    assert bad["hcexport_last_run_timestamp_seconds"] >= good["hcexport_last_run_timestamp_seconds"]
    for kept in ("last_success_timestamp_seconds", "report_start_timestamp_seconds", "report_passed"):
        assert bad[f"hcexport_{kept}"] == good[f"hcexport_{kept}"]
    assert outcomes(hcexport.cwd / "r.xml") == ["Error"]
    assert "no-such-token" not in (hcexport.cwd / "r.xml").read_text()
    assert (hcexport.cwd / "r.html").read_text() == page


@pytest.mark.parametrize(
    ("words", "config", "status"),
    [
        (("run", "--out", "missing/x.zip"), "", 73),
        (("show",), "x = [", 78),
        (("show", "-p", "prod"), "x = [", 78),
        (("export", "--new", "--out", "x.zip"), "x = [", 78),
    ],
)
def test_a_run_that_could_not_begin_says_so(
    hcexport: Hcexport, words: tuple[str, ...], config: str, status: int
) -> None:
    home = Path(hcexport.env["HCEXPORT_HOME"])
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(config)
    (hcexport.cwd / "r.prom").write_text("old")
    done = hcexport(*words, "--report", "r.prom", "--report", "r.xml", "--report", "{profile}.md")
    assert done.returncode == status, done.stderr
    assert gauges(hcexport.cwd / "r.prom")["hcexport_last_run_exit_status"] == status
    assert f'profile="{"prod" if "-p" in words else "default"}"' in (hcexport.cwd / "r.prom").read_text()
    assert outcomes(hcexport.cwd / "r.xml") == ["Error"]


def test_a_dry_run_or_a_mistype_that_failed_writes_nothing(hcexport: Hcexport) -> None:
    home = Path(hcexport.env["HCEXPORT_HOME"])
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("x = [")
    assert hcexport("export", "--latest", "1", "--dry-run", "--report", "r.prom").returncode == 78
    (home / "config.toml").write_text("")
    assert hcexport("export", "r1", "--latest", "1", "--report", "r.prom").returncode == 2
    assert not list(hcexport.cwd.iterdir())


def test_a_result_that_cannot_be_printed_is_told(hcexport: Hcexport, box: Sandbox) -> None:
    given = ("show", night(box, CRITICAL_NIGHT), "--report", "r.prom", "--report", "r.xml")
    assert hcexport(*given).returncode == 0
    before = gauges(hcexport.cwd / "r.prom")
    with Path("/dev/full").open("w") as full:
        words = [sys.executable, "-m", "hcexport", *given]
        env = {**hcexport.env, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, env=env, cwd=hcexport.cwd, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 73
    after = gauges(hcexport.cwd / "r.prom")
    assert after["hcexport_last_run_exit_status"] == 73
    for kept in ("hcexport_last_success_timestamp_seconds", "hcexport_report_start_timestamp_seconds"):
        assert after[kept] == before[kept]
    assert outcomes(hcexport.cwd / "r.xml") == ["Failure"]  # of the report, which could be had


def test_offline_reports_need_no_server(hcexport: Hcexport, box: Sandbox) -> None:
    assert hcexport("show", "--latest", "3").returncode == 0
    asked = len(box.requests)
    done = hcexport("show", "--latest", "3", "--offline", "--report", "r.html", "--report", "r.prom", "-Fnagios")
    assert (done.returncode, len(box.requests)) == (1, asked), done.stderr
    assert "hcexport_report_passed" in gauges(hcexport.cwd / "r.prom")


def test_a_first_run_that_failed_has_succeeded_never(hcexport: Hcexport) -> None:
    assert hcexport("show", "nosuch", "--report", "r.prom").returncode == 5
    run = gauges(hcexport.cwd / "r.prom")
    assert (run["hcexport_last_success_timestamp_seconds"], run["hcexport_last_run_exit_status"]) == (0, 5)
    assert "hcexport_report_passed" not in run


def test_some_of_several_are_told_with_the_status_of_the_run(hcexport: Hcexport, box: Sandbox) -> None:
    done = hcexport("show", night(box, 2), "nosuch", "--report", "r.prom", "--report", "r.xml")
    assert done.returncode == 8
    assert gauges(hcexport.cwd / "r.prom")["hcexport_last_run_exit_status"] == 8
    assert "Error" in outcomes(hcexport.cwd / "r.xml")


def test_a_report_file_never_replaces_the_zip(hcexport: Hcexport) -> None:
    done = hcexport("export", "--latest", "1", "--out", "x.zip", "--report", "json=x.zip")
    assert done.returncode == 73
    assert zipfile.ZipFile(hcexport.cwd / "x.zip").testzip() is None


def test_a_full_disk_leaves_the_old_report_and_the_zip(hcexport: Hcexport, monkeypatch: pytest.MonkeyPatch) -> None:
    path = hcexport.cwd / "r.prom"
    path.write_text("old")

    def no_room(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(CannotCreate):
        ReportFile("prometheus", path).write("new")
    assert path.read_text() == "old"
    assert [found.name for found in path.parent.iterdir()] == ["r.prom"]


def test_a_report_that_does_not_fit_is_told_after_the_result(hcexport: Hcexport) -> None:
    """No file may be larger than 14 KiB: the zip and the textfile are smaller, the page is not."""
    (hcexport.cwd / "r.html").write_text("old")
    words = ["export", "--latest", "1", "--out", "x.zip", "--report", "r.html", "--report", "r.prom"]
    limited = f"ulimit -f 14 && exec {shlex.join([sys.executable, '-m', 'hcexport', *words])}"
    env = {**hcexport.env, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", limited], env=env, cwd=hcexport.cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 73, done.stderr
    assert zipfile.ZipFile(done.stdout.strip()).testzip() is None
    assert (hcexport.cwd / "r.html").read_text() == "old"
    assert gauges(hcexport.cwd / "r.prom")["hcexport_last_run_exit_status"] == 73
    assert sorted(found.name for found in hcexport.cwd.iterdir()) == ["r.html", "r.prom", "x.zip"]


def test_a_signal_is_told(hcexport_alone: Hcexport) -> None:
    hcexport = hcexport_alone
    words = ["hcexport", "export", "--latest", "1", "--out", "x.zip", "--report", "r.prom", "--report", "r.xml"]
    with Sandbox(job_seconds=60) as box:
        env = {**hcexport.env, "HCEXPORT_URL": box.url, "HCEXPORT_TOKEN": box.new_token()}
        process = hcexport.fork_server.start(words, env, hcexport.cwd)
        deadline = time.monotonic() + 20
        while "submitted" not in hcexport.fork_server.stderr() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(process, signal.SIGTERM)
        assert hcexport.fork_server.wait(20).status == 143
    assert gauges(hcexport.cwd / "r.prom")["hcexport_last_run_exit_status"] == 143
    assert outcomes(hcexport.cwd / "r.xml") == ["Error"]


def test_the_document_of_standard_output(hcexport: Hcexport, box: Sandbox) -> None:
    """--format md and the like print what the file would hold, but for the time."""
    for kind, start in {"md": "# ", "html": "<!DOCTYPE html>", "junit": "<?xml", "prometheus": "# HELP"}.items():
        done = hcexport("show", night(box, 3), "--format", kind, "--report", f"{kind}=file")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(start)
        assert len(done.stdout.splitlines()) == len((hcexport.cwd / "file").read_text().splitlines())


@pytest.mark.parametrize(
    ("words", "status", "state"),
    [
        (["{ok}"], 0, "OK"),
        (["{warned}"], 1, "WARNING"),
        (["{failed}"], 1, "WARNING"),
        (["{failed}", "--fail-on", "failed"], 2, "CRITICAL"),
        (["{critical}"], 2, "CRITICAL"),
        (["{ok}", "--max-age", "1h"], 2, "CRITICAL"),
        (["--since", "1m", "--max-age", "1h"], 2, "CRITICAL"),
        (["--since", "1m"], 3, "UNKNOWN"),
        (["nosuch"], 3, "UNKNOWN"),
        (["{ok}", "nosuch"], 3, "UNKNOWN"),
        (["--no-such-option"], 3, "UNKNOWN"),
        (["{ok}", "--report", "r.pdf"], 3, "UNKNOWN"),
        (["{ok}", "--connect-timeout", "0"], 3, "UNKNOWN"),
    ],
)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_monitoring_plugin(
    hcexport: Hcexport, box: Sandbox, *, words: list[str], status: int, state: str, before: bool
) -> None:
    passed = next(report.id for report in box.reports if report.result == "passed")
    ids = {"ok": passed, "warned": night(box, 0), "failed": night(box, 34), "critical": night(box, 12)}
    given = [word.format(**ids) for word in words]
    done = hcexport(*(["-Fnagios", "show", *given] if before else ["show", *given, "--format", "nagios"]))
    assert done.returncode == status, done.stdout + done.stderr
    (line,) = done.stdout.splitlines()
    assert f" {state} - " in line
    assert "error:" not in done.stderr


def test_other_commands_are_no_plugins(hcexport: Hcexport) -> None:
    done = hcexport("list", "--format", "nagios")
    assert (done.returncode, done.stdout) == (2, "")


def test_a_comparison_has_files_of_its_own_records(tmp_path: Path) -> None:
    """A command without ``of_reports``: no file of one report, and JSON and CSV of what it prints."""
    with App(CommonOptions(url="http://127.0.0.1:1/enterprise")) as app:
        judging = Judging.plan(app, None, None)
        for name in ("r.xml", "r.prom", "junit=r"):
            with pytest.raises(UsageError):
                Reporting.plan(app, [str(tmp_path / name) if "=" not in name else name], judging, of_reports=False)
        assert not app.reporting.has_files
        Reporting.plan(app, [str(tmp_path / name) for name in ("r.json", "r.csv")], judging, of_reports=False)
        fields = (Field("test", "TEST", lambda row: row),)
        assert app.reporting.finish(Outcome(fields, records=["ä"], reports=list)).error is None
        assert json.loads((tmp_path / "r.json").read_text()) == [{"test": "ä"}]
        assert (tmp_path / "r.csv").read_text(encoding="utf-8") == "\ufefftest\nä\n"
        assert app.reporting.finish(Outcome(fields, record="b", reports=list)).error is None
        assert json.loads((tmp_path / "r.json").read_text()) == {"test": "b"}


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "kind"), _BY_SUFFIX.items(), ids=list(_BY_SUFFIX))
def test_a_kill_leaves_the_old_report_or_the_new(tmp_path: Path, suffix: str, kind: str) -> None:
    """A hundred writers are killed at any moment; each is a fork that writes over and over."""
    path, contents = tmp_path / "reports" / f"r.{suffix}", ["a" * 300_000, "b" * 200_000]
    path.parent.mkdir()
    file = ReportFile(kind, path)
    file.write(contents[0])
    for turn in range(100):
        child = os.fork()
        if child == 0:
            try:
                while True:
                    for content in contents:
                        file.write(content)
            finally:
                os._exit(1)
        time.sleep(0.002 + turn % 10 * 0.003)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert path.read_text() in contents
        left = [found.name for found in path.parent.iterdir() if found != path]
        assert not [name for name in left if name.endswith(f".{suffix}") or not name.startswith(".hcexport-")]
