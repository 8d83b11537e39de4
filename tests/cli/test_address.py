"""A wrong address: every command finds the organization at another context of the host, as ``login`` does."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from tests.support.server import Line, Server

JOB = "j0861f797-e646-4a9b-af92-f5e86b2cd824"
COMMANDS = [
    "list",
    "show",
    "status",
    "run",
    "history",
    "diff",
    "jobs --server",
    "delete --all --yes",
    "export --latest 1 --out a.zip",
    "export --run-ids abc",
    f"wait {JOB} --out a.zip",
    f"download {JOB}",
]


def lives_at(box: Sandbox) -> str:
    return box.url.removesuffix("/enterprise") + "/arcgis"


@pytest.fixture
def moved(hcexport_alone: Any) -> Any:
    """An organization at /arcgis; the profile ``prod`` names /enterprise."""
    with Sandbox(scenario="wrong-context") as box:
        home = Path(hcexport_alone.env["HCEXPORT_HOME"])
        home.mkdir()
        config = f'version = 1\n[profiles.prod]\nurl = "{box.url}"\nusername = "{box.username}"\nstore = "file"\n'
        home.joinpath("config.toml").write_text(config)
        hcexport_alone.env["HCEXPORT_TOKEN"] = box.new_token()
        yield box


class TestFound:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_by_every_command(self, hcexport_alone: Any, moved: Sandbox, command: str, error_of: Any) -> None:
        error = error_of(hcexport_alone(*command.split(), "--format", "json"), 6)
        assert lives_at(moved) in error["message"]
        assert lives_at(moved) in error["hint"]
        assert not (hcexport_alone.cwd / "a.zip").exists()

    def test_by_status_of_all_and_by_doctor(self, hcexport_alone: Any, moved: Sandbox) -> None:
        home = Path(hcexport_alone.env["HCEXPORT_HOME"])
        home.joinpath("pw").write_text(moved.password)
        home.joinpath("pw").chmod(0o600)
        assert hcexport_alone("config", "set", "-p", "prod", "password_file", home / "pw").returncode == 0
        every = json.loads(hcexport_alone("status", "--all", "--format", "json").stdout)
        assert lives_at(moved) in every[0]["error"]["hint"]
        done = hcexport_alone("doctor", "--format", "json")
        checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
        assert lives_at(moved) in checks["product"]["hint"]
        assert done.returncode == 6

    def test_without_a_token(self, hcexport_alone: Any, moved: Sandbox) -> None:
        token = hcexport_alone.env["HCEXPORT_TOKEN"]
        hcexport_alone("list")
        elsewhere = [request for request in moved.requests if not request.path.startswith("/enterprise")]
        assert elsewhere
        assert not any(token in str(request) for request in elsewhere)

    def test_the_address_of_the_profile_is_mended_as_the_hint_says(self, hcexport_alone: Any, moved: Sandbox) -> None:
        hint = hcexport_alone("list").stderr.splitlines()[-1]
        assert hcexport_alone(*hint.partition("hcexport ")[2].split()).returncode == 0
        assert hcexport_alone("list").returncode == 0

    @pytest.mark.parametrize("given", ["--url", "HCEXPORT_URL", "ARCGIS_ENTERPRISE_URL"])
    def test_the_hint_mends_what_named_it(self, hcexport_alone: Any, moved: Sandbox, given: str) -> None:
        env, words = ({}, ["--url", moved.url]) if given == "--url" else ({given: moved.url}, [])
        hint = hcexport_alone("list", *words, env=env).stderr.splitlines()[-1]
        assert f"{given}{' ' if words else '='}{lives_at(moved)}" in hint

    def test_the_command_to_go_on_with_has_the_address(self, hcexport_alone: Any, moved: Sandbox) -> None:
        hint = hcexport_alone("wait", JOB, "--url", moved.url).stderr.splitlines()[-1]
        assert f"hcexport wait {JOB} --url {lives_at(moved)}" in hint
        assert moved.url not in hint


def test_where_no_context_answers_the_address_is_explained(hcexport: Any, error_of: Any) -> None:
    with Server(lambda line: line.answer(404, b"<html>no</html>", content_type="text/html")) as server:
        url = f"http://127.0.0.1:{server.port}/gis"
        error = error_of(hcexport("list", "--url", url, "--format", "json"), 6)
        assert url in error["message"]
        asked = {request.target.partition("/sharing")[0] for request in server.requests}
    assert {"/enterprise", "/arcgis", "/portal"} <= asked


@pytest.mark.slow
def test_contexts_that_never_answer_hold_nobody_up(hcexport: Any) -> None:
    def answer(line: Line) -> None:
        if line.request.target.startswith("/gis/"):
            line.answer(404, b"<html>no</html>", content_type="text/html")
        else:
            line.stall(60)

    with Server(answer) as server:
        began = time.monotonic()
        done = hcexport("list", "--url", f"http://127.0.0.1:{server.port}/gis")
        assert done.returncode == 6
        assert time.monotonic() - began < 7
