"""``status``: who, where, until when, and where each value comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from hcexport.store.settings import ROWS
from tests.support.process import Hcexport


@pytest.fixture
def signed_in(hcexport_alone: Hcexport, box: Sandbox) -> Hcexport:
    words = ("login", box.url, "-u", box.username, "--password-stdin", "--store", "file")
    assert hcexport_alone(*words, stdin=box.password).returncode == 0
    return hcexport_alone


def status_of(hcexport: Hcexport, *words: str, **env: str) -> Hcexport:
    done = hcexport("status", "--format", "json", *words, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_says_all_that_matters(signed_in: Hcexport, box: Sandbox) -> None:
    found = status_of(signed_in)
    assert (found["url"], found["username"], found["release"]) == (box.url, box.username, box.version)
    assert found["privileges"] == {"check_health": True, "download": True}
    assert 3500 < found["token_remaining_seconds"] < 3603  # Date counts in whole seconds
    assert found["token_expires"].endswith("Z")
    assert found["token_origin"] == "file store"


def test_every_setting_has_an_origin(signed_in: Hcexport) -> None:
    found = status_of(signed_in, "--connect-timeout", "9s", HCEXPORT_OUT="a.zip")
    origins = {row["name"]: row["origin"] for row in found["settings"]}
    assert set(origins) == {"profile", *(row.name for row in ROWS)}
    assert all(origins.values())
    assert origins["connect_timeout"] == "--connect-timeout"
    assert origins["out"] == "HCEXPORT_OUT"
    assert origins["username"].startswith("profile default (config.toml:")
    assert origins["timeout"] == "built-in"


def test_text_is_a_row_a_value(signed_in: Hcexport, box: Sandbox) -> None:
    done = signed_in("status")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert all(len(row) == 3 for row in rows)
    assert ["release", box.version] in [row[:2] for row in rows]


def test_on_a_terminal_it_is_four_lines_and_never_asks(signed_in: Hcexport, box: Sandbox) -> None:
    status, shown = on_terminal(signed_in, "status")
    assert status == 0
    assert len(shown.splitlines()) == 4
    assert all(words in shown for words in (box.url, box.username, box.version, "store=file"))
    assert len(on_terminal(signed_in, "status", "--settings")[1].splitlines()) > 20
    signed_in("logout")
    assert on_terminal(signed_in, "status")[0] == 4


def on_terminal(hcexport: Hcexport, *words: str) -> tuple[int, str]:
    """Status, and what stood on a terminal of 200 columns that is all three streams."""
    ended = hcexport.at_terminal(*words, env={"COLUMNS": "200"})
    return ended.status, ended.screen


@pytest.mark.parametrize(("user", "health", "download"), [("operator", True, False), ("viewer", False, False)])
def test_the_privileges_of_others(
    hcexport_alone: Hcexport, box: Sandbox, user: str, health: bool, download: bool
) -> None:
    found = status_of(hcexport_alone, HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token(user))
    assert found["privileges"] == {"check_health": health, "download": download}
    assert found["token_origin"] == "HCEXPORT_TOKEN"
    assert found["token_expires"] is None


class TestNotSignedIn:
    def test_anywhere(self, hcexport_alone: Hcexport, error_of: Callable[..., Any]) -> None:
        error = error_of(hcexport_alone("status", "--format", "json"), 4)
        assert "hcexport login" in error["hint"]

    def test_here(self, hcexport_alone: Hcexport, box: Sandbox, error_of: Callable[..., Any]) -> None:
        error = error_of(hcexport_alone("status", "--format", "json", "--url", box.url), 4)
        assert f"hcexport login {box.url}" in error["hint"]

    def test_any_more(self, signed_in: Hcexport, box: Sandbox, error_of: Callable[..., Any]) -> None:
        box.revoke_all_tokens()
        error_of(signed_in("status", "--format", "json"), 4)


class TestEveryProfile:
    @pytest.fixture
    def other(self, signed_in: Hcexport) -> Hcexport:
        with Sandbox() as other:
            words = ("login", other.url, "-p", "test", "-u", "operator", "--password-stdin", "--store", "file")
            assert signed_in(*words, stdin=other.password).returncode == 0
            yield other

    def test_each_by_its_name(self, signed_in: Hcexport, box: Sandbox, other: Sandbox) -> None:
        found = {each["profile"]: each for each in status_of(signed_in, "--all")}
        assert {name: each["url"] for name, each in found.items()} == {"default": box.url, "test": other.url}
        assert found["test"]["username"] == "operator"

    def test_text_is_a_row_a_profile(self, signed_in: Hcexport, other: Sandbox) -> None:
        lines = [line.split("\t") for line in signed_in("status", "--all").stdout.splitlines()]
        assert [line[0] for line in lines] == ["default", "test"]
        assert lines[1][1:3] == [other.url, "operator"]

    def test_rows_of_settings_begin_with_it(self, signed_in: Hcexport, other: Sandbox) -> None:
        lines = [line.split("\t") for line in signed_in("status", "--all", "--settings").stdout.splitlines()]
        assert {line[0] for line in lines} == {"default", "test"}
        assert ["test", "account", "operator"] in [line[:3] for line in lines]

    def test_the_environments_organization_is_left_out(self, signed_in: Hcexport, box: Sandbox, other: Sandbox) -> None:
        found = status_of(signed_in, "--all", HCEXPORT_URL=other.url, ARCGIS_ENTERPRISE_URL=other.url)
        assert {each["url"] for each in found} == {box.url, other.url}

    def test_some_that_fail_are_status_8(self, signed_in: Hcexport, other: Sandbox) -> None:
        other.revoke_all_tokens()
        done = signed_in("status", "--all")
        assert done.returncode == 8
        assert done.stdout.startswith("default\t")
        assert "test" in done.stderr

    def test_all_that_fail_alike_have_their_own_status(self, signed_in: Hcexport, box: Sandbox, other: Sandbox) -> None:
        box.revoke_all_tokens()
        other.revoke_all_tokens()
        assert signed_in("status", "--all").returncode == 4

    @pytest.mark.parametrize("failed", [["test"], ["default", "test"]])
    def test_json_has_every_profile_and_the_errors(
        self, signed_in: Hcexport, box: Sandbox, other: Sandbox, failed: list[str]
    ) -> None:
        for each in (other, box)[: len(failed)]:
            each.revoke_all_tokens()
        done = signed_in("status", "--all", "--format", "json")
        assert done.returncode == (8 if len(failed) == 1 else 4)
        found = {each["profile"]: each for each in json.loads(done.stdout)}
        assert [name for name, each in found.items() if each["error"]] == failed
        assert found["test"]["url"] == other.url
        assert found["test"]["error"]["code"] == "auth"
        assert json.loads(done.stderr.splitlines()[-1])["error"]["exit_status"] == done.returncode

    def test_without_a_profile(self, hcexport_alone: Hcexport) -> None:
        assert hcexport_alone("status", "--all").returncode == 4

    @pytest.mark.parametrize("named", [["-p", "default"], ["--url", "https://gis.example.com/x"]])
    def test_one_that_is_named_contradicts_it(self, signed_in: Hcexport, named: list[str]) -> None:
        assert signed_in("status", "--all", *named).returncode == 2
