"""``hcexport doctor``: it ends with the status of ``export``, names what is wrong, and changes nothing."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hcexport.cli.app import App, CommonOptions
from hcexport.doctor import examine
from hcexport.sandbox import Sandbox
from hcexport.sandbox.sandbox import self_signed
from tests.support.process import Hcexport
from tests.support.server import Answer, Line, Server

LOCAL_NAMES = ["configuration", "profile", "folders", "secrets", "proxy"]
SERVER_NAMES = ["dns", "tcp", "tls", "clock", "product", "sign_in", "privileges", "suites", "newest_report"]
NAMES = [*LOCAL_NAMES, *SERVER_NAMES, "open_jobs", "notifications"]
PAGE = b"<html><body>Forbidden</body></html>"


def diagnosis(hcexport: Hcexport, *args: str, status: int, **env: str) -> dict[str, dict[str, Any]]:
    """The checks by name; the error is that of the first check that failed."""
    done = hcexport("doctor", "-F", "json", *args, env=env)
    assert done.returncode == status, done.stderr
    body = json.loads(done.stdout)
    assert list(body) == ["ready", "checks"]
    assert [check["name"] for check in body["checks"]] == NAMES
    assert all(list(check) == ["name", "result", "found", "hint", "seconds"] for check in body["checks"])
    failed = [check for check in body["checks"] if check["result"] == "fail"]
    assert body["ready"] == (not failed) == (status == 0)
    assert all(check["hint"] for check in failed), failed  # what to type
    if failed:
        error = json.loads(done.stderr.splitlines()[-1])["error"]
        assert (error["exit_status"], error["message"]) == (status, failed[0]["found"])
    return {check["name"]: check for check in body["checks"]}


def first_failure(hcexport: Hcexport, status: int, *args: str, **env: str) -> str:
    checks = diagnosis(hcexport, *args, status=status, **env)
    return next((name for name, check in checks.items() if check["result"] == "fail"), "")


def test_ready(hcexport: Hcexport, box: Sandbox) -> None:
    checks = diagnosis(hcexport, status=0)
    assert {check["result"] for check in checks.values()} <= {"ok", "skip"}
    assert box.reports[0].id in checks["newest_report"]["found"]
    done = hcexport("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    *rows, last = done.stdout.splitlines()
    assert [row.split("\t")[0] for row in rows] == NAMES
    assert last == "ready"
    assert hcexport.env["HCEXPORT_TOKEN"] not in done.stdout


LOCAL = {
    "a broken config file": ({"CONFIG": "profile = "}, "configuration", 78),
    "a secret in the config file": ({"CONFIG": "[defaults]\npassword = 'x'"}, "configuration", 78),
    "an unknown profile": ({"HCEXPORT_PROFILE": "nope", "HCEXPORT_URL": ""}, "profile", 78),
    "no organization": ({"HCEXPORT_URL": ""}, "profile", 78),
    "a bad variable": ({"HCEXPORT_TIMEOUT": "soon"}, "profile", 2),
    "an address without https": ({"HCEXPORT_URL": "http://gis.example.com/x"}, "profile", 2),
    "no folder for the zip": ({"HCEXPORT_OUT": "missing/x.zip"}, "folders", 73),
    "not signed in": ({"HCEXPORT_TOKEN": ""}, "secrets", 4),
    "no password file": (
        {"HCEXPORT_TOKEN": "", "HCEXPORT_USERNAME": "administrator", "HCEXPORT_PASSWORD_FILE": "missing"},
        "secrets",
        78,
    ),
    "a token that cannot be one": ({"HCEXPORT_TOKEN": "a b\tc"}, "secrets", 2),
    "a proxy that is not spoken": (
        {"HCEXPORT_URL": "https://gis.invalid/x", "HTTPS_PROXY": "socks5://127.0.0.1:9"},
        "proxy",
        78,
    ),
    "no CA bundle": ({"HCEXPORT_URL": "https://127.0.0.1:PORT/x", "HCEXPORT_CA_BUNDLE": "missing.pem"}, "tls", 78),
    "a token that is not taken": ({"HCEXPORT_TOKEN": "not-of-this-organization"}, "sign_in", 4),
}


@pytest.mark.parametrize("situation", LOCAL)
def test_it_ends_as_export_does(hcexport: Hcexport, box: Sandbox, situation: str) -> None:
    env, name, status = LOCAL[situation]
    env = {key: value.replace("PORT", box.url.split(":")[2].split("/")[0]) for key, value in env.items()}
    home = Path(hcexport.env["HCEXPORT_HOME"])
    home.mkdir(mode=0o700)
    if text := env.pop("CONFIG", ""):
        (home / "config.toml").write_text(text)
    assert hcexport("export", "--latest", "1", env=env).returncode == status
    assert first_failure(hcexport, status, **env) == name


SANDBOXES: dict[str, tuple[dict[str, Any], str, int]] = {
    "another product": ({"deployment": "ArcGISEnterprise"}, "product", 78),
    "an old release": ({"version": "11.1"}, "product", 78),
    "a wrong context": ({"scenario": "wrong-context"}, "product", 6),
    "read-only": ({"scenario": "read-only"}, "privileges", 6),
    "paging quirks": ({"scenario": "paging-quirks"}, "", 0),
}


@pytest.mark.parametrize("situation", SANDBOXES)
def test_organizations(hcexport_alone: Hcexport, situation: str) -> None:
    options, name, status = SANDBOXES[situation]
    with Sandbox(job_seconds=0.05, **options) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        assert hcexport_alone("export", "--latest", "1").returncode == status
        assert first_failure(hcexport_alone, status) == name


@pytest.mark.parametrize(
    ("username", "password", "name", "status"),
    [("administrator", "", "", 0), ("viewer", "", "privileges", 4), ("administrator", "wrong", "sign_in", 4)],
)
def test_accounts(
    hcexport_alone: Hcexport, box: Sandbox, *, username: str, password: str, name: str, status: int
) -> None:
    file = hcexport_alone.cwd / "password"
    file.write_text(password or box.password)
    file.chmod(0o600)
    hcexport_alone.env.update(
        HCEXPORT_URL=box.url, HCEXPORT_USERNAME=username, HCEXPORT_PASSWORD_FILE=str(file), HCEXPORT_TOKEN=""
    )
    assert first_failure(hcexport_alone, status) == name
    assert hcexport_alone("export", "--latest", "1").returncode == status
    assert first_failure(hcexport_alone, status) == name
    sent = [request for request in box.requests if request.path.endswith("generateToken")]
    assert len(sent) == (1 if password else 3)  # a password that was refused is not sent again


def test_a_missing_download_privilege_is_a_warning(hcexport: Hcexport, box: Sandbox) -> None:
    token = box.new_token(username="operator")
    assert diagnosis(hcexport, status=0, HCEXPORT_TOKEN=token)["privileges"]["result"] == "warn"


def test_an_untrusted_certificate(hcexport_alone: Hcexport, tmp_path: Path) -> None:
    with Sandbox(certificate=self_signed(tmp_path)) as box:
        env = {"HCEXPORT_URL": box.url, "HCEXPORT_TOKEN": box.new_token()}
        assert hcexport_alone("export", "--latest", "1", env=env).returncode == 6
        checks = diagnosis(hcexport_alone, status=6, **env)
        assert [checks[name]["result"] for name in ("tcp", "tls", "clock", "sign_in")] == ["ok", "fail", "skip", "skip"]
        env["HCEXPORT_CA_BUNDLE"] = str(tmp_path / "sandbox.crt")
        assert diagnosis(hcexport_alone, status=0, **env)["tls"]["result"] in {"ok", "warn"}  # it lasts 30 days


def test_nobody_answers(hcexport_alone: Hcexport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    env = {"HCEXPORT_URL": f"http://127.0.0.1:{port}/x", "HCEXPORT_TOKEN": "some-token"}
    assert first_failure(hcexport_alone, 6, **env) == "tcp"
    assert first_failure(hcexport_alone, 6, **{**env, "HCEXPORT_URL": "https://gis.invalid/x"}) == "dns"


def refuse(line: Line) -> None:
    line.answer(403, PAGE, content_type="text/html")


def show_pages(line: Line) -> None:
    """A web server: the portal is not told, and everything else is a page."""
    is_portal = line.request.target.split("?")[0].endswith("portals/self")
    line.answer(200, b'{"portalDeploymentType": 7}' if is_portal else PAGE)


@pytest.mark.parametrize(
    ("scheme", "answer", "name", "status"),
    [
        ("http", refuse, "sign_in", 4),
        ("http", show_pages, "sign_in", 6),
        ("http", Line.stall, "product", 6),
        ("https", Line.stall, "tls", 6),
    ],
)
def test_odd_servers(environment: Mapping[str, str], *, scheme: str, answer: Answer, name: str, status: int) -> None:
    """In this process, where a check can be given less than 5 s."""
    with Server(answer) as server:
        url = f"{scheme}://127.0.0.1:{server.port}/x"
        environ = {**environment, "HCEXPORT_URL": url, "HCEXPORT_TOKEN": "some-token"}
        started = time.monotonic()
        with App(CommonOptions(no_input=True), environ) as app:
            checks = list(examine(app, limit_s=0.4))
        assert time.monotonic() - started < 4
    (failed, *_) = [check for check in checks if check.result == "fail"]
    assert failed.error
    assert (failed.name, failed.error.status) == (name, status)


def test_it_changes_nothing(hcexport: Hcexport, box: Sandbox) -> None:
    home = Path(hcexport.env["HCEXPORT_HOME"])
    hcexport("export", "--latest", "1")
    (home / "history.db").write_bytes(b"broken" * 99)
    before = {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in home.rglob("*")}
    checks = diagnosis(hcexport, status=0)
    assert checks["folders"]["result"] == "warn"
    assert "history.db" in checks["folders"]["found"]
    assert checks["open_jobs"]["result"] == "warn"  # submitted, and nobody has waited
    after = {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in home.rglob("*")}
    assert after == before
    posts = [request for request in box.requests if request.method == "POST"]
    assert len(posts) == 1  # the export above


def test_a_password_without_a_user(hcexport: Hcexport) -> None:
    checks = diagnosis(hcexport, status=4, HCEXPORT_TOKEN="", HCEXPORT_PASSWORD="some password")
    assert "HCEXPORT_USERNAME" in checks["secrets"]["hint"]
    assert "some password" not in json.dumps(checks)


def test_a_password_command_is_run_once(hcexport: Hcexport, box: Sandbox) -> None:
    command = f"sh -c 'echo run >> {hcexport.cwd}/runs; echo {box.password}'"
    env = {"HCEXPORT_TOKEN": "", "HCEXPORT_USERNAME": box.username, "HCEXPORT_PASSWORD_COMMAND": command}
    assert diagnosis(hcexport, status=0, **env)["secrets"]["result"] == "ok"
    assert (hcexport.cwd / "runs").read_text() == "run\n"


def test_what_login_kept_is_used_and_nothing_more_is_kept(hcexport_alone: Hcexport, box: Sandbox) -> None:
    password = hcexport_alone.cwd / "password"
    password.write_text(box.password)
    password.chmod(0o600)
    words = ("login", box.url, "-u", box.username, "--password-file", str(password), "--store", "file")
    assert hcexport_alone(*words).returncode == 0
    assert diagnosis(hcexport_alone, status=0)["sign_in"]["result"] == "ok"
    (token,) = Path(hcexport_alone.env["HCEXPORT_HOME"], "credentials").glob("*.token")
    token.unlink()
    assert diagnosis(hcexport_alone, status=0)["sign_in"]["result"] == "ok"  # by the password
    assert not token.exists()


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "http://proxy.invalid:3128"])
def test_a_proxy_that_is_not_there(hcexport: Hcexport, proxy: str) -> None:
    env = {"HCEXPORT_URL": "https://gis.invalid/x", "HTTPS_PROXY": proxy}
    assert first_failure(hcexport, 6, **env) == ("tcp" if "127" in proxy else "dns")


def test_an_old_number_of_the_portal_is_no_proof(environment: Mapping[str, str]) -> None:
    def say_an_old_number(line: Line) -> None:
        is_portal = line.request.target.split("?")[0].endswith("portals/self")
        line.answer(200, b'{"currentVersion": "10.1"}' if is_portal else b'{"userSuites": []}')

    with Server(say_an_old_number) as server:
        url = f"http://127.0.0.1:{server.port}/x"
        with App(CommonOptions(no_input=True), {**environment, "HCEXPORT_URL": url, "HCEXPORT_TOKEN": "t"}) as app:
            checks = {check.name: check.result for check in examine(app, limit_s=1.0)}
    assert checks["product"] == "ok"


def test_offline_asks_nobody(hcexport: Hcexport, box: Sandbox) -> None:
    checks = diagnosis(hcexport, "--offline", status=0)
    assert box.requests == []
    assert {name for name, check in checks.items() if check["result"] == "skip"} == set(SERVER_NAMES)
    assert first_failure(hcexport, 78, "--offline", HCEXPORT_URL="") == "profile"


def test_a_bad_ping_is_a_warning_that_hides_the_address(hcexport: Hcexport) -> None:
    env = {"HCEXPORT_PING": "http://hc.example.com/0f3b9c1d-4e5f-4a6b-8c7d-aaaaaaaaaaaa"}
    done = hcexport("doctor", env=env)
    assert done.returncode == 0
    assert "0f3b9c1d" not in done.stdout
    assert [row.split("\t")[1] for row in done.stdout.splitlines() if row.startswith("notifications")] == ["warn"]


def test_the_last_line_names_the_check(hcexport: Hcexport) -> None:
    done = hcexport("doctor", env={"HCEXPORT_TOKEN": "wrong-token"})
    assert done.returncode == 4
    assert done.stdout.splitlines()[-1] == "not ready: sign_in"


def test_the_ping_of_the_profile_is_looked_at(hcexport: Hcexport) -> None:
    home = Path(hcexport.env["HCEXPORT_HOME"])
    home.mkdir(mode=0o700, exist_ok=True)
    for scheme, result in (("https", "ok"), ("http", "warn")):
        (home / "config.toml").write_text(f'[defaults]\nping = "{scheme}://hc.example.com/0f3b9c1d-4e5f"\n')
        check = diagnosis(hcexport, "--offline", status=0)["notifications"]
        assert check["result"] == result
        assert "0f3b9c1d" not in str(check)
        assert result == "warn" or "ping" in check["found"]
