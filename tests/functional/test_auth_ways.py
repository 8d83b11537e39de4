"""Which token is used: the sources in their order, each passed over for a reason that is logged."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hcexport.sandbox import Sandbox
from hcexport.sandbox.endpoints import sharing
from hcexport.sandbox.scenarios import ROWS, Fault, Scenario, in_turn, instead, late, normally, retry_later
from tests.support.process import Hcexport
from tests.support.script import Script
from tests.support.script import answer as reply

WRONG = "not-the-password"


@pytest.fixture
def signed_in(hcexport_alone: Hcexport, box: Sandbox) -> Hcexport:
    """Hcexport after ``login``, without a password that it could renew the token with."""
    login(hcexport_alone, box)
    return hcexport_alone


def login(hcexport: Hcexport, box: Sandbox, *options: str) -> None:
    done = hcexport(
        "login", box.url, "-u", box.username, "--password-stdin", "--store", "file", *options, stdin=box.password
    )
    assert done.returncode == 0, done.stderr


def sign_ins(box: Sandbox) -> int:
    return sum(request.path.endswith("/generateToken") for request in box.requests)


def error_of(done: subprocess.CompletedProcess[str]) -> Hcexport:
    return json.loads(done.stderr.splitlines()[-1])["error"]


def home(hcexport: Hcexport) -> Path:
    return Path(hcexport.env["HCEXPORT_HOME"])


def token_origin(hcexport: Hcexport, **env: str) -> str:
    done = hcexport("status", "--format", "json", env=env)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["token_origin"])


class TestOrder:
    def test_each_source_when_those_before_it_have_nothing(
        self, hcexport_alone: Hcexport, box: Sandbox, tmp_path: Path
    ) -> None:
        login(hcexport_alone, box, "--remember")
        file = tmp_path / "password"
        file.write_text(f"{box.password}\n")
        file.chmod(0o600)
        everything = {
            "HCEXPORT_TOKEN": box.new_token(),
            "HCEXPORT_PASSWORD_FILE": str(file),
            "HCEXPORT_PASSWORD_COMMAND": f"cat {file}",
            "HCEXPORT_PASSWORD": box.password,
            "ARCGIS_ENTERPRISE_PASSWORD_FILE": str(file),
            "ARCGIS_ENTERPRISE_PASSWORD": box.password,
        }
        assert token_origin(hcexport_alone, **everything) == "HCEXPORT_TOKEN"
        del everything["HCEXPORT_TOKEN"]
        assert token_origin(hcexport_alone, **everything) == "file store"
        box.revoke_all_tokens()
        assert token_origin(hcexport_alone, **everything) == "the remembered password"
        next(home(hcexport_alone).rglob("*.password")).unlink()
        for name in list(everything):
            box.revoke_all_tokens()
            assert token_origin(hcexport_alone, **everything) == name
            del everything[name]
        box.revoke_all_tokens()
        assert hcexport_alone("status", env=everything).returncode == 4

    def test_the_names_of_esris_own_tool_suffice(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        env = {
            "ARCGIS_ENTERPRISE_URL": box.url,
            "ARCGIS_ENTERPRISE_USER": box.username,
            "ARCGIS_ENTERPRISE_PASSWORD": box.password,
        }
        assert hcexport_alone("list", "--limit", "1", env=env).returncode == 0
        assert not home(hcexport_alone).joinpath("credentials").exists()

    def test_a_token_in_the_environment_is_used_as_it_is(self, signed_in: Hcexport, box: Sandbox) -> None:
        """Nothing stands in for one that the server does not take, and nothing of it is stored."""
        env = {"HCEXPORT_TOKEN": "a-token-of-yesterday", "HCEXPORT_PASSWORD": box.password}
        before = sign_ins(box)
        done = signed_in("list", env=env)
        assert done.returncode == 4
        assert "HCEXPORT_TOKEN" in done.stderr
        assert sign_ins(box) == before
        kept = [path for path in home(signed_in).rglob("*") if path.is_file()]
        assert not any(b"a-token-of-yesterday" in path.read_bytes() for path in kept)

    def test_each_step_is_logged_without_a_secret(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        login(hcexport_alone, box, "--remember")
        box.revoke_all_tokens()
        said = hcexport_alone("list", "--limit", "1", "-v").stderr
        for origin in ("file store", "the refresh token", "the remembered password"):
            assert f"token: {origin}: " in said
        assert box.password not in said

    def test_a_given_token_that_is_refused_is_to_be_replaced(self, signed_in: Hcexport, box: Sandbox) -> None:
        """Signing in does not help: HCEXPORT_TOKEN stands before the stored token."""
        error = error_of(signed_in("list", "-F", "json", env={"HCEXPORT_TOKEN": "a-token-of-yesterday"}))
        assert "unset" in error["hint"]
        assert "HCEXPORT_TOKEN," in error["hint"]

    def test_a_password_without_a_user_is_said(self, hcexport_alone: Hcexport, box: Sandbox, tmp_path: Path) -> None:
        env = {"HCEXPORT_URL": box.url, "HCEXPORT_PASSWORD_FILE": str(tmp_path / "password")}
        error = error_of(hcexport_alone("list", "-F", "json", env=env))
        assert error["exit_status"] == 4
        assert "HCEXPORT_PASSWORD_FILE" in error["message"]
        assert "HCEXPORT_USERNAME" in error["message"]
        assert box.requests == []

    def test_nothing_to_sign_in_with_is_status_4(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        error = error_of(hcexport_alone("list", "--format", "json", env={"HCEXPORT_URL": box.url}))
        assert error["exit_status"] == 4
        assert f"hcexport login {box.url}" in error["hint"]


class TestPasswordFile:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "password"
        path.touch(0o600)
        return path

    def test_spaces_belong_to_it_and_the_newline_does_not(self, hcexport_alone: Hcexport, file: Path) -> None:
        with Sandbox(password="  two  words ") as box:
            env = {"HCEXPORT_URL": box.url, "HCEXPORT_USERNAME": box.username, "HCEXPORT_PASSWORD_FILE": str(file)}
            file.write_text("  two  words \n")
            assert hcexport_alone("list", "--limit", "1", env=env).returncode == 0
            file.write_text("two  words\n")
            assert hcexport_alone("list", "--limit", "1", env=env).returncode == 4

    def test_one_that_others_can_read_is_refused_and_not_sent(
        self, hcexport_alone: Hcexport, box: Sandbox, file: Path
    ) -> None:
        file.write_text(box.password)
        file.chmod(0o644)
        env = {"HCEXPORT_URL": box.url, "HCEXPORT_USERNAME": box.username, "HCEXPORT_PASSWORD_FILE": str(file)}
        done = hcexport_alone("list", env=env)
        assert done.returncode == 78
        assert str(file) in done.stderr
        assert box.requests == []

    def test_login_remembers_where_it_is(self, hcexport_alone: Hcexport, box: Sandbox, file: Path) -> None:
        """So that a token is renewed from it in the night, also after the password in it was changed."""
        file.write_text(box.password)
        words = ("login", box.url, "-u", box.username, "--store", "file", "--password-file", file)
        assert hcexport_alone(*words).returncode == 0
        box.revoke_all_tokens()
        assert hcexport_alone("list", "--limit", "1").returncode == 0
        assert str(file) in home(hcexport_alone).joinpath("config.toml").read_text()
        assert box.password not in home(hcexport_alone).joinpath("config.toml").read_text()


class TestRefusedPassword:
    @pytest.mark.slow
    def test_50_runs_with_a_wrong_one_send_it_once(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        env = {"HCEXPORT_URL": box.url, "HCEXPORT_USERNAME": box.username, "HCEXPORT_PASSWORD": WRONG}
        statuses = {hcexport_alone("list", env=env).returncode for _ in range(50)}
        assert (statuses, sign_ins(box)) == ({4}, 1)
        assert hcexport_alone("list", "--limit", "1", env={**env, "HCEXPORT_PASSWORD": box.password}).returncode == 0

    def test_also_when_they_run_at_once(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        env = {"HCEXPORT_URL": box.url, "HCEXPORT_USERNAME": box.username, "HCEXPORT_PASSWORD": WRONG}
        running = [
            subprocess.Popen(hcexport_alone.argv("list"), env={**hcexport_alone.env, **env}, stderr=subprocess.DEVNULL)
            for _ in range(8)
        ]
        assert {process.wait(40) for process in running} == {4}
        assert sign_ins(box) == 1

    def test_what_is_remembered_of_it_is_a_salted_hash(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        env = {"HCEXPORT_URL": box.url, "HCEXPORT_USERNAME": box.username, "HCEXPORT_PASSWORD": WRONG}
        hcexport_alone("list", env=env)
        for path in home(hcexport_alone).rglob("*"):
            assert path.is_dir() or WRONG.encode() not in path.read_bytes()

    def test_a_refusal_ends_the_run(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        """Another password that is at hand may be wrong as well, and accounts lock after a few."""
        login(hcexport_alone, box, "--remember")
        next(home(hcexport_alone).rglob("*.password")).write_text(WRONG)
        box.revoke_all_tokens()
        before = sign_ins(box)
        assert hcexport_alone("list", env={"HCEXPORT_PASSWORD": "another-wrong-one"}).returncode == 4
        assert sign_ins(box) == before + 1

    def test_the_next_one_is_tried_by_the_next_run(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        login(hcexport_alone, box, "--remember")
        next(home(hcexport_alone).rglob("*.password")).write_text(WRONG)
        box.revoke_all_tokens()
        hcexport_alone("list")
        assert hcexport_alone("list", "--limit", "1", env={"HCEXPORT_PASSWORD": box.password}).returncode == 0

    def test_a_locked_account_says_nothing_of_the_password(self, hcexport_alone: Hcexport) -> None:
        ahead = [0.0]
        with Sandbox(clock=lambda: time.time() + ahead[0]) as box:
            env = {"HCEXPORT_URL": box.url, "HCEXPORT_USERNAME": box.username}
            for number in range(5):
                hcexport_alone("list", env={**env, "HCEXPORT_PASSWORD": f"wrong-{number}"})
            right = {**env, "HCEXPORT_PASSWORD": box.password}
            error = error_of(hcexport_alone("list", "--format", "json", env=right))
            assert (error["exit_status"], error["retryable"]) == (4, True)
            ahead[0] = 1000.0
            assert hcexport_alone("list", "--limit", "1", env=right).returncode == 0

    @pytest.mark.parametrize("answer", ["license", "firewall"])
    def test_it_is_sent_again_after_what_says_nothing_of_it(self, answer: str, hcexport_alone: Hcexport) -> None:
        body = json.dumps({"error": {"code": 403, "message": "The license has expired.", "details": []}}).encode()
        page = b"<html>Forbidden</html>"
        turns = [reply(body) if answer == "license" else reply(page, 403), reply({"token": "t" * 40})]
        with Script(*turns) as portal:
            env = {"HCEXPORT_URL": portal.url, "HCEXPORT_USERNAME": "who", "HCEXPORT_PASSWORD": "right"}
            assert hcexport_alone("list", env=env).returncode == 4
            hcexport_alone("list", env=env)
            sent = [each for each in portal.requests if each.target.endswith("/generateToken")]
        assert len(sent) == 2

    def test_a_state_folder_that_cannot_be_written_hides_no_refusal(
        self, hcexport_alone: Hcexport, box: Sandbox, tmp_path: Path
    ) -> None:
        blocked = tmp_path / "blocked"
        blocked.mkdir()
        (blocked / "sessions").write_text("in the way")
        env = {"HCEXPORT_URL": box.url, "HCEXPORT_USERNAME": box.username, "HCEXPORT_PASSWORD": WRONG}
        done = hcexport_alone("list", env={**env, "HCEXPORT_HOME": str(blocked)})
        assert done.returncode in {4, 78}
        assert sign_ins(box) <= 1


class TestUnansweredPassword:
    """The portal has counted it, or may have, and nobody hears what became of it."""

    @pytest.fixture
    def portal(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Sandbox]:
        def make(*twists: Fault) -> Sandbox:
            scenario = Scenario("unanswered", lambda: {sharing.generate_token: in_turn(*twists)})
            monkeypatch.setitem(ROWS, "unanswered", scenario)
            return Sandbox(scenario="unanswered")

        return make

    def wrong(self, box: Sandbox) -> dict[str, str]:
        return {"HCEXPORT_URL": box.url, "HCEXPORT_USERNAME": box.username, "HCEXPORT_PASSWORD": WRONG}

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_server_that_asks_to_come_again_gets_it_once(
        self, hcexport_alone: Hcexport, portal: Callable[..., Sandbox], status: int
    ) -> None:
        with portal(instead(lambda _call: retry_later(status, "Try Again", 0)), normally) as box:
            for _ in range(2):
                error = error_of(hcexport_alone("list", "-F", "json", env=self.wrong(box)))
                assert (error["exit_status"], error["retryable"]) == (6, True)
            assert sign_ins(box) == 1
            done = hcexport_alone("list", "--limit", "1", env={**self.wrong(box), "HCEXPORT_PASSWORD": box.password})
            assert done.returncode == 0

    @pytest.mark.slow
    def test_without_a_lock_others_do_not_send_it(
        self, hcexport_alone: Hcexport, portal: Callable[..., Sandbox]
    ) -> None:
        home(hcexport_alone).mkdir()
        home(hcexport_alone).joinpath("locks").write_text("in the way")
        with portal(late(3.0)) as box:
            env = {**hcexport_alone.env, **self.wrong(box)}
            first = subprocess.Popen(hcexport_alone.argv("list"), env=env, stderr=subprocess.DEVNULL)
            for _ in range(1000):
                if sign_ins(box):
                    break
                time.sleep(0.01)
            assert {hcexport_alone("list", env=self.wrong(box)).returncode for _ in range(3)} == {6}
            assert first.poll() is None
            assert first.wait(20) == 4
            assert hcexport_alone("list", env=self.wrong(box)).returncode == 4
            assert sign_ins(box) == 1

    @pytest.mark.slow
    def test_runs_beside_a_slow_sign_in_wait_for_it(
        self, hcexport_alone: Hcexport, portal: Callable[..., Sandbox]
    ) -> None:
        with portal(late(12.0)) as box:
            env = {**hcexport_alone.env, **self.wrong(box)}
            runs = [subprocess.Popen(hcexport_alone.argv("list"), env=env, stderr=subprocess.DEVNULL) for _ in range(6)]
            assert {process.wait(60) for process in runs} == {4}
            assert sign_ins(box) == 1


class TestPrompt:
    def run_at_terminal(self, hcexport: Hcexport, box: Sandbox, *words: str) -> tuple[int, str]:
        """Run with stdin and stderr on a terminal, and type the password when it is asked for."""
        prompt = f"Password for {box.username} at {box.url}: "
        ended = hcexport.at_terminal(*words, answers=[box.password], prompt=prompt, stdout=subprocess.DEVNULL)
        return ended.status, ended.screen

    def test_a_person_is_asked_and_their_typing_not_shown(self, signed_in: Hcexport, box: Sandbox) -> None:
        box.revoke_all_tokens()
        status, said = self.run_at_terminal(signed_in, box, "list", "--limit", "1")
        assert (status, "Password for" in said, box.password in said) == (0, True, False)

    def test_not_with_no_input(self, signed_in: Hcexport, box: Sandbox) -> None:
        box.revoke_all_tokens()
        status, said = self.run_at_terminal(signed_in, box, "list", "--no-input")
        assert (status, "Password for" in said) == (4, False)

    def test_not_for_a_status(self, signed_in: Hcexport, box: Sandbox) -> None:
        box.revoke_all_tokens()
        status, said = self.run_at_terminal(signed_in, box, "status")
        assert (status, "Password for" in said) == (4, False)
        assert "hcexport login -p default" in said

    def test_not_where_a_browser_signs_in(self, signed_in: Hcexport, box: Sandbox) -> None:
        """Whoever signs in by SAML has no password."""
        box.revoke_all_tokens()
        config = home(signed_in) / "config.toml"
        config.write_text(config.read_text().replace('auth = "password"', 'auth = "oauth"'))
        status, said = self.run_at_terminal(signed_in, box, "list")
        assert (status, "Password for" in said) == (4, False)
        assert "hcexport login --web -p default" in said

    def test_not_without_a_terminal(self, signed_in: Hcexport, box: Sandbox) -> None:
        box.revoke_all_tokens()
        done = signed_in("list", stdin=f"{box.password}\n")
        assert (done.returncode, "Password for" in done.stderr) == (4, False)


class TestWhereATokenGoes:
    """A token is keyed by scheme, host, port, context and user, and never sent elsewhere."""

    def test_another_port_or_context_gets_none(self, signed_in: Hcexport, box: Sandbox) -> None:
        with Sandbox() as other, Sandbox(context="test") as context:
            for foreign in (other, context):
                assert signed_in("list", "--url", foreign.url).returncode == 4
                assert signed_in("list", env={"HCEXPORT_URL": foreign.url}).returncode == 4
                assert not any("X-Esri-Authorization" in request.headers for request in foreign.requests)

    def test_another_user_has_another(self, signed_in: Hcexport, box: Sandbox) -> None:
        assert signed_in("list", "--limit", "1", env={"HCEXPORT_USERNAME": "operator"}).returncode == 4

    def test_the_same_host_in_another_spelling_is_another_origin(self, signed_in: Hcexport, box: Sandbox) -> None:
        assert signed_in("list", "--url", box.url.replace("127.0.0.1", "localhost")).returncode == 4


class TestSecretsOfAProfile:
    """A password file that login wrote into a profile is for that profile's organization."""

    @pytest.fixture
    def other(self, hcexport_alone: Hcexport, box: Sandbox, tmp_path: Path) -> Iterator[Sandbox]:
        file = tmp_path / "password"
        file.touch(0o600)
        file.write_text(box.password)
        words = ("login", box.url, "-p", "prod", "-u", box.username, "--store", "file", "--password-file", file)
        assert hcexport_alone(*words).returncode == 0
        with Sandbox() as made:
            yield made

    @pytest.mark.parametrize("how", ["--url", "HCEXPORT_URL", "ARCGIS_ENTERPRISE_URL"])
    def test_typed_with_the_address_of_another_it_is_refused(
        self, hcexport_alone: Hcexport, other: Sandbox, how: str
    ) -> None:
        words, env = (["--url", other.url], {}) if how == "--url" else ([], {how: other.url})
        for command in (["list"], ["export", "--all"], ["logout"]):
            done = hcexport_alone(*command, "-p", "prod", *words, env=env)
            assert (done.returncode, done.stdout) == (78, "")
            assert how in done.stderr
        assert other.requests == []

    def test_the_environment_is_for_its_own_organization(
        self, hcexport_alone: Hcexport, box: Sandbox, other: Sandbox
    ) -> None:
        env = {"HCEXPORT_PROFILE": "prod", "HCEXPORT_URL": other.url}
        seen = len(box.requests)
        assert hcexport_alone("list", env=env).returncode == 4
        assert hcexport_alone("list", env={**env, "HCEXPORT_USERNAME": other.username}).returncode == 4
        assert sign_ins(other) == 0
        own = {"HCEXPORT_USERNAME": other.username, "HCEXPORT_PASSWORD": other.password}
        assert hcexport_alone("list", "--limit", "1", env={**env, **own}).returncode == 0
        assert len(box.requests) == seen


class TestCron:
    """``env -i``, no HOME, no terminal, stdin closed."""

    def run(self, hcexport: Hcexport, tmp_path: Path) -> subprocess.CompletedProcess[str]:
        words = hcexport.argv("export", "--latest", "1", "--out", tmp_path / "out.zip")
        return subprocess.run(
            ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *words],
            env={"HCEXPORT_HOME": hcexport.env["HCEXPORT_HOME"]},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            start_new_session=True,
        )

    @pytest.mark.parametrize("remembered", [True, False])
    def test_a_profile_exports(self, hcexport_alone: Hcexport, box: Sandbox, tmp_path: Path, remembered: bool) -> None:
        file = tmp_path / "password"
        file.touch(0o600)
        file.write_text(box.password)
        login(hcexport_alone, box, *(["--remember"] if remembered else []))
        if not remembered:
            assert hcexport_alone("config", "set", "-p", "default", "password_file", file).returncode == 0
        box.revoke_all_tokens()
        done = self.run(hcexport_alone, tmp_path)
        assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'out.zip'}\n"), done.stderr
        assert not re.search(r"\x1b|Traceback", done.stderr)
