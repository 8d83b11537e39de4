"""``config``: the file's place, every value with its origin, and changes that leave the rest as it was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

FILE = """\
# kept by the night shift
version = 1
profile = "prod"

[defaults]
timeout = "1h"   # slow storage

[profiles.prod]
url = "https://gis.example.com/arcgis"
username = "ops"
poll_interval = 5

[profiles.test]
url = "https://test.example.com/arcgis"
"""


@pytest.fixture
def file(hcexport_alone: Hcexport) -> Path:
    path = Path(hcexport_alone.env["HCEXPORT_HOME"], "config.toml")
    path.parent.mkdir(parents=True)
    path.write_text(FILE)
    return path


def values(hcexport: Hcexport, *words: str, **env: str) -> dict[str, tuple[Any, str]]:
    done = hcexport("config", "list", "--format", "json", *words, env=env)
    assert done.returncode == 0, done.stderr
    return {row["name"]: (row["value"], row["origin"]) for row in json.loads(done.stdout)}


class TestPath:
    def test_where_it_is_or_would_be(self, hcexport_alone: Hcexport) -> None:
        path = Path(hcexport_alone.env["HCEXPORT_HOME"], "config.toml")
        assert hcexport_alone("config", "path").stdout == f"{path}\n"
        assert json.loads(hcexport_alone("config", "path", "--format", "json").stdout) == {"path": str(path)}

    def test_also_of_one_that_cannot_be_read(self, hcexport_alone: Hcexport, file: Path) -> None:
        file.write_text("= broken")
        assert hcexport_alone("config", "path").stdout == f"{file}\n"


class TestList:
    def test_each_value_has_its_origin(self, hcexport_alone: Hcexport, file: Path) -> None:
        found = values(hcexport_alone, HCEXPORT_POLL_INTERVAL="2s")
        assert found["profile"] == ("prod", "config.toml:3")
        assert found["timeout"] == (3600.0, "defaults (config.toml:6)")
        assert found["username"] == ("ops", "profile prod (config.toml:10)")
        assert found["poll_interval"] == (2.0, "HCEXPORT_POLL_INTERVAL")
        assert found["if_exists"] == ("fail", "built-in")

    def test_of_another_profile(self, hcexport_alone: Hcexport, file: Path) -> None:
        assert values(hcexport_alone, "-p", "test")["url"][0] == "https://test.example.com/arcgis"

    def test_text_is_a_row_a_value(self, hcexport_alone: Hcexport, file: Path) -> None:
        lines = hcexport_alone("config", "list").stdout.splitlines()
        assert "username\tops\tprofile prod (config.toml:10)" in lines

    def test_no_secret_of_a_command_is_shown(self, hcexport_alone: Hcexport) -> None:
        shown = values(hcexport_alone, HCEXPORT_PASSWORD_COMMAND="vault read --token=abcdefgh pw")["password_command"]
        assert "abcdefgh" not in shown[0]


class TestGet:
    def test_one_value(self, hcexport_alone: Hcexport, file: Path) -> None:
        assert hcexport_alone("config", "get", "username").stdout == "ops\n"
        assert hcexport_alone("config", "get", "poll-interval").stdout == "5s\n"
        assert hcexport_alone("config", "get", "url", "-p", "test").stdout == "https://test.example.com/arcgis\n"

    def test_with_its_origin(self, hcexport_alone: Hcexport, file: Path) -> None:
        found = json.loads(hcexport_alone("config", "get", "username", "--format", "json").stdout)
        assert found == {"name": "username", "value": "ops", "origin": "profile prod (config.toml:10)"}

    def test_what_is_not_set_is_status_5(
        self, hcexport_alone: Hcexport, file: Path, refused: Callable[..., Any]
    ) -> None:
        refused(hcexport_alone("config", "get", "ca_bundle"), 5)


class TestSet:
    def test_to_the_defaults_and_the_rest_stays(self, hcexport_alone: Hcexport, file: Path) -> None:
        done = hcexport_alone("config", "set", "timeout", "2h")
        assert (done.returncode, done.stdout) == (0, "")
        assert file.read_text() == FILE.replace('"1h"', '"2h"')

    def test_to_a_profile(self, hcexport_alone: Hcexport, file: Path) -> None:
        assert hcexport_alone("config", "set", "-p", "test", "timeout", "5m").returncode == 0
        assert values(hcexport_alone, "-p", "test")["timeout"][0] == 300.0
        assert values(hcexport_alone)["timeout"][0] == 3600.0

    def test_the_profile_that_is_used(self, hcexport_alone: Hcexport, file: Path) -> None:
        assert hcexport_alone("config", "set", "profile", "test").returncode == 0
        assert values(hcexport_alone)["profile"][0] == "test"

    def test_makes_the_file(self, hcexport_alone: Hcexport) -> None:
        assert hcexport_alone("config", "set", "timeout", "2h").returncode == 0
        assert values(hcexport_alone)["timeout"] == (7200.0, "defaults (config.toml:4)")

    def test_makes_a_profile_by_its_address_only(self, hcexport_alone: Hcexport, file: Path) -> None:
        assert hcexport_alone("config", "set", "-p", "tset", "timeout", "1h").returncode == 78
        assert file.read_text() == FILE
        assert hcexport_alone("config", "set", "-p", "new", "url", "https://new.example.com/x").returncode == 0
        assert values(hcexport_alone, "-p", "new")["url"][0] == "https://new.example.com/x"

    @pytest.mark.parametrize(("name", "env"), [("poll_interval", {}), ("timeout", {"HCEXPORT_TIMEOUT": "3h"})])
    def test_what_stands_before_it_is_said(
        self, hcexport_alone: Hcexport, file: Path, name: str, env: dict[str, str]
    ) -> None:
        assert name in hcexport_alone("config", "set", name, "7s", env=env).stderr

    @pytest.mark.parametrize(
        ("name", "value"),
        [("timeuot", "1h"), ("timeout", "soon"), ("store", "paper"), ("url", "gis.example.com"), ("password", "x")],
    )
    def test_what_cannot_be_is_status_2_and_changes_nothing(
        self, hcexport_alone: Hcexport, file: Path, name: str, value: str, refused: Callable[..., Any]
    ) -> None:
        refused(hcexport_alone("config", "set", name, value), 2)
        assert file.read_text() == FILE

    def test_a_near_name_is_offered(self, hcexport_alone: Hcexport) -> None:
        assert "'timeout'" in hcexport_alone("config", "set", "timeuot", "1h").stderr


class TestUnset:
    def test_from_the_defaults_and_from_a_profile(self, hcexport_alone: Hcexport, file: Path) -> None:
        assert hcexport_alone("config", "unset", "timeout").returncode == 0
        assert hcexport_alone("config", "unset", "-p", "prod", "username").returncode == 0
        found = values(hcexport_alone)
        assert (found["timeout"][1], found["username"][1]) == ("built-in", "built-in")
        assert file.read_text().startswith("# kept by the night shift\n")

    def test_what_is_wrong_in_the_file_can_be_taken_out(self, hcexport_alone: Hcexport, file: Path) -> None:
        file.write_text(FILE.replace('"1h"', '"soon"'))
        assert hcexport_alone("config", "list").returncode == 78
        assert hcexport_alone("config", "unset", "timeout").returncode == 0
        assert hcexport_alone("config", "list").returncode == 0


class TestProfiles:
    def test_an_unknown_one_is_never_the_default(
        self, hcexport_alone: Hcexport, file: Path, refused: Callable[..., Any]
    ) -> None:
        for words in (("set", "profile", "nope"), ("use", "nope"), ("remove", "nope"), ("rename", "nope", "x")):
            assert "prod, test" in refused(hcexport_alone("config", *words), 78)
        assert file.read_text() == FILE

    def test_a_file_that_names_an_unknown_one_can_be_listed(self, hcexport_alone: Hcexport, file: Path) -> None:
        file.write_text(FILE.replace('profile = "prod"', 'profile = "nope"'))
        assert values(hcexport_alone)["profile"] == ("nope", "config.toml:3")
        done = hcexport_alone("list")
        assert done.returncode == 78
        assert "prod, test" in done.stderr

    def test_use(self, hcexport_alone: Hcexport, file: Path) -> None:
        assert hcexport_alone("config", "use", "test").returncode == 0
        assert file.read_text() == FILE.replace('profile = "prod"', 'profile = "test"')

    def test_without_a_default_the_names_are_shown(
        self, hcexport_alone: Hcexport, file: Path, refused: Callable[..., Any]
    ) -> None:
        assert hcexport_alone("config", "unset", "profile").returncode == 0
        for command in ("list", "status"):
            assert "prod, test" in refused(hcexport_alone(command), 78)

    def test_rename_keeps_its_place_and_comments(self, hcexport_alone: Hcexport, file: Path) -> None:
        assert hcexport_alone("config", "rename", "prod", "live.eu").returncode == 0
        assert file.read_text() == FILE.replace('"prod"', '"live.eu"').replace("profiles.prod", 'profiles."live.eu"')

    def test_rename_of_one_that_is_written_another_way(self, hcexport_alone: Hcexport, file: Path) -> None:
        file.write_text('version = 1\nprofiles.a.url = "https://a.example.com/x"\n')
        assert hcexport_alone("config", "rename", "a", "b").returncode == 0
        assert values(hcexport_alone, "-p", "b")["url"][0] == "https://a.example.com/x"

    def test_rename_onto_another_is_refused(self, hcexport_alone: Hcexport, file: Path) -> None:
        assert hcexport_alone("config", "rename", "prod", "test").returncode == 2
        assert file.read_text() == FILE

    def test_remove_of_the_default(self, hcexport_alone: Hcexport, file: Path) -> None:
        assert hcexport_alone("config", "remove", "prod").returncode == 0
        assert values(hcexport_alone)["profile"] == ("test", "the only profile")
        assert file.read_text().startswith("# kept by the night shift\n")

    def test_its_secrets_follow_a_rename_and_go_with_it(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        words = ("login", box.url, "-u", box.username, "--password-stdin", "--store", "file", "-p", "one")
        assert hcexport_alone(*words, stdin=box.password).returncode == 0
        assert hcexport_alone("config", "rename", "one", "two").returncode == 0
        assert hcexport_alone("status", "-p", "two").returncode == 0
        folder = Path(hcexport_alone.env["HCEXPORT_HOME"], "credentials")
        assert list(folder.glob("*.token"))
        assert hcexport_alone("config", "remove", "two").returncode == 0
        assert not list(folder.glob("*.token"))


class TestTheFile:
    def test_unknown_keys_are_warned_about_with_the_nearest(self, hcexport_alone: Hcexport, file: Path) -> None:
        file.write_text(FILE.replace("poll_interval", "pol_interval"))
        done = hcexport_alone("config", "list")
        assert done.returncode == 0
        assert f"{file}:11" in done.stderr
        assert "'poll_interval'" in done.stderr

    def test_one_of_a_newer_version_is_read_and_not_written(self, hcexport_alone: Hcexport, file: Path) -> None:
        newer = FILE.replace("version = 1", "version = 2")
        file.write_text(newer)
        assert values(hcexport_alone)["username"][0] == "ops"
        assert hcexport_alone("config", "set", "timeout", "2h").returncode == 78
        assert file.read_text() == newer

    @pytest.mark.parametrize(
        "text",
        ["[defaults]\ntimeout = '1m'\ntimeout = '2m'\n", "[profiles.p]\nurl = 'u'\n[profiles.p.url]\nz = 1\n"],
    )
    def test_a_key_that_stands_twice_is_no_bug_of_ours(
        self, hcexport_alone: Hcexport, file: Path, text: str, refused: Callable[..., Any]
    ) -> None:
        file.write_text(text)
        for words in (("set", "timeout", "3m"), ("unset", "timeout")):
            assert "config.toml:3" in refused(hcexport_alone("config", *words), 78)
        assert file.read_text() == text

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("version = 1\n= 3\n", 2),
            ("[profiles.x]\nurl = 3\n", 2),
            ("\n\ntoken = 'x'\n", 3),
            ("[defaults]\nstore = 'paper'", 2),
        ],
    )
    def test_each_error_names_file_and_line(
        self, hcexport_alone: Hcexport, file: Path, text: str, line: int, refused: Callable[..., Any]
    ) -> None:
        file.write_text(text)
        done = hcexport_alone("config", "list")
        assert f"config.toml:{line}" in refused(done, 78)


@pytest.mark.parametrize("words", [[], ["lsit"], ["get"], ["set", "timeout"], ["path", "x"], ["unset", "a", "b"]])
def test_wrong_words_are_status_2(hcexport_alone: Hcexport, words: list[str], refused: Callable[..., Any]) -> None:
    refused(hcexport_alone("config", *words), 2)
