"""``hcexport wait``, and what ends a wait before its time: signals, the deadline, a stderr that is gone."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

LONG_S = 30.0


@pytest.fixture
def slow(hcexport_alone: Hcexport) -> Iterator[Sandbox]:
    """An organization whose exports take longer than any test."""
    with Sandbox(job_seconds=LONG_S) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        yield box


def submitted(hcexport: Hcexport) -> str:
    """A job's id."""
    done = hcexport("export", "--latest", "1")
    assert done.returncode == 0, done.stderr
    job_id: str = done.stdout.strip()
    return job_id


def looks(box: Sandbox) -> int:
    return sum("/jobs/" in request.path for request in box.requests)


def test_a_line_for_each_job(hcexport: Hcexport) -> None:
    one, two = submitted(hcexport), submitted(hcexport)
    assert hcexport("wait", one, two).stdout == f"{one}\tCOMPLETED\n{two}\tCOMPLETED\n"
    rows = json.loads(hcexport("wait", f"{one},{two}", "--format", "json").stdout)
    assert rows == [{"job_id": one, "status": "COMPLETED"}, {"job_id": two, "status": "COMPLETED"}]
    assert hcexport("wait", "-", "-F", "ids", stdin=f"{two}\n").stdout == f"{two}\n"


def test_out_saves_one_job(hcexport: Hcexport, refused: Callable[..., Any]) -> None:
    one, two = submitted(hcexport), submitted(hcexport)
    done = hcexport("wait", one, "--out", "x-{job_id}.zip", "--extract", "in")
    saved = hcexport.cwd / f"x-{one}.zip"
    assert done.stdout == f"{saved}\n"
    assert zipfile.ZipFile(saved).testzip() is None
    assert any((hcexport.cwd / "in").iterdir())
    refused(hcexport("wait", one, two, "--out", "y.zip"), 2)


def test_out_is_a_setting_that_counts_for_one_job(hcexport: Hcexport) -> None:
    first, second = submitted(hcexport), submitted(hcexport)
    env = {"HCEXPORT_OUT": "x.zip"}
    assert hcexport("wait", first, env=env).stdout == f"{hcexport.cwd / 'x.zip'}\n"
    done = hcexport("wait", first, second, env=env)
    assert done.stdout == f"{first}\tCOMPLETED\n{second}\tCOMPLETED\n"


def test_the_time_is_the_jobs_own(hcexport: Hcexport, box: Sandbox) -> None:
    """Also where it ended long before anybody waited for it."""
    job_id = submitted(hcexport)
    job = box._world.jobs.get(job_id)
    assert job is not None
    box._world.jobs.alter(job_id, started=job.started - 3600, seconds=90)
    assert ", 1m 30s" in hcexport("wait", job_id).stderr


def test_each_line_names_its_job_where_there_are_several(hcexport: Hcexport) -> None:
    one, two = submitted(hcexport), submitted(hcexport)
    lines = [line for line in hcexport("wait", one, two).stderr.splitlines() if line.startswith("job ")]
    assert lines
    assert all(one in line or two in line for line in lines)
    assert one not in hcexport("wait", one).stderr


def test_failures_of_some_and_of_all(hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any]) -> None:
    good, bad, worse = submitted(hcexport), submitted(hcexport), submitted(hcexport)
    box._world.jobs.alter(bad, ending="CANCELLED", result={})
    box._world.jobs.alter(worse, ending="TIMED OUT", result={})

    some = hcexport("wait", good, bad)
    assert some.returncode == 8
    assert some.stdout == f"{good}\tCOMPLETED\n{bad}\tCANCELLED\n"
    done = hcexport("wait", good, bad, "-F", "json")
    assert [row["job_id"] for row in json.loads(done.stdout)] == [good, bad]
    assert bad in json.loads(done.stderr.splitlines()[-1])["error"]["message"]

    every = hcexport("wait", bad, worse)
    assert every.returncode == 3
    assert every.stdout == f"{bad}\tCANCELLED\n{worse}\tTIMED_OUT\n"
    error_of(hcexport("wait", bad, "-F", "json"), 3)


def test_a_job_that_does_not_exist(hcexport: Hcexport, error_of: Callable[..., Any]) -> None:
    assert "nosuch" in error_of(hcexport("wait", "nosuch", "-F", "json"), 5)["message"]


def test_a_job_that_is_there_beside_one_that_is_not(
    hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any]
) -> None:
    good = submitted(hcexport)
    done = hcexport("wait", "nosuch", good)
    assert (done.returncode, done.stdout) == (8, f"{good}\tCOMPLETED\n")
    assert sum(request.path.endswith("/nosuch") for request in box.requests) == 1  # a clear answer is not asked again
    assert "nosuch" in error_of(hcexport("wait", "nosuch", "neither", "-F", "json"), 5)["message"]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_what_has_ended_is_said_when_the_time_is_up(hcexport_alone: Hcexport, slow: Sandbox, order: list[int]) -> None:
    ids = [submitted(hcexport_alone), submitted(hcexport_alone)]
    slow._world.jobs.alter(ids[0], seconds=0)
    wanted = [ids[number] for number in order]
    done = hcexport_alone("wait", *wanted, "--timeout", "1s")
    assert (done.returncode, done.stdout) == (124, f"{ids[0]}\tCOMPLETED\n")
    assert done.stderr.endswith(f"hcexport wait {ids[1]}\n")
    done = hcexport_alone("wait", *wanted, "--timeout", "1s", "-F", "json")
    assert done.returncode == 124
    assert json.loads(done.stdout) == [{"job_id": ids[0], "status": "COMPLETED"}]


def test_each_is_printed_as_it_ends(hcexport_alone: Hcexport, slow: Sandbox, running: Callable[..., Any]) -> None:
    late, early = submitted(hcexport_alone), submitted(hcexport_alone)
    slow._world.jobs.alter(early, seconds=0)
    argv = hcexport_alone.argv("wait", late, early)
    with running(argv, env=hcexport_alone.env, cwd=hcexport_alone.cwd) as process:
        assert process.stdout.readline() == f"{early}\tCOMPLETED\n"
        slow._world.jobs.alter(late, seconds=0)
        assert process.communicate(timeout=20)[0] == f"{late}\tCOMPLETED\n"
    assert process.returncode == 0


def test_a_signal_between_two_jobs_says_how_to_go_on(
    hcexport_alone: Hcexport, slow: Sandbox, running: Callable[..., Any]
) -> None:
    early, late = submitted(hcexport_alone), submitted(hcexport_alone)
    slow._world.jobs.alter(early, seconds=0)
    argv = hcexport_alone.argv("wait", early, late)
    with running(argv, env=hcexport_alone.env, cwd=hcexport_alone.cwd) as process:
        assert process.stdout.readline() == f"{early}\tCOMPLETED\n"
        process.send_signal(signal.SIGTERM)
        stderr = process.communicate(timeout=10)[1]
    assert process.returncode == 143
    assert stderr.endswith(f"hcexport wait {late}\n")


def test_the_timeout_does_not_end_the_job(
    hcexport_alone: Hcexport, slow: Sandbox, error_of: Callable[..., Any], refused: Callable[..., Any]
) -> None:
    began = time.monotonic()
    done = hcexport_alone("export", "--latest", "1", "--wait", "--timeout", "1s", "-F", "json")
    assert time.monotonic() - began < 1 + 2
    error = error_of(done, 124)
    (job_id,) = slow._world.jobs.ids()
    assert error["hint"].endswith(f"hcexport wait {job_id}")
    assert "the job continues on the server" in error["message"]
    assert error["retryable"]
    assert not slow._world.jobs.is_result_known(job_id)
    said = refused(hcexport_alone("wait", job_id, env={"HCEXPORT_TIMEOUT": "0.3"}), 124)
    assert f"hcexport wait {job_id}" in said


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_says_how_to_go_on(
    hcexport_alone: Hcexport, slow: Sandbox, running: Callable[..., Any], name: str, status: int
) -> None:
    options = ["--out", "a b.zip", "--if-exists", "rename", "--timeout", "20d", "--poll-interval", "5s"]
    argv = hcexport_alone.argv("export", "--latest", "1", *options)
    with running(argv, env=hcexport_alone.env, cwd=hcexport_alone.cwd) as process:
        first = process.stderr.readline()
        while not looks(slow):
            time.sleep(0.01)
        sent = time.monotonic()
        process.send_signal(getattr(signal, name))
        stdout, stderr = process.communicate(timeout=10)
        assert time.monotonic() - sent < 2

    (job_id,) = slow._world.jobs.ids()
    assert job_id in first  # on stderr before the first poll
    assert (process.returncode, stdout) == (status, "")
    command = shlex.split(stderr[stderr.index("hcexport wait") :])
    assert command == ["hcexport", "wait", job_id, *sorted_as(command[3:], options)]
    assert list(hcexport_alone.cwd.iterdir()) == []

    slow._world.jobs.alter(job_id, seconds=0)
    done = hcexport_alone(*command[1:])
    assert done.stdout == f"{hcexport_alone.cwd / 'a b.zip'}\n"


def sorted_as(found: list[str], options: list[str]) -> list[str]:
    """The same options in the order of another list."""
    pairs = dict(zip(options[::2], options[1::2], strict=True))
    return [word for name in found[::2] for word in (name, pairs[name])]


def test_a_signal_at_any_moment_of_a_submit_leaves_a_trace(
    hcexport_alone: Hcexport, slow: Sandbox, running: Callable[..., Any]
) -> None:
    """From the first byte of the POST on, the hint says where the job is."""
    for _ in range(4):
        seen = len(slow._world.jobs.ids())
        argv = hcexport_alone.argv("export", "--run-ids", slow.reports[0].id, "--wait")
        with running(argv, env=hcexport_alone.env, cwd=hcexport_alone.cwd) as process:
            while len(slow._world.jobs.ids()) == seen and process.poll() is None:
                time.sleep(0.0005)
            process.send_signal(signal.SIGTERM)
            _, stderr = process.communicate(timeout=10)
        assert process.returncode == 143
        newest = slow._world.jobs.ids()[0]
        assert f"hcexport wait {newest}" in stderr or "hcexport jobs --server" in stderr


def test_an_ignored_signal_stays_ignored(hcexport_alone: Hcexport, slow: Sandbox, running: Callable[..., Any]) -> None:
    argv = ["/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", *hcexport_alone.argv("export", "--latest", "1", "--wait")]
    with running(argv, env=hcexport_alone.env, cwd=hcexport_alone.cwd) as process:
        process.stderr.readline()
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)


def test_a_stderr_that_is_gone_does_not_end_the_work(hcexport: Hcexport) -> None:
    """The reader of 2>&1 has had enough; the zip is saved all the same."""
    reader, writer = os.pipe()
    os.close(reader)
    argv = hcexport.argv("export", "--latest", "1", "--out", "x.zip", "--progress", "plain")
    done = subprocess.run(
        argv, env=hcexport.env, cwd=hcexport.cwd, stdout=subprocess.PIPE, stderr=writer, text=True, check=False
    )
    os.close(writer)
    assert done.returncode == 0
    assert done.stdout == f"{hcexport.cwd / 'x.zip'}\n"


def test_the_job_is_in_the_ledger_before_the_first_poll(
    hcexport_alone: Hcexport, slow: Sandbox, running: Callable[..., Any]
) -> None:
    with running(hcexport_alone.argv("export", "--latest", "1", "--wait"), env=hcexport_alone.env) as process:
        job_id = process.stderr.readline().split()[1]
        process.kill()
    assert hcexport_alone("jobs", "--offline", "-F", "ids").stdout == f"{job_id}\n"


def test_progress_in_a_pipe_is_a_plain_line_for_each_state(hcexport_alone: Hcexport) -> None:
    with Sandbox(job_seconds=1.0) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        done = hcexport_alone("export", "--latest", "1", "--wait", env={"FORCE_COLOR": "1"})
        none = hcexport_alone("export", "--latest", "1", "--wait", "--progress", "none")
    states = [line.split(",")[0] for line in done.stderr.splitlines()[1:]]
    assert states == ["job SUBMITTED", "job EXECUTING", "job COMPLETED"]
    assert "\x1b" not in done.stderr
    assert len(none.stderr.splitlines()) == 1


def test_a_word_that_nobody_knows_ends_a_job_that_has_ended(hcexport_alone: Hcexport, slow: Sandbox) -> None:
    job_id = submitted(hcexport_alone)
    slow._world.jobs.alter(job_id, seconds=0, ending="PONDERING", result={})
    done = hcexport_alone("wait", job_id, "--timeout", "1", "--progress", "none")
    assert done.returncode == 3
    assert done.stderr.count("PONDERING") == 1
    assert f"hcexport export --run-ids {slow.reports[0].id} --wait" in done.stderr


def test_the_delay_after_the_end_of_a_job(hcexport_alone: Hcexport) -> None:
    """The delay at the end of a job, in a real process: the simulation in tests/unit/test_polling.py has none."""
    with Sandbox(job_seconds=1.5) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        done = hcexport_alone("export", "--latest", "1", "--wait")
        assert done.returncode == 0
        answers = looks(box)
        job = box._world.jobs.get(box._world.jobs.ids()[0])
        assert job
        assert time.time() - (job.started + job.seconds) < 0.3 + 1.0  # a second for a machine that is busy elsewhere
    assert 3 <= answers <= 16


def test_without_an_id_it_is_the_newest_that_has_not_ended(hcexport: Hcexport, error_of: Callable[..., Any]) -> None:
    error_of(hcexport("wait", "-F", "json"), 5)
    first, second = (hcexport("export", "--latest", "1").stdout.strip() for _ in range(2))
    assert [hcexport("wait").stdout for _ in range(2)] == [f"{second}\tCOMPLETED\n", f"{first}\tCOMPLETED\n"]
    error_of(hcexport("wait", "-F", "json"), 5)
