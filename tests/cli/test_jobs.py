"""``hcexport jobs``: the ledger, merged with what the server knows."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from hcexport.transfer.check import CLOCK_SLACK
from tests.support.process import Hcexport

KEYS = ["job_id", "status", "submitted_at", "run_ids", "profile", "url", "username", "upload_id", "saved_to"]
KEYS += ["kind", "name"]


def rows(hcexport: Hcexport, *args: str, **env: str) -> list[dict[str, Any]]:
    done = hcexport("jobs", "-F", "json", *args, env=env)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_nothing_was_submitted(hcexport: Hcexport) -> None:
    assert rows(hcexport) == []
    done = hcexport("jobs")
    assert (done.returncode, done.stdout) == (0, "")


def test_what_was_submitted_from_here_newest_first(hcexport: Hcexport, box: Sandbox) -> None:
    first = hcexport("export", "--latest", "2").stdout.strip()
    second = hcexport("export", "--latest", "1", "--out", "x.zip", "-F", "json", "-q").stdout
    second = json.loads(second)

    found = rows(hcexport)
    assert [row["job_id"] for row in found] == [second["job_id"], first]
    assert list(found[0]) == KEYS
    assert {row["status"] for row in found} == {"COMPLETED"}  # the first one by asking the server
    assert found[0]["saved_to"] == str(hcexport.cwd / "x.zip")
    assert found[0]["upload_id"] == second["upload_id"]
    assert found[0]["run_ids"] == [box.reports[0].id]
    assert found[1]["saved_to"] is None
    assert {row["url"] for row in found} == {box.url}

    assert hcexport("jobs", "-F", "ids").stdout.split() == [second["job_id"], first]
    lines = [line.split("\t") for line in hcexport("jobs", "--limit", "1").stdout.splitlines()]
    assert [(len(line), line[0]) for line in lines] == [(len(KEYS), second["job_id"])]


def test_the_server_is_asked_about_jobs_that_had_not_ended(hcexport_alone: Hcexport) -> None:
    with Sandbox(job_seconds=30) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        job_id = hcexport_alone("export", "--latest", "1").stdout.strip()
        assert rows(hcexport_alone)[0]["status"] in {"SUBMITTED", "EXECUTING"}
        assert rows(hcexport_alone, "--offline")[0]["status"] not in {"COMPLETED", "FAILED"}

        box._world.jobs.alter(job_id, seconds=0, ending="FAILED")
        assert rows(hcexport_alone)[0]["status"] == "FAILED"
        asked = box.served
        assert rows(hcexport_alone)[0]["status"] == "FAILED"  # and is not asked about again
        assert box.served == asked


def test_a_job_that_the_server_has_forgotten(hcexport_alone: Hcexport) -> None:
    with Sandbox(job_seconds=30) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        job_id = hcexport_alone("export", "--latest", "1").stdout.strip()
        del box._world.jobs._jobs[job_id]
        assert rows(hcexport_alone)[0]["status"] == "GONE"


def test_jobs_from_elsewhere(hcexport: Hcexport, hcexport_alone: Hcexport) -> None:
    mine = hcexport("export", "--latest", "1").stdout.strip()
    theirs = hcexport("export", "--latest", "1", env={"HCEXPORT_HOME": str(hcexport.cwd / "other")}).stdout.strip()
    assert [row["job_id"] for row in rows(hcexport)] == [mine]
    assert {row["job_id"] for row in rows(hcexport, "--server")} == {mine, theirs}


@pytest.mark.slow
def test_checks_of_here_and_of_elsewhere_have_their_name(hcexport: Hcexport) -> None:
    other = {"HCEXPORT_HOME": str(hcexport.cwd / "other")}
    export = hcexport("export", "--latest", "1", env=other).stdout.strip()
    theirs = json.loads(hcexport("run", "--name", "of theirs", "-Fjson", env=other).stdout)
    assert rows(hcexport) == []
    found = {row["job_id"]: (row["kind"], row["name"]) for row in rows(hcexport, "--server")}
    assert found == {export: ("export", ""), theirs["job_id"]: ("check", "of theirs")}
    time.sleep(CLOCK_SLACK.total_seconds() + 0.1)  # two reports that start together have no name that is sure

    ours = json.loads(hcexport("run", "--name", "of ours", "-Fjson").stdout)
    assert [(row["job_id"], row["kind"], row["name"]) for row in rows(hcexport)] == [
        (ours["job_id"], "check", "of ours")
    ]
    assert len(rows(hcexport, "--server")) == 3
    text = hcexport("jobs", "--server").stdout.splitlines()
    assert [line.split("\t")[-2:] for line in text][:2] == [["check", "of ours"], ["check", "of theirs"]]
    assert hcexport("jobs", "--server", "-Fcsv").stdout.splitlines()[0].endswith(",kind,name")


@pytest.mark.parametrize("offline", [True, False])
def test_without_the_server_the_ledger_still_answers(hcexport: Hcexport, box: Sandbox, offline: bool) -> None:
    job_id = hcexport("export", "--latest", "1").stdout.strip()
    box.stop()
    done = hcexport("jobs", "-F", "ids", *(["--offline"] if offline else []))
    assert (done.returncode, done.stdout) == (0, f"{job_id}\n")
    assert ("warning" in done.stderr) is not offline


def test_a_ledger_that_is_broken_is_moved_aside_and_said(hcexport: Hcexport) -> None:
    home = hcexport.cwd.parent / "home" / "hcexport"
    hcexport("export", "--latest", "1")
    (home / "ledger.db").write_bytes(b"this is no database at all, not even a small one" * 100)
    done = hcexport("jobs")
    assert done.returncode == 0
    assert done.stderr.count("hcexport: warning: ") == 1
    aside = list(home.glob("ledger.db.*"))
    assert len(aside) == 1
    assert aside[0].name in done.stderr
    assert hcexport("export", "--latest", "1", "--wait").returncode == 0
    assert len(rows(hcexport)) == 1


def test_a_ledger_that_cannot_be_written_is_in_nobodys_way(hcexport: Hcexport) -> None:
    (hcexport.cwd.parent / "home" / "hcexport" / "ledger.db").mkdir(parents=True)
    done = hcexport("export", "--latest", "1", "--out", "x.zip")
    assert done.returncode == 0
    assert "not recorded" in done.stderr
    assert done.stdout == f"{hcexport.cwd / 'x.zip'}\n"
