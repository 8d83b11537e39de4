"""``login`` and ``logout``: what is asked, in which order, what is kept and what is said."""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hcexport.auth.credentials import Credentials
from hcexport.auth.secret_stores import FileStore
from hcexport.auth.tokens import AccountKey, Token
from hcexport.organization import Organization
from hcexport.redaction import Secret
from hcexport.sandbox import Sandbox
from hcexport.sandbox.endpoints import admin, sharing
from hcexport.sandbox.faults import in_turn, instead, normally
from hcexport.sandbox.http import respond
from hcexport.sandbox.scenarios import ROWS, Scenario
from hcexport.store.paths import Paths
from tests.support.process import Hcexport

Run = Callable[..., Any]


def home(hcexport: Hcexport) -> Path:
    return Path(hcexport.env["HCEXPORT_HOME"])


def config(hcexport: Hcexport) -> str:
    return home(hcexport).joinpath("config.toml").read_text()


def entries(hcexport: Hcexport) -> set[str]:
    return {path.suffix.lstrip(".") for path in home(hcexport).joinpath("credentials").glob("*.*")}


@pytest.fixture
def login(hcexport_alone: Hcexport, box: Sandbox) -> Run:
    """Sign in with the right password, into files; further words follow."""

    def run(*words: Any, user: str = box.username, password: str = box.password, **options: Any) -> Any:
        given = ("login", box.url, "-u", user, "--password-stdin", "--store", "file", *words)
        return hcexport_alone(*given, stdin=password, **options)

    return run


class TestWhatIsKept:
    def test_a_token_and_a_profile(self, hcexport_alone: Hcexport, box: Sandbox, login: Run) -> None:
        done = login()
        assert (done.returncode, done.stdout) == (0, "")
        assert str(home(hcexport_alone) / "credentials") in done.stderr
        assert entries(hcexport_alone) == {"token"}
        for line in (f'url = "{box.url}"', f'username = "{box.username}"', 'store = "file"', 'auth = "password"'):
            assert line in config(hcexport_alone)
        assert hcexport_alone("list", "--limit", "1").returncode == 0

    def test_privately(self, hcexport_alone: Hcexport, login: Run) -> None:
        login("--remember")
        folder = home(hcexport_alone) / "credentials"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}

    def test_the_password_only_when_asked_for_and_with_a_warning(self, hcexport_alone: Hcexport, login: Run) -> None:
        done = login("--remember", "--quiet")
        assert entries(hcexport_alone) == {"token", "password"}
        assert "warning" in done.stderr

    def test_a_remembered_password_that_has_changed_is_forgotten(
        self, hcexport_alone: Hcexport, box: Sandbox, login: Run
    ) -> None:
        login("--remember")
        next(home(hcexport_alone).rglob("*.password")).write_text("the-old-one")
        login()
        assert entries(hcexport_alone) == {"token"}

    def test_the_same_one_stays(self, hcexport_alone: Hcexport, login: Run) -> None:
        login("--remember")
        login()
        assert entries(hcexport_alone) == {"token", "password"}

    def test_the_store_of_the_environment_is_remembered(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        words = ("login", box.url, "-u", box.username, "--password-stdin")
        assert hcexport_alone(*words, stdin=box.password, env={"HCEXPORT_STORE": "file"}).returncode == 0
        assert hcexport_alone("status").returncode == 0

    def test_nothing_of_a_sign_in_that_failed(self, hcexport_alone: Hcexport, login: Run) -> None:
        assert login(password="wrong").returncode == 4
        assert not home(hcexport_alone).joinpath("config.toml").exists()
        assert entries(hcexport_alone) == set()

    def test_each_organization_in_a_profile_of_its_own(
        self, hcexport_alone: Hcexport, box: Sandbox, login: Run
    ) -> None:
        login()
        with Sandbox() as test:
            words = ("login", test.url, "-p", "test", "-u", test.username, "--password-stdin", "--store", "file")
            assert hcexport_alone(*words, stdin=test.password).returncode == 0
            assert hcexport_alone("list", "--limit", "1", "-p", "test").returncode == 0
        assert 'profile = "default"' in config(hcexport_alone)
        assert hcexport_alone("list", "--limit", "1").returncode == 0


def test_a_token_of_the_environment_wins_and_login_warns(hcexport_alone: Hcexport, login: Run) -> None:
    done = login("--quiet", env={"HCEXPORT_TOKEN": "abcdefgh"})
    assert done.returncode == 0
    assert "HCEXPORT_TOKEN" in done.stderr


class TestBeforeItAsks:
    @pytest.mark.parametrize("named", ["null", "fail"])
    def test_a_keyring_that_keeps_nothing_is_status_78(
        self, hcexport_alone: Hcexport, box: Sandbox, named: str, error_of: Callable[..., Any]
    ) -> None:
        """Before the password is read, before anything is sent, and without a word of plaintext on disk."""
        env = {"PYTHON_KEYRING_BACKEND": f"keyring.backends.{named}.Keyring"}
        done = hcexport_alone("login", box.url, "-u", "x", "--password-stdin", stdin=box.password, env=env)
        assert (done.returncode, done.stdout) == (78, "")
        assert "--store file" in done.stderr
        assert box.requests == []
        assert not list(home(hcexport_alone).rglob("*password*"))

    def test_another_product_is_named(self, hcexport_alone: Hcexport) -> None:
        with Sandbox(deployment="ArcGISEnterprise") as portal:
            words = ("login", portal.url, "-u", "x", "--password-stdin", "--store", "file")
            done = hcexport_alone(*words, stdin=portal.password)
        assert done.returncode == 78
        assert not any(request.path.endswith("generateToken") for request in portal.requests)

    @pytest.mark.parametrize(
        "words",
        [
            ["--password-stdin", "--token-stdin"],
            ["--password-stdin", "--password-file", "x"],
            ["--web", "--token-stdin"],
            ["--token-stdin", "--remember"],
            ["--web", "--remember"],
            [],
            ["--user", "x"],
        ],
    )
    def test_contradictions_are_status_2(self, hcexport_alone: Hcexport, box: Sandbox, words: list[str]) -> None:
        done = hcexport_alone("login", box.url, "--store", "file", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert box.requests == []

    def test_without_an_address_it_says_so(self, hcexport_alone: Hcexport) -> None:
        assert hcexport_alone("login", "-u", "x", "--password-stdin", "--store", "file").returncode == 78

    def test_the_profile_knows_the_address(self, hcexport_alone: Hcexport, box: Sandbox, login: Run) -> None:
        login()
        hcexport_alone("logout")
        done = hcexport_alone("login", "--password-stdin", stdin=box.password)
        assert done.returncode == 0, done.stderr


ODD_ANSWERS = {
    "no token": ({"error": {"code": 499, "message": "Token Required"}}, 200),
    "401": ({"error": {"code": 401, "message": "Unauthorized"}}, 401),
    "403": (b"<html>no</html>", 403),
    "404": (b"<html>no</html>", 404),
    "500": ({"error": {"code": 500, "message": "failed"}}, 500),
    "page": (b"<html>Sign In</html>", 200),
    "no JSON": (b'{"currentVersion": 11,}', 200),
    "redirect": (b"", 302),
}


class TestOddAnswers:
    """What product it is is asked for as a courtesy: only an answer that names another product ends the sign-in."""

    @pytest.fixture(params=ODD_ANSWERS)
    def odd(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
        """An organization that answers so to portals/self without a token, and always at its admin root."""
        body, status = ODD_ANSWERS[request.param]
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = respond(raw, "text/html", status, (("Location", "https://elsewhere/"),) if status == 302 else ())

        def only_without_token(endpoint: Any) -> Any:
            return lambda call: endpoint(call) if "X-Esri-Authorization" in call.request.headers else answer

        faults = {sharing.portal_self: only_without_token, admin.root: instead(lambda _call: answer)}
        monkeypatch.setitem(ROWS, "odd", Scenario("odd", lambda: faults))
        with Sandbox(scenario="odd") as box:
            yield box

    def test_login_and_status_work(self, hcexport_alone: Hcexport, odd: Sandbox) -> None:
        words = ("login", odd.url, "-u", odd.username, "--password-stdin", "--store", "file")
        done = hcexport_alone(*words, stdin=odd.password)
        assert done.returncode == 0, done.stderr
        assert hcexport_alone("status").returncode == 0

    def test_another_product_is_named_to_who_has_a_token(
        self, hcexport_alone: Hcexport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer = respond(b"<html>no</html>", "text/html", 403)
        faults = {sharing.portal_self: in_turn(instead(lambda _call: answer), normally)}
        monkeypatch.setitem(ROWS, "shy", Scenario("shy", lambda: faults))
        with Sandbox(scenario="shy", deployment="ArcGISEnterprise") as portal:
            words = ("login", portal.url, "-u", portal.username, "--password-stdin", "--store", "file")
            assert hcexport_alone(*words, stdin=portal.password).returncode == 78
        assert entries(hcexport_alone) == set()

    def test_a_server_that_is_not_there_is_not_signed_in_to(self, hcexport_alone: Hcexport) -> None:
        words = ("login", "http://127.0.0.1:1/e", "-u", "x", "--password-stdin", "--store", "file")
        assert hcexport_alone(*words, stdin="x").returncode == 6


def pasted(hint: str) -> list[str]:
    """The words of the command that a hint ends with, without the name of the program."""
    return shlex.split(hint[hint.rindex("hcexport ") :])[1:]


class TestWhatToTypeNext:
    """The command that a hint names holds what was typed, and works."""

    def test_where_there_is_no_keyring(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        env = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
        words = ("login", box.url, "-u", box.username, "-p", "prod", "--password-stdin", "--expiration", "30m")
        done = hcexport_alone(*words, stdin=box.password, env=env)
        assert done.returncode == 78
        again = pasted(done.stderr.splitlines()[-1])
        assert {box.url, "--expiration", "--password-stdin"} <= set(again)
        assert hcexport_alone(*again, stdin=box.password, env=env).returncode == 0
        assert "[profiles.prod]" in config(hcexport_alone)

    def test_after_a_refused_password(self, login: Run, box: Sandbox) -> None:
        again = pasted(login("-p", "prod", password="wrong").stderr.splitlines()[-1])
        assert again[:4] == ["login", box.url, "--profile", "prod"]
        assert "--web" in again
        assert "--password-stdin" not in again

    def test_the_keyring_is_looked_for_before_the_user_is_asked(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        env = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
        assert hcexport_alone("login", box.url, env=env).returncode == 78


class TestAnotherContext:
    @pytest.mark.parametrize("typed", ["", "/wrong"])
    def test_what_answers_on_the_same_host_is_named(self, hcexport_alone: Hcexport, box: Sandbox, typed: str) -> None:
        address = box.url.removesuffix("/enterprise") + typed
        words = ("login", address, "-u", box.username, "--password-stdin", "--store", "file")
        done = hcexport_alone(*words, stdin=box.password)
        assert done.returncode == 6
        assert not any(request.headers.get("X-Esri-Authorization") for request in box.requests)
        again = pasted(done.stderr.splitlines()[-1])
        assert box.url in again
        assert hcexport_alone(*again, stdin=box.password).returncode == 0

    def test_where_nothing_answers_the_form_of_an_address_is_shown(self, hcexport_alone: Hcexport) -> None:
        with Sandbox(context="elsewhere") as box:
            address = box.url.removesuffix("/elsewhere")
            words = ("login", address, "-u", box.username, "--password-stdin", "--store", "file")
            done = hcexport_alone(*words, stdin=box.password)
        assert done.returncode == 6
        assert "/enterprise" in done.stderr.splitlines()[-1]


class TestTheProfile:
    @pytest.fixture
    def other(self) -> Iterator[Sandbox]:
        with Sandbox() as made:
            yield made

    def words(self, box: Sandbox, *further: str) -> tuple[str, ...]:
        return ("login", box.url, "-u", box.username, "--password-stdin", "--store", "file", *further)

    def test_is_named_and_the_default_stays(self, hcexport_alone: Hcexport, login: Run, other: Sandbox) -> None:
        assert "profile default" in login().stderr
        done = hcexport_alone(*self.words(other, "-p", "test"), stdin=other.password)
        assert "profile test" in done.stderr
        assert 'profile = "default"' in config(hcexport_alone)
        assert pasted(done.stderr.splitlines()[-1]) == ["config", "use", "test"]

    def test_of_another_organization_is_replaced_on_request_only(
        self, hcexport_alone: Hcexport, box: Sandbox, login: Run, other: Sandbox, refused: Callable[..., Any]
    ) -> None:
        login("-p", "prod")
        before = config(hcexport_alone)
        done = hcexport_alone(*self.words(other, "-p", "prod"), stdin=other.password)
        assert box.url in refused(done, 2)
        assert config(hcexport_alone) == before
        assert other.requests == []
        done = hcexport_alone(*pasted(done.stderr.splitlines()[-1]), stdin=other.password)
        assert done.returncode == 0
        assert box.url in done.stderr
        assert f'url = "{other.url}"' in config(hcexport_alone)

    @pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 2), ("", 2)])
    def test_a_person_is_asked(
        self, hcexport_alone: Hcexport, login: Run, other: Sandbox, answer: str, status: int
    ) -> None:
        login("-p", "prod")
        words = ["login", other.url, "-p", "prod", "-u", other.username, "--store", "file"]
        assert hcexport_alone.at_terminal(*words, answers=[answer, other.password]).status == status
        assert (f'url = "{other.url}"' in config(hcexport_alone)) == (status == 0)

    def test_keeps_what_the_server_is_reached_with(
        self, hcexport_alone: Hcexport, box: Sandbox, tmp_path: Path
    ) -> None:
        secret = tmp_path / "pw"
        secret.write_text(box.password)
        secret.chmod(0o600)
        bundle = hcexport_alone.cwd / "ca.pem"
        words = ("login", box.url, "-u", box.username, "--password-file", secret, "--store", "file")
        done = hcexport_alone(*words, "--ca-bundle", "ca.pem", "--client-id", "app")
        assert done.returncode == 0, done.stderr
        for line in (f'ca_bundle = "{bundle}"', 'client_id = "app"', f'password_file = "{secret}"'):
            assert line in config(hcexport_alone)
        assert "ca_bundle, client_id, password_file" in done.stderr


class TestPastedToken:
    def test_it_is_checked_and_its_owner_found_out(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        words = ("login", box.url, "--token-stdin", "--store", "file")
        done = hcexport_alone(*words, stdin=f"{box.new_token('operator')}\n")
        assert done.returncode == 0, done.stderr
        assert 'username = "operator"' in config(hcexport_alone)
        assert hcexport_alone("list", "--limit", "1").returncode == 0

    @pytest.mark.parametrize("text", ["not-a-token-of-theirs", "", "two words", "é"])
    def test_one_that_is_none_is_not_kept(self, hcexport_alone: Hcexport, box: Sandbox, text: str) -> None:
        done = hcexport_alone("login", box.url, "--token-stdin", "--store", "file", stdin=text)
        assert done.returncode == (4 if text.startswith("not") else 2)
        assert entries(hcexport_alone) == set()

    def test_one_for_another_referer_needs_that_referer(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        token = box.new_token(referer="https://a/app")
        words = ("login", box.url, "--token-stdin", "--store", "file")
        done = hcexport_alone(*words, stdin=token)
        assert done.returncode == 4
        assert "HCEXPORT_TOKEN_REFERER" in done.stderr
        done = hcexport_alone(*words, stdin=token, env={"HCEXPORT_TOKEN_REFERER": "https://a/app"})
        assert done.returncode == 0, done.stderr
        assert hcexport_alone("list").returncode == 0
        hcexport_alone("config", "unset", "token_referer", "-p", "default")
        given = {"HCEXPORT_URL": box.url, "HCEXPORT_TOKEN": token}
        done = hcexport_alone("list", env=given)
        assert done.returncode == 4
        assert "HCEXPORT_TOKEN_REFERER" in done.stderr
        assert hcexport_alone("list", env={**given, "HCEXPORT_TOKEN_REFERER": "https://a/app"}).returncode == 0

    def test_an_account_without_privileges_is_warned(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        words = ("login", box.url, "--token-stdin", "--store", "file", "--quiet")
        done = hcexport_alone(*words, stdin=box.new_token("viewer"))
        assert done.returncode == 0
        assert "viewer" in done.stderr


class TestAtATerminal:
    def test_user_and_password_prompts_hide_the_password(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        words = ["login", box.url, "--store", "file"]
        ended = hcexport_alone.at_terminal(*words, answers=[box.username, box.password])
        assert (ended.status, ended.answered) == (0, 2)
        assert box.username in ended.screen
        assert box.password not in ended.screen

    def test_a_signal_at_a_question_ends_its_line_first(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        outer, inner = pty.openpty()
        words = hcexport_alone.argv("login", box.url, "--store", "file")
        with subprocess.Popen(words, env=hcexport_alone.env, stdin=inner, stderr=inner) as process:
            os.close(inner)
            said = ""
            with suppress(OSError):  # the other side is closed
                while True:
                    if select.select([outer], [], [], 1)[0]:
                        said += os.read(outer, 4096).decode()
                    if said.endswith(": "):  # again each second: Python misses a signal just before it reads
                        process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        os.close(outer)
        assert "\nhcexport: error: " in said

    def test_a_keyring_that_keeps_nothing_is_found_first(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        hcexport_alone.env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
        ended = hcexport_alone.at_terminal("login", box.url, "-u", "x", answers=["never-typed"])
        assert (ended.status, ended.answered) == (78, 0)

    @pytest.mark.parametrize(("answers", "sent"), [([], 1), (["wrong"], 2)])
    def test_only_a_person_may_repeat_a_refused_password(
        self, hcexport_alone: Hcexport, box: Sandbox, login: Run, answers: list[str], sent: int
    ) -> None:
        assert login(password="wrong").returncode == 4
        if answers:
            words = ["login", box.url, "-u", box.username, "--store", "file"]
            assert hcexport_alone.at_terminal(*words, answers=answers).status == 4
        else:
            assert login(password="wrong").returncode == 4
        assert sum(request.path.endswith("generateToken") for request in box.requests) == sent


def kept(hcexport: Hcexport, box: Sandbox, user: str, profile: str = "default") -> Credentials:
    """A token and a password of another user of the organization, as an earlier sign-in left them."""
    paths = Paths.find(hcexport.env)
    key = AccountKey(Organization.parse(box.url), user)
    made = Credentials(key, FileStore(paths.credentials), paths, profile)
    made.keep_token(Token(Secret("token-of-an-earlier-one")))
    made.keep_password(Secret("password-of-an-earlier-one"))
    return made


@pytest.fixture
def keyring(hcexport_alone: Hcexport) -> Callable[[], str]:
    """A keyring that the user named, in a file; returns what it holds."""
    module = hcexport_alone.cwd.parent / "modules" / "ring.py"
    module.parent.mkdir()
    module.write_text(RING)
    place = module.with_name("held.json")
    hcexport_alone.env.update(PYTHONPATH=str(module.parent), PYTHON_KEYRING_BACKEND="ring.Ring", RING=str(place))
    return lambda: place.read_text() if place.exists() else "{}"


RING = """
import json, os, pathlib
from keyring.backend import KeyringBackend
class Ring(KeyringBackend):
    priority = 1
    place = pathlib.Path(os.environ["RING"])
    def held(self):
        return json.loads(self.place.read_text()) if self.place.exists() else {}
    def get_password(self, service, username):
        return self.held().get(service + username)
    def set_password(self, service, username, password):
        self.place.write_text(json.dumps({**self.held(), service + username: password}))
    def delete_password(self, service, username):
        held = self.held()
        del held[service + username]
        self.place.write_text(json.dumps(held))
"""


class TestWhatAnEarlierSignInLeft:
    def test_is_gone_after_login_as_another_user(self, hcexport_alone: Hcexport, box: Sandbox, login: Run) -> None:
        kept(hcexport_alone, box, "alice")
        others = kept(hcexport_alone, box, "carol", profile="test")
        assert login().returncode == 0
        assert sorted(path.suffix for path in others.paths.credentials.glob("*.*")) == [".password", ".token", ".token"]
        assert others.password() is not None

    def test_stays_where_another_profile_uses_it(self, hcexport_alone: Hcexport, box: Sandbox, login: Run) -> None:
        shared = kept(hcexport_alone, box, "alice")
        kept(hcexport_alone, box, "alice", profile="test")
        login()
        assert shared.password() is not None
        assert shared.metadata().profiles == ("test",)

    def test_is_gone_after_login_at_another_address(self, hcexport_alone: Hcexport, login: Run) -> None:
        login("--remember")
        with Sandbox() as other:
            words = ["login", other.url, "-p", "default", "-u", other.username, "--password-stdin", "--store", "file"]
            words += ["--replace"] if "--replace" in hcexport_alone("login", "--help").stdout else []
            assert hcexport_alone(*words, stdin=other.password).returncode == 0
        assert len(list((home(hcexport_alone) / "credentials").glob("*.*"))) == 1

    @pytest.mark.slow
    def test_is_gone_from_the_other_store(
        self, hcexport_alone: Hcexport, box: Sandbox, login: Run, keyring: Callable[[], str]
    ) -> None:
        login("--remember")
        login("--remember", "--store", "keyring")
        assert entries(hcexport_alone) == set()
        assert box.password in keyring()
        assert hcexport_alone("list", "--limit", "1").returncode == 0
        login("--remember")
        assert keyring() == "{}"
        assert entries(hcexport_alone) == {"token", "password"}

    def test_is_gone_after_logout(self, hcexport_alone: Hcexport, box: Sandbox, login: Run) -> None:
        login()
        kept(hcexport_alone, box, "alice")
        assert hcexport_alone("logout").returncode == 0
        assert entries(hcexport_alone) == set()

    @pytest.mark.slow
    def test_a_keyring_that_is_not_there_stops_no_logout(
        self, hcexport_alone: Hcexport, login: Run, keyring: Callable[[], str]
    ) -> None:
        login("--store", "keyring")
        hcexport_alone.env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
        assert "keyring" in login().stderr
        done = hcexport_alone("logout")
        assert done.returncode == 0
        assert "keyring" in done.stderr
        assert entries(hcexport_alone) == set()
        assert keyring() != "{}"
        hcexport_alone.env["PYTHON_KEYRING_BACKEND"] = "ring.Ring"
        assert hcexport_alone("logout").returncode == 0
        assert keyring() == "{}"


class TestLogout:
    def test_everything_is_gone_but_the_profile(self, hcexport_alone: Hcexport, login: Run) -> None:
        login("--remember")
        before = config(hcexport_alone)
        done = hcexport_alone("logout")
        assert (done.returncode, done.stdout) == (0, "")
        assert entries(hcexport_alone) == set()
        assert config(hcexport_alone) == before
        assert hcexport_alone("list").returncode == 4

    def test_twice_is_no_failure(self, hcexport_alone: Hcexport, login: Run) -> None:
        login()
        assert [hcexport_alone("logout").returncode for _ in range(2)] == [0, 0]

    def test_where_nobody_signed_in_no_keyring_is_asked(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        env = {"HCEXPORT_URL": box.url, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
        assert hcexport_alone("logout", env=env).returncode == 0

    def test_a_token_in_the_environment_stays_and_that_is_said(self, hcexport_alone: Hcexport, login: Run) -> None:
        login()
        assert "HCEXPORT_TOKEN" in hcexport_alone("logout", env={"HCEXPORT_TOKEN": "abcdefgh"}).stderr
