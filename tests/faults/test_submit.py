"""One export is asked for, and one is made: whatever becomes of the answer."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hcexport.store.ledger import Ledger, LedgerEntry
from tests.support.process import Ended, ForkServer
from tests.support.server import Line, Server

from . import turns
from .jobs import RUN_ID, USER, Answering, Exporter, accepted, make_reports, say
from .organization import CANARY, Version
from .process import environment
from .table import A

Export = Callable[..., Ended]


def _cut_body(line: Line, job_id: str) -> None:
    line.answer(200, f'{{"jobid": "{job_id}'.encode(), content_length=500)
    line.fin()


def _mute(line: Line, _job_id: str) -> None:
    line.stall(2.0)
    line.fin()


def _as_answer(turn: Callable[..., None]) -> Answering:
    return lambda line, _job_id: turn(line, A)


WAYS_TO_LOSE: dict[str, Answering] = {
    "FIN": lambda line, _: line.fin(),
    "RST": lambda line, _: line.reset(),
    "silence": _mute,
    "cut head": _as_answer(turns.raw(b"HTTP/1.1 200 OK\r\ncontent-le")),
    "cut body": _cut_body,
    "garbage": _as_answer(turns.raw(b"\0\0\x12\x04\0\0")),
    "502 page": _as_answer(turns.says(502)),
    "504 page": _as_answer(turns.says(504)),
    "200 page": _as_answer(turns.says(200)),
}


class Cluster:
    """An exporter on a socket, and hcexport's exports to it."""

    def __init__(self, exporter: Exporter, origin: str, fork_server: ForkServer, folder: Path) -> None:
        self.exporter, self._fork_server = exporter, fork_server
        self.url = f"{origin}/gis"
        self.work = folder / "work"
        self.home = folder / "home"
        self.work.mkdir(exist_ok=True)

    def export(self, *more: str, **env: str) -> Ended:
        """``hcexport export`` of one report."""
        argv = ["hcexport", "export", "--run-ids", RUN_ID, "--url", self.url, *more]
        given = environment(self.home, HCEXPORT_TOKEN=CANARY, **env)
        return self._fork_server.run(argv, given, self.work, 10)

    def ledger(self) -> list[LedgerEntry]:
        """What is known on this machine."""
        ledger = Ledger(self.home / "ledger.db", pytest.fail)
        try:
            return ledger.entries()
        finally:
            ledger.close()


@contextmanager
def cluster(exporter: Exporter, fork_server: ForkServer, folder: Path) -> Iterator[Cluster]:
    with Server(exporter) as server:
        yield Cluster(exporter, f"http://127.0.0.1:{server.port}", fork_server, folder)
    assert server.errors == []


@pytest.mark.parametrize("way", WAYS_TO_LOSE)
def test_lost_answer_of_a_job_that_runs_is_adopted(way: str, fork_server: ForkServer, tmp_path: Path) -> None:
    with cluster(Exporter([WAYS_TO_LOSE[way]]), fork_server, tmp_path) as organization:
        ended = organization.export()
    (job_id,) = organization.exporter.ran
    assert (ended.status, ended.stdout.strip(), organization.exporter.posts) == (0, job_id, 1), ended.stderr
    assert [entry.job_id for entry in organization.ledger()] == [job_id]


@pytest.mark.parametrize("way", WAYS_TO_LOSE)
def test_lost_answer_without_a_job_is_an_unknown_outcome(way: str, fork_server: ForkServer, tmp_path: Path) -> None:
    with cluster(Exporter([WAYS_TO_LOSE[way]], [False]), fork_server, tmp_path) as organization:
        ended = organization.export()
    assert (ended.status, ended.stdout, organization.exporter.posts) == (9, "", 1), ended.stderr
    (hint,) = [line for line in ended.stderr.splitlines() if line.startswith("hint: ")]
    assert "hcexport jobs --server" in hint
    assert f"hcexport export --run-ids {RUN_ID}" in hint
    assert [entry.job_id for entry in organization.ledger()] == [None]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_never_more_than_one_export_an_invocation(fork_server: ForkServer, tmp_path: Path) -> None:
    for number in range(12):
        for way, answer in WAYS_TO_LOSE.items():
            exporter = Exporter([answer], [number % 2 == 0])
            if way == "silence":
                continue  # waits for its time-out; seen above
            (folder := tmp_path / f"{number} {way}").mkdir()
            with cluster(exporter, fork_server, folder) as organization:
                ended = organization.export()
            assert (exporter.posts, ended.status) == (1, 0 if number % 2 == 0 else 9), (way, ended.stderr)


def test_two_jobs_that_could_be_it_are_an_unknown_outcome(fork_server: ForkServer, tmp_path: Path) -> None:
    exporter = Exporter([WAYS_TO_LOSE["RST"]])
    exporter.on_post = lambda: exporter.runs() and None
    with cluster(exporter, fork_server, tmp_path) as organization:
        ended = organization.export()
    assert (ended.status, exporter.posts) == (9, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"username": "somebody"},
        {"operationURI": "/gis/admin/logs/export"},
        {"starttime": 1_600_000_000_000},
        {"starttime": None},
    ],
    ids=str,
)
def test_a_job_of_another_user_operation_or_time_is_not_adopted(
    other: dict[str, object], fork_server: ForkServer, tmp_path: Path
) -> None:
    exporter = Exporter([WAYS_TO_LOSE["RST"]], [False])
    exporter.on_post = lambda: exporter.runs(**other) and None
    with cluster(exporter, fork_server, tmp_path) as organization:
        ended = organization.export()
    assert (ended.status, exporter.posts) == (9, 1), ended.stderr


def test_a_job_of_an_earlier_export_is_not_adopted_again(fork_server: ForkServer, tmp_path: Path) -> None:
    exporter = Exporter([accepted, WAYS_TO_LOSE["RST"]], [True, False])
    with cluster(exporter, fork_server, tmp_path) as organization:
        first, second = organization.export(), organization.export()
    assert (first.status, second.status) == (0, 9), second.stderr


def test_jobs_that_cannot_be_read_are_an_unknown_outcome(fork_server: ForkServer, tmp_path: Path) -> None:
    exporter = Exporter([WAYS_TO_LOSE["FIN"]])
    exporter.turns["/gis/admin/jobs"] = [turns.says(403)]
    with cluster(exporter, fork_server, tmp_path) as organization:
        ended = organization.export()
    assert (ended.status, exporter.posts) == (9, 1), ended.stderr


def zip_of(*run_ids: str, key: str = "id") -> Version:
    """An export of reports, as large as it need be; ``key`` is what its JSON calls their ids."""
    return Version(make_reports(run_ids, key), '"z"')


def test_an_adopted_job_is_confirmed_by_its_zip(fork_server: ForkServer, tmp_path: Path) -> None:
    with cluster(Exporter([WAYS_TO_LOSE["502 page"]]), fork_server, tmp_path) as organization:
        ended = organization.export("--out", "x.zip", "--format", "json")
    assert ended.status == 0, ended.stderr
    record = json.loads(ended.stdout)
    assert (record["adopted"], record["verified"], record["run_ids"]) == (True, True, [RUN_ID])
    assert "hcexport: warning: " in ended.stderr
    assert (organization.work / "x.zip").read_bytes() == organization.exporter.versions[0].body


UNCONFIRMED = {
    "another's": zip_of("zfelr5o957"),
    "ours and another's": zip_of(RUN_ID, "zfelr5o957"),
    "of nobody": zip_of("report", key="x"),
}


@pytest.mark.parametrize("kind", UNCONFIRMED)
def test_an_unconfirmed_zip_is_published_by_its_owner_alone(kind: str, fork_server: ForkServer, tmp_path: Path) -> None:
    exporter = Exporter([WAYS_TO_LOSE["502 page"]])
    exporter.versions = [UNCONFIRMED[kind]]
    with cluster(exporter, fork_server, tmp_path) as organization:
        old = organization.work / "x.zip"
        old.write_bytes(b"what was there before")
        ended = organization.export("--out", "x.zip", "--if-exists", "overwrite", "--cleanup", "--format", "json")
        (job_id,) = exporter.ran
        error = json.loads(ended.stderr.splitlines()[-1])["error"]
        assert (ended.status, ended.stdout, error["exit_status"]) == (9, "", 9), ended.stderr
        assert f"hcexport download {job_id}" in error["hint"]
        assert old.read_bytes() == b"what was there before"
        assert [entry.job_id for entry in organization.ledger()] == [None]
        assert not any(path.endswith("/delete") for path in exporter.asked)
        argv = ["hcexport", "download", job_id, "--url", organization.url, "--out", "y.zip"]
        ended = fork_server.run(argv, environment(organization.home, HCEXPORT_TOKEN=CANARY), organization.work, 10)
        assert (ended.status, (organization.work / "y.zip").read_bytes()) == (0, UNCONFIRMED[kind].body)


@pytest.mark.parametrize(("kind", "status"), [("ours", 0), ("another's", 9)])
def test_a_wait_for_a_job_that_was_adopted_confirms_it_as_well(
    kind: str, status: int, fork_server: ForkServer, tmp_path: Path
) -> None:
    exporter = Exporter([WAYS_TO_LOSE["502 page"]])
    exporter.versions = [UNCONFIRMED.get(kind, zip_of(RUN_ID))]
    with cluster(exporter, fork_server, tmp_path) as organization:
        assert organization.export().status == 0
        argv = ["hcexport", "wait", *exporter.ran, "--url", organization.url, "--out", "x.zip"]
        ended = fork_server.run(argv, environment(organization.home, HCEXPORT_TOKEN=CANARY), organization.work, 10)
    assert (ended.status, (organization.work / "x.zip").exists()) == (status, status == 0), ended.stderr


def test_a_kill_after_the_post_leaves_the_export_in_jobs(fork_server: ForkServer, tmp_path: Path) -> None:
    exporter = Exporter([accepted])
    exporter.on_post = lambda: os.kill(fork_server.pid, signal.SIGKILL)
    with cluster(exporter, fork_server, tmp_path) as organization:
        assert organization.export().status == -signal.SIGKILL
        argv = ["hcexport", "jobs", "--offline", "--url", organization.url, "--format", "json"]
        ended = fork_server.run(argv, environment(organization.home), organization.work, 10)
    (row,) = json.loads(ended.stdout)
    assert (row["job_id"], row["status"], row["run_ids"]) == ("", "UNKNOWN", [RUN_ID])


@pytest.mark.parametrize("hostile", ["../x?", "a%2fb", "a\udcffb"])
@pytest.mark.parametrize("command", ["export", "show", "wait", "download"])
def test_an_id_that_would_lead_elsewhere_is_not_sent(
    hostile: str, command: str, fork_server: ForkServer, tmp_path: Path
) -> None:
    exporter = Exporter([accepted])
    with cluster(exporter, fork_server, tmp_path) as organization:
        words = ["export", "--run-ids", hostile] if command == "export" else [command, hostile]
        given = environment(organization.home, HCEXPORT_TOKEN=CANARY)
        ended = fork_server.run(["hcexport", *words, "--url", organization.url], given, organization.work, 10)
    assert (ended.status, exporter.posts, exporter.asked) == (2, 0, {}), ended.stderr


@pytest.mark.parametrize("status", [429, 503])
def test_refused_for_a_while_is_waited_out(status: int, fork_server: ForkServer, tmp_path: Path) -> None:
    busy = _as_answer(turns.says(status, retry_after="0"))
    with cluster(Exporter([busy, busy, accepted], [False, False, True]), fork_server, tmp_path) as organization:
        ended = organization.export()
    assert (ended.status, len(organization.exporter.ran), organization.exporter.posts) == (0, 1, 3), ended.stderr


@pytest.mark.parametrize(("answer", "status"), [(turns.says(429, retry_after="31536000"), 6), (turns.says(413), 6)])
def test_surely_refused_leaves_nothing_to_look_for(
    answer: Callable[..., None], status: int, fork_server: ForkServer, tmp_path: Path
) -> None:
    with cluster(Exporter([_as_answer(answer)], [False]), fork_server, tmp_path) as organization:
        ended = organization.export()
    assert (ended.status, organization.exporter.posts, organization.ledger()) == (status, 1, []), ended.stderr


def test_redirected_post_is_not_followed(fork_server: ForkServer, tmp_path: Path) -> None:
    moved = _as_answer(turns.says(307, b"", location="/gis/admin/healthCheck/reports/export"))
    with cluster(Exporter([moved], [False]), fork_server, tmp_path) as organization:
        ended = organization.export()
    assert organization.exporter.posts == 1
    assert ended.status in {6, 9}


def test_the_ledger_is_written_before_the_post_and_the_print(fork_server: ForkServer, tmp_path: Path) -> None:
    seen: list[list[str | None]] = []
    exporter = Exporter([accepted])
    with cluster(exporter, fork_server, tmp_path) as organization:

        def look(line: Line | None = None, _now: object = None) -> None:
            seen.append([entry.job_id for entry in organization.ledger()])
            if line is not None:
                (job_id,) = exporter.ran
                seen.append([job_id if job_id in fork_server.stderr() else "not said"])
                say(line, exporter.ran[job_id])

        exporter.on_post = look
        exporter.turns["/gis/admin/jobs/j00000000-e646-4a9b-af92-f5e86b2cd824"] = [look]
        ended = organization.export("--wait")
    (job_id,) = exporter.ran
    assert ended.status == 0, ended.stderr
    assert seen == [[None], [job_id], [job_id]]


def test_the_user_is_the_tokens_own(fork_server: ForkServer, tmp_path: Path) -> None:
    """A token from the environment says no name; the search asks for it before it takes a job for its own."""
    exporter = Exporter([WAYS_TO_LOSE["RST"]])
    with cluster(exporter, fork_server, tmp_path) as organization:
        assert organization.export().status == 0
        assert exporter.asked["/gis/sharing/rest/community/self"] == 1
        assert [entry.username for entry in organization.ledger()] in ([USER], [""])


def test_a_job_that_is_lost_at_once_may_be_exported_again(fork_server: ForkServer, tmp_path: Path) -> None:
    """What else would its reader type, after an upgrade that took the jobs with it?"""
    exporter = Exporter([lambda line, _job_id: accepted(line, "j-of-before")])
    with cluster(exporter, fork_server, tmp_path) as organization:
        ended = organization.export("--out", "reports.zip", "--format", "json")
    error = json.loads(ended.stderr.splitlines()[-1])["error"]
    assert ended.status == 5
    assert "hcexport wait j-of-before" in error["hint"]
    assert "export again" in error["hint"]
