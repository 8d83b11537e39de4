"""What is kept of a sign-in beside its secrets, and one renewal at a time."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcexport import files as locks
from hcexport.auth.credentials import (
    LOCKING_S,
    UNDER_WAY_S,
    Credentials,
    TokenMetadata,
    environment_token,
    secret_store,
)
from hcexport.auth.secret_stores import FileStore, KeyringStore
from hcexport.auth.tokens import AccountKey, SecretKind, Token
from hcexport.errors import ConfigError, UsageError
from hcexport.files import lock
from hcexport.organization import Organization
from hcexport.redaction import Secret
from hcexport.store.paths import Paths

KEY = AccountKey(Organization.parse("https://gis.example.com/arcgis"), "ops")
TOKEN = Token(Secret("token-1234567"), datetime(2026, 11, 23, 12, tzinfo=UTC), "ops")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.find({"HCEXPORT_HOME": str(tmp_path / "hcexport")})


@pytest.fixture
def credentials(paths: Paths) -> Credentials:
    return Credentials(KEY, FileStore(paths.credentials), paths)


def again(credentials: Credentials) -> Credentials:
    """As the next process sees them."""
    return replace(credentials, store=FileStore(credentials.paths.credentials))


class TestToken:
    def test_comes_back_whole(self, credentials: Credentials) -> None:
        assert credentials.token() is None
        credentials.keep_token(TOKEN)
        assert again(credentials).token() == TOKEN

    def test_without_an_end(self, credentials: Credentials) -> None:
        credentials.keep_token(TOKEN)
        credentials.keep_token(TOKEN._replace(expires=None))
        assert again(credentials).token() == TOKEN._replace(expires=None)

    def test_the_store_holds_secrets_and_the_metadata_none(self, credentials: Credentials) -> None:
        credentials.keep_token(TOKEN)
        credentials.keep_refresh_token(Secret("refresh-1234567"), TOKEN.expires)
        credentials.keep_password(Secret("password-1234567"))
        beside = b"".join(path.read_bytes() for path in credentials.paths.sessions.iterdir())
        kept = b"".join(path.read_bytes() for path in credentials.paths.credentials.iterdir())
        assert b"1234567" not in beside
        assert b"2026-11-23" in beside
        assert b"2026-11-23" not in kept
        assert kept.count(b"1234567") == 3

    def test_without_what_was_beside_it(self, credentials: Credentials) -> None:
        """The state folder may be lost, as in a container: the token is used until the server says no."""
        credentials.keep_token(TOKEN)
        for path in credentials.paths.sessions.iterdir():
            path.unlink()
        assert again(credentials).token() == Token(TOKEN.secret, None, "ops")

    def test_its_end_is_written_before_it(self, credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
        """Else another process could take the new token for expired, and renew it once more."""
        seen = []
        monkeypatch.setattr(FileStore, "save", lambda *_: seen.append(credentials.metadata().expires))
        credentials.keep_token(TOKEN)
        assert seen == [TOKEN.expires]

    def test_forgotten(self, credentials: Credentials) -> None:
        credentials.keep_token(TOKEN)
        credentials.keep_refresh_token(Secret("refresh-1234567"), TOKEN.expires)
        credentials.keep_password(Secret("password-1234567"))
        credentials.remember_refused(Secret("wrong"))
        assert credentials.forget()
        left = again(credentials)
        assert (left.token(), left.refresh_token(), left.password()) == (None, None, None)
        assert left.metadata().refresh_expires is None
        assert left.was_refused(Secret("wrong"))
        assert not left.forget()
        assert list(credentials.paths.credentials.iterdir()) == []

    def test_only_the_token_forgotten(self, credentials: Credentials) -> None:
        credentials.keep_token(TOKEN)
        credentials.keep_password(Secret("password-1234567"))
        assert credentials.forget_token()
        assert not credentials.forget_token()
        assert again(credentials).password() == Secret("password-1234567")


class TestRefusedPasswords:
    def test_remembered_until_it_changes(self, credentials: Credentials) -> None:
        assert not credentials.was_refused(Secret("wrong"))
        credentials.remember_refused(Secret("wrong"))
        assert again(credentials).was_refused(Secret("wrong"))
        assert not again(credentials).was_refused(Secret("Wrong"))

    def test_two_wrong_ones_in_turn(self, credentials: Credentials) -> None:
        """From two sources: neither is sent again, although the other was refused last."""
        for wrong in ("one", "two", "one"):
            credentials.remember_refused(Secret(wrong))
        assert credentials.was_refused(Secret("one"))
        assert credentials.was_refused(Secret("two"))
        assert len(credentials.metadata().refused) == 2

    def test_a_token_does_not_wash_it_clean(self, credentials: Credentials) -> None:
        credentials.remember_refused(Secret("wrong"))
        credentials.keep_token(TOKEN)
        assert credentials.was_refused(Secret("wrong"))

    def test_taken_after_all(self, credentials: Credentials) -> None:
        credentials.forget_refused(Secret("one"))
        credentials.remember_refused(Secret("one"))
        credentials.remember_refused(Secret("two"))
        credentials.forget_refused(Secret("one"))
        assert not credentials.was_refused(Secret("one"))
        assert credentials.was_refused(Secret("two"))

    def test_another_accounts(self, credentials: Credentials) -> None:
        credentials.remember_refused(Secret("wrong"))
        other = replace(credentials, key=AccountKey(KEY.organization, "other"))
        assert not other.was_refused(Secret("wrong"))

    def test_hash_is_salted_and_slow(self, credentials: Credentials) -> None:
        other = replace(credentials, key=AccountKey(KEY.organization, "other"))
        begin = time.process_time()
        for one in (credentials, other):
            one.remember_refused(Secret("wrong"))
        assert time.process_time() - begin > 0.02
        first, second = credentials.metadata(), other.metadata()
        assert first.refused != second.refused
        assert first.salt != second.salt

    def test_the_number_is_bounded(self, credentials: Credentials) -> None:
        for number in range(10):
            credentials.remember_refused(Secret(f"wrong {number}"))
        assert len(credentials.metadata().refused) == 8
        assert credentials.was_refused(Secret("wrong 9"))


class TestSentPasswords:
    """One that was sent and never answered is not sent again at once: the server may have counted it."""

    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        now = [1_800_000_000.0]
        monkeypatch.setattr("hcexport.auth.credentials.time", SimpleNamespace(time=lambda: now[0]))
        return now

    def test_held_back_while_it_may_be_under_way(self, credentials: Credentials, clock: list[float]) -> None:
        assert credentials.held_back_s(Secret("right")) == 0
        credentials.note_sent(Secret("right"))
        assert again(credentials).held_back_s(Secret("right")) == UNDER_WAY_S
        assert again(credentials).held_back_s(Secret("another")) == 0
        clock[0] += UNDER_WAY_S
        assert credentials.held_back_s(Secret("right")) == 0

    def test_lost_again_and_again_it_locks_no_account(self, credentials: Credentials, clock: list[float]) -> None:
        sent: list[float] = []
        for _ in range(3600):
            if not credentials.metadata().sent or not credentials.held_back_s(Secret("right")):
                credentials.note_sent(Secret("right"))
                sent.append(clock[0])
            clock[0] += 1.0
        assert len(sent) > 10
        assert all(later - first >= LOCKING_S for first, later in zip(sent, sent[4:], strict=False))

    def test_what_became_of_it(self, credentials: Credentials, clock: list[float]) -> None:
        for learn in (credentials.forget_sent, credentials.forget_refused, credentials.remember_refused):
            credentials.note_sent(Secret("right"))
            learn(Secret("right"))
            assert credentials.metadata().sent == ()
        assert credentials.was_refused(Secret("right"))

    def test_the_last_time_alone_never_arrived(self, credentials: Credentials, clock: list[float]) -> None:
        for _ in range(2):
            credentials.note_sent(Secret("right"))
            clock[0] += UNDER_WAY_S
        credentials.forget_sent(Secret("right"), all_times=False)
        assert len(credentials.metadata().sent) == 1

    def test_a_clock_that_was_set_back_holds_nothing_back(self, credentials: Credentials, clock: list[float]) -> None:
        credentials.note_sent(Secret("right"))
        clock[0] -= 3600.0
        assert credentials.held_back_s(Secret("right")) == 0


class TestMetadata:
    @given(
        st.builds(
            TokenMetadata,
            expires=st.none() | st.datetimes(timezones=st.just(UTC)),
            refresh_expires=st.none() | st.datetimes(timezones=st.just(UTC)),
            client_id=st.text(),
            redirect_uri=st.text(),
            salt=st.text(),
            refused=st.lists(st.text()).map(tuple),
            sent=st.lists(st.tuples(st.text(), st.floats(allow_nan=False))).map(tuple),
        )
    )
    def test_comes_back(self, metadata: TokenMetadata) -> None:
        assert TokenMetadata.from_bytes(metadata.to_bytes()) == metadata

    @given(
        st.binary()
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(["expires", "refresh_expires", "profiles", "salt", "refused", "sent", "x"]),
                    inner,
                )
            ),
        ).map(lambda value: json.dumps(value).encode())
    )
    def test_a_spoilt_one_is_none(self, content: bytes) -> None:
        metadata = TokenMetadata.from_bytes(content)
        assert metadata.expires is None or metadata.expires.tzinfo

    @pytest.mark.parametrize("content", [None, b"", b"[" * 100_000, b"\xff", b'{"expires": "2026-11-23T12:00:00"}'])
    def test_what_is_not_known(self, content: bytes | None) -> None:
        assert TokenMetadata.from_bytes(content) == TokenMetadata()

    def test_is_private(self, credentials: Credentials) -> None:
        credentials.keep_token(TOKEN)
        (path,) = credentials.paths.sessions.iterdir()
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
        with pytest.raises(ConfigError):
            credentials.token()


class TestEnvironmentToken:
    def test_used_as_it_is(self) -> None:
        token = environment_token({"HCEXPORT_TOKEN": " abc123\n"})
        assert token == Token(Secret("abc123"))

    @pytest.mark.parametrize("environ", [{}, {"HCEXPORT_TOKEN": ""}])
    def test_none(self, environ: dict[str, str]) -> None:
        assert environment_token(environ) is None

    def test_what_cannot_be_one(self) -> None:
        with pytest.raises(UsageError) as caught:
            environment_token({"HCEXPORT_TOKEN": "two wörds"})
        assert "wörds" not in caught.value.message


class TestLock:
    def test_one_at_a_time(self, credentials: Credentials) -> None:
        """A lock is held against another process, and gone when that process was killed."""
        with credentials.renewal_lock() as held:
            assert held
            (path,) = credentials.paths.locks.iterdir()
            assert path.stat().st_mode & 0o777 == 0o600
            assert self.try_in_another_process(path) == "False"
        assert self.try_in_another_process(path) == "True"

    def try_in_another_process(self, path: Path) -> str:
        code = (
            "import sys, pathlib\nfrom hcexport.files import lock\n"
            "with lock(pathlib.Path(sys.argv[1]), 0.1) as held: print(held)"
        )
        command = [sys.executable, "-c", code, str(path)]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
        ).stdout.strip()

    def test_a_lock_that_stays_held_is_done_without(self, tmp_path: Path) -> None:
        begin = time.monotonic()
        with lock(tmp_path / "x"), lock(tmp_path / "x", 0.1) as held:
            assert not held
        assert time.monotonic() - begin < 5

    @pytest.mark.parametrize("error", [OSError(95, "Operation not supported"), PermissionError()])
    def test_where_locking_is_impossible_work_goes_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def flock(*_: object) -> None:
            raise error

        monkeypatch.setattr(fcntl, "flock", flock)
        with lock(tmp_path / "x") as held:
            assert not held

    def test_where_no_folder_can_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with lock(tmp_path / "file" / "locks" / "x") as held:
            assert not held

    def test_what_goes_wrong_inside_is_not_its_business(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="inside"), lock(tmp_path / "x"):
            raise OSError("inside")
        with lock(tmp_path / "x", 0.1) as held:
            assert held

    def test_its_limit(self) -> None:
        assert locks.LOCK_LIMIT_S == 10


def test_the_store_that_is_named(paths: Paths) -> None:
    assert secret_store("file", paths).name == "file"
    assert isinstance(secret_store("keyring", paths), KeyringStore)
    assert {entry.value for entry in SecretKind} == {"token", "refresh-token", "password"}


def test_ends_are_compared_in_utc(credentials: Credentials) -> None:
    from datetime import timezone

    east = datetime(2026, 11, 23, 20, tzinfo=timezone(timedelta(hours=8)))
    credentials.keep_token(TOKEN._replace(expires=east))
    token = credentials.token()
    assert token is not None
    assert token.expires == TOKEN.expires
