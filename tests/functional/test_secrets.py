"""Canaries: a password, tokens and a proxy's password, looked for in everything that hcexport says, writes or sends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from test_oauth_web import APP, Person, ended, kept, signing_in

from hcexport.sandbox import Sandbox
from hcexport.sandbox.context import RequestContext
from hcexport.sandbox.endpoints import admin, health, sharing
from hcexport.sandbox.http import Json, Response
from hcexport.sandbox.scenarios import ROWS, SCENARIOS, Scenario, change_json, instead
from tests.support.process import Hcexport

_OURS = token_hex(6)  # /proc shows the processes of other test runs, too
PASSWORD = f"canary-{_OURS} \"w&rd'<é>"
WRONG = f"canary-{_OURS}-wr0ng"

pytestmark = pytest.mark.slow


@dataclass
class Aviary:
    """Runs hcexport at its most talkative, and keeps all that could give a canary away."""

    hcexport: Hcexport
    folder: Path
    canaries: list[str]
    said: list[str] = field(default_factory=list)
    words: set[str] = field(default_factory=set)

    def __call__(self, *words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = self.hcexport(
            *words, "-vv", "--log-file", self.folder / "log", **options
        )
        self.said += [done.stdout, done.stderr]
        return done

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note the arguments of every process of this machine, as anybody can."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.005):
                for process in Path("/proc").iterdir():
                    with suppress(OSError):
                        words = (process / "cmdline").read_bytes() if process.name.isdigit() else b""
                        self.words.add(words.replace(b"\0", b" ").decode("utf-8", "replace"))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def files(self) -> Iterator[tuple[Path, str]]:
        """Every file but the store's own."""
        for path in self.folder.parent.rglob("*"):
            if path.is_file() and path.parent.name != "credentials" and "given" not in path.parts:
                yield path, path.read_bytes().decode("utf-8", "replace")

    def found(self) -> list[str]:
        """Where canaries were found."""
        spellings = [form for canary in self.canaries for form in (canary, json.dumps(canary)[1:-1])]
        places = [("said", text) for text in self.said] + [("argv", text) for text in self.words]
        places += [(str(path), text) for path, text in self.files()]
        return [f"{place}: {text}" for place, text in places if any(form in text for form in spellings)]


@pytest.fixture
def aviary(hcexport_alone: Hcexport, tmp_path: Path) -> Aviary:
    (tmp_path / "logs").mkdir()
    return Aviary(hcexport_alone, tmp_path / "logs", [PASSWORD, WRONG])


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A file that holds the password, in a folder that is not searched."""
    (tmp_path / "given").mkdir()
    path = tmp_path / "given" / "password"
    path.touch(0o600)
    path.write_text(PASSWORD + "\n")
    return path


def signed_in(aviary: Aviary, box: Sandbox) -> None:
    words = ("login", box.url, "-u", box.username, "--password-stdin", "--store", "file", "--remember")
    assert aviary(*words, stdin=PASSWORD).returncode == 0
    aviary.canaries.append(kept(aviary.hcexport, "token"))


def test_the_search_finds_what_is_there(aviary: Aviary) -> None:
    aviary.said.append(f"the password is {WRONG}")
    (aviary.folder / "file").write_text(PASSWORD)
    with aviary.watching():
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.3)", WRONG], check=True)
    assert {place.partition(":")[0] for place in aviary.found()} == {"said", "argv", str(aviary.folder / "file")}


@pytest.mark.parametrize("scenario", sorted(set(SCENARIOS) - {"wrong-context"}))  # there nobody can sign in
def test_on_good_and_bad_days(aviary: Aviary, given: Path, scenario: str) -> None:
    with Sandbox(password=PASSWORD, scenario=scenario, job_seconds=0.05) as box, aviary.watching():
        signed_in(aviary, box)
        for words in (["status"], ["list"], ["show", box.reports[0].id], ["jobs", "--server"], ["config", "list"]):
            aviary(*words, "--format", "json")
        out = aviary.folder / "out.zip"
        aviary("export", "--latest", "1", "--out", out, "--timeout", "3s", timeout=60)
        box.revoke_all_tokens()
        aviary("list", env={"HCEXPORT_PASSWORD": PASSWORD})
        aviary("list", env={"HCEXPORT_PASSWORD_COMMAND": f"cat {given}", "HCEXPORT_STORE": "keyring"})
        aviary("logout")
    assert aviary.found() == []


def test_on_the_way_to_a_refusal(aviary: Aviary, box: Sandbox) -> None:
    env = {"HCEXPORT_URL": box.url, "HCEXPORT_USERNAME": box.username}
    token = box.new_token()
    aviary.canaries.append(token)
    with aviary.watching():
        for each in (
            {"HCEXPORT_PASSWORD": WRONG},
            {"HCEXPORT_TOKEN": f"{token} x"},
            {"HCEXPORT_TOKEN": f"{token}\n\n"},
        ):
            for words in (["list"], ["list", "--format", "json"], ["export", "--run-ids", "x"], ["status", "--all"]):
                aviary(*words, env={**env, **each})
        aviary("login", box.url, "--token-stdin", "--store", "file", stdin=f"{token}é")
        aviary("login", box.url.replace("://", f"://user:{WRONG}@"), "-u", "x")
        aviary("list", "--url", f"{box.url}/?token={token}", env={"HCEXPORT_TOKEN": token})
        aviary("config", "set", "password", WRONG)
    # what a person typed is on their own screen and in /proc while it runs: no option takes a secret
    aviary.words = {text for text in aviary.words if "--url" not in text and "login" not in text and "set" not in text}
    assert aviary.found() == []


def test_with_a_browser(aviary: Aviary, box: Sandbox) -> None:
    with aviary.watching():
        with signing_in(aviary.hcexport, box, "--no-browser", "-vv") as process:
            Person(process.address).fill_in(username="saml.admin", password=box.password).follow()
            aviary.said.append(ended(process))
        home = aviary.hcexport
        aviary.canaries += [box.password, kept(home, "token"), kept(home, "refresh-token")]
        aviary.canaries += [request.form["code"] for request in box.requests if "code" in request.form]
        aviary.canaries += [
            request.form["code_verifier"] for request in box.requests if "code_verifier" in request.form
        ]
        assert len(aviary.canaries) == 7
        box.revoke_all_tokens()
        assert aviary("list", "--limit", "1").returncode == 0
        aviary("login", "--web", "--client-id", APP, "--no-input")
        aviary("logout")
    assert aviary.found() == []


def test_an_error_that_nobody_foresaw_is_one_line_without_it(aviary: Aviary, box: Sandbox) -> None:
    """Whatever a library puts into its exception, and whatever is in the frames below it."""
    token = box.new_token()
    script = (
        "import hcexport.cli; from hcexport.api.session import Session\n"
        "def get(self, url, params=None, *, token, attempts=5):\n"
        "    revealed = token.reveal()\n"
        "    raise RuntimeError(f'{url}?token={revealed} {revealed!r}')\n"
        "Session.get = get; hcexport.cli.main()"
    )
    env = {**aviary.hcexport.env, "HCEXPORT_URL": box.url, "HCEXPORT_TOKEN": token}
    words = [sys.executable, "-c", script, "list", "-vv", "--log-file", str(aviary.folder / "log")]
    root = Path(__file__).parents[2]
    done = subprocess.run(words, env=env, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "RuntimeError" in done.stderr
    assert "Traceback" not in done.stderr
    aviary.canaries.append(token)
    aviary.said += [done.stdout, done.stderr]
    assert aviary.found() == []


def test_libraries_stay_silent_where_the_root_logger_is_not(aviary: Aviary, box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import logging; logging.basicConfig(level=logging.DEBUG)")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    env = {**aviary.hcexport.env, "PYTHONPATH": path, "HCEXPORT_URL": box.url, "HCEXPORT_TOKEN": box.new_token()}
    done = subprocess.run(
        aviary.hcexport.argv("list", "--limit", "1"), env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "httpx" not in done.stderr
    assert "httpcore" not in done.stderr


class TestOtherServers:
    """A token goes to its organization alone, wherever that points."""

    @pytest.fixture
    def other(self) -> Iterator[Sandbox]:
        with Sandbox() as made:
            yield made

    def pointing(self, monkeypatch: pytest.MonkeyPatch, to: str, how: str) -> str:
        def rehost(call: RequestContext, answer: Json) -> Json:
            body: Json = json.loads(json.dumps(answer).replace(call.url(""), f"{to}/"))
            return body

        def redirect(call: RequestContext) -> Response:
            return Response(302, (("Location", f"{to}/{call.request.path}?{call.request.query}"),), 0, ())

        answers = (health.export, admin.job, sharing.info)
        every = (*answers, health.query, admin.download, sharing.generate_token, sharing.community_self, admin.root)
        twists = (
            dict.fromkeys(answers, change_json(rehost)) if how == "urls" else dict.fromkeys(every, instead(redirect))
        )
        monkeypatch.setitem(ROWS, how, Scenario(how, lambda: twists))
        return how

    @pytest.mark.parametrize("how", ["urls", "redirects"])
    def test_what_it_points_to_gets_nothing(
        self, aviary: Aviary, other: Sandbox, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        scenario = self.pointing(monkeypatch, other.url, how)
        with Sandbox(scenario=scenario, job_seconds=0.05, password=PASSWORD) as box:
            env = {"HCEXPORT_URL": box.url, "HCEXPORT_TOKEN": box.new_token()}
            for words in (["list"], ["status"], ["export", "--run-ids", box.reports[0].id, "--out", "out.zip"]):
                assert (aviary(*words, env=env).returncode == 0) is (how == "urls")
            password = {**env, "HCEXPORT_TOKEN": "", "HCEXPORT_USERNAME": box.username, "HCEXPORT_PASSWORD": PASSWORD}
            assert (aviary("list", env=password).returncode == 0) is (how == "urls")
        assert other.requests == []
        assert aviary.found() == []

    def test_each_profile_gets_its_own_token_not_the_environments(self, aviary: Aviary, other: Sandbox) -> None:
        with Sandbox(password=PASSWORD) as box:
            signed_in(aviary, box)
            words = ("login", other.url, "-p", "other", "-u", other.username, "--password-stdin", "--store", "file")
            assert aviary(*words, stdin=other.password).returncode == 0
            seen = len(other.requests)
            env = {"HCEXPORT_TOKEN": "canary-of-the-environment", "HCEXPORT_PASSWORD": PASSWORD}
            other.revoke_all_tokens()
            assert aviary("status", "--all", env=env).returncode == 8
            for request in other.requests[seen:]:
                assert "canary-of-the-environment" not in str(dict(request.headers))
                assert PASSWORD not in request.form.values()


@pytest.mark.parametrize("name", ["HCEXPORT_PASSWORD", "ARCGIS_ENTERPRISE_PASSWORD"])
def test_programs_that_it_starts_do_not_inherit_them(
    aviary: Aviary, box: Sandbox, given: Path, tmp_path: Path, name: str
) -> None:
    script = given.with_name("command")
    script.write_text(f"#!/bin/sh\nenv > {tmp_path}/env\ncat {given}\n")
    script.chmod(0o700)
    env = {"HCEXPORT_URL": box.url, "HCEXPORT_USERNAME": "x", "HCEXPORT_PASSWORD_COMMAND": str(script), name: WRONG}
    aviary("list", env=env)
    assert WRONG not in (tmp_path / "env").read_text()
