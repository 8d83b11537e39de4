"""The ledger keeps what happened, and is never in the way."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hcexport.store import database
from hcexport.store.ledger import RUN, Ledger, LedgerEntry

ORG, OTHER = "https://gis.example.com/arcgis", "https://other.example.com"
ROOT = Path(__file__).parents[2]


@dataclass
class Clock:
    time: datetime = datetime(2026, 11, 23, 16, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


@dataclass
class Room:
    """A ledger's path, what it said, and ledgers on it as several processes have them."""

    path: Path
    said: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    opened: list[Ledger] = field(default_factory=list)

    def ledger(self) -> Ledger:
        self.opened.append(Ledger(self.path, self.said.append, self.clock))
        return self.opened[-1]

    def put_aside(self) -> list[Path]:
        return sorted(self.path.parent.glob("ledger.db.broken-*"))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path / "state" / "ledger.db")
    yield room
    for ledger in room.opened:
        ledger.close()


def unresolved(ledger: Ledger) -> list[LedgerEntry]:
    """What was meant to be submitted and has no job."""
    return [entry for entry in ledger.entries() if entry.job_id is None]


class TestStory:
    def test_of_one_export(self, room: Room) -> None:
        ledger = room.ledger()
        meant = ledger.intend(ORG, "ops", ["r1", "r2"], "prod")
        assert unresolved(room.ledger()) == [meant]
        assert (meant.organization, meant.username, meant.profile, meant.run_ids) == (ORG, "ops", "prod", ("r1", "r2"))
        assert meant.job_id is None
        ledger.note_submitted(meant, "j1")
        assert unresolved(room.ledger()) == []
        ledger.note_ended("j1", "COMPLETED", "u1")
        ledger.note_saved("j1", Path("/data/reports.zip"), 1234, "ab" * 32)
        entry = room.ledger().find("j1")
        assert entry is not None
        assert (entry.number, entry.status, entry.upload_id) == (meant.number, "COMPLETED", "u1")
        assert (entry.path, entry.bytes, entry.sha256) == ("/data/reports.zip", 1234, "ab" * 32)
        assert None not in (entry.submitted, entry.ended, entry.saved)
        times = [time for time in (entry.intended, entry.submitted, entry.ended, entry.saved) if time]
        assert times == sorted(times)
        assert room.said == []

    def test_what_was_refused_is_withdrawn(self, room: Room) -> None:
        ledger = room.ledger()
        ledger.withdraw(ledger.intend(ORG, "ops", ["r1"]))
        assert ledger.entries() == unresolved(ledger) == []

    def test_disowned_is_for_adopted_jobs_only(self, room: Room) -> None:
        ledger = room.ledger()
        meant = ledger.intend(ORG, "ops", ["r1"])
        ledger.note_adopted(meant, "j1")
        adopted = ledger.find("j1")
        assert adopted is not None
        assert (adopted.submitted, unresolved(ledger)) == (None, [])
        ledger.note_ended("j1", "COMPLETED", "u1")
        ledger.note_disowned("j1")
        assert ledger.entries() == unresolved(ledger) == [meant]
        ledger.note_submitted(meant, "j2")
        ledger.note_disowned("j2")
        assert ledger.find("j2") is not None

    def test_the_first_end_and_the_upload_item_are_kept(self, room: Room) -> None:
        ledger = room.ledger()
        ledger.note_submitted(ledger.intend(ORG, "ops", ["r1"]), "j1")
        ledger.note_ended("j1", "COMPLETED", "u1")
        first = ledger.find("j1")
        ledger.note_ended("j1", "COMPLETED")
        assert ledger.find("j1") == first

    def test_newest_first_of_one_organization_and_so_many(self, room: Room) -> None:
        ledger = room.ledger()
        for number, organization in enumerate([ORG, OTHER, ORG]):
            ledger.note_submitted(ledger.intend(organization, "ops", ["r"]), f"j{number}")
        assert [entry.job_id for entry in ledger.entries()] == ["j2", "j1", "j0"]
        assert [entry.job_id for entry in ledger.entries(ORG)] == ["j2", "j0"]
        assert [entry.job_id for entry in ledger.entries(limit=1)] == ["j2"]
        assert ledger.entries("https://unknown") == ledger.entries(limit=0) == []
        assert ledger.find("j9") is None

    def test_what_is_not_known_to_it_changes_nothing(self, room: Room) -> None:
        """``wait`` and ``download`` take job ids of other machines too."""
        ledger = room.ledger()
        ledger.note_ended("j1", "COMPLETED", "u1")
        ledger.note_saved("j1", Path("x"), 1, "ab")
        assert ledger.entries() == []
        assert room.said == []

    def test_no_clock_makes_it_forget(self, room: Room) -> None:
        ledger = room.ledger()
        ledger.intend(ORG, "ops", ["unresolved"])
        ledger.note_submitted(ledger.intend(ORG, "ops", ["saved"]), "j1")
        for year in (2037, 2038, 2026):
            room.clock.time = datetime(year, 11, 24, tzinfo=UTC)
            ledger.intend(ORG, "ops", [str(year)])
        found = [entry.run_ids for entry in room.ledger().entries()]
        assert found == [("2026",), ("2038",), ("2037",), ("saved",), ("unresolved",)]

    @pytest.mark.parametrize("does", ["DELETE FROM exports", "UPDATE exports SET run_ids = '[]'"])
    def test_intend_where_a_trigger_drops_the_row(self, room: Room, does: str) -> None:
        room.ledger().note_submitted(room.ledger().intend(ORG, "ops", ["kept"]), "j0")
        with closing(sqlite3.connect(room.path)) as connection, connection:
            connection.execute(f"CREATE TRIGGER t AFTER INSERT ON exports BEGIN {does}; END")
        ledger = room.ledger()
        entry = ledger.intend(ORG, "ops", ["r1"])
        ledger.note_submitted(entry, "j1")
        assert entry.run_ids == ("r1",)
        assert ledger.find("j1") is not None
        assert len(room.said) == 1

    @pytest.mark.timeout(20)
    def test_a_pipe_in_its_place_is_not_waited_for(self, room: Room) -> None:
        room.path.parent.mkdir()
        os.mkfifo(room.path)
        ledger = room.ledger()
        ledger.note_submitted(ledger.intend(ORG, "ops", ["r1"]), "j1")
        assert ledger.find("j1") is not None
        assert len(room.said) == 1

    def test_looking_makes_no_file(self, room: Room) -> None:
        assert room.ledger().entries() == []
        assert room.ledger().find("j1") is None
        assert not room.path.parent.exists()

    @pytest.mark.parametrize("text", ["x'; DROP TABLE exports; --", "\udce4\ud800", "ü€\0", '"', "a\nb"])
    def test_text_of_any_kind(self, room: Room, text: str) -> None:
        ledger = room.ledger()
        ledger.note_submitted(ledger.intend(text, text, [text, ""], text), "j1" + text)
        ledger.note_saved("j1" + text, Path(text.replace("\0", "")), 1, "ab")
        (entry,) = room.ledger().entries(text)
        assert entry.saved is not None
        if text.isprintable():
            assert entry.run_ids == (text, "")


class TestSavedReports:
    def test_a_saved_export_is_remembered_with_its_reports(self, room: Room) -> None:
        ledger = room.ledger()
        assert ledger.saved_ids(ORG) == frozenset()
        for organization, job_id, run_ids in ((ORG, "j1", ["r1", "r2"]), (ORG, "j2", ["r3"]), (OTHER, "j3", ["r4"])):
            ledger.note_submitted(ledger.intend(organization, "ops", run_ids), job_id)
            ledger.note_ended(job_id, "COMPLETED", "u")
        ledger.note_saved("j1", Path("/a.zip"), 1, "ab")
        ledger.note_saved("j3", Path("/b.zip"), 1, "ab")
        ledger.note_saved("j1", Path("/a again.zip"), 1, "ab")
        assert (ledger.saved_ids(ORG), ledger.saved_ids(OTHER)) == ({"r1", "r2"}, {"r4"})
        assert room.ledger().saved_ids(ORG) == {"r1", "r2"}

    def test_an_unfinished_export_of_the_same_reports_is_found(self, room: Room) -> None:
        ledger = room.ledger()
        ledger.note_submitted(ledger.intend(ORG, "ops", ["r1", "r2"]), "j1")
        assert ledger.unfinished_export(ORG, ["r2", "r1"]) == ledger.find("j1")
        for organization, run_ids in ((OTHER, ["r1", "r2"]), (ORG, ["r1"]), (ORG, ["r1", "r2", "r3"]), (ORG, [])):
            assert ledger.unfinished_export(organization, run_ids) is None
        ledger.note_submitted(ledger.intend(ORG, "ops", ["r1", "r2"], kind=RUN, name="n"), "j2")
        assert ledger.unfinished_export(ORG, ["r1", "r2"]) == ledger.find("j1")
        ledger.note_ended("j1", "COMPLETED", "u")
        assert ledger.unfinished_export(ORG, ["r1", "r2"]) == ledger.find("j1")
        ledger.note_saved("j1", Path("/x.zip"), 1, "s")
        assert ledger.unfinished_export(ORG, ["r1", "r2"]) is None
        ledger.note_submitted(ledger.intend(ORG, "ops", ["r3"]), "j3")
        ledger.note_ended("j3", "FAILED")
        assert ledger.unfinished_export(ORG, ["r3"]) is None

    def test_an_intent_without_a_job_is_no_unfinished_export(self, room: Room) -> None:
        room.ledger().intend(ORG, "ops", ["r1"])
        assert room.ledger().unfinished_export(ORG, ["r1"]) is None

    def test_a_run_is_found_by_its_name(self, room: Room) -> None:
        ledger = room.ledger()
        ledger.intend(ORG, "ops", [], kind=RUN, name="nightly")
        newest = ledger.intend(ORG, "ops", [], kind=RUN, name="nightly")
        assert ledger.find_run(ORG, "nightly") == newest
        assert (newest.kind, newest.name, newest.run_ids) == (RUN, "nightly", ())
        assert ledger.find_run(OTHER, "nightly") is ledger.find_run(ORG, "") is None

    def test_whether_it_is_kept_is_told(self, room: Room) -> None:
        assert room.ledger().is_writable()
        room.path.unlink()
        room.path.mkdir()
        assert not room.ledger().is_writable()


OLD = ROOT / "tests" / "data" / "ledger-1.sql"
OLD_ORG = "https://organization.example.com/context"


class TestOlder:
    """A ledger that version 0.1.0 wrote."""

    @pytest.fixture(autouse=True)
    def _old(self, room: Room) -> None:
        room.path.parent.mkdir()
        spoil(lambda db: db.executescript(OLD.read_text()))(room.path)

    def check(self, ledger: Ledger) -> None:
        lost, open_, done = ledger.entries()
        assert (done.number, done.run_ids, done.bytes, done.path) == (1, RUN_IDS, 1234, "/srv/health/reports.zip")
        assert done.saved == datetime(2026, 11, 22, 3, 0, 28, tzinfo=UTC)
        assert (open_.job_id, open_.ended, lost.job_id, lost.run_ids) == (OPEN_JOB, None, None, ("prslejr7yt",))
        assert {(entry.kind, entry.name) for entry in (lost, open_, done)} == {("export", "")}
        assert ledger.saved_ids(OLD_ORG) == set(RUN_IDS)
        assert ledger.unfinished_export(OLD_ORG, ["zfelr5o957"]) == open_

    def test_it_is_migrated(self, room: Room) -> None:
        self.check(room.ledger())
        self.check(room.ledger())
        room.ledger().note_submitted(room.ledger().intend(OLD_ORG, "ops", ["r1"]), "j1")
        assert room.ledger().entries()[0].number == 4
        assert (room.said, room.put_aside()) == ([], [])

    def test_an_entry_that_was_edited_keeps_no_other_from_it(self, room: Room) -> None:
        spoil(
            lambda db: db.execute(
                "INSERT INTO exports (organization, username, profile, run_ids, intended, saved)"
                " VALUES ('o', 'u', 'p', 'no json', 'x', 'x')"
            )
        )(room.path)
        self.check(room.ledger())
        assert len(room.said) == 1

    def test_several_processes_migrate_it_at_once(self, room: Room) -> None:
        ready = threading.Barrier(6)

        def use(_: int) -> None:
            with Ledger(room.path, room.said.append) as ledger:
                ready.wait()
                self.check(ledger)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(use, range(6)))
        assert room.said == []

    @pytest.mark.parametrize("kill", ["os.kill(os.getpid(), signal.SIGKILL)", "1 / 0"])
    def test_ended_in_the_middle_it_is_the_old_one_still(self, room: Room, kill: str) -> None:
        before = dump(room.path)
        code = (
            "import os, pathlib, signal, sys\nfrom dataclasses import replace\nfrom hcexport.store import ledger\n"
            "first, second = ledger._SCHEMA.versions\n"
            f"last = (*second, lambda connection: {kill})\n"
            "ledger._SCHEMA = replace(ledger._SCHEMA, versions=(first, last))\n"
            "ledger.Ledger(pathlib.Path(sys.argv[1]), print).entries()\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(room.path)], cwd=ROOT, check=False, stderr=subprocess.DEVNULL
        )
        assert done.returncode in {-signal.SIGKILL, 1}
        assert dump(room.path) == before
        self.check(room.ledger())
        assert room.said == []

    def test_where_it_cannot_be_written_it_is_read(self, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        before = dump(room.path)

        def read_only(path: Path) -> None:
            raise OSError(30, "Read-only file system", str(path))

        monkeypatch.setattr(database, "_make_private", read_only)
        ledger = room.ledger()
        self.check(ledger)
        assert not ledger.is_writable()
        assert len(room.said) == 1
        assert dump(room.path) == before


RUN_IDS = ("vegcl1xm6u", "ir2qersuao")
OPEN_JOB = "j14ef2bef-0c7c-454c-8f0f-40a17bc12150"


def dump(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as connection:
        return [connection.execute("PRAGMA user_version").fetchone(), *connection.iterdump()]


class TestOnTheDisk:
    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o277], ids=oct)
    def test_private_whatever_the_umask_is(self, room: Room, umask: int) -> None:
        before = os.umask(umask)
        try:
            room.ledger().intend(ORG, "ops", ["r1"])
        finally:
            os.umask(before)
        assert room.path.stat().st_mode & 0o777 == 0o600
        assert room.path.parent.stat().st_mode & 0o777 == 0o700
        assert list(room.path.parent.iterdir()) == [room.path]

    def test_one_that_was_opened_to_others_is_closed_again(self, room: Room) -> None:
        room.ledger().intend(ORG, "ops", ["r1"])
        room.path.chmod(0o666)
        room.ledger().intend(ORG, "ops", ["r2"])
        assert room.path.stat().st_mode & 0o777 == 0o600

    def test_an_intent_survives_the_process(self, room: Room) -> None:
        """Killed the moment ``intend`` has returned, as by a power cut before the answer to the POST."""
        code = (
            "import os, pathlib, signal, sys\nfrom hcexport.store.ledger import Ledger\n"
            "ledger = Ledger(pathlib.Path(sys.argv[1]), print)\n"
            "ledger.intend('https://gis.example.com/arcgis', 'ops', ['r1'])\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        done = subprocess.run([sys.executable, "-c", code, str(room.path)], cwd=ROOT, check=False)
        assert done.returncode == -signal.SIGKILL
        assert [entry.run_ids for entry in unresolved(room.ledger())] == [("r1",)]
        assert room.said == []

    def test_killed_at_any_moment_it_is_whole(self, room: Room) -> None:
        code = (
            "import pathlib, sys\nfrom hcexport.store.ledger import Ledger\n"
            "ledger = Ledger(pathlib.Path(sys.argv[1]), print)\n"
            "while True:\n"
            "    entry = ledger.intend('o', 'u', ['r'])\n    print(entry.number, flush=True)\n"
            "    ledger.note_submitted(entry, f'j{entry.number}')\n"
            "    ledger.note_ended(f'j{entry.number}', 'COMPLETED', 'u')\n"
        )
        reported = 0
        for delay in (0.0, 0.003, 0.007, 0.013, 0.029):
            process = subprocess.Popen([sys.executable, "-c", code, str(room.path)], stdout=subprocess.PIPE, cwd=ROOT)
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(delay)
            process.kill()
            numbers = [first, *process.stdout.readlines()]
            process.wait()
            process.stdout.close()
            reported = max(int(line) for line in numbers if line.endswith(b"\n"))
        entries = room.ledger().entries()
        assert entries[0].number >= reported
        assert [entry.number for entry in entries] == list(range(entries[0].number, 0, -1))
        assert len(unresolved(room.ledger())) <= 5
        assert room.said == []

    def test_several_processes_at_once(self, room: Room) -> None:
        code = (
            "import pathlib, sys\nfrom hcexport.store.ledger import Ledger\n"
            "ledger = Ledger(pathlib.Path(sys.argv[1]), lambda text: sys.exit(text))\n"
            "for number in range(15):\n"
            "    job = f'{sys.argv[2]}-{number}'\n"
            "    ledger.note_submitted(ledger.intend('o', 'u', [job]), job)\n"
            "    ledger.note_ended(job, 'COMPLETED', 'u')\n"
        )
        command = [sys.executable, "-c", code, str(room.path)]
        processes = [subprocess.Popen([*command, str(number)], cwd=ROOT) for number in range(4)]
        assert [process.wait(50) for process in processes] == [0] * 4
        entries = room.ledger().entries()
        assert len(entries) == 60
        assert all(entry.run_ids == (entry.job_id,) and entry.status == "COMPLETED" for entry in entries)

    def test_made_by_several_at_once(self, tmp_path: Path) -> None:
        said: list[str] = []
        for turn in range(8):
            path = tmp_path / str(turn) / "ledger.db"
            ready = threading.Barrier(6)

            def use(number: int, path: Path = path, ready: threading.Barrier = ready) -> None:
                with Ledger(path, said.append) as ledger:
                    ready.wait()
                    ledger.intend(ORG, "ops", [str(number)])

            with ThreadPoolExecutor(6) as pool:
                list(pool.map(use, range(6)))
            with Ledger(path, said.append) as ledger:
                assert len(ledger.entries()) == 6
        assert said == []


def spoil(change: Callable[[sqlite3.Connection], object]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        with sqlite3.connect(path) as connection:
            change(connection)
        connection.close()

    return apply


BROKEN: dict[str, Callable[[Path], object]] = {
    "no database": lambda path: path.write_bytes(b"not a database, " * 100),
    "cut off": lambda path: os.truncate(path, 5000),
    "overwritten": lambda path: path.write_bytes(path.read_bytes()[:100] + b"\xff" * 12_000),
    "another database": spoil(
        lambda db: db.executescript("DROP TABLE exports; PRAGMA user_version = 0; CREATE TABLE x (y)")
    ),
    "no table": spoil(lambda db: db.execute("DROP TABLE exports")),
    "no column": spoil(lambda db: db.execute("ALTER TABLE exports RENAME COLUMN sha256 TO md5")),
}


class TestBroken:
    @pytest.mark.parametrize("how", BROKEN)
    @pytest.mark.parametrize("first", ["entries", "intend"])
    def test_it_is_moved_aside_and_said(self, room: Room, how: str, first: str) -> None:
        ledger = room.ledger()
        ledger.note_submitted(ledger.intend(ORG, "ops", ["r1"]), "j1")
        ledger.close()
        BROKEN[how](room.path)
        content = room.path.read_bytes()
        ledger = room.ledger()
        if first == "entries":
            assert ledger.entries() == []
        ledger.note_submitted(ledger.intend(ORG, "ops", ["r2"]), "j2")
        assert [entry.job_id for entry in room.ledger().entries()] == ["j2"]
        (aside,) = room.put_aside()
        assert aside.read_bytes() == content
        assert len(room.said) == 1
        assert aside.name in room.said[0]

    def test_who_comes_second_does_not_move_the_new_one(self, room: Room) -> None:
        room.ledger().intend(ORG, "ops", ["r1"])
        first, second = room.ledger(), room.ledger()
        first.entries()
        second.entries()
        room.path.write_bytes(b"not a database, " * 1000)
        first.intend(ORG, "ops", ["r2"])
        second.intend(ORG, "ops", ["r3"])
        assert [entry.run_ids for entry in room.ledger().entries()] == [("r3",), ("r2",)]
        assert len(room.put_aside()) == 1

    @pytest.mark.parametrize(
        "change", ["run_ids = 'r1,r2'", "run_ids = '3'", "intended = 'yesterday'", "intended = 9e9", "saved = 3"]
    )
    def test_an_entry_that_was_edited_is_left_out(self, room: Room, change: str) -> None:
        ledger = room.ledger()
        ledger.intend(ORG, "ops", ["r1"])
        ledger.close()
        spoil(lambda db: db.execute(f"UPDATE exports SET {change}"))(room.path)
        ledger.intend(ORG, "ops", ["r2"])
        assert [entry.run_ids for entry in ledger.entries()] == [("r2",)]
        assert len(room.said) == 1
        assert room.put_aside() == []

    def test_an_empty_file_is_a_new_ledger(self, room: Room) -> None:
        room.path.parent.mkdir()
        room.path.touch()
        room.ledger().intend(ORG, "ops", ["r1"])
        assert len(room.ledger().entries()) == 1
        assert room.said == []

    @settings(deadline=None)  # files are slow on a busy machine
    @given(st.binary(max_size=300))
    def test_whatever_the_file_holds(self, tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
        path = tmp_path_factory.mktemp("ledger") / "ledger.db"
        path.write_bytes(content)
        with Ledger(path, lambda text: None) as ledger:
            ledger.intend(ORG, "ops", ["r1"])
            assert len(ledger.entries()) == 1


class TestOutOfReach:
    """The export goes on with a ledger in memory; what can be read is there."""

    def check(self, room: Room, readable: int) -> None:
        ledger = room.ledger()
        entry = ledger.intend(ORG, "ops", ["r2"])
        ledger.note_submitted(entry, "j2")
        ledger.note_ended("j2", "COMPLETED", "u2")
        found = ledger.find("j2")
        assert found is not None
        assert found.status == "COMPLETED"
        assert len(ledger.entries()) == readable + 1
        assert len(room.said) == 1
        assert str(room.path) in room.said[0]
        assert room.put_aside() == []

    def test_of_a_newer_version(self, room: Room) -> None:
        room.ledger().intend(ORG, "ops", ["r1"])
        spoil(lambda db: db.executescript("ALTER TABLE exports ADD COLUMN more TEXT; PRAGMA user_version = 3"))(
            room.path
        )
        content = room.path.read_bytes()
        self.check(room, 1)
        assert room.path.read_bytes() == content

    def test_of_a_newer_version_that_looks_different(self, room: Room) -> None:
        room.ledger().intend(ORG, "ops", ["r1"])
        spoil(lambda db: db.executescript("DROP TABLE exports; PRAGMA user_version = 4"))(room.path)
        self.check(room, 0)

    def test_on_a_disk_that_cannot_be_written(self, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        room.ledger().intend(ORG, "ops", ["r1"])

        def read_only(path: Path) -> None:
            raise OSError(30, "Read-only file system", str(path))

        monkeypatch.setattr(database, "_make_private", read_only)
        self.check(room, 1)

    def test_where_the_database_alone_finds_out(self, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        room.ledger().intend(ORG, "ops", ["r1"])
        real = sqlite3.connect

        def read_only(database: object, **options: object) -> sqlite3.Connection:
            if database == room.path:
                return real(f"file:{room.path}?mode=ro", uri=True, **options)  # type: ignore[call-overload]
            return real(database, **options)  # type: ignore[call-overload]

        monkeypatch.setattr(database.sqlite3, "connect", read_only)
        self.check(room, 1)

    def test_where_no_folder_can_be_made(self, room: Room) -> None:
        room.path.parent.write_text("")
        self.check(room, 0)

    def test_where_a_folder_is_in_the_way(self, room: Room) -> None:
        room.path.mkdir(parents=True)
        self.check(room, 0)

    def test_locked_by_another_process_for_too_long(self, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        room.ledger().intend(ORG, "ops", ["r1"])
        monkeypatch.setattr(database, "BUSY_S", 0.1)
        holder = sqlite3.connect(room.path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        self.check(room, 1)
        holder.execute("ROLLBACK")
        holder.close()
        assert [entry.run_ids for entry in room.ledger().entries()] == [("r1",)]

    def test_full_disk(self, room: Room) -> None:
        ledger = room.ledger()
        ledger.intend(ORG, "ops", ["r1"])
        connection = ledger._database._connection
        assert connection is not None
        connection.execute("PRAGMA max_page_count = 8")
        ledger.intend(ORG, "ops", ["r" * 50_000])
        assert len(ledger.entries()) == 2
        assert len(room.said) == 1


def test_one_file_that_sqlite_itself_can_read(room: Room) -> None:
    room.ledger().intend(ORG, "ops", ["r1"])
    connection = sqlite3.connect(room.path)
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    ((organization, run_ids),) = connection.execute("SELECT organization, run_ids FROM exports")
    connection.close()
    assert (organization, json.loads(run_ids)) == (ORG, ["r1"])


def test_a_look_at_the_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ledger.db"
    with Ledger(path, pytest.fail, read_only=True) as ledger:
        assert (ledger.find_problem(), ledger.entries()) == (None, [])
    assert not path.parent.exists()
    with Ledger(path, pytest.fail) as kept:
        kept.intend("https://gis.example.com/x", "u", ["r1"])
    before = path.read_bytes()
    with Ledger(path, pytest.fail, read_only=True) as ledger:
        assert [entry.run_ids for entry in ledger.entries()] == [("r1",)]
    assert (ledger.find_problem(), path.read_bytes()) == (None, before)


@pytest.mark.parametrize(
    "statements", [None, ["CREATE TABLE strangers (x)"], ["PRAGMA user_version = 99"]], ids=["broken", "other", "newer"]
)
def test_a_problem_of_the_file_is_named_and_the_file_stays(tmp_path: Path, statements: list[str] | None) -> None:
    path = tmp_path / "ledger.db"
    if statements is None:
        path.write_bytes(b"no database" * 99)
    else:
        with closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.execute(statement)
    before = path.read_bytes()
    assert Ledger(path, pytest.fail).find_problem()
    assert [each.name for each in tmp_path.glob("*ledger*")] == ["ledger.db"]
    assert path.read_bytes() == before
