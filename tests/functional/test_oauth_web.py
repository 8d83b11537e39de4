"""``login --web`` over plain HTTP: a person at the pages, hcexport as a process, the organization in between."""

from __future__ import annotations

import html
import http.client
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pytest

from hcexport.auth import loopback
from hcexport.errors import TimedOut
from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport
from tests.support.terminal import Terminal

APP = "hcexport-demo"  # of the sandbox: it may send browsers back to 127.0.0.1
DAY_S = 86_400.0


class Person:
    """Opens addresses, fills in forms and follows where a page sends them, as a browser does."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.status, self.location, self.page = self._request("GET", address)

    def _request(self, method: str, url: str, form: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        body = urlencode(form) if form else None
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        connection.request(method, f"{parts.path}?{parts.query}", body, headers)
        answer = connection.getresponse()
        page = answer.read().decode()
        connection.close()
        return answer.status, answer.headers.get("Location", ""), page

    def fill_in(self, **fields: str) -> Person:
        action = re.search(r'action="([^"]*)"', self.page)
        assert action, self.page
        hidden = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', self.page))
        self.status, self.location, self.page = self._request(
            "POST", urljoin(self.address, html.unescape(action[1])), {**hidden, **fields}
        )
        return self

    def follow(self) -> Person:
        assert self.status == 302
        return Person(self.location)

    @property
    def code(self) -> str:
        found = re.search(r'id="code" readonly value="([^"]*)"', self.page)
        assert found, self.page
        return found[1]


@contextmanager
def signing_in(hcexport: Hcexport, box: Sandbox, *options: str, env: Mapping[str, str] | None = None) -> Iterator[Any]:
    """``login --web`` as a process that waits for the browser; its ``address`` is where that goes."""
    words = hcexport.argv("login", box.url, "--web", "--client-id", APP, "--store", "file", *options)
    process: Any = subprocess.Popen(
        words, env={**hcexport.env, **(env or {})}, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    try:
        process.address = next(line.split()[-1] for line in process.stderr if "authorize?" in line)
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: Any) -> str:
    """What was said up to the end, which comes by itself."""
    _, said = process.communicate(timeout=20)
    return str(said)


@pytest.fixture
def signed_in(hcexport_alone: Hcexport, box: Sandbox) -> Hcexport:
    """Hcexport after a member who has no password to post has signed in with a browser."""
    with signing_in(hcexport_alone, box, "--no-browser") as process:
        Person(process.address).fill_in(username="saml.admin", password=box.password).follow()
        said = ended(process)
    assert process.returncode == 0, said
    assert "saml.admin" in said
    return hcexport_alone


def kept(hcexport: Hcexport, entry: str) -> str:
    (path,) = Path(hcexport.env["HCEXPORT_HOME"], "credentials").glob(f"*.{entry}")
    return path.read_text()


def asked(box: Sandbox, path: str, **form: str) -> int:
    return sum(
        request.path.rstrip("/").endswith(path) and form.items() <= request.form.items() for request in box.requests
    )


class TestSigningIn:
    def test_the_profile_remembers_how(self, signed_in: Hcexport) -> None:
        text = Path(signed_in.env["HCEXPORT_HOME"], "config.toml").read_text()
        assert 'auth = "oauth"' in text
        assert f'client_id = "{APP}"' in text
        assert signed_in("list", "--limit", "1").returncode == 0

    def test_secrets_are_in_private_files_and_nowhere_else(self, signed_in: Hcexport) -> None:
        secrets = [kept(signed_in, "token"), kept(signed_in, "refresh-token")]
        for path in Path(signed_in.env["HCEXPORT_HOME"]).rglob("*"):
            if path.is_file() and path.parent.name != "credentials":
                assert not any(secret in path.read_text() for secret in secrets), path
            if path.parent.name == "credentials":
                assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_the_request_proves_itself_by_pkce_and_state(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        with signing_in(hcexport_alone, box, "--no-browser", "--expiration", "2d") as process:
            query = parse_qs(urlsplit(process.address).query)
        assert query["code_challenge_method"] == ["S256"]
        assert len(query["code_challenge"][0]) == 43
        assert len(query["state"][0]) >= 43
        assert query["redirect_uri"][0].startswith("http://127.0.0.1:")
        assert query["expiration"] == [str(2 * 24 * 60)]

    def test_a_second_factor_is_the_pages_affair(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        with signing_in(hcexport_alone, box, "--no-browser") as process:
            person = Person(process.address).fill_in(username="mfa", password=box.password)
            person.fill_in(code="000000").fill_in(code=box.mfa_code).follow()
            assert "as mfa " in ended(process)
        assert process.returncode == 0

    @pytest.mark.parametrize(("fields", "name"), [({"cancel": "true"}, "administrator"), ({}, "unwilling")])
    def test_a_refusal_is_status_4_and_keeps_nothing(
        self, hcexport_alone: Hcexport, box: Sandbox, fields: dict[str, str], name: str
    ) -> None:
        with signing_in(hcexport_alone, box, "--no-browser") as process:
            person = Person(process.address).fill_in(username=name, password=box.password, **fields).follow()
            assert person.status == 200
            assert "access_denied" in ended(process)
        assert process.returncode == 4
        assert not list(Path(hcexport_alone.env["HCEXPORT_HOME"]).rglob("*token"))

    def test_strangers_at_the_socket_change_nothing(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        with signing_in(hcexport_alone, box, "--no-browser") as process:
            back = parse_qs(urlsplit(process.address).query)["redirect_uri"][0]
            state = parse_qs(urlsplit(process.address).query)["state"][0]
            assert Person(f"{back}?code=stolen&state=guessed").status == 404
            assert Person(f"{back}?error=access_denied").status == 404
            assert Person(f"{back}favicon.ico?code=x&state={state}").status == 404
            page = Person(process.address).fill_in(username="administrator", password=box.password).follow().page
            assert state not in page
            ended(process)
        assert process.returncode == 0
        assert asked(box, "oauth2/token", grant_type="authorization_code") == 1

    def test_a_wrong_code_is_refused(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        with signing_in(hcexport_alone, box, "--no-browser") as process:
            query = parse_qs(urlsplit(process.address).query)
            Person(f"{query['redirect_uri'][0]}?{urlencode({'code': 'wrong', 'state': query['state'][0]})}")
            ended(process)
        assert process.returncode == 4

    def test_one_that_nobody_finishes_ends_with_the_signal(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        with signing_in(hcexport_alone, box, "--no-browser") as process:
            process.send_signal(signal.SIGINT)
            said = ended(process)
        assert process.returncode == 130
        assert "Traceback" not in said
        assert "Exception" not in said


def test_nobody_coming_is_a_timeout() -> None:
    with loopback.listening() as place, pytest.raises(TimedOut):
        place.wait(limit_s=0.05)


def test_an_answer_before_anybody_waits_is_kept() -> None:
    with loopback.listening() as place:
        place.expect(lambda query: query.get("state") == "ours")
        assert Person(f"{place.redirect_uri}?code=x&state=theirs").status == 404
        assert Person(f"{place.redirect_uri}?code=c0de&state=ours").status == 200
        assert place.wait(limit_s=0.05)["code"] == "c0de"


def test_a_browser_that_resets_has_brought_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def reset(visit: loopback._Visit, _sentence: str) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(loopback._Visit, "_show", reset)
    with loopback.listening() as place:
        place.expect(lambda _query: True)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            Person(f"{place.redirect_uri}?code=c0de")
        assert place.wait(limit_s=1)["code"] == "c0de"


class TestBrowser:
    @pytest.fixture
    def recorder(self, tmp_path: Path) -> tuple[str, Path]:
        seen, script = tmp_path / "seen", tmp_path / "browser"
        script.write_text(
            f'#!/bin/sh\nenv > {seen}.env; echo loud; printf %s "$1" > {seen}.part && mv {seen}.part {seen}\n'
        )
        script.chmod(0o755)
        return f"{script} %s", seen

    def test_it_is_opened(self, hcexport_alone: Hcexport, box: Sandbox, recorder: tuple[str, Path]) -> None:
        command, seen = recorder
        env = {"BROWSER": command, "HCEXPORT_PASSWORD": "canary", "ARCGIS_ENTERPRISE_PASSWORD": "canary"}
        with signing_in(hcexport_alone, box, "--quiet", env=env) as process:
            until = time.monotonic() + 10
            while not seen.exists() and time.monotonic() < until:
                time.sleep(0.02)
            assert seen.read_text() == process.address
        assert "canary" not in seen.with_suffix(".env").read_text()

    def test_or_not(self, hcexport_alone: Hcexport, box: Sandbox, recorder: tuple[str, Path]) -> None:
        command, seen = recorder
        with signing_in(hcexport_alone, box, "--no-browser", env={"BROWSER": command}) as process:
            Person(process.address).fill_in(username="administrator", password=box.password).follow()
            ended(process)
        assert not seen.exists()


class TestPasting:
    """Without an app of one's own, the page shows a code."""

    @pytest.mark.parametrize("shape", ["{code}", "SUCCESS code={code}", "https://x.example/y?a=b&code={code}"])
    def test_the_code_is_pasted_at_the_terminal(self, hcexport_alone: Hcexport, box: Sandbox, shape: str) -> None:
        words = hcexport_alone.argv("login", box.url, "--web", "--no-browser", "--store", "file")
        with Terminal(words, env=hcexport_alone.env) as terminal:
            assert terminal.wait_for("the code")
            found = re.search(r"http://\S+authorize\S+", terminal.screen)
            assert found
            code = Person(found[0]).fill_in(username="saml.admin", password=box.password).code
            terminal.type(shape.format(code=code) + "\n")
            assert terminal.converse().status == 0
        assert hcexport_alone("status").returncode == 0

    def test_nobody_there_is_a_usage_error(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        done = hcexport_alone("login", box.url, "--web", "--store", "file")
        assert (done.returncode, done.stdout) == (2, "")
        assert "--client-id" in done.stderr

    def test_no_input_means_no_browser_either(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        done = hcexport_alone("login", box.url, "--web", "--client-id", APP, "--no-input", "--store", "file")
        assert done.returncode == 2
        assert asked(box, "oauth2/authorize") == 0


class TestRenewal:
    def test_a_refresh_token_renews_and_stays(self, signed_in: Hcexport, box: Sandbox) -> None:
        before = kept(signed_in, "token"), kept(signed_in, "refresh-token")
        box.revoke_all_tokens()
        done = signed_in("list", "--limit", "1", "-v")
        assert done.returncode == 0
        assert "refresh token" in done.stderr
        assert kept(signed_in, "token") != before[0]
        assert kept(signed_in, "refresh-token") == before[1]
        assert asked(box, "oauth2/token", grant_type="refresh_token") == 1
        assert asked(box, "generateToken") == 0

    def test_it_is_exchanged_before_it_ends(self, hcexport_alone: Hcexport) -> None:
        ahead = [0.0]
        with Sandbox(clock=lambda: time.time() + ahead[0], refresh_seconds=14 * DAY_S) as box:
            with signing_in(hcexport_alone, box, "--no-browser") as process:
                Person(process.address).fill_in(username="saml.admin", password=box.password).follow()
                ended(process)
            first = kept(hcexport_alone, "refresh-token")
            for day in (6, 12, 18, 24):
                ahead[0] = day * DAY_S
                assert hcexport_alone("list", "--limit", "1").returncode == 0, day
            assert kept(hcexport_alone, "refresh-token") != first
            assert asked(box, "oauth2/token", grant_type="exchange_refresh_token") == 2

    def test_one_that_cannot_be_exchanged_is_used_while_it_lasts(self, hcexport_alone: Hcexport) -> None:
        with Sandbox(refresh_seconds=DAY_S) as box:
            with signing_in(hcexport_alone, box, "--no-browser") as process:
                Person(process.address).fill_in(username="saml.admin", password=box.password).follow()
                ended(process)
            session = next(Path(hcexport_alone.env["HCEXPORT_HOME"], "sessions").iterdir())
            session.write_text(re.sub(r"http://127\.0\.0\.1:\d+/\"", 'http://127.0.0.1:1/"', session.read_text()))
            box.revoke_all_tokens()
            assert hcexport_alone("list", "--limit", "1").returncode == 0
            assert asked(box, "oauth2/token", grant_type="exchange_refresh_token") == 1
            assert asked(box, "oauth2/token", grant_type="refresh_token") == 1

    def test_its_end_is_the_end_of_the_sign_in(self, hcexport_alone: Hcexport) -> None:
        ahead = [0.0]
        with Sandbox(clock=lambda: time.time() + ahead[0]) as box:
            with signing_in(hcexport_alone, box, "--no-browser") as process:
                Person(process.address).fill_in(username="saml.admin", password=box.password).follow()
                ended(process)
            ahead[0] = 15 * DAY_S
            done = hcexport_alone("list")
        assert done.returncode == 4
        assert "hint: " in done.stderr
        assert "hcexport login --web" in done.stderr


class TestAgain:
    def test_a_profile_signs_in_as_it_did_before(self, signed_in: Hcexport) -> None:
        done = signed_in("login", "--no-input")
        assert done.returncode == 2
        assert "--web" in done.stderr

    def test_unless_told_otherwise(self, signed_in: Hcexport, box: Sandbox) -> None:
        done = signed_in("login", "-u", "administrator", "--password-stdin", stdin=box.password)
        assert done.returncode == 0
        assert 'auth = "password"' in Path(signed_in.env["HCEXPORT_HOME"], "config.toml").read_text()


class TestLogout:
    def test_the_server_ends_both_tokens(self, signed_in: Hcexport, box: Sandbox) -> None:
        token, refresh_token = kept(signed_in, "token"), kept(signed_in, "refresh-token")
        assert signed_in("logout").returncode == 0
        assert asked(box, "oauth2/revokeToken", auth_token=refresh_token, client_id=APP) == 1
        assert signed_in("status").returncode == 4
        assert signed_in("list", env={"HCEXPORT_TOKEN": token}).returncode == 4
        assert not list(Path(signed_in.env["HCEXPORT_HOME"], "credentials").iterdir())

    @pytest.mark.slow
    def test_a_server_that_is_down_holds_nobody_up(self, signed_in: Hcexport, box: Sandbox) -> None:
        box.stop()
        done = signed_in("logout", timeout=15)
        assert done.returncode == 0
        assert "warning" in done.stderr
        assert not list(Path(signed_in.env["HCEXPORT_HOME"], "credentials").iterdir())


class TestWithoutATokenTheHintSignsInAgain:
    """With a browser, for the profile: whoever signs in by SAML has no password."""

    COMMANDS = ("list", "status", "export --latest 1", "show", "jobs --server")

    @pytest.fixture(params=["nothing kept", "refresh refused", "ended", "keyring locked", "token refused"])
    def stranded(self, request: pytest.FixtureRequest, signed_in: Hcexport, box: Sandbox) -> Hcexport:
        home = Path(signed_in.env["HCEXPORT_HOME"])
        assert signed_in("config", "rename", "default", "prod").returncode == 0
        match request.param:
            case "nothing kept":
                shutil.rmtree(home / "credentials")
            case "refresh refused":
                box.revoke_all_tokens()
                for path in home.joinpath("credentials").glob("*.refresh-token"):
                    path.write_text("another-refresh-token")
            case "ended":
                for path in [*home.rglob("*.refresh-token"), *home.rglob("*.token")]:
                    path.unlink()
            case "token refused":
                box.revoke_all_tokens()
                for path in home.joinpath("credentials").glob("*.refresh-token"):
                    path.unlink()
            case "keyring locked":
                assert signed_in("config", "set", "-p", "prod", "store", "keyring").returncode == 0
                signed_in.env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
        return signed_in

    @pytest.mark.parametrize("command", COMMANDS)
    def test_named_with_the_profile(self, stranded: Hcexport, command: str) -> None:
        done = stranded(*command.split())
        assert done.returncode in {4, 78}, done.stderr
        hint = done.stderr.splitlines()[-1]
        assert "hcexport login --web" in hint
        assert "-p prod" in hint
