"""The history keeps reports that have ended, whatever happens to its file, and is never in the way."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hcexport.cli.app import App
from hcexport.cli.reading import read_kept
from hcexport.cli.selection import Selection
from hcexport.health.results import newest_first
from hcexport.models import Report, ReportDetail, Result
from hcexport.store import database
from hcexport.store.history import History

ROOT = Path(__file__).parents[2]
ORG, OTHER = "https://gis.example.com/arcgis", "https://other.example.com"
START = datetime(2026, 11, 22, 3, tzinfo=UTC)


def detail(run_id: str = "r1", day: int = 0, **body: Any) -> ReportDetail:
    start = int((START + timedelta(days=day)).timestamp() * 1000)
    test = {"id": "HC_1", "name": "store", "result": "pass", "startTime": start}
    given = {"name": "nightly", "result": "passed", "state": "completed", "startTime": start, "endTime": start + 5000}
    suite = {"suiteStatus": [{"id": "s", "criticalTestStatus": [test]}], "advice": ["none", None]}
    return ReportDetail.from_json({**given, **suite, **body}, run_id=run_id)


class Room:
    """A history's path, and what it said."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.said: list[str] = []

    def history(self, organization: str = ORG) -> History:
        return History(self.path, organization, self.said.append)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "state" / "history.db")


def test_a_report_comes_back_as_it_was(room: Room) -> None:
    with room.history() as history:
        assert (history.get("r1"), list(history.latest()), history.ids()) == (None, [], frozenset())
        assert not room.path.exists()
        history.add([detail()])
    with room.history() as history:
        found = history.get("r1")
        assert found == detail()
        assert found is not None
        assert (found.report.extra, found.body) == (detail().report.extra, detail().body)
        assert history.ids() == {"r1"}
        assert room.path.stat().st_mode & 0o777 == 0o600
    with room.history(OTHER) as history:
        assert (history.get("r1"), history.ids()) == (None, frozenset())
    assert room.said == []


def test_what_the_list_knows_of_a_report_is_kept_with_it(room: Room) -> None:
    """The report in full may leave out its times and its name."""
    bare = ReportDetail.from_json({"result": "failed", "suiteStatus": []}, run_id="r1")
    row = Report("r1", "nightly", Result.FAILED, "completed", "user", "anna", START, START + timedelta(seconds=1))
    with room.history() as history:
        history.add([replace(bare, report=row)])
        found = history.get("r1")
        assert found is not None
        assert found.report == row


@pytest.mark.parametrize(
    "running", [{"state": "running", "endTime": 0}, {"state": "", "endTime": None, "result": ""}], ids=["state", "none"]
)
def test_a_report_that_has_not_ended_is_not_kept(room: Room, running: dict[str, Any]) -> None:
    with room.history() as history:
        history.add([detail(**running)])
        assert history.ids() == frozenset()


def test_newest_first(room: Room) -> None:
    with room.history() as history:
        history.add(detail(f"r{day}", day) for day in (2, 0, 1))
        history.add([ReportDetail.from_json({"result": "passed"}, run_id="x")])
        assert [each.report.id for each in history.latest()] == ["r2", "r1", "r0", "x"]
        history.add([detail("r3", 2), detail("r4", startTime=None, endTime=int(START.timestamp() * 1000) + 1)])
        assert [each.report.id for each in history.latest()] == ["r2", "r3", "r1", "r4", "r0", "x"]


def test_a_name_that_the_list_has_lost_is_kept(room: Room) -> None:
    bare = ReportDetail.from_json({"result": "failed", "suiteStatus": []}, run_id="r1")
    with room.history() as history:
        history.add([replace(bare, report=replace(bare.report, name="nightly"))])
        history.refresh([Report("r1", owner="user")])
        assert [(each.report.name, each.report.owner) for each in history.latest()] == [("nightly", "user")]


def test_a_report_that_was_renamed(room: Room) -> None:
    with room.history() as history:
        history.add([detail("r1"), detail("r2")])
        history.refresh([Report("r1", "before the upgrade"), Report("r3", "not kept"), Report("r2")])
        names = {each.report.id: each.report.name for each in history.latest()}
        assert names == {"r1": "before the upgrade", "r2": "nightly"}
        assert history.get("r1") == replace(detail("r1"), report=replace(detail("r1").report, name=names["r1"]))


def test_notes_belong_to_an_organization(room: Room) -> None:
    with room.history() as history, room.history(OTHER) as other:
        assert history.note("state") is None
        history.set_note("state", "broke")
        history.set_note("state", "recovered")
        other.set_note("state", "stale")
        assert (history.note("state"), other.note("state"), history.note("x")) == ("recovered", "stale", None)


@pytest.mark.parametrize("body", ["no json", "[]", "{", '"x"', "null", '{"id": ["x"]}'])
def test_a_report_that_was_edited_can_be_kept_again(room: Room, body: str) -> None:
    with room.history() as history:
        history.add([detail("r1"), detail("r2")])
        with closing(sqlite3.connect(room.path)) as connection, connection:
            connection.execute("UPDATE reports SET body = ? WHERE id = 'r1'", [body])
        assert [each.report.id for each in history.latest() if each.tests] == ["r2"]
        history.add([detail("r1")])
        assert history.get("r1") == detail("r1")


@pytest.mark.parametrize("edit", ["start_time = '2026-11-22T03:00:00'", "name = x'00ff'"])
def test_a_row_that_was_edited_harms_no_command(room: Room, edit: str) -> None:
    with room.history() as history:
        history.add([detail("r1"), detail("r2", day=1)])
        with closing(sqlite3.connect(room.path)) as connection, connection:
            connection.execute(f"UPDATE reports SET {edit} WHERE id = 'r1'")
        assert {each.report.id for each in newest_first(history.latest())} >= {"r2"}
        assert all(isinstance(each.report.name, str) for each in history.latest())


@pytest.mark.timeout(20)
def test_a_pipe_in_its_place_is_a_problem_that_is_told_at_once(room: Room) -> None:
    room.path.parent.mkdir()
    os.mkfifo(room.path)
    assert room.history().find_problem()


def test_in_a_folder_that_is_closed_it_goes_on_in_memory(as_user: Callable[[int], tuple[list[str], Path]]) -> None:
    words, folder = as_user(65534)
    (folder / "home").mkdir(mode=0o700)
    code = (
        "import sys; from pathlib import Path; from hcexport.store.history import History; "
        "history = History(Path(sys.argv[1]), 'o', print); history.set_note('k', 'v'); print(history.note('k'))"
    )
    done = subprocess.run(
        [*words, sys.executable, "-c", code, str(folder / "home" / "state" / "history.db")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[1:]) == (0, ["v"]), done.stderr


def test_two_processes_fill_it_at_once(tmp_path: Path) -> None:
    """Fifty times, each time from nothing."""
    code = (
        "import pathlib, sys\nfrom hcexport.models import ReportDetail\nfrom hcexport.store.history import History\n"
        "for turn in range(50):\n"
        "    path = pathlib.Path(sys.argv[1]) / str(turn) / 'history.db'\n"
        "    with History(path, 'o', sys.exit) as history:\n"
        "        for ids in (range(5), range(5, 10)):\n"
        "            history.add(ReportDetail.from_json({'result': 'passed'}, run_id=f'r{i}') for i in ids)\n"
        "        history.set_note(sys.argv[2], 'done')\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("a", "b")]
    assert [process.wait(50) for process in processes] == [0, 0]
    for turn in range(50):
        with History(tmp_path / str(turn) / "history.db", "o", pytest.fail) as history:
            assert history.ids() == {f"r{number}" for number in range(10)}
            assert (history.note("a"), history.note("b")) == ("done", "done")


def change(*statements: str) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript("; ".join(statements))

    return apply


BROKEN: dict[str, Callable[[Path], object]] = {
    "no database": lambda path: path.write_bytes(b"not a database, " * 100),
    "cut off": lambda path: os.truncate(path, 5000),
    "another database": change("PRAGMA user_version = 0"),
    "no table": change("DROP TABLE reports"),
    "negative version": change("PRAGMA user_version = -1"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_one_is_moved_aside_and_said(room: Room, how: str) -> None:
    with room.history() as history:
        history.add([detail("r1")])
    BROKEN[how](room.path)
    content = room.path.read_bytes()
    with room.history() as history:
        history.add([detail("r2")])
    with room.history() as history:
        assert history.ids() == {"r2"}
    (aside,) = room.path.parent.glob("history.db.broken-*")
    assert aside.read_bytes() == content
    assert len(room.said) == 1


OUT_OF_REACH: dict[str, Callable[[Path], object]] = {
    "newer": change("ALTER TABLE reports ADD COLUMN more TEXT", "PRAGMA user_version = 9"),
    "newer and different": change("ALTER TABLE notes RENAME TO memos", "PRAGMA user_version = 9"),
    "unwritable": lambda path: None,
    "unwritable and another": change("PRAGMA user_version = 0", "CREATE TABLE x (y)"),
}


@pytest.mark.parametrize("how", OUT_OF_REACH)
def test_one_out_of_reach_is_read_and_left_alone(room: Room, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with room.history() as history:
        history.add([detail("r1")])
    OUT_OF_REACH[how](room.path)
    if "unwritable" in how:

        def refuse(path: Path) -> None:
            raise OSError(30, "Read-only file system", str(path))

        monkeypatch.setattr(database, "_make_private", refuse)
    content = room.path.read_bytes()
    with room.history() as history:
        assert history.get("r1") == (None if "another" in how else detail("r1"))
        history.add([detail("r2")])
        history.set_note("state", "broke")
        assert history.get("r2") == detail("r2")
    assert room.path.read_bytes() == content
    assert len(room.said) == 1


def test_one_of_version_0_1_is_taken_over(room: Room) -> None:
    """The first version there is: a later one adds its migration, and keeps this."""
    room.path.parent.mkdir()
    body = json.dumps({"result": "failed", "suiteStatus": [], "advice": "x"})
    change(
        "CREATE TABLE reports (organization TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,"
        " owner TEXT NOT NULL, created_by TEXT NOT NULL, start_time TEXT, end_time TEXT, body TEXT NOT NULL,"
        " read_at TEXT NOT NULL, PRIMARY KEY (organization, id))",
        "CREATE TABLE notes (organization TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
        " PRIMARY KEY (organization, key))",
        f"INSERT INTO reports VALUES ('{ORG}', 'r1', 'nightly', 'completed', 'user', 'anna',"
        f" '2026-11-22T03:00:00.000+00:00', NULL, '{body}', '2026-11-22T04:00:00.000+00:00')",
        "PRAGMA user_version = 1",
    )(room.path)
    with room.history() as history:
        (found,) = history.latest()
        assert (found.report.name, found.report.start_time, found.report.extra) == ("nightly", START, {"advice": "x"})
    assert room.said == []


def test_reports_are_read_when_their_turn_comes(room: Room) -> None:
    """So that a year of them needs no more memory than those that are kept."""
    with room.history() as history:
        history.add(detail(f"r{number}", number, padding="x" * 10_000) for number in range(300))
        tracemalloc.start()
        try:
            assert sum(1 for _ in history.latest()) == 300
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()


def test_reports_chosen_offline_are_read_once(room: Room) -> None:
    reads: list[str] = []

    class Counting(History):
        def get(self, run_id: str) -> ReportDetail | None:
            reads.append(run_id)
            return super().get(run_id)

    with Counting(room.path, ORG, room.said.append) as history:
        history.add(detail(f"r{number}", number) for number in range(5))
        found = read_kept(cast(App, SimpleNamespace(history=history, organization=ORG)), Selection(all=True))
    assert [each.report.id for each in found] == reads == ["r4", "r3", "r2", "r1", "r0"]
