"""A server that echoes the token: no more than eight characters of it in a row are said, printed, logged or kept."""

from __future__ import annotations

import html
import json
import random
import secrets
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from hcexport.sandbox import Sandbox, errors
from hcexport.sandbox.context import RequestContext
from hcexport.sandbox.endpoints import health
from hcexport.sandbox.http import Json, Response
from hcexport.sandbox.scenarios import ROWS, Scenario, change_json, instead
from tests.support.process import Hcexport

ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda text: quote(text, safe=""),
    "html": lambda text: html.escape(text).replace("=", "&#61;"),
}


@pytest.fixture(autouse=True)
def _long_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an organization's own are."""
    characters = string.ascii_letters + string.digits + "-_.~+/="
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _: "".join(random.choices(characters, k=331)))


def sent(call: RequestContext) -> str:
    """The token that came with a call."""
    return str(call.request.headers["X-Esri-Authorization"]).removeprefix("Bearer ")


def runs(text: str) -> Iterator[str]:
    return (text[at : at + 9] for at in range(len(text) - 8))


def assert_hidden(token: str, hcexport: Hcexport, log: Path) -> None:
    kept = [path for path in Path(hcexport.env["HCEXPORT_HOME"]).rglob("*") if path.is_file()]
    said = [text for done in hcexport.finished for text in (done.stdout, done.stderr)]
    texts = [*said, log.read_text(), *(path.read_bytes().decode("latin-1") for path in kept)]
    for run in runs(token):
        assert not any(run in text for text in texts), run


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("offset", [0, 150, 280])
def test_in_an_error(
    hcexport: Hcexport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str, offset: int
) -> None:
    def refuse(call: RequestContext) -> Response:
        raise errors.portal(400, f"{'x ' * 200}"[:offset] + f"cannot validate {ENCODINGS[encoding](sent(call))}, sorry")

    monkeypatch.setitem(ROWS, "echo", Scenario("echo", lambda: {health.query: instead(refuse)}))
    with Sandbox(scenario="echo") as box:
        token = box.new_token()
        for words in (["list"], ["list", "-vv", "--log-file", tmp_path / "log"], ["list", "--format", "json"]):
            done = hcexport(*words, env={"HCEXPORT_URL": box.url, "HCEXPORT_TOKEN": token})
            assert done.returncode not in {0, 2, 78}
            assert "cannot validate" in done.stderr
    assert_hidden(token, hcexport, tmp_path / "log")


def test_in_a_field(hcexport: Hcexport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def echo(call: RequestContext, answer: Json) -> Json:
        body: Json = json.loads(json.dumps(answer).replace("administrator", f"by {sent(call)}!"))
        return {**body, "more": [sent(call)]}

    twists = {health.query: change_json(echo), health.report: change_json(echo)}
    monkeypatch.setitem(ROWS, "echo", Scenario("echo", lambda: twists))
    with Sandbox(scenario="echo") as box:
        token = box.new_token()
        for words in (["list"], ["list", "--format", "json"], ["show", box.reports[0].id, "--format", "json"]):
            env = {"HCEXPORT_URL": box.url, "HCEXPORT_TOKEN": token}
            done = hcexport(*words, "-vv", "--log-file", tmp_path / "log", env=env)
            assert done.returncode == 0, done.stderr
            assert "by ***!" in done.stdout or "show" in words
    assert_hidden(token, hcexport, tmp_path / "log")
