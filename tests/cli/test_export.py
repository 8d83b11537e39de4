"""``hcexport export``: what it prints and saves, in every form of ``--out``, and what it refuses before it sends."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shlex
import subprocess
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

JOB_ID = re.compile(r"j[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RECORD = [
    "job_id",
    "status",
    "run_ids",
    "upload_id",
    "path",
    "bytes",
    "sha256",
    "elapsed_seconds",
    "verified",
    "adopted",
    "warnings",
]


def posts(box: Sandbox, ending: str = "/export") -> list[Any]:
    return [request for request in box.requests if request.method == "POST" and request.path.endswith(ending)]


def reports_in(path: Path) -> list[str]:
    """Ids of the reports in a zip, which must be sound."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return sorted(
            json.loads(archive.read(name))["id"] for name in archive.namelist() if name.lower().endswith(".json")
        )


def newest(box: Sandbox, count: int) -> list[str]:
    return [report.id for report in box.reports[:count]]


def test_plain_submits_and_prints_the_job(hcexport: Hcexport, box: Sandbox) -> None:
    done = hcexport("export", "--latest", "2")

    assert done.returncode == 0
    assert JOB_ID.fullmatch(done.stdout.strip())
    (post,) = posts(box)
    assert post.form["runIds"].split(",") == newest(box, 2)
    assert post.form["token"] == hcexport.env["HCEXPORT_TOKEN"]
    assert not any("/jobs/" in request.path for request in box.requests)


def test_wait_ends_with_the_job_and_prints_its_id(hcexport: Hcexport, box: Sandbox) -> None:
    done = hcexport("export", "--all", "--wait")

    assert done.returncode == 0
    assert JOB_ID.fullmatch(done.stdout.strip())
    assert done.stderr.splitlines()[0].split()[1] == done.stdout.strip()  # before the first poll
    assert "COMPLETED" in done.stderr
    assert posts(box)[0].form["runIds"].split(",") == newest(box, len(box.reports))
    assert list(hcexport.cwd.iterdir()) == []


def test_out_prints_the_absolute_path_and_nothing_else(hcexport: Hcexport, box: Sandbox) -> None:
    done = hcexport("export", "--latest", "3", "--out", "reports.zip")

    saved = hcexport.cwd / "reports.zip"
    assert done.stdout == f"{saved}\n"
    assert done.returncode == 0
    assert reports_in(saved) == sorted(newest(box, 3))
    assert list(hcexport.cwd.iterdir()) == [saved]
    assert "\x1b" not in done.stderr
    assert len(posts(box)) == 1


def test_json_says_all_that_is_known(hcexport: Hcexport, box: Sandbox) -> None:
    plain = json.loads(hcexport("export", "--latest", "1", "-F", "json").stdout)
    waited = json.loads(hcexport("export", "--latest", "1", "--wait", "-F", "json").stdout)
    saved = json.loads(hcexport("export", "--latest", "1", "-o", "x.zip", "-F", "json", "--quiet").stdout)

    for record in (plain, waited, saved):
        assert list(record) == RECORD
        assert record["run_ids"] == newest(box, 1)
        assert record["elapsed_seconds"] > 0
        assert record["adopted"] is False
    assert (plain["status"], plain["verified"]) == ("SUBMITTED", None)
    assert (waited["status"], waited["path"]) == ("COMPLETED", None)
    assert waited["upload_id"]
    content = (hcexport.cwd / "x.zip").read_bytes()
    assert saved["path"] == str(hcexport.cwd / "x.zip")
    assert saved["bytes"] == len(content)
    assert saved["sha256"] == hashlib.sha256(content).hexdigest()
    assert saved["verified"] is True


def test_quiet_says_nothing_but_the_result(hcexport: Hcexport) -> None:
    done = hcexport("export", "--latest", "1", "-o", "x.zip", "--quiet")
    assert done.stderr == ""
    assert done.stdout == f"{hcexport.cwd / 'x.zip'}\n"


def test_out_names_a_folder(hcexport: Hcexport, box: Sandbox) -> None:
    (hcexport.cwd / "there").mkdir()
    for out in ("there", "there/"):
        done = hcexport("export", "--latest", "1", "--out", out)
        saved = Path(done.stdout.strip())
        assert saved.parent == hcexport.cwd / "there"
        assert saved.suffix == ".zip"
        assert reports_in(saved) == newest(box, 1)


def test_out_is_standard_output(hcexport: Hcexport, box: Sandbox) -> None:
    argv = hcexport.argv("export", "--latest", "1", "--out", "-")
    done = subprocess.run(argv, env=hcexport.env, cwd=hcexport.cwd, capture_output=True, check=True)
    with zipfile.ZipFile(io.BytesIO(done.stdout)) as archive:
        assert archive.testzip() is None
    assert list(hcexport.cwd.iterdir()) == []


def test_out_may_be_configured(hcexport: Hcexport, box: Sandbox) -> None:
    env = {"HCEXPORT_OUT": "{date}.zip"}
    today = f"{datetime.now().astimezone():%Y-%m-%d}"
    assert hcexport("export", "--latest", "1", env=env).stdout == f"{hcexport.cwd / today}.zip\n"
    assert hcexport("export", "--latest", "1", "-o", "x.zip", env=env).stdout == f"{hcexport.cwd / 'x.zip'}\n"
    job_id = json.loads(hcexport("jobs", "-F", "json").stdout)[0]["job_id"]
    assert hcexport("download", job_id, env={"HCEXPORT_OUT": "y.zip"}).stdout == f"{hcexport.cwd / 'y.zip'}\n"


def test_words_in_out_are_filled_in(hcexport: Hcexport) -> None:
    before = datetime.now().astimezone()
    done = hcexport("export", "--latest", "1", "--out", "{profile}_{date}_{time}_{job_id}_{{x}}.zip")
    after = datetime.now().astimezone()

    profile, date, time, job_id, braces = Path(done.stdout.strip()).stem.split("_")
    assert profile == "default"
    assert date in {f"{before:%Y-%m-%d}", f"{after:%Y-%m-%d}"}
    assert f"{before:%H%M%S}" <= time <= f"{after:%H%M%S}" or after.date() != before.date()
    assert job_id in done.stderr
    assert braces == "{x}"


@pytest.mark.parametrize(("choice", "status"), [("fail", 73), ("overwrite", 0), ("skip", 0), ("rename", 0)])
def test_if_exists(hcexport: Hcexport, box: Sandbox, choice: str, status: int) -> None:
    taken = hcexport.cwd / "x.zip"
    taken.write_text("old")

    done = hcexport("export", "--latest", "1", "--out", "x.zip", "--if-exists", choice)

    assert done.returncode == status
    assert len(posts(box)) == (choice in {"overwrite", "rename"})  # decided before anything is submitted
    match choice:
        case "fail":
            assert done.stdout == ""
            assert str(taken) in done.stderr
        case "rename":
            assert done.stdout == f"{hcexport.cwd / 'x (1).zip'}\n"
            assert reports_in(hcexport.cwd / "x (1).zip") == newest(box, 1)
        case _:
            assert done.stdout == f"{taken}\n"
    if choice == "overwrite":
        assert reports_in(taken) == newest(box, 1)
    else:
        assert taken.read_text() == "old"


def test_if_exists_fails_unless_told_otherwise(hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any]) -> None:
    (hcexport.cwd / "x.zip").write_text("old")
    error = error_of(hcexport("export", "--latest", "1", "--out", "x.zip", "-F", "json"), 73)
    assert "--if-exists" in error["hint"]
    assert not box.requests


def test_extract_and_cleanup(hcexport: Hcexport, box: Sandbox) -> None:
    done = hcexport("export", "--latest", "2", "-o", "x.zip", "--extract", "reports", "--cleanup")

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{hcexport.cwd / 'x.zip'}\n"
    with zipfile.ZipFile(hcexport.cwd / "x.zip") as archive:
        for name in archive.namelist():
            assert (hcexport.cwd / "reports" / name).read_bytes() == archive.read(name)
    (deleted,) = posts(box, "/delete")
    assert box._world.uploads.get(deleted.path.split("/")[-2]) is None


@pytest.mark.parametrize("words", [("new/", "new"), ("both", "both"), ("new/x.zip", "new/.")])
def test_extract_to_where_the_zip_goes_is_refused(
    hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any], words: tuple[str, str]
) -> None:
    """Known before anything is sent, and no surprise after the download."""
    (hcexport.cwd / "new").mkdir()
    error_of(hcexport("export", "--latest", "1", "--out", words[0], "--extract", words[1], "-F", "json"), 2)
    assert not box.requests
    assert (
        hcexport("export", "--latest", "1", "-o", "new/", "--extract", "new", "--if-exists", "overwrite").returncode
        == 0
    )


def test_without_cleanup_the_upload_item_stays(hcexport: Hcexport, box: Sandbox) -> None:
    hcexport("export", "--latest", "1", "-o", "x.zip")
    assert not posts(box, "/delete")


def test_a_download_that_fails_its_check_is_not_cleaned_up(
    hcexport_alone: Hcexport, error_of: Callable[..., Any]
) -> None:
    with Sandbox(job_seconds=0.05, scenario="corrupt-zip") as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        (run_id,) = newest(box, 1)
        done = hcexport_alone("export", "--latest", "1", "-o", "x.zip", "--cleanup", "-F", "json", "-q")
        error = error_of(done, 7)
        assert not posts(box, "/delete")
    assert f"hcexport export --run-ids {run_id} --out x.zip" in error["hint"]  # to wait again would bring the same
    assert "hcexport wait" not in error["hint"]
    assert JOB_ID.search(error["hint"])
    assert not (hcexport_alone.cwd / "x.zip").exists()


def test_the_hint_for_a_taken_name_works_when_pasted(hcexport: Hcexport, error_of: Callable[..., Any]) -> None:
    (hcexport.cwd / "into").mkdir()
    first = json.loads(hcexport("export", "--latest", "1", "--out", "into/", "-F", "json").stdout)
    error = error_of(hcexport("download", first["job_id"], "--out", "into/", "-F", "json", "-q"), 73)
    command = shlex.split(error["hint"].partition("hcexport ")[2])
    again = hcexport(*command)
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip() != first["path"]
    assert len(list((hcexport.cwd / "into").iterdir())) == 2


def test_a_folder_with_a_slash_is_made_and_not_by_a_dry_run(hcexport: Hcexport) -> None:
    hcexport("export", "--latest", "1", "--out", "new/", "--dry-run")
    assert not (hcexport.cwd / "new").exists()
    saved = hcexport("export", "--latest", "1", "--out", "new/")
    assert reports_in(Path(saved.stdout.strip()))
    assert Path(saved.stdout.strip()).parent == hcexport.cwd / "new"


def test_after_a_refused_extraction_nothing_is_waited_for(hcexport: Hcexport, error_of: Callable[..., Any]) -> None:
    (hcexport.cwd / "d").mkdir()
    (hcexport.cwd / "d" / "healthCheckReports").write_text("in the way")
    error = error_of(
        hcexport("export", "--latest", "1", "--out", "x.zip", "--extract", "d", "--if-exists", "overwrite", "-Fjson"),
        73,
    )
    assert str(hcexport.cwd / "x.zip") in error["hint"]
    assert "hcexport wait" not in error["hint"]


def test_dry_run_sends_nothing(hcexport: Hcexport, box: Sandbox) -> None:
    done = hcexport("export", "--latest", "2", "--out", "{date}.zip", "--dry-run")
    assert done.stdout.splitlines() == newest(box, 2)
    assert str(hcexport.cwd / f"{datetime.now().astimezone():%Y-%m-%d}.zip") in done.stderr
    ids = newest(box, 2)
    planned = json.loads(hcexport("export", "--run-ids", ",".join(ids), "--dry-run", "-F", "json").stdout)
    assert planned["run_ids"] == ids
    assert planned["job_id"] is None
    assert not posts(box)
    assert list(hcexport.cwd.iterdir()) == []


def test_run_ids_are_lists(hcexport: Hcexport, box: Sandbox) -> None:
    first, second, third = newest(box, 3)
    hcexport("export", "--run-ids", f"{first},{second}", "--run-ids", third, "--run-ids", first)
    hcexport("export", "--run-ids", "-", stdin=f"{third}\n\n {second} \n")
    sent = [post.form["runIds"].split(",") for post in posts(box)]
    assert sent == [[first, second, third], [third, second]]


def test_list_shows_what_export_takes(hcexport: Hcexport, box: Sandbox) -> None:
    words = ("--result", "failed", "--since", "60d", "--name", "Nightly*", "--latest", "4")
    shown = hcexport("list", *words, "-F", "ids").stdout.split()
    assert hcexport("export", *words, "--dry-run").stdout.split() == shown
    assert len(shown) > 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), "--all"),
        (("--run-ids", "a", "--latest", "1"), "--run-ids"),
        (("--run-ids", "a", "--all"), "--run-ids"),
        (("--run-ids", "a,,b"), "'a,,b'"),
        (("--run-ids", ""), "--run-ids"),
        (("--latest", "1", "--timeout", "1w"), "1w"),
        (("--latest", "1", "--poll-interval", "often"), "often"),
        (("--latest", "1", "--if-exists", "maybe"), "maybe"),
        (("--latest", "1", "--extract", "d"), "--out"),
        (("--latest", "1", "--cleanup"), "--out"),
        (("--latest", "1", "--out", ""), "--out"),
        (("--latest", "1", "--out", "-"), "--out -"),  # JSON wants standard output, too
        (("--latest", "1", "--out", "{when}.zip"), "{when}"),
        (("--url", "gis.example.com/enterprise", "--latest", "1"), "gis.example.com/enterprise"),
        (("--url", "http://gis.example.com/enterprise", "--latest", "1"), "https"),
        (("--url", "https://me:pw@gis.example.com/", "--latest", "1"), "user"),
    ],
)
def test_contradictions_end_before_anything_is_sent(
    hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any], words: tuple[str, ...], named: str
) -> None:
    error = error_of(hcexport("export", "-F", "json", *words), 2)
    assert named in error["message"] + (error["hint"] or "")
    assert "pw" not in error["message"]
    assert not box.requests


def test_stdin_without_ids_selects_nothing(hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any]) -> None:
    done = hcexport("export", "--run-ids", "-", "-F", "json", stdin="\n")
    error_of(done, 5)
    assert not posts(box)


@pytest.mark.parametrize("out", ["missing/x.zip", "file/x.zip", "n" * 300 + ".zip", "/proc/x.zip"])
def test_what_cannot_be_written_is_found_out_first(
    hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any], out: str
) -> None:
    (hcexport.cwd / "file").write_text("")
    error = error_of(hcexport("export", "--latest", "1", "-F", "json", "--out", out), 73)
    assert (Path(out).parent.name or out) in error["message"]
    assert not box.requests


def test_unknown_reports_are_not_found(hcexport: Hcexport, error_of: Callable[..., Any]) -> None:
    error = error_of(hcexport("export", "--run-ids", "nosuch", "--out", "x.zip", "-F", "json"), 5)
    assert "nosuch" in error["message"]
    assert json.loads(hcexport("jobs", "-F", "json").stdout) == []  # it surely was not started


def test_a_job_that_fails(hcexport_alone: Hcexport, error_of: Callable[..., Any], refused: Callable[..., Any]) -> None:
    with Sandbox(job_seconds=0.05, scenario="failed") as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        error = error_of(hcexport_alone("export", "--latest", "1", "--out", "x.zip", "-F", "json"), 3)
        assert "object store" in error["message"]  # the server's reason
        assert JOB_ID.search(error["message"])
        said = refused(hcexport_alone("export", "--latest", "1", "--wait", "--quiet"), 3)
        assert said.startswith("hcexport: error: job j")
        assert hcexport_alone("export", "--latest", "1").returncode == 0  # submitting worked
    assert not (hcexport_alone.cwd / "x.zip").exists()


def test_urls_of_the_server_are_reduced_to_their_ids(hcexport_alone: Hcexport) -> None:
    with Sandbox(job_seconds=0.05, scenario="foreign-urls") as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        done = hcexport_alone("export", "--latest", "1", "--out", "x.zip")
    assert done.returncode == 0, done.stderr
    assert zipfile.is_zipfile(hcexport_alone.cwd / "x.zip")


def test_a_flaky_server_is_lived_through(hcexport_alone: Hcexport) -> None:
    with Sandbox(job_seconds=0.3, scenario="flaky") as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        done = hcexport_alone("export", "--latest", "1", "--out", "x.zip")
        assert len(posts(box)) == 1
    assert done.returncode == 0, done.stderr
    assert "HTTP 502" in done.stderr


@pytest.mark.slow
def test_a_queue_that_is_full_is_waited_out(hcexport_alone: Hcexport) -> None:
    with Sandbox(job_seconds=0.05, scenario="full-queue") as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        assert hcexport_alone("export", "--latest", "1", "--wait").returncode == 0
        assert len(box._world.jobs.ids()) == 1


def test_a_token_that_ends_and_cannot_be_renewed(hcexport_alone: Hcexport, error_of: Callable[..., Any]) -> None:
    with Sandbox(job_seconds=0.05, scenario="expired-token") as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        error = error_of(hcexport_alone("export", "--latest", "1", "--out", "x.zip", "-F", "json", "-q"), 4)
    assert re.search(r"hcexport wait j\S+ .*--out x\.zip", error["hint"])


def test_no_secret_travels_in_a_url_or_is_said(hcexport: Hcexport, box: Sandbox) -> None:
    token = hcexport.env["HCEXPORT_TOKEN"]
    done = hcexport("export", "--latest", "1", "-o", "x.zip", "-vv", "--log-file", "log.txt")
    log = (hcexport.cwd / "log.txt").read_text()
    assert f"POST {box.url}/admin/healthCheck/reports/export" in log
    assert token not in done.stdout + done.stderr + log
    assert all(token not in request.path + str(dict(request.query)) for request in box.requests)
    assert {request.headers["Referer"] for request in box.requests} == {"https://hcexport"}
    download = next(request for request in box.requests if request.path.endswith("/download"))
    assert "f" not in download.query
    assert download.headers["Accept-Encoding"] == "identity"
    gets = [request for request in box.requests if request.method == "GET" and request is not download]
    assert {request.query["f"] for request in gets} == {"json"}
    assert datetime.now(UTC) >= datetime.fromisoformat(log.split()[0])


NOT_UTF8 = os.fsdecode(b"a\xff")


@pytest.mark.parametrize(
    "command",
    [
        ["wait", NOT_UTF8],
        ["show", NOT_UTF8],
        ["download", NOT_UTF8],
        ["export", "--run-ids", NOT_UTF8],
        ["list", "--name", NOT_UTF8],
    ],
    ids=lambda command: " ".join(command[:2]).encode("ascii", "replace").decode(),
)
def test_what_is_not_utf_8_cannot_be_sent(hcexport: Hcexport, box: Sandbox, command: list[str]) -> None:
    assert hcexport(*command).returncode == 2
    assert not box.requests


def test_a_path_may_be_any_bytes(hcexport: Hcexport) -> None:
    done = hcexport("export", "--latest", "1", "--out", NOT_UTF8)
    assert done.returncode == 0, done.stderr
    assert reports_in(hcexport.cwd / NOT_UTF8)


@pytest.mark.parametrize(
    ("scenario", "selector", "status", "said"),
    [
        ("early-completed", "--latest=3", 0, ""),
        ("redirected-download", "--latest=3", 0, ""),
        ("paging-quirks", "--all", 0, ""),
        ("wrong-context", "--latest=3", 6, "context"),
        ("firewall", "--all", 4, "fewer"),
        ("firewall", "--latest=3", 0, ""),
    ],
)
def test_scenarios_end_as_an_administrator_wants(
    hcexport_alone: Hcexport, scenario: str, selector: str, status: int, said: str
) -> None:
    with Sandbox(scenario=scenario, job_seconds=0.05) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        done = hcexport_alone("export", selector, "--out", "x.zip")
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert zipfile.is_zipfile(hcexport_alone.cwd / "x.zip") is (status == 0)
