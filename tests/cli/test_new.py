"""``export --new``: each report once, whoever runs beside it and whatever kills it; and the organization's lock."""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import subprocess
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport


@pytest.fixture
def slow_box() -> Iterator[Sandbox]:
    """An organization whose exports take a second."""
    with Sandbox(job_seconds=1.0) as made:
        yield made


@pytest.fixture
def at_slow(hcexport_alone: Hcexport, slow_box: Sandbox) -> Hcexport:
    hcexport_alone.env.update(HCEXPORT_URL=slow_box.url, HCEXPORT_TOKEN=slow_box.new_token())
    return hcexport_alone


def exports(box: Sandbox) -> int:
    return sum(request.method == "POST" and request.path.endswith("/export") for request in box.requests)


def saved_reports(folder: Path) -> Counter[str]:
    """How many of the zips in a folder hold each report."""
    found: Counter[str] = Counter()
    for path in folder.glob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            found.update({json.loads(archive.read(name))["id"] for name in archive.namelist() if "json" in name})
    return found


def start(hcexport: Hcexport, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        hcexport.argv(*args),
        env={**hcexport.env, "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=hcexport.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class TestSelection:
    def test_each_report_once(self, hcexport: Hcexport, box: Sandbox) -> None:
        first = hcexport("export", "--new", "--latest", "3", "--out", "new/")
        assert first.returncode == 0, first.stderr
        again = hcexport("export", "--new", "--latest", "2", "--out", "new/")
        assert again.returncode == 0, again.stderr
        ids = [report.id for report in box.reports]
        assert saved_reports(hcexport.cwd / "new") == Counter(ids[:5])

    def test_nothing_new_is_said(self, hcexport: Hcexport, box: Sandbox) -> None:
        assert hcexport("export", "--new", "--out", "all.zip").returncode == 0
        done = hcexport("export", "--new", "--out", "all.zip")  # a taken name does not matter then
        assert (done.returncode, done.stdout) == (0, "")
        assert box.reports[0].id in done.stderr
        done = hcexport("export", "--new", "--out", "all.zip", "--format", "json")
        assert done.returncode == 0
        assert json.loads(done.stdout)["run_ids"] == []
        assert exports(box) == 1

    def test_no_report_at_all_is_nothing_new(self, hcexport: Hcexport) -> None:
        done = hcexport("export", "--new", "--name", "no such name")
        assert (done.returncode, done.stdout) == (0, "")

    def test_what_was_only_submitted_is_not_saved(self, hcexport: Hcexport, box: Sandbox) -> None:
        submitted = hcexport("export", "--new", "--latest", "1")
        again = hcexport("export", "--new", "--latest", "1", "--out", "a.zip", "--format", "json")
        assert json.loads(again.stdout)["job_id"] == submitted.stdout.strip()
        assert exports(box) == 1
        assert saved_reports(hcexport.cwd) == Counter([box.reports[0].id])

    def test_a_zip_that_could_not_be_unpacked_is_saved(self, hcexport_alone: Hcexport) -> None:
        """Here what hinders it turns up while the job runs."""
        export = ("export", "--new", "--out", "a-{time}.zip")
        (hcexport_alone.cwd / "in").mkdir()
        with Sandbox(job_seconds=0.7) as box:
            hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
            process = start(hcexport_alone, *export, "--extract", "in/x")
            until = time.monotonic() + 20
            while not exports(box) and time.monotonic() < until:
                time.sleep(0.005)
            (hcexport_alone.cwd / "in").rename(hcexport_alone.cwd / "gone")
            _, err = process.communicate(timeout=20)
            assert process.returncode == 73, err
            again = hcexport_alone(*export)
            assert (again.returncode, again.stdout) == (0, "")

    def test_standard_output_does_not_count_as_saved(self, hcexport: Hcexport, box: Sandbox) -> None:
        """Nobody here knows what became of it; the second run gets the zip of the same job."""
        for _ in range(2):
            piped = subprocess.run(
                [*hcexport.argv("export", "--new", "--latest", "1", "--out", "-")],
                env={**hcexport.env, "PYTHONPATH": str(Path(__file__).parents[2])},
                cwd=hcexport.cwd,
                capture_output=True,
                check=True,
            )
            assert zipfile.is_zipfile(io.BytesIO(piped.stdout))
        assert exports(box) == 1
        kept = hcexport("export", "--new", "--latest", "1", "--out", "a.zip")
        assert kept.returncode == 0, kept.stderr
        assert saved_reports(hcexport.cwd) == Counter([box.reports[0].id])

    def test_a_zip_that_the_server_has_deleted_is_made_again(self, hcexport: Hcexport, box: Sandbox) -> None:
        export = ("export", "--new", "--latest", "1")
        assert hcexport(*export, "--wait").returncode == 0
        job = hcexport("jobs", "-F", "json", "--limit", "1")
        item = json.loads(job.stdout)[0]["upload_id"]
        form = urlencode({"token": hcexport.env["HCEXPORT_TOKEN"], "f": "json"}).encode()
        with urlopen(f"{box.url}/admin/uploads/{item}/delete", form) as answer:
            assert "error" not in json.load(answer)
        done = hcexport(*export, "--out", "a.zip")
        assert done.returncode == 0, done.stderr
        assert exports(box) == 2

    def test_a_taken_name_is_refused_before_the_submit(
        self, hcexport: Hcexport, box: Sandbox, refused: Callable[..., str]
    ) -> None:
        (hcexport.cwd / "a.zip").write_text("mine")
        refused(hcexport("export", "--new", "--out", "a.zip"), 73)
        assert exports(box) == 0

    def test_it_contradicts_ids(self, hcexport: Hcexport, refused: Callable[..., str]) -> None:
        refused(hcexport("export", "--new", "--run-ids", "a"), 2)

    def test_a_ledger_that_cannot_be_written(
        self, hcexport: Hcexport, box: Sandbox, refused: Callable[..., str]
    ) -> None:
        ledger = Path(hcexport.env["HCEXPORT_HOME"], "ledger.db")
        ledger.mkdir(parents=True)
        refused(hcexport("export", "--new", "--out", "a.zip"), 73)
        assert not box.requests

    def test_a_dry_run_sends_and_locks_nothing(self, hcexport: Hcexport, box: Sandbox) -> None:
        done = hcexport("export", "--new", "--latest", "2", "--dry-run")
        assert done.stdout.split() == [report.id for report in box.reports[:2]]
        assert exports(box) == 0


class TestLock:
    def test_a_second_run_ends_at_once(self, at_slow: Hcexport, slow_box: Sandbox, refused: Callable[..., str]) -> None:
        first = start(at_slow, "export", "--new", "--out", "a.zip")
        wait_until(lambda: exports(slow_box) == 1)
        text = refused(at_slow("export", "--new", "--out", "b.zip"), 75)
        assert str(first.pid) in text
        assert f"{time.gmtime().tm_year}-" in text
        assert first.wait(20) == 0
        first.communicate()
        assert at_slow("export", "--new", "--out", "b.zip").stdout == ""

    def test_a_check_is_kept_off_too(self, at_slow: Hcexport, slow_box: Sandbox, refused: Callable[..., str]) -> None:
        first = start(at_slow, "run")
        wait_until(lambda: any(request.method == "POST" for request in slow_box.requests))
        refused(at_slow("run"), 75)
        first.communicate(timeout=20)
        assert first.returncode == 0

    def test_twenty_at_once_make_one_export(self, hcexport: Hcexport, box: Sandbox) -> None:
        runs = [start(hcexport, "export", "--new", "--out", "new/", "--lock-wait", "40s") for _ in range(20)]
        ended = [(run.communicate(timeout=50), run.returncode) for run in runs]
        assert {status for _, status in ended} == {0}
        assert exports(box) == 1
        assert set(saved_reports(hcexport.cwd / "new").values()) == {1}


def wait_until(is_so: Callable[[], bool], limit_s: float = 20.0) -> None:
    until = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


class TestKilled:
    @pytest.mark.parametrize(
        "point",
        [
            lambda box: exports(box) == 1,  # the submit is on its way or answered
            lambda box: any("/jobs/" in request.path for request in box.requests),
            lambda box: any(request.path.endswith("/download") for request in box.requests),
        ],
        ids=["submitting", "waiting", "downloading"],
    )
    def test_a_run_after_it_saves_every_report_once(
        self, at_slow: Hcexport, slow_box: Sandbox, point: Callable[[Sandbox], bool]
    ) -> None:
        first = start(at_slow, "export", "--new", "--latest", "4", "--out", "new/")
        wait_until(lambda: point(slow_box))
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
        again = at_slow("export", "--new", "--latest", "4", "--out", "new/")
        assert again.returncode == 0, again.stderr
        saved = saved_reports(at_slow.cwd / "new")
        assert set(saved.values()) == {1}
        assert {report.id for report in slow_box.reports[:4]} <= saved.keys()  # and more, if the first was quicker

    def test_after_the_submit_and_before_the_ledger_knew_the_job(self, hcexport: Hcexport, box: Sandbox) -> None:
        assert hcexport("export", "--new", "--latest", "2").returncode == 0
        change_ledger(hcexport, "UPDATE exports SET job_id = NULL, submitted = NULL")
        again = hcexport("export", "--new", "--latest", "2", "--out", "new/")
        assert again.returncode == 0, again.stderr
        assert exports(box) == 1
        assert len(saved_reports(hcexport.cwd / "new")) == 2

    def test_before_the_submit(self, hcexport: Hcexport, box: Sandbox) -> None:
        assert hcexport("export", "--new", "--latest", "2", "--out", "a.zip").returncode == 0
        change_ledger(
            hcexport, "UPDATE exports SET job_id = NULL, saved = NULL", "DELETE FROM saved_reports", hours_ago=0.5
        )
        again = hcexport("export", "--new", "--latest", "2", "--out", "b.zip")
        assert again.returncode == 0, again.stderr
        assert exports(box) == 2  # no job of the server was started when the dead run was at it

    @pytest.mark.parametrize("out", ["new.zip", "new/"])
    def test_after_the_file_was_saved_and_before_the_ledger_knew(
        self, hcexport: Hcexport, box: Sandbox, out: str
    ) -> None:
        export = ("export", "--new", "--latest", "2", "--out", out)
        saved = hcexport(*export).stdout
        forget_that_it_was_saved(hcexport)
        again = hcexport(*export)
        assert (again.returncode, again.stdout) == (0, saved)
        assert hcexport("export", "--new", "--latest", "2", "--dry-run").stdout.split() == [
            report.id for report in box.reports[2:4]
        ]
        assert exports(box) == 1

    def test_a_stranger_under_the_name_is_no_saved_export(
        self, hcexport: Hcexport, box: Sandbox, refused: Callable[..., str]
    ) -> None:
        export = ("export", "--new", "--latest", "2", "--out", "new.zip")
        assert hcexport(*export).returncode == 0
        forget_that_it_was_saved(hcexport)
        with zipfile.ZipFile(hcexport.cwd / "new.zip", "w") as archive:
            archive.writestr("a.json", '{"id": "stranger"}')
        refused(hcexport(*export), 73)


def forget_that_it_was_saved(hcexport: Hcexport) -> None:
    """Make the ledger what it is when a run is killed between saving and writing that down."""
    change_ledger(
        hcexport,
        "UPDATE exports SET saved = NULL, path = NULL, bytes = NULL, sha256 = NULL",
        "DELETE FROM saved_reports",
    )


def change_ledger(hcexport: Hcexport, *statements: str, hours_ago: float = 0) -> None:
    with sqlite3.connect(Path(hcexport.env["HCEXPORT_HOME"], "ledger.db")) as ledger:
        for statement in statements:
            ledger.execute(statement)
        if hours_ago:
            intended = datetime.now(UTC) - timedelta(hours=hours_ago)
            ledger.execute("UPDATE exports SET intended = ?", (intended.isoformat(),))
    ledger.close()
