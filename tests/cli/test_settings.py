"""Where a value comes from: option, environment, profile, defaults, built-in; and how the origin is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport


@pytest.fixture
def config(hcexport_alone: Hcexport) -> Path:
    path = Path(hcexport_alone.env["HCEXPORT_HOME"]) / "config.toml"
    path.parent.mkdir()
    return path


def origins(hcexport: Hcexport, *args: str, **env: str) -> dict[str, tuple[Any, str]]:
    done = hcexport("status", "-F", "json", *args, env=env)
    assert done.returncode == 0, done.stderr
    return {row["name"]: (row["value"], row["origin"]) for row in json.loads(done.stdout)["settings"]}


def test_each_source_in_its_order(hcexport: Hcexport, config: Path) -> None:
    assert origins(hcexport)["timeout"] == (1800, "built-in")

    config.write_text(f'[defaults]\ntimeout = "4m"\n[profiles.prod]\nurl = "{hcexport.env["HCEXPORT_URL"]}"\n')
    value, origin = origins(hcexport)["timeout"]
    assert value == 240
    assert origin.startswith("defaults (")
    assert "config.toml:2" in origin

    config.write_text(config.read_text() + 'timeout = "3m"\n')
    value, origin = origins(hcexport)["timeout"]
    assert value == 180
    assert origin.startswith("profile prod (")
    assert "config.toml:5" in origin

    assert origins(hcexport, HCEXPORT_TIMEOUT="2m")["timeout"] == (120, "HCEXPORT_TIMEOUT")
    assert origins(hcexport, "--color", "never", HCEXPORT_COLOR="always")["color"] == ("never", "--color")
    assert origins(hcexport, HCEXPORT_COLOR="always")["color"] == ("always", "HCEXPORT_COLOR")


def test_the_organization_by_profile_option_and_environment(hcexport: Hcexport, config: Path, box: Sandbox) -> None:
    del hcexport.env["HCEXPORT_URL"]
    other = "https://other.invalid/x"
    config.write_text(f'profile = "a"\n[profiles.a]\nurl = "{box.url}/home"\n[profiles.b]\nurl = "{other}"\n')
    assert origins(hcexport)["url"][0] == box.url  # any address that people paste
    assert origins(hcexport)["profile"][0] == "a"
    assert origins(hcexport, "-p", "a", HCEXPORT_PROFILE="b")["profile"] == ("a", "--profile")
    assert origins(hcexport, "--url", f"{box.url}/manager", HCEXPORT_PROFILE="b")["url"] == (box.url, "--url")
    assert origins(hcexport, HCEXPORT_URL=f"{box.url}/admin/")["url"] == (box.url, "HCEXPORT_URL")
    assert origins(hcexport, ARCGIS_ENTERPRISE_URL=box.url)["url"] == (box.url, "ARCGIS_ENTERPRISE_URL")
    both = origins(hcexport, ARCGIS_ENTERPRISE_URL=other, HCEXPORT_URL=box.url)
    assert both["url"] == (box.url, "HCEXPORT_URL")


def test_a_file_that_cannot_be_read_is_named_with_its_line(
    hcexport: Hcexport, config: Path, box: Sandbox, error_of: Callable[..., Any]
) -> None:
    config.write_text('[defaults]\ncolor = "never"\nthis is no TOML\n')
    for command in (["list"], ["export", "--latest", "1"], ["status"], ["jobs"]):
        message = error_of(hcexport(*command, "-F", "json"), 78)["message"]
        assert str(config) in message
        assert "3" in message.replace(str(config), "")
    config.write_text('[defaults]\n\ntimeout = "soon"\n')
    message = error_of(hcexport("list", "-F", "json"), 78)["message"]
    assert "config.toml:3" in message
    assert "'soon'" in message
    assert not box.requests


def test_an_unknown_key_is_warned_about_with_the_nearest(hcexport: Hcexport, config: Path) -> None:
    config.write_text('[defaults]\ntimeoout = "3m"\n')
    done = hcexport("list", "--latest", "1")
    assert done.returncode == 0
    assert done.stderr.count("hcexport: warning: ") == 1
    assert "timeoout" in done.stderr
    assert "'timeout'" in done.stderr.replace('"', "'")


@pytest.mark.parametrize(
    ("env", "status"),
    [
        ({"HCEXPORT_URL": "gis.example.com"}, 2),
        ({"HCEXPORT_TIMEOUT": "soon"}, 2),
        ({"HCEXPORT_IF_EXISTS": "explode"}, 2),
        ({"HCEXPORT_PROFILE": "nosuch", "HCEXPORT_URL": ""}, 78),
        ({"HCEXPORT_URL": ""}, 78),
        ({"HCEXPORT_CA_BUNDLE": "/nowhere.pem", "HCEXPORT_URL": "https://127.0.0.1:9/x"}, 78),
        ({"HTTPS_PROXY": "socks5://127.0.0.1:1", "HCEXPORT_URL": "https://gis.invalid/x"}, 78),
        ({"HTTPS_PROXY": "http://me:pw@[", "HCEXPORT_URL": "https://gis.invalid/x"}, 78),
        ({"HCEXPORT_TOKEN": ""}, 4),
    ],
)
def test_bad_values_of_the_environment_name_the_variable(
    hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any], env: dict[str, str], status: int
) -> None:
    error = error_of(hcexport("list", "-F", "json", env=env), status)
    name, value = next(iter(env.items()))
    assert not value or value in error["message"] or name in error["message"]
    assert "pw@" not in error["message"]
    assert not box.requests


def test_not_signed_in(hcexport: Hcexport, error_of: Callable[..., Any]) -> None:
    for command in (["list"], ["status"], ["export", "--latest", "1"], ["wait", "j1"], ["show", "x"]):
        error = error_of(hcexport(*command, "-F", "json", env={"HCEXPORT_TOKEN": ""}), 4)
        assert "hcexport login" in error["hint"]
    error = error_of(hcexport("list", "-F", "json", env={"HCEXPORT_TOKEN": "expired-token-of-ours"}), 4)
    assert "expired-token-of-ours" not in json.dumps(error)
    assert "HCEXPORT_TOKEN" in error["message"] + error["hint"]


@pytest.mark.slow
def test_a_server_that_is_not_there(hcexport: Hcexport, box: Sandbox, error_of: Callable[..., Any]) -> None:
    box.stop()
    done = hcexport("list", "-F", "json", "--connect-timeout", "1s")
    error = error_of(done, 6)
    assert error["retryable"]


def test_status_says_who_and_until_when(hcexport: Hcexport, box: Sandbox) -> None:
    status = json.loads(hcexport("status", "-F", "json").stdout)
    assert status["url"] == box.url
    assert status["username"] == box.username
    assert status["release"] == "12.0"
    assert status["token_origin"] == "HCEXPORT_TOKEN"
    assert status["privileges"] == {"check_health": True, "download": True}

    lines = dict(line.split("\t")[:2] for line in hcexport("status").stdout.splitlines())
    assert lines["account"] == box.username
    assert (lines["timeout"], lines["connect_timeout"]) == ("30m", "10s")  # as people type them

    operator = json.loads(hcexport("status", "-F", "json", env={"HCEXPORT_TOKEN": box.new_token("operator")}).stdout)
    assert operator["privileges"] == {"check_health": True, "download": False}


def test_nothing_is_left_in_the_working_folder(hcexport: Hcexport) -> None:
    for command in (["list"], ["status"], ["jobs"], ["export", "--latest", "1"]):
        hcexport(*command)
    assert list(hcexport.cwd.iterdir()) == []
