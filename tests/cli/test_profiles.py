"""Several organizations in one call: which, in what order, with which status, and that none disturbs another."""

from __future__ import annotations

import csv
import io
import json
import signal
import socket
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hcexport.cli.joined_outcome import Ended
from hcexport.cli.profiles import failure_of
from hcexport.errors import AuthError, Busy, NetworkError, Verdict
from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

NAMES = ("test", "eu-b", "eu-a")  # the order of the file is no order of the alphabet


@pytest.fixture
def boxes() -> Iterator[dict[str, Sandbox]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(Sandbox(job_seconds=0.05, password=f"secret-of-{name}")) for name in NAMES}


@pytest.fixture
def several(hcexport_alone: Hcexport, boxes: dict[str, Sandbox]) -> Hcexport:
    """Hcexport with a profile for each sandbox, signed in by a password file."""
    for name, box in boxes.items():
        add_profile(hcexport_alone, name, box.url, box.password)
    return hcexport_alone


def add_profile(hcexport: Hcexport, name: str, url: str, password: str, *lines: str) -> None:
    home = Path(hcexport.env["HCEXPORT_HOME"])
    home.mkdir(mode=0o700, exist_ok=True)
    secret = home / f"password-{name}"
    secret.write_text(password)
    secret.chmod(0o600)
    about = (f'url = "{url}"', 'username = "administrator"', f'password_file = "{secret}"', 'store = "file"', *lines)
    with (home / "config.toml").open("a") as file:
        file.write("\n".join([f"[profiles.{name}]", *about]) + "\n")


def summary(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.splitlines()[-1]


def asked(boxes: dict[str, Sandbox]) -> dict[str, int]:
    return {name: len(box.requests) for name, box in boxes.items()}


def first_words(text: str) -> list[str]:
    return [line.split("\t")[0] for line in text.splitlines()]


class TestWhich:
    @pytest.mark.parametrize(
        ("words", "found"),
        [
            (["-p", "eu-a,test"], ["test", "eu-a"]),
            (["-p", "eu-*"], ["eu-b", "eu-a"]),
            (["-p", "*"], list(NAMES)),
            (["-p", "eu-a", "-p", "test"], ["test", "eu-a"]),
            (["-p", "e*,eu-a"], ["eu-b", "eu-a"]),
            (["-p", "te?t"], ["test"]),
            (["-p", "*", "--shard", "0/2"], ["test", "eu-a"]),
            (["-p", "*", "--shard", "1/2"], ["eu-b"]),
            (["-p", "*", "--parallel", "1"], list(NAMES)),
        ],
    )
    def test_in_the_order_of_the_file(self, several: Hcexport, words: list[str], found: list[str]) -> None:
        done = several("list", "--latest", "1", *words)
        assert done.returncode == 0, done.stderr
        assert first_words(done.stdout) == found
        assert f"{len(found)} organization" in summary(done)

    def test_what_stands_after_the_command_wins(self, several: Hcexport) -> None:
        words = ("-p", "eu-b", "-p", "eu-a", "list", "--latest", "1")
        assert first_words(several(*words).stdout) == ["eu-b", "eu-a"]
        assert first_words(several(*words, "-p", "test,test").stdout) == ["test"]

    def test_by_the_environment(self, several: Hcexport) -> None:
        done = several("list", "--latest", "1", env={"HCEXPORT_PROFILE": "eu-*"})
        assert first_words(done.stdout) == ["eu-b", "eu-a"]

    @pytest.mark.parametrize(
        "words",
        [
            ["-p", "test,nobody"],
            ["-p", "x*"],
            ["-p", "test,"],
            ["-p", "*", "--url", "https://gis.example.com/x"],
            ["-p", "*", "--shard", "2/2"],
            ["-p", "*", "--shard", "1"],
            ["-p", "test", "--shard", "0/1"],
            ["-p", "*", "--parallel", "0"],
        ],
    )
    def test_a_mistake_is_known_before_anything_is_sent(
        self, several: Hcexport, boxes: dict[str, Sandbox], refused: Callable[..., str], words: list[str]
    ) -> None:
        refused(several("list", *words), 2)
        assert sum(asked(boxes).values()) == 0

    def test_an_empty_part_is_well(self, several: Hcexport, boxes: dict[str, Sandbox]) -> None:
        for form, printed in (("text", ""), ("json", "[]\n")):
            done = several("export", "--all", "-p", "*", "--shard", "3/9", "-F", form)
            assert (done.returncode, done.stdout) == (0, printed)
            assert done.stderr
        assert sum(asked(boxes).values()) == 0

    def test_one_plain_name_is_as_ever(self, several: Hcexport) -> None:
        done = several("list", "--latest", "1", "-p", "eu-a", "-F", "json")
        assert next(iter(json.loads(done.stdout)[0])) == "id"
        assert done.stderr == ""

    def test_commands_of_one_profile_refuse_several(self, several: Hcexport, refused: Callable[..., str]) -> None:
        refused(several("logout", "-p", "eu-a,eu-b"), 2)


class TestTheEnvironment:
    def test_its_organization_and_credentials_are_left_out(self, several: Hcexport, boxes: dict[str, Sandbox]) -> None:
        token = boxes["test"].new_token()
        foreign = {"HCEXPORT_URL": boxes["test"].url, "HCEXPORT_TOKEN": token, "HCEXPORT_PASSWORD": "of-nobody"}
        done = several("list", "--latest", "1", "-p", "eu-a,eu-b", env={**foreign, "ARCGIS_ENTERPRISE_USER": "x"})
        assert done.returncode == 0, done.stderr
        assert asked(boxes)["test"] == 0
        for box in boxes.values():
            assert token not in repr([(each.headers, each.form) for each in box.requests])

    def test_a_password_reaches_its_own_organization_alone(self, several: Hcexport, boxes: dict[str, Sandbox]) -> None:
        assert several("list", "-p", "*").returncode == 0
        for name, box in boxes.items():
            sent = repr([(each.headers, each.form) for each in box.requests])
            assert [other for other in NAMES if f"secret-of-{other}" in sent] == [name]


class TestResults:
    def test_formats_of_list(self, several: Hcexport) -> None:
        words = ("list", "--latest", "2", "-p", "*")
        objects = json.loads(several(*words, "-F", "json").stdout)
        assert [each["profile"] for each in objects] == [name for name in NAMES for _ in range(2)]
        assert list(objects[0])[:2] == ["profile", "id"]
        rows = list(csv.DictReader(io.StringIO(several(*words, "-F", "csv").stdout)))
        assert [(row["profile"], row["id"]) for row in rows] == [(each["profile"], each["id"]) for each in objects]
        assert several(*words, "-F", "ids").stdout.split() == [each["id"] for each in objects]

    def test_show_has_the_profile_before_the_report(self, several: Hcexport, boxes: dict[str, Sandbox]) -> None:
        run_id = boxes["test"].reports[0].id  # the sandboxes are alike
        text = several("show", run_id, "-p", "*").stdout.splitlines()
        assert {tuple(line.split("\t")[:2]) for line in text} == {(name, run_id) for name in NAMES}
        objects = json.loads(several("show", "-", "-p", "*", "-F", "json", stdin=f"{run_id}\n").stdout)
        assert [(each["profile"], each["id"]) for each in objects] == [(name, run_id) for name in NAMES]
        assert "profile" not in objects[0]["tests"][0]

    def test_export_is_an_object_a_profile(self, several: Hcexport) -> None:
        done = several("export", "--latest", "1", "--out", "all/", "-p", "*", "-F", "json")
        assert done.returncode == 0, done.stderr
        objects = json.loads(done.stdout)
        assert [(each["profile"], each["exit_status"]) for each in objects] == [(name, 0) for name in NAMES]
        for each in objects:
            assert list(each)[:2] == ["profile", "exit_status"]
            assert each["verified"] is True
            assert Path(each["path"]).parent == several.cwd / "all" / each["profile"]

    def test_each_is_unpacked_into_a_folder_of_its_own(
        self, several: Hcexport, boxes: dict[str, Sandbox], refused: Callable[..., Any]
    ) -> None:
        words = ("export", "--latest", "1", "--out", "{profile}.zip", "-p", "*", "--extract")
        refused(several(*words, "unpacked"), 2)
        assert not any(request.path.endswith("/export") for box in boxes.values() for request in box.requests)
        assert several(*words, "{profile}").returncode == 0
        assert all(any((several.cwd / name).iterdir()) for name in NAMES)

    def test_export_prints_paths_behind_profiles(self, several: Hcexport) -> None:
        done = several("export", "--latest", "1", "--out", "{profile}.zip", "-p", "*")
        assert [line.split("\t") for line in done.stdout.splitlines()] == [
            [name, str(several.cwd / f"{name}.zip")] for name in NAMES
        ]
        assert all(zipfile.is_zipfile(several.cwd / f"{name}.zip") for name in NAMES)
        lines = done.stderr.splitlines()[:-1]
        assert {line.split(": ")[0] for line in lines} == set(NAMES)  # each line says whose it is

    def test_jobs_has_one_column_of_the_profile(self, several: Hcexport) -> None:
        assert several("export", "--latest", "1", "-p", "*").returncode == 0
        objects = json.loads(several("jobs", "-p", "*", "-F", "json").stdout)
        assert [each["profile"] for each in objects] == list(NAMES)
        header = several("jobs", "-p", "*", "-F", "csv").stdout.splitlines()[0].split(",")
        assert header[0] == "profile"
        assert header.count("profile") == 1

    def test_new_in_every_organization(self, several: Hcexport) -> None:
        words = ("export", "--new", "--latest", "1", "--out", "new/", "-p", "*")
        assert len(several(*words).stdout.splitlines()) == 3
        again = several("export", "--new", "--since", "1h", "--out", "new/", "-p", "*", "-F", "json")
        assert [each["run_ids"] for each in json.loads(again.stdout)] == [[], [], []]

    def test_two_profiles_of_one_organization_share_what_is_new(
        self, several: Hcexport, boxes: dict[str, Sandbox]
    ) -> None:
        add_profile(several, "twin", boxes["test"].url, boxes["test"].password)
        done = several("export", "--new", "--out", "new/", "-p", "test,twin", "-F", "json")
        assert done.returncode == 0, done.stderr
        assert sorted(len(each["run_ids"]) for each in json.loads(done.stdout)) == [0, len(boxes["test"].reports)]

    @pytest.mark.parametrize("out", ["all.zip", "-"])
    def test_one_file_for_all_is_refused(
        self, several: Hcexport, boxes: dict[str, Sandbox], refused: Callable[..., str], out: str
    ) -> None:
        refused(several("export", "--all", "--out", out, "-p", "*"), 2)
        assert sum(asked(boxes).values()) == 0
        assert list(several.cwd.iterdir()) == []

    def test_a_dry_run_makes_no_folder(self, several: Hcexport) -> None:
        done = several("export", "--latest", "1", "--out", "all/", "-p", "*", "--dry-run")
        assert list(several.cwd.iterdir()) == [], done.stderr

    def test_the_out_of_a_profile_is_its_own(self, several: Hcexport, boxes: dict[str, Sandbox]) -> None:
        add_profile(several, "own", boxes["test"].url, boxes["test"].password, 'out = "mine.zip"')
        done = several("export", "--latest", "1", "-p", "own,")
        assert done.returncode == 2
        done = several("export", "--latest", "1", "-p", "ow*")
        assert done.returncode == 0, done.stderr
        assert (several.cwd / "mine.zip").exists()


class TestStatus:
    def test_some_that_fail_are_partial(self, several: Hcexport) -> None:
        add_profile(several, "dead", f"http://127.0.0.1:{closed_port()}/x", "x")
        done = several("list", "--latest", "1", "-p", "*", "-F", "json")
        assert done.returncode == 8
        assert [each["profile"] for each in json.loads(done.stdout)] == list(NAMES)
        error = json.loads(summary(done))["error"]
        assert error["code"] == "partial"
        assert "3 done" in error["message"]
        assert "1 failed (dead: 6 network)" in error["message"]

    def test_the_failure_is_in_the_document(self, several: Hcexport, boxes: dict[str, Sandbox]) -> None:
        add_profile(several, "wrong", boxes["eu-a"].url, "no password")
        done = several("export", "--latest", "1", "-p", "test,wrong", "-F", "json")
        assert done.returncode == 8
        good, bad = json.loads(done.stdout)
        assert (good["profile"], good["exit_status"], "error" in good) == ("test", 0, False)
        assert (bad["profile"], bad["exit_status"], bad["error"]["code"]) == ("wrong", 4, "auth")

    def test_all_that_fail_alike_keep_their_status(self, several: Hcexport, boxes: dict[str, Sandbox]) -> None:
        done = several("list", "--name", "nothing has this name", "-p", "*", "-F", "json")
        assert done.returncode == 5
        assert json.loads(done.stdout) == []
        assert json.loads(summary(done))["error"]["code"] == "not_found"

    def test_different_failures_are_partial(self, several: Hcexport, boxes: dict[str, Sandbox]) -> None:
        add_profile(several, "dead", f"http://127.0.0.1:{closed_port()}/x", "x")
        add_profile(several, "wrong", boxes["eu-a"].url, "no password")
        assert several("list", "-p", "dead,wrong").returncode == 8

    def test_a_mute_server_costs_its_own_time_alone(self, several: Hcexport) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            add_profile(several, "mute", f"http://127.0.0.1:{mute.getsockname()[1]}/x", "x")
            began = time.monotonic()
            done = several("list", "--latest", "1", "-p", "*", "--timeout", "2s")
            assert time.monotonic() - began < 8
        assert done.returncode == 8
        assert first_words(done.stdout) == list(NAMES)

    def test_a_signal_ends_all_at_once(self, several: Hcexport, running: Callable[..., Any]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            add_profile(several, "mute", f"http://127.0.0.1:{mute.getsockname()[1]}/x", "x")
            env = {**several.env, "PYTHONPATH": str(Path(__file__).parents[2])}
            with running(several.argv("list", "-p", "m*,test", "-F", "json"), env=env, cwd=several.cwd) as process:
                connection, _ = mute.accept()
                process.send_signal(signal.SIGTERM)
                out, err = process.communicate(timeout=10)
                connection.close()
        assert (process.returncode, out) == (143, "")
        assert json.loads(err.splitlines()[-1])["error"]["code"] == "interrupted"

    @pytest.mark.parametrize(
        ("statuses", "status"),
        [
            ((0, 0), 0),
            ((6, 6), 6),
            ((75,), 75),
            ((6, 4), 8),
            ((0, 6), 8),
            ((10, 6), 8),
            ((0, 10), 10),
            ((10, 10), 10),
        ],
    )
    def test_of_all_by_those_of_each(self, statuses: tuple[int, ...], status: int) -> None:
        errors = {0: None, 4: AuthError("x"), 6: NetworkError("x"), 10: Verdict("x"), 75: Busy("x")}
        ended = [Ended(f"p{n}", each, error=errors[each]) for n, each in enumerate(statuses)]
        found = failure_of(ended, is_judged=True)
        assert (found.status if found else 0) == status
        if found and status != 8:
            assert found.code == next(error.code for error in errors.values() if error and error.status == status)
        if 10 in statuses and found:
            assert "not healthy (p" in found.message

    @pytest.mark.parametrize("command", ["list", "show"])
    def test_each_report_is_judged_by_its_own_profile(
        self, several: Hcexport, boxes: dict[str, Sandbox], command: str
    ) -> None:
        run_id = next(report.id for report in boxes["test"].reports if report.result == "failed")
        tests = json.loads(several("show", run_id, "-p", "test", "-F", "json").stdout)[0]["tests"]
        known = json.dumps([f"{test['id']}:2999-01-01" for test in tests])
        add_profile(several, "knows", boxes["eu-b"].url, boxes["eu-b"].password, f"ignore = {known}")
        words = [run_id] if command == "show" else ["--result", "failed"]
        done = several(command, *words, "-p", "test,knows", "--fail-on", "failed", "-F", "json")
        assert done.returncode == 10
        found = {(each["profile"], each["healthy"]) for each in json.loads(done.stdout) if each["id"] == run_id}
        assert found == {("test", False), ("knows", True)}
        error = json.loads(summary(done))["error"]
        assert error["code"] == "verdict"
        assert "1 healthy, 1 not healthy (test), 0 failed" in error["message"]

    def test_all_of_status_is_every_profile(self, several: Hcexport) -> None:
        every, glob = (several("status", *words) for words in (["--all"], ["-p", "*"]))
        assert first_words(every.stdout) == first_words(glob.stdout)
        assert every.returncode == glob.returncode == 0


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_doctor_of_several_has_an_object_a_profile(several: Hcexport) -> None:
    add_profile(several, "dead", f"http://127.0.0.1:{closed_port()}/x", "x")
    done = several("doctor", "-p", "test,dead", "-F", "json")
    good, bad = json.loads(done.stdout)
    assert done.returncode == 8, done.stderr
    assert (good["profile"], good["exit_status"], good["ready"]) == ("test", 0, True)
    assert (bad["profile"], bad["exit_status"], bad["ready"]) == ("dead", 6, False)
    rows = several("doctor", "-p", "test,dead").stdout.splitlines()
    assert [line.split("\t")[0] for line in rows] == sorted((line.split("\t")[0] for line in rows), reverse=True)


def test_report_files_need_the_profile_in_their_names(several: Hcexport, boxes: dict[str, Sandbox]) -> None:
    words = ("show", boxes["test"].reports[0].id, "-p", "eu-*")
    assert several(*words, "--report", "all.html").returncode == 2
    assert sum(asked(boxes).values()) == 0
    assert several(*words, "--format", "md").returncode == 2
    assert several(*words, "--report", "{profile}.html").returncode == 0
    assert {path.name for path in several.cwd.iterdir()} == {"eu-a.html", "eu-b.html"}


def test_commands_that_compare_and_run(several: Hcexport) -> None:
    ran = several("run", "-p", "eu-*", "-F", "json")
    assert ran.returncode == 0, ran.stderr
    assert [(each["profile"], each["exit_status"]) for each in json.loads(ran.stdout)] == [("eu-b", 0), ("eu-a", 0)]
    changed = json.loads(several("diff", "-p", "eu-*", "-F", "json").stdout)
    assert [(each["profile"], "counts" in each) for each in changed] == [("eu-b", True), ("eu-a", True)]
    trends = json.loads(several("history", "--latest", "2", "-p", "eu-*", "-F", "json").stdout)
    assert list(dict.fromkeys(each["profile"] for each in trends)) == ["eu-b", "eu-a"]


def test_run_is_an_object_a_profile(several: Hcexport) -> None:
    done = several("run", "--out", "all/", "-p", "*", "-F", "json")
    assert done.returncode == 0, done.stderr
    objects = json.loads(done.stdout)
    assert [(each["profile"], each["exit_status"]) for each in objects] == [(name, 0) for name in NAMES]
    assert [Path(each["path"]).parent.name for each in objects] == list(NAMES)
    assert all(each["tests"] for each in objects)
    lines = several("run", "-p", "eu-*").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["eu-b", "eu-a"]


def test_diff_and_history_begin_with_the_profile(several: Hcexport) -> None:
    objects = json.loads(several("diff", "-p", "*", "-F", "json").stdout)
    assert [(each["profile"], "counts" in each) for each in objects] == [(name, True) for name in NAMES]
    assert set(first_words(several("diff", "--all-tests", "-p", "*").stdout)) == set(NAMES)
    rows = json.loads(several("history", "-p", "*", "-F", "json").stdout)
    assert {(next(iter(row)), row["profile"]) for row in rows} == {("profile", name) for name in NAMES}
    assert set(first_words(several("history", "-p", "*").stdout)) == set(NAMES)


def test_more_threads_at_once_than_there_are_profiles(hcexport_alone: Hcexport) -> None:
    add_profile(hcexport_alone, "a", "https://127.0.0.1:1", "secret")
    begin = time.monotonic()
    assert hcexport_alone("jobs", "--offline", "-p", "a*", "--parallel", "999999").returncode == 0
    assert time.monotonic() - begin < 5
