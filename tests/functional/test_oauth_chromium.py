"""``login --web`` in a real browser: headless Chromium, driven by the W3C WebDriver protocol of its own driver."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from test_oauth_web import ended, signing_in

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(180)]

FLAGS = [
    "--headless",
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=800,600",
]
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key that the W3C gave to references


class Chromium:
    """One window."""

    def __init__(self, driver: str, chromium: str, profile: Path) -> None:
        self._url = driver
        options = {"binary": chromium, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
        self._url = f"{driver}/session/{self._do('POST', '/session', capabilities=wanted)['sessionId']}"

    def _do(self, method: str, path: str, **body: Any) -> Any:
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, address: str) -> None:
        self._do("POST", "/url", url=address)

    def _on(self, css: str, method: str, path: str, **body: Any) -> Any:
        """Do something with an element, once it is there: a click returns before the next page has replaced this."""
        until = time.monotonic() + 10
        while True:
            try:
                found = self._do("POST", "/element", using="css selector", value=css)[_ELEMENT]
                return self._do(method, f"/element/{found}/{path}", **body)
            except urllib.error.HTTPError:  # no such element yet, or one of the page before
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def type(self, css: str, text: str) -> None:
        self._on(css, "POST", "value", text=text)

    def click(self, css: str) -> None:
        self._on(css, "POST", "click")

    def value(self, css: str) -> str:
        return str(self._on(css, "GET", "property/value"))

    @property
    def text(self) -> str:
        return str(self._on("body", "GET", "text"))

    def shows(self, words: str) -> bool:
        """Wait for words on the page."""
        until = time.monotonic() + 10
        while words not in self.text and time.monotonic() < until:
            time.sleep(0.05)
        return words in self.text

    @property
    def address(self) -> str:
        return str(self._do("GET", "/url"))

    def photograph(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._do("GET", "/screenshot")))

    def close(self) -> None:
        self._do("DELETE", "")


@contextmanager
def driver_of(chromedriver: str) -> Iterator[str]:
    with subprocess.Popen([chromedriver, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                if found := re.search(r"started successfully on port (\d+)", line):
                    yield f"http://127.0.0.1:{found[1]}"
                    break
        finally:
            process.terminate()


@pytest.fixture
def chromium(need_part: Callable[[str], str], tmp_path: Path) -> Iterator[Chromium]:
    program = need_part("chromium")
    with driver_of(need_part("chromedriver")) as driver:
        window = Chromium(driver, program, tmp_path / "browser")
        try:
            yield window
        finally:
            window.close()


def fill_in(chromium: Chromium, name: str, password: str) -> None:
    chromium.type("#user_username", name)
    chromium.type("#user_password", password)
    chromium.click("#signIn")


def test_the_browser_comes_back_to_the_terminal(
    chromium: Chromium, hcexport_alone: Hcexport, box: Sandbox, tmp_path: Path
) -> None:
    with signing_in(hcexport_alone, box, "--no-browser") as process:
        chromium.open(process.address)
        chromium.photograph(tmp_path / "sign-in.png")
        fill_in(chromium, "saml.admin", "wrong")
        assert chromium.shows("Invalid username or password")
        fill_in(chromium, "saml.admin", box.password)
        said = ended(process)
    assert process.returncode == 0, said
    chromium.photograph(tmp_path / "back.png")
    assert chromium.shows("in your terminal")
    assert "code=" not in chromium.address
    assert hcexport_alone("status").returncode == 0


def test_a_second_factor_and_a_refusal(chromium: Chromium, hcexport_alone: Hcexport, box: Sandbox) -> None:
    with signing_in(hcexport_alone, box, "--no-browser") as process:
        chromium.open(process.address)
        fill_in(chromium, "mfa", box.password)
        chromium.click("#cancel")
        assert chromium.shows("refused")
        ended(process)
    assert process.returncode == 4
    with signing_in(hcexport_alone, box, "--no-browser") as process:
        chromium.open(process.address)
        fill_in(chromium, "mfa", box.password)
        chromium.type("#user_code", box.mfa_code)
        chromium.click("#signIn")
        assert "as mfa " in ended(process)
    assert process.returncode == 0


def test_a_code_to_paste_is_shown(chromium: Chromium, box: Sandbox, tmp_path: Path) -> None:
    from hcexport.api.session import Session
    from hcexport.auth.oauth import Application, Authorization, refresh
    from hcexport.organization import Organization

    organization = Organization.parse(box.url)
    authorization = Authorization(Application())
    chromium.open(authorization.address(organization))
    fill_in(chromium, "saml.admin", box.password)
    until = time.monotonic() + 10
    while "Paste this" not in chromium.text and time.monotonic() < until:
        time.sleep(0.05)
    chromium.photograph(tmp_path / "code.png")
    session = Session(organization)
    grant = authorization.redeem(session, {"code": chromium.value("#code")})
    assert grant.token.username == "saml.admin"
    assert grant.refresh_token
    assert refresh(session, Application(), grant.refresh_token).token.secret != grant.token.secret
    session.close()
