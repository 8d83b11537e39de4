"""Tokens over time: they end in the middle of anything, and one renewal is enough for everybody."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from test_auth_ways import home, login, sign_ins

from hcexport.api.session import Session
from hcexport.auth.sign_in import TokenProvider, TokenSource
from hcexport.auth.tokens import Token
from hcexport.redaction import Secret
from hcexport.sandbox import Sandbox, errors
from hcexport.sandbox.context import Endpoint, RequestContext
from hcexport.sandbox.endpoints import admin, sharing
from hcexport.sandbox.faults import change_json, cut, in_turn, instead, late, normally, slowly
from hcexport.sandbox.http import Json, Response
from hcexport.sandbox.scenarios import ADMINISTRATION, ROWS, Scenario
from tests.support.process import Hcexport


def cut_with_the_token(share: float) -> Any:
    """Break a download off, and end every token at the same time."""

    def twist(endpoint: Endpoint) -> Endpoint:
        def twisted(call: RequestContext) -> Json | Response:
            answer = cut(share)(endpoint)(call)
            call.world.tokens.clear()
            return answer

        return twisted

    return twist


def never(_call: RequestContext) -> Response:
    raise errors.invalid_token()


def slow_and_cut(share: float) -> Any:
    return lambda endpoint: cut(share)(slowly(20_000)(endpoint))


MISBEHAVIOUR = {
    "token-ends-in-download": lambda: {
        admin.download: in_turn(cut_with_the_token(0.4), cut_with_the_token(0.5), normally)
    },
    "slow-sign-in": lambda: {sharing.generate_token: late(1.0)},
    "token-ends-once": lambda: {admin.download: in_turn(cut_with_the_token(0.4), normally)},
    "never-content": lambda: dict.fromkeys(ADMINISTRATION, instead(never)),
    "slow-and-cut": lambda: {admin.download: in_turn(slow_and_cut(0.3), slow_and_cut(0.5), slowly(20_000))},
}


# Twenty processes that start together: what takes long to import is imported once, before they part.
AT_ONCE = """
import os, sys
import hcexport.api.http, hcexport.auth.sign_in, hcexport.cli.commands.list
children = [os.fork() or hcexport.cli.main() for _ in range(20)]
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


@pytest.fixture(autouse=True)
def scenarios(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, twists in MISBEHAVIOUR.items():
        monkeypatch.setitem(ROWS, name, Scenario(name, twists))


@contextmanager
def organization(hcexport: Hcexport, scenario: str, *, remember: bool, **options: Any) -> Iterator[Sandbox]:
    with Sandbox(**{"scenario": scenario, "job_seconds": 0.3, **options}) as box:
        login(hcexport, box, *(["--remember"] if remember else []))
        yield box


def members(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def exports(box: Sandbox) -> int:
    return sum(request.path.endswith("reports/export") for request in box.requests)


def starts(box: Sandbox) -> list[int]:
    """The first byte that each request for the file asked for."""
    wanted = [request for request in box.requests if request.path.endswith("/download")]
    return [int(re.sub(r"\D", "", request.headers.get("Range", "bytes=0-"))) for request in wanted]


class TestInAnyCall:
    @pytest.mark.parametrize("words", [["status"], ["list"], ["show", "ID"], ["export", "--run-ids", "ID"]])
    def test_a_token_that_the_server_forgot_is_renewed_once(
        self, hcexport_alone: Hcexport, box: Sandbox, words: list[str]
    ) -> None:
        login(hcexport_alone, box, "--remember")
        box.revoke_all_tokens()
        before = sign_ins(box)
        done = hcexport_alone(*[box.reports[0].id if word == "ID" else word for word in words])
        assert (done.returncode, sign_ins(box) - before) == (0, 1), done.stderr

    def test_the_next_run_finds_the_new_one(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        login(hcexport_alone, box, "--remember")
        box.revoke_all_tokens()
        hcexport_alone("list")
        before = sign_ins(box)
        assert hcexport_alone("list", "-v").returncode == 0
        assert sign_ins(box) == before

    def test_one_that_is_about_to_end_is_not_sent(self, hcexport_alone: Hcexport) -> None:
        """The granted end counts: an hour is asked for, a second is granted."""
        with Sandbox(token_seconds=1.0) as box:
            login(hcexport_alone, box, "--remember")
            stored = next(home(hcexport_alone).rglob("*.token")).read_text()
            seen = len(box.requests)
            assert hcexport_alone("list", "--limit", "1").returncode == 0
            sent = [request.headers.get("X-Esri-Authorization", "") for request in box.requests[seen:]]
            assert sent
            assert not any(stored in header for header in sent)

    def test_a_server_that_takes_no_token_is_asked_twice(self, hcexport_alone: Hcexport) -> None:
        with Sandbox(scenario="never-content") as deaf:
            env = {"HCEXPORT_URL": deaf.url, "HCEXPORT_USERNAME": deaf.username, "HCEXPORT_PASSWORD": deaf.password}
            assert hcexport_alone("list", env={**env, "HCEXPORT_STORE": "file"}).returncode == 4
            assert sign_ins(deaf) == 2
            assert len(deaf.requests) == 4

    def test_one_that_nothing_renews_is_forgotten(self, hcexport_alone: Hcexport, box: Sandbox) -> None:
        login(hcexport_alone, box)
        box.revoke_all_tokens()
        assert hcexport_alone("list").returncode == 4
        seen = len(box.requests)
        assert hcexport_alone("list").returncode == 4
        assert len(box.requests) == seen

    @pytest.mark.parametrize("ahead_s", [-7200.0, 7200.0])
    def test_a_clock_that_is_two_hours_wrong_signs_nobody_out(self, hcexport_alone: Hcexport, ahead_s: float) -> None:
        with Sandbox(clock=lambda: time.time() + ahead_s) as box:
            login(hcexport_alone, box)
            for _ in range(2):
                assert hcexport_alone("list", "--limit", "1").returncode == 0
            assert sign_ins(box) == 1

    def test_a_date_ahead_makes_no_token_a_request(
        self, hcexport_alone: Hcexport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The clock of an ingress is 5 hours ahead of the clock that tokens end by."""

        def ends_early(call: RequestContext, answer: Json) -> Json:
            return {**answer, "expires": answer["expires"] - 5 * 3600 * 1000}

        scenario = Scenario("ahead", lambda: {sharing.generate_token: change_json(ends_early)})
        monkeypatch.setitem(ROWS, "ahead", scenario)
        with Sandbox(scenario="ahead", clock=lambda: time.time() + 5 * 3600, job_seconds=0.3) as box:
            env = {"HCEXPORT_URL": box.url, "HCEXPORT_USERNAME": box.username, "HCEXPORT_PASSWORD": box.password}
            done = hcexport_alone("export", "--latest", "1", "--wait", env=env)
            assert (done.returncode, sign_ins(box)) == (0, 1), done.stderr
            login(hcexport_alone, box, "--remember")
            for _ in range(2):
                assert hcexport_alone("list", "--limit", "1").returncode == 0
            assert sign_ins(box) == 2


class TestInTheMiddle:
    def test_of_a_poll(self, hcexport_alone: Hcexport, tmp_path: Path) -> None:
        with organization(hcexport_alone, "expired-token", remember=True) as box:
            done = hcexport_alone("export", "--latest", "2", "--out", tmp_path / "out.zip")
            assert done.returncode == 0, done.stderr
            assert (exports(box), sign_ins(box)) == (1, 2)
        assert members(tmp_path / "out.zip")

    def test_of_a_download_which_goes_on_from_where_it_was(self, hcexport_alone: Hcexport, tmp_path: Path) -> None:
        with organization(hcexport_alone, "token-ends-in-download", remember=True, item_bytes=300_000) as box:
            done = hcexport_alone("export", "--latest", "2", "--out", tmp_path / "out.zip")
            assert done.returncode == 0, done.stderr
            assert (exports(box), sign_ins(box)) == (1, 3)
            assert len(set(starts(box))) == 3
            assert max(starts(box)) > 100_000
        assert members(tmp_path / "out.zip")

    @pytest.mark.parametrize("scenario", ["expired-token", "token-ends-once"])
    def test_without_anything_to_renew_it_from(self, hcexport_alone: Hcexport, tmp_path: Path, scenario: str) -> None:
        with organization(hcexport_alone, scenario, remember=False, item_bytes=300_000) as box:
            out = tmp_path / "out.zip"
            done = hcexport_alone("export", "--latest", "2", "--out", out)
            assert (done.returncode, done.stdout) == (4, "")
            assert not out.exists()
            command = re.search(r"hcexport (wait \S+ .*--out \S+)", done.stderr)
            assert command, done.stderr
            login(hcexport_alone, box)
            assert hcexport_alone(*command[1].split()).returncode == 0
            assert exports(box) == 1
            assert scenario == "expired-token" or starts(box)[-1] > 100_000
        assert members(out)

    @pytest.mark.slow
    @pytest.mark.timeout(120)
    @pytest.mark.parametrize("remember", [True, False])
    def test_a_life_of_5_s_a_job_of_20_s_a_download_of_20_s(
        self, hcexport_alone: Hcexport, tmp_path: Path, remember: bool
    ) -> None:
        times = {"token_seconds": 5.0, "job_seconds": 20.0, "item_bytes": 400_000}
        with organization(hcexport_alone, "slow-and-cut", remember=remember, **times) as box:
            done = hcexport_alone("export", "--latest", "2", "--out", tmp_path / "out.zip", timeout=100)
            if not remember:
                assert done.returncode == 4
                assert "hcexport wait " in done.stderr
                return
            assert done.returncode == 0, done.stderr
            assert 4 <= sign_ins(box) <= 20
            assert max(starts(box)) > 100_000
            assert exports(box) == 1
        assert members(tmp_path / "out.zip")


@pytest.mark.slow
class TestAtOnce:
    @pytest.mark.parametrize("end", ["forgotten", "expired"])
    def test_20_processes_make_at_most_2_sign_ins(self, hcexport_alone: Hcexport, end: str) -> None:
        """A sign-in takes long enough for all of them to meet at the lock."""
        with organization(hcexport_alone, "slow-sign-in", remember=True) as box:
            if end == "forgotten":
                box.revoke_all_tokens()
            else:
                session = next(home(hcexport_alone).joinpath("sessions").iterdir())
                session.write_text(re.sub(r'("expires": )"20\d\d', r'\1"2001', session.read_text()))
            before = sign_ins(box)
            done = subprocess.run(
                [sys.executable, "-c", AT_ONCE, "list", "--limit", "1"],
                env=hcexport_alone.env,
                cwd=Path(__file__).parents[2],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert 1 <= sign_ins(box) - before <= 2


class TestBetweenCalls:
    """The same by a clock that the test owns."""

    def tokens(self, *lives_s: float | None) -> tuple[TokenProvider, Callable[[float], None]]:
        now = [datetime(2026, 11, 23, tzinfo=UTC)]
        session = SimpleNamespace(server_now=lambda: now[0], organization="https://gis.example.com/x")
        lives = iter(enumerate(lives_s))

        def get() -> Token | None:
            number, life_s = next(lives, (0, None))
            expires = now[0] + timedelta(seconds=life_s) if life_s is not None else None
            return Token(Secret(f"token-{number}"), expires)

        def pass_by(seconds: float) -> None:
            now[0] += timedelta(seconds=seconds)

        return TokenProvider(cast(Session, session), [TokenSource("a password", get)]), pass_by

    def test_one_that_lasts_is_used_on(self) -> None:
        tokens, pass_by = self.tokens(60, 60)
        first = tokens.current()
        pass_by(57)
        assert tokens.current() == first

    def test_one_is_renewed_before_its_end(self) -> None:
        tokens, pass_by = self.tokens(60, 60)
        first = tokens.current()
        pass_by(58.5)
        assert tokens.current() != first

    def test_one_without_an_end_is_used_until_the_server_says_so(self) -> None:
        tokens, pass_by = self.tokens(None, None)
        first = tokens.current()
        pass_by(1e6)
        assert tokens.current() == first
        assert tokens.renew(first) != first
