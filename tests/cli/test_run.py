"""``hcexport run``: one check is started whatever becomes of the answer, and its own report is found again."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hcexport.cli.app import App, CommonOptions
from hcexport.cli.lock import lock_organization
from hcexport.errors import Busy
from hcexport.files import lock_at_once, open_lock_file
from hcexport.sandbox import Sandbox
from hcexport.sandbox.context import Endpoint, RequestContext
from hcexport.sandbox.endpoints import admin, health
from hcexport.sandbox.faults import Fault, change_json, in_turn, instead, normally, retry_later
from hcexport.sandbox.http import Json, Response, page, respond
from hcexport.sandbox.scenarios import ROWS, Scenario
from hcexport.store.ledger import Ledger
from tests.support.process import Hcexport

JOB_ID = re.compile(r"j[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DEFAULT_NAME = re.compile(r"hcexport \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [0-9a-z]{4}")
ALL_SUITES = "BSHC-001,SANDBOX-OPS-001"


def posts(box: Sandbox) -> list[Any]:
    return [request for request in box.requests if request.method == "POST" and request.path.endswith("/run")]


def checks(box: Sandbox) -> list[Any]:
    """The reports of the sandbox that are not of its past, newest first."""
    return [report for report in box.reports if report.name.startswith(("hcexport ", "mine"))]


@contextmanager
def organization(hcexport: Hcexport, scenario: str = "normal", **options: Any) -> Iterator[Sandbox]:
    with Sandbox(scenario=scenario, **{"job_seconds": 0.05, **options}) as box:
        hcexport.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        yield box


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, hcexport_alone: Hcexport) -> Callable[..., Any]:
    """Starts a sandbox whose ``healthCheck/run`` has a fault."""

    def start(fault: Fault, **options: Any) -> Any:
        monkeypatch.setitem(ROWS, "a fault", Scenario("", lambda: {health.run: fault}))
        return organization(hcexport_alone, "a fault", **options)

    return start


def test_every_suite_is_run_and_the_id_of_the_report_printed(hcexport: Hcexport, box: Sandbox) -> None:
    done = hcexport("run")
    (report,) = checks(box)
    assert (done.returncode, done.stdout) == (0, f"{report.id}\n"), done.stderr
    (post,) = posts(box)
    assert (post.form["suiteIds"], post.form["async"], post.form["runName"]) == (ALL_SUITES, "true", report.name)
    assert DEFAULT_NAME.fullmatch(report.name)
    assert JOB_ID.search(done.stderr.splitlines()[0])  # before the first look


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (["bshc-001"], "BSHC-001"),
        (["basic HEALTH checks"], "BSHC-001"),
        (["SANDBOX-OPS-001", "BSHC-001"], "SANDBOX-OPS-001,BSHC-001"),
        (["BSHC-001,SANDBOX-OPS-001", "BSHC-001"], ALL_SUITES),
    ],
)
def test_suites(hcexport: Hcexport, box: Sandbox, words: list[str], sent: str) -> None:
    assert hcexport("run", *words, "-q").returncode == 0
    assert posts(box)[0].form["suiteIds"] == sent


def test_an_unknown_suite_starts_nothing(
    hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = error_of(hcexport("run", "BSHC-001", "nosuch", "-Fjson"), 5)
    assert "nosuch" in error["message"]
    assert "BSHC-001" in error["hint"]
    assert not posts(box)
    system_only = {"userSuites": [{"systemOnly": True, "id": "SYS"}, {"systemOnly": False, "id": "BSHC-001"}]}
    monkeypatch.setitem(ROWS, "system", Scenario("", lambda: {health.suites: instead(lambda _context: system_only)}))
    with organization(hcexport, "system") as other:
        error_of(hcexport("run", "SYS", "-Fjson"), 5)
        assert hcexport("run", "-q").returncode == 0
        assert [post.form["suiteIds"] for post in posts(other)] == ["BSHC-001"]


def test_json_is_the_report_with_its_job(hcexport: Hcexport, box: Sandbox) -> None:
    plain = json.loads(hcexport("run", "--name", "mine", "-Fjson", "-q").stdout)
    (shown,) = json.loads(hcexport("show", plain["id"], "-Fjson").stdout)
    job_id = plain.pop("job_id")
    assert JOB_ID.fullmatch(job_id)
    assert plain == shown
    saved = json.loads(hcexport("run", "-o", "x.zip", "-Fjson", "-q").stdout)
    assert saved["verified"] is True
    assert saved["path"] == str(hcexport.cwd / "x.zip")
    assert {"export_job_id", "bytes", "sha256", "job_id"} <= set(saved)
    assert saved["export_job_id"] != saved["job_id"]


def test_out_saves_and_then_judges(hcexport: Hcexport, box: Sandbox) -> None:
    done = hcexport("run", "-o", "x.zip", "--fail-on", "warning")  # a test of the operational suite warns
    assert done.returncode == 10
    assert done.stdout == f"{hcexport.cwd / 'x.zip'}\n"
    with zipfile.ZipFile(hcexport.cwd / "x.zip") as archive:
        (run_id,) = {json.loads(archive.read(name))["id"] for name in archive.namelist() if name.endswith(".json")}
    assert run_id == checks(box)[0].id
    good = hcexport("run", "-Fjson", "--fail-on", "failed")
    assert (good.returncode, json.loads(good.stdout)["healthy"]) == (0, True)


def test_the_report_is_that_of_the_name_and_never_the_newest(hcexport: Hcexport, box: Sandbox) -> None:
    ids = [hcexport("run", "--name", "mine", "-q").stdout.strip() for _ in range(3)]
    assert ids == [report.id for report in checks(box)][::-1]
    with organization(hcexport, job_seconds=1.0) as slow:
        first = hcexport("run", "BSHC-001", "--name", "mine", "--no-wait", "-q")
        hcexport("run", "BSHC-001", "--name", "mine too", "--no-wait", "-q")
        done = hcexport("run", "--resume", "mine")
        assert (first.returncode, done.returncode) == (0, 0), done.stderr
        named = {report.name: report.id for report in checks(slow)}
        assert done.stdout.strip() == named["mine"] != slow.reports[0].id


def test_no_wait_and_resume(hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any]) -> None:
    done = hcexport("run", "--no-wait")
    name = checks(box)[0].name
    assert JOB_ID.fullmatch(done.stdout.strip())
    assert f"hcexport run --resume '{name}'" in done.stderr
    again = hcexport("run", "--resume", name, "--out", "x.zip", "--fail-on", "warning", "-q")
    assert (again.returncode, again.stdout) == (10, f"{hcexport.cwd / 'x.zip'}\n")
    elsewhere = hcexport("run", "--resume", name, env={"HCEXPORT_HOME": str(hcexport.cwd / "other")})
    assert elsewhere.stdout == f"{checks(box)[0].id}\n"
    assert len(posts(box)) == 1
    error_of(hcexport("run", "--resume", "nosuch", "-Fjson"), 5)
    error_of(hcexport("run", "--resume", "Basic check", "-Fjson"), 2)  # two reports of the past have that name
    assert json.loads(hcexport("run", "--no-wait", "--name", "mine", "-Fjson").stdout)["name"] == "mine"


@pytest.mark.parametrize(
    "words",
    [
        ["--no-wait", "--out", "x.zip"],
        ["--no-wait", "--fail-on", "failed"],
        ["--resume", "x", "--name", "y"],
        ["--resume", "x", "BSHC-001"],
        ["--name", " "],
    ],
    ids=" ".join,
)
def test_contradictions(hcexport: Hcexport, box: Sandbox, refused: Callable[..., Any], words: list[str]) -> None:
    refused(hcexport("run", *words), 2)
    assert not box.requests


@pytest.mark.parametrize("scenario", ["completed-early", "no-result", "run-lost", "expired-token"])
def test_scenarios(hcexport_alone: Hcexport, scenario: str) -> None:
    with organization(hcexport_alone, scenario) as box:
        if scenario == "expired-token":
            del hcexport_alone.env["HCEXPORT_TOKEN"]
            hcexport_alone.env.update(HCEXPORT_USERNAME=box.username, HCEXPORT_PASSWORD=box.password)
        done = hcexport_alone("run", "BSHC-001")
        assert done.returncode == 0, done.stderr
        (report,) = checks(box)
        assert done.stdout.strip() == report.id
        assert len(posts(box)) == 1


def test_a_check_that_failed(hcexport_alone: Hcexport, error_of: Callable[..., Any]) -> None:
    with organization(hcexport_alone, "failed"):
        error = error_of(hcexport_alone("run", "-Fjson", "-q"), 3)
        assert "A test could not start" in error["message"]
        assert "--resume" not in error["hint"]


def _after(answer: Callable[[RequestContext], Json | Response]) -> Fault:
    """Start the check, and answer something else."""

    def fault(endpoint: Endpoint) -> Endpoint:
        def faulty(context: RequestContext) -> Json | Response:
            endpoint(context)
            return answer(context)

        return faulty

    return fault


def _hang_up(_context: RequestContext) -> Response:
    raise ConnectionAbortedError


def _finished(context: RequestContext) -> Json:
    """Answer as the synchronous form does, where no job can be found."""
    context.world.jobs._jobs.clear()
    return {"URL": "/reports/x"}


WAYS_TO_LOSE: dict[str, Callable[[RequestContext], Json | Response]] = {
    "hang up": _hang_up,
    "502 page": lambda _: page("Bad Gateway", "", 502),
    "504 page": lambda _: page("Gateway Timeout", "", 504),
    "503 with Retry-After": lambda _: retry_later(503, "Busy", 1),
    "429 with Retry-After": lambda _: retry_later(429, "Busy", 1),
    "200 page": lambda _: page("Sign In", "", 200),
    "garbage": lambda _: respond(b'{"jobid": "j1', "application/json"),
    "JSON without an id": lambda _: {"status": "SUBMITTED"},
    "error of the API": lambda _: {"error": {"code": 500, "message": "Internal error"}},
    "the finished report": _finished,
}


@pytest.mark.parametrize("way", WAYS_TO_LOSE)
def test_a_lost_answer_never_makes_two_checks(
    way: str, answering: Callable[..., Any], hcexport_alone: Hcexport
) -> None:
    with answering(_after(WAYS_TO_LOSE[way])) as box:
        done = hcexport_alone("run", "BSHC-001")
        (report,) = checks(box)
        assert (done.returncode, done.stdout) == (0, f"{report.id}\n"), done.stderr
        assert len(posts(box)) == 1


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_rounds_of_lost_answers(answering: Callable[..., Any], hcexport_alone: Hcexport) -> None:
    for number in range(10):
        for way, answer in WAYS_TO_LOSE.items():
            name = ["--name", f"mine {number}"] if number % 2 else []
            with answering(_after(answer)) as box:
                before = [hcexport_alone("run", *name, "--no-wait", "-q")] if number % 4 == 3 else []
                hcexport_alone("run", *name, "--no-wait", "-q")
                assert len(checks(box)) == len(posts(box)) == len(before) + 1, way


@pytest.mark.parametrize("way", [way for way in WAYS_TO_LOSE if "Retry-After" not in way and "error" not in way])
def test_what_is_not_found_is_an_unknown_outcome(
    way: str, answering: Callable[..., Any], hcexport_alone: Hcexport, error_of: Callable[..., Any]
) -> None:
    with answering(instead(WAYS_TO_LOSE[way])) as box:
        error = error_of(hcexport_alone("run", "--name", "mine", "-Fjson", "-q"), 9)
        assert len(posts(box)) == 1
        assert "hcexport run --resume mine" in error["hint"]
        assert "hcexport jobs" not in error["hint"]
        error_of(hcexport_alone("run", "--resume", "mine", "-Fjson"), 9)


@pytest.mark.slow
def test_a_check_whose_answer_was_lost_for_good_is_found_later(
    answering: Callable[..., Any], hcexport_alone: Hcexport, error_of: Callable[..., Any]
) -> None:
    hidden: list[str] = []

    def hide(context: RequestContext) -> Response:
        """Show neither report nor job for a while."""
        report = context.world.reports.all()[-1]
        context.world.reports.alter(report.id, appears_time=report.start_time + 4000)
        context.world.jobs._jobs.clear()
        hidden.append(report.id)
        raise ConnectionAbortedError

    with answering(_after(hide)) as box:
        error_of(hcexport_alone("run", "--name", "mine", "-Fjson", "-q"), 9)
        time.sleep(3)
        done = hcexport_alone("run", "--resume", "mine")
        assert (done.returncode, done.stdout.strip()) == (0, *hidden), done.stderr
        assert len(posts(box)) == 1


def test_a_busy_server_that_did_nothing_is_asked_again(answering: Callable[..., Any], hcexport_alone: Hcexport) -> None:
    with answering(in_turn(instead(WAYS_TO_LOSE["503 with Retry-After"]), normally)) as box:
        assert hcexport_alone("run", "-q").returncode == 0
        assert (len(posts(box)), len(checks(box))) == (2, 1)


def test_a_report_of_another_user_or_time_is_not_taken(
    answering: Callable[..., Any], hcexport_alone: Hcexport, error_of: Callable[..., Any]
) -> None:
    turns = in_turn(normally, normally, instead(_hang_up))
    with answering(turns) as box:
        hcexport_alone("run", "--name", "mine", "-q")
        hcexport_alone("run", "--name", "mine", "-q", env={"HCEXPORT_TOKEN": box.new_token("operator")})
        error_of(hcexport_alone("run", "--name", "mine", "-Fjson", "-q"), 9)
        assert len(checks(box)) == 2


def test_completed_without_a_report_is_awaited_until_124(
    answering: Callable[..., Any], hcexport_alone: Hcexport, error_of: Callable[..., Any]
) -> None:
    def remove(context: RequestContext) -> Json:
        report = context.world.reports.all()[-1]
        context.world.reports.delete([report.id])
        job_id = context.world.jobs.ids()[0]
        return {"jobid": job_id, "status": "SUBMITTED"}

    with answering(_after(remove)):
        done = hcexport_alone("run", "--name", "mine", "--timeout", "2s", "-o", "x.zip", "-Fjson", "-q")
        error = error_of(done, 124)
    assert "hcexport run --resume mine" in error["hint"]
    assert "--out x.zip" in error["hint"]


def test_a_job_that_is_gone_does_not_end_it(answering: Callable[..., Any], hcexport_alone: Hcexport) -> None:
    def forget(context: RequestContext) -> Json:
        return {"jobid": f"{context.world.jobs._jobs.popitem()[0]}", "status": "SUBMITTED"}

    with answering(_after(forget), job_seconds=0.5) as box:
        done = hcexport_alone("run", "-q")
        assert (done.returncode, done.stdout.strip()) == (0, checks(box)[0].id), done.stderr


def test_a_signal_names_the_command_to_go_on_with(hcexport_alone: Hcexport, running: Callable[..., Any]) -> None:
    with organization(hcexport_alone, job_seconds=30) as box:
        argv = hcexport_alone.argv("run", "--name", "mine", "--fail-on", "failed")
        with running(argv, env=hcexport_alone.env, cwd=hcexport_alone.cwd) as process:
            while not any("/jobs/" in request.path for request in box.requests):
                time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=10)
        assert process.returncode == 143
        assert "hcexport run --resume mine --fail-on failed" in said


def test_the_user_is_whose_token_it_is(hcexport: Hcexport, box: Sandbox) -> None:
    env = {"HCEXPORT_USERNAME": "administrator", "HCEXPORT_TOKEN": box.new_token("operator")}
    done = hcexport("run", env=env, timeout=10)
    assert (done.returncode, done.stdout.strip()) == (0, checks(box)[0].id)


def test_a_server_that_is_read_only_starts_nothing(hcexport_alone: Hcexport, error_of: Callable[..., Any]) -> None:
    with organization(hcexport_alone, "read-only") as box:
        assert error_of(hcexport_alone("run", "-Fjson", "-q"), 6)["code"] == "server"
        assert ".;" not in hcexport_alone("run").stderr  # the server's own words end with a full stop
        assert not checks(box)
    with Ledger(Path(hcexport_alone.env["HCEXPORT_HOME"], "ledger.db"), pytest.fail) as ledger:
        assert ledger.entries() == []


def test_two_checks_of_an_organization_do_not_run_at_once(
    hcexport_alone: Hcexport, running: Callable[..., Any]
) -> None:
    with organization(hcexport_alone, job_seconds=30) as box:
        argv = hcexport_alone.argv("run", "--name", "mine")
        with running(argv, env=hcexport_alone.env, cwd=hcexport_alone.cwd) as process:
            while not posts(box):
                time.sleep(0.02)
            done = hcexport_alone("run", "--name", "mine too")
            assert (done.returncode, done.stdout, len(posts(box))) == (75, "", 1)
            assert str(process.pid) in done.stderr
            late = hcexport_alone("run", "--resume", "mine", "--timeout", "1s")
            assert late.returncode == 124


def test_report_files_and_the_line_of_a_plugin(hcexport: Hcexport, box: Sandbox, refused: Callable[..., Any]) -> None:
    done = hcexport("run", "--report", "r.json", "--report", "r.xml", "--fail-on", "warning", "-q")
    assert done.returncode == 10
    (report,) = json.loads((hcexport.cwd / "r.json").read_text())
    assert (report["id"], report["healthy"]) == (done.stdout.strip(), False)
    assert "SANDBOX_OPS_003" in (hcexport.cwd / "r.xml").read_text()
    plugin = hcexport("run", "--format", "nagios", "-q")
    assert (plugin.returncode, plugin.stdout.count("\n")) == (1, 1)
    refused(hcexport("run", "--no-wait", "--report", "r.md"), 2)


def test_the_ledger_knows_the_check(hcexport: Hcexport, box: Sandbox) -> None:
    done = hcexport("run", "--name", "mine", "--no-wait", "-q")
    with Ledger(Path(hcexport.env["HCEXPORT_HOME"], "ledger.db"), pytest.fail) as ledger:
        (entry,) = ledger.entries()
    assert (entry.kind, entry.name, entry.job_id) == ("run", "mine", done.stdout.strip())


@pytest.mark.parametrize("start", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_job_that_says_an_impossible_start(
    hcexport_alone: Hcexport, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    fault = change_json(lambda _context, answer: {**answer, "starttime": start})
    monkeypatch.setitem(ROWS, "a fault", Scenario("", lambda: {admin.job: fault}))
    with organization(hcexport_alone, "a fault"):
        assert hcexport_alone("run", "--name", "mine", "--no-wait").returncode == 0
        assert hcexport_alone("run", "--resume", "mine", "--timeout", "1s").returncode in {0, 6, 124}


def test_a_run_elsewhere_with_our_process_id_is_not_waited_for(hcexport: Hcexport, box: Sandbox) -> None:
    """In containers that share a volume every process has the same id."""
    looks = iter(range(50))
    with App(CommonOptions(), hcexport.env) as app:
        with lock_organization(app, 0):
            pass
        (path,) = app.paths.locks.glob("organization-*.lock")
        with open_lock_file(path) as file:
            lock_at_once(file)
            file.write(json.dumps({"pid": os.getpid(), "start": "now"}).encode())
            with pytest.raises(Busy), lock_organization(app, 0, sleep=lambda _s: next(looks)):
                pass
        with lock_organization(app, 0):
            pass


def test_another_run_is_kept_off_and_one_that_is_resumed_is_not(hcexport: Hcexport, box: Sandbox) -> None:
    assert hcexport("run", "--name", "mine", "--no-wait").returncode == 0
    started = len(posts(box))
    with App(CommonOptions(), hcexport.env) as app, lock_organization(app, 0):
        assert hcexport("run").returncode == 75
        assert len(posts(box)) == started
        assert hcexport("run", "--resume", "mine").returncode == 0
    assert hcexport("run", "--lock-wait", "1s").returncode == 0
