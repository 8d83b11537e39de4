"""``hcexport download``: what an ID may be, and what is not there yet or any more."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport


@pytest.fixture
def made(hcexport: Hcexport, box: Sandbox) -> dict[str, str]:
    """A finished export: ids of its job and of its upload item."""
    record = json.loads(hcexport("export", "--latest", "1", "--wait", "-F", "json", "-q").stdout)
    return {"job": record["job_id"], "item": record["upload_id"]}


def test_every_form_of_id(hcexport: Hcexport, box: Sandbox, made: dict[str, str]) -> None:
    forms = {
        "job": made["job"],
        "item": made["item"],
        "job-url": f"{box.url}/admin/jobs/{made['job']}",
        "item-url": f"{box.url}/admin/uploads/{made['item']}/download?token=x",
        "foreign-job": f"http://ingress.svc.cluster.local:8080/other/admin/jobs/{made['job']}",
        "foreign-item": f"https://169.254.169.254/admin/uploads/{made['item']}/",
    }
    for name, form in forms.items():
        done = hcexport("download", form, "--out", f"{name}.zip")
        assert done.stdout == f"{hcexport.cwd / name}.zip\n", done.stderr
        assert zipfile.ZipFile(f"{hcexport.cwd / name}.zip").testzip() is None


def test_without_out_it_lands_here(hcexport: Hcexport, made: dict[str, str]) -> None:
    saved = Path(hcexport("download", made["job"]).stdout.strip())
    assert saved.parent == hcexport.cwd
    assert zipfile.is_zipfile(saved)
    again = hcexport("download", made["job"])
    assert (again.returncode, again.stdout) == (73, "")


def test_json_says_all_that_is_known(hcexport: Hcexport, box: Sandbox, made: dict[str, str]) -> None:
    record = json.loads(hcexport("download", made["job"], "-o", "x.zip", "-F", "json").stdout)
    assert record["job_id"] == made["job"]
    assert record["run_ids"] == [box.reports[0].id]  # from the ledger
    assert record["verified"] is True
    by_item = json.loads(hcexport("download", made["item"], "-o", "y.zip", "-F", "json").stdout)
    assert (by_item["upload_id"], by_item["path"]) == (made["item"], str(hcexport.cwd / "y.zip"))


def test_skip_leaves_what_is_there(hcexport: Hcexport, made: dict[str, str]) -> None:
    (hcexport.cwd / "x.zip").write_text("old")
    for which in ("job", "item"):
        record = json.loads(
            hcexport("download", made[which], "-o", "x.zip", "--if-exists", "skip", "-F", "json").stdout
        )
        assert record["path"] == str(hcexport.cwd / "x.zip")
        assert record["verified"] is not True  # nobody looked into it
    assert (hcexport.cwd / "x.zip").read_text() == "old"


def test_cleanup_and_then_it_is_gone(
    hcexport: Hcexport, box: Sandbox, made: dict[str, str], error_of: Callable[..., Any]
) -> None:
    box._world.jobs.alter(made["job"], started=time.time() - 60)  # of a job that has just ended, it is asked again
    assert hcexport("download", made["item"], "-o", "x.zip", "--cleanup").returncode == 0
    error_of(hcexport("download", made["item"], "-o", "y.zip", "-F", "json"), 5)
    error_of(hcexport("download", made["job"], "-o", "y.zip", "-F", "json"), 5)


def test_ids_that_lead_nowhere(hcexport: Hcexport, error_of: Callable[..., Any]) -> None:
    for text in ("nosuch", "https://gis.example.com/admin/jobs/nosuch", "https://gis.example.com/admin/uploads/no"):
        error = error_of(hcexport("download", text, "-F", "json"), 5)
        assert text.rpartition("/")[2] in error["message"]
    for text in ("https://gis.example.com/about", "../x", "", "."):
        error_of(hcexport("download", text, "-F", "json"), 2)


def test_a_job_that_has_not_ended(hcexport_alone: Hcexport, error_of: Callable[..., Any]) -> None:
    with Sandbox(job_seconds=30) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        job_id = hcexport_alone("export", "--latest", "1").stdout.strip()
        error = error_of(hcexport_alone("download", job_id, "-F", "json"), 75)
        assert f"hcexport wait {job_id}" in error["hint"]
        assert error["retryable"]
        options = ("--out", "x.zip", "--extract", "{date}{{x}}", "--cleanup")
        hint = error_of(hcexport_alone("download", job_id, *options, "-F", "json"), 75)["hint"]
        assert f"hcexport wait {job_id} --out x.zip --extract " in hint
        assert "{{x}}' --cleanup" in hint
        box._world.jobs.alter(job_id, seconds=0, ending="FAILED", result="no room")
        assert "no room" in error_of(hcexport_alone("download", job_id, "-F", "json"), 3)["message"]


def test_a_download_that_is_refused_names_the_privilege(
    hcexport: Hcexport, box: Sandbox, made: dict[str, str], error_of: Callable[..., Any]
) -> None:
    """Health checks and uploads ask for different privileges: the export may succeed, and its download be refused."""
    operator = {"HCEXPORT_TOKEN": box.new_token("operator")}
    error = error_of(hcexport("export", "--latest", "1", "-o", "x.zip", "-F", "json", "-q", env=operator), 4)
    assert "Publisher" in error["message"]
    assert "hcexport wait j" in error["hint"]
    viewer = {"HCEXPORT_TOKEN": box.new_token("viewer")}
    assert "Security and infrastructure" in error_of(hcexport("list", "-F", "json", env=viewer), 4)["message"]


def test_without_an_id_it_is_the_newest_that_was_not_saved(
    hcexport: Hcexport, box: Sandbox, made: dict[str, str]
) -> None:
    record = json.loads(hcexport("export", "--latest", "2", "--wait", "-F", "json", "-q").stdout)
    hcexport("export", "--latest", "1", "--out", "saved.zip")
    newest = json.loads(hcexport("download", "-F", "json", "-o", "{job_id}.zip").stdout)
    assert newest["job_id"] == record["job_id"]
    by_item = json.loads(hcexport("download", made["item"], "-F", "json", "-o", "{job_id}.zip").stdout)
    assert (by_item["job_id"], by_item["path"]) == (made["job"], str(hcexport.cwd / f"{made['job']}.zip"))
    done = hcexport("download")
    assert (done.returncode, done.stdout) == (5, "")
    assert "hcexport jobs" in done.stderr
