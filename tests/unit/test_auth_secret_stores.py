"""The keyring as a child process: whom it trusts, what it learns, and that it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hcexport.auth import secret_stores
from hcexport.auth.secret_stores import KeyringStore
from hcexport.auth.tokens import AccountKey, SecretKind
from hcexport.errors import ConfigError
from hcexport.organization import Organization
from hcexport.redaction import Secret

pytestmark = pytest.mark.slow  # each asks a process of its own, and some wait for one that never answers
KEY = AccountKey(Organization.parse("https://gis.example.com/arcgis"), "ops")
TOKEN = Secret("canary-token-1234")

PLAIN = '''
import os, pathlib
from keyring.backend import KeyringBackend

FOLDER = pathlib.Path(os.environ["TEST_FOLDER"])

class Plain(KeyringBackend):
    """What keyrings.alt does: keeps secrets as they are, and says it is better than nothing."""
    priority = 0.5
    def _file(self, service, username):
        return FOLDER / (service + username).replace("/", "_")
    def get_password(self, service, username):
        file = self._file(service, username)
        return file.read_text() if file.exists() else None
    def set_password(self, service, username, password):
        self._file(service, username).write_text(password)
    def delete_password(self, service, username):
        self._file(service, username).unlink()
'''

BACKENDS = """
import json, os, pathlib, sys, time
from plain_of_test import FOLDER, Plain as Base

class Plain(Base):
    pass

class Noisy(Plain):
    def get_password(self, service, username):
        print('{"secret": "not this"}', flush=True)
        os.write(1, b"noise")
        return super().get_password(service, username)

class Forgetful(Plain):
    def set_password(self, service, username, password):
        pass

class Mute(Plain):
    def get_password(self, service, username):
        (FOLDER / "pid").write_text(str(os.getpid()))
        time.sleep(60)

class Raising(Plain):
    def set_password(self, service, username, password):
        raise RuntimeError(f"no room for {password}")

class Dying(Plain):
    def get_password(self, service, username):
        os._exit(1)

class Curious(Plain):
    def get_password(self, service, username):
        try:
            terminal = bool(os.open("/dev/tty", os.O_RDWR))
        except OSError:
            terminal = False
        return json.dumps({
            "argv": pathlib.Path("/proc/self/cmdline").read_text(),
            "environ": pathlib.Path("/proc/self/environ").read_text(),
            "hcexport": [name for name in (*sys.modules, *sys.path[:1]) if "hcexport" in name],
            "terminal": terminal, "session": os.getsid(0) == os.getpid(),
        })
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for what backends write; beside it is a module of backends, which no package announces."""
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "plain_of_test.py").write_text(PLAIN)
    (tmp_path / "python" / "backends_of_test.py").write_text(BACKENDS)
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept"


@pytest.fixture(params=["plaintext", "a chain of two"])
def announced(folder: Path, request: pytest.FixtureRequest) -> Path:
    """Backends are installed as a package that keyring finds by itself, as keyrings.alt is."""
    python = folder.parent / "python"
    (python / "second_of_test.py").write_text(
        "from plain_of_test import Plain\nclass Second(Plain):\n    priority = 0.4\n"
    )
    modules = ["plain_of_test"] if request.param == "plaintext" else ["plain_of_test", "second_of_test"]
    info = python / "backends_of_test-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: backends-of-test\nVersion: 1\n")
    lines = "".join(f"{module} = {module}\n" for module in modules)
    (info / "entry_points.txt").write_text(f"[keyring.backends]\n{lines}")
    return folder


def environ(folder: Path, backend: str | None = None, **more: str) -> Mapping[str, str]:
    named = {"PYTHON_KEYRING_BACKEND": backend} if backend else {}
    return {
        **os.environ,
        "PYTHONPATH": str(folder.parent / "python"),
        "TEST_FOLDER": str(folder),
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder}/no-bus",
        "XDG_CONFIG_HOME": str(folder.parent / "config"),
        **named,
        **more,
    }


def store(folder: Path, backend: str | None = None, *, attended: bool = False) -> KeyringStore:
    return KeyringStore(environ(folder, backend and f"backends_of_test.{backend}"), attended=attended)


def written(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


class TestNamedByTheUser:
    @pytest.mark.parametrize("backend", ["Plain", "Noisy"])
    def test_is_used(self, folder: Path, backend: str) -> None:
        keyring = store(folder, backend)
        assert backend in keyring.probe()
        assert list(folder.iterdir()) == []
        assert keyring.load(KEY, SecretKind.TOKEN) is None
        keyring.save(KEY, SecretKind.TOKEN, TOKEN)
        keyring.save(KEY, SecretKind.PASSWORD, Secret("pässwörd \ud83d".encode("utf-8", "ignore").decode()))
        assert store(folder, backend).load(KEY, SecretKind.TOKEN) == TOKEN
        assert keyring.delete(KEY, SecretKind.TOKEN)
        assert not keyring.delete(KEY, SecretKind.TOKEN)
        assert keyring.load(KEY, SecretKind.TOKEN) is None
        assert keyring.load(KEY, SecretKind.PASSWORD) == Secret("pässwörd ")

    def test_in_keyrings_own_configuration(self, folder: Path) -> None:
        config = folder.parent / "config" / "python_keyring"
        config.mkdir(parents=True)
        (config / "keyringrc.cfg").write_text("[backend]\ndefault-keyring=backends_of_test.Plain\n")
        store(folder).save(KEY, SecretKind.TOKEN, TOKEN)
        assert TOKEN.reveal() in written(folder)

    def test_each_account_and_entry_has_its_own(self, folder: Path) -> None:
        keyring = store(folder, "Plain")
        other = AccountKey(Organization.parse("https://gis.example.com:8443/arcgis"), "ops")
        keyring.save(KEY, SecretKind.TOKEN, TOKEN)
        assert keyring.load(other, SecretKind.TOKEN) is None
        assert keyring.load(AccountKey(KEY.organization, "ops2"), SecretKind.TOKEN) is None
        assert keyring.load(KEY, SecretKind.REFRESH_TOKEN) is None


class TestRefused:
    """No secret of ours goes to a backend that keeps nothing, or that nobody chose."""

    @pytest.mark.parametrize(
        "backend",
        ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring", "keyring.backends.chainer.ChainerBackend"],
    )
    def test_those_that_keep_nothing_even_when_named(self, announced: Path, backend: str) -> None:
        self.check(KeyringStore(environ(announced, f"keyring.backends.{backend}")), announced)

    @pytest.mark.parametrize("backend", ["null.Keyring", "fail.Keyring"])
    def test_nothing_kept_is_not_nothing_there(self, folder: Path, backend: str) -> None:
        """None would say that nobody has signed in."""
        with pytest.raises(ConfigError):
            KeyringStore(environ(folder, f"keyring.backends.{backend}")).load(KEY, SecretKind.TOKEN)

    def test_plaintext_that_keyring_found_by_itself(self, announced: Path) -> None:
        self.check(store(announced), announced)

    def test_the_control_keyring_itself_would_have_used_it(self, announced: Path) -> None:
        """Else the test above would not see a thing."""
        code = "import keyring; keyring.set_password('s', 'u', 'canary-token-1234')"
        subprocess.run([sys.executable, "-c", code], env=dict(environ(announced)), check=True)
        assert TOKEN.reveal() in written(announced)

    def test_one_that_forgets(self, folder: Path) -> None:
        self.check(store(folder, "Forgetful"), folder)

    def check(self, keyring: KeyringStore, folder: Path) -> None:
        for use in (keyring.probe, lambda: keyring.save(KEY, SecretKind.TOKEN, TOKEN)):
            with pytest.raises(ConfigError) as caught:
                use()
            assert "--store file" in (caught.value.hint or "")
        assert TOKEN.reveal() not in written(folder)


class TestTrouble:
    @pytest.mark.parametrize("name", ["no_such_module.Keyring", "backends_of_test.NoSuchClass", "x", "os.path"])
    def test_a_backend_that_is_not_there(self, folder: Path, name: str) -> None:
        with pytest.raises(ConfigError):
            KeyringStore(environ(folder, name)).load(KEY, SecretKind.TOKEN)

    @pytest.mark.parametrize("text", ["no section\n", "[backend]\ndefault-keyring=nothing.Here\n"])
    def test_a_configuration_of_keyring_that_is_broken(self, folder: Path, text: str) -> None:
        config = folder.parent / "config" / "python_keyring"
        config.mkdir(parents=True)
        (config / "keyringrc.cfg").write_text(text)
        with pytest.raises(ConfigError):
            store(folder).load(KEY, SecretKind.TOKEN)

    def test_what_a_backend_says_goes_through_the_redactor(self, folder: Path) -> None:
        with pytest.raises(ConfigError, match="no room for") as caught:
            store(folder, "Raising").save(KEY, SecretKind.TOKEN, TOKEN)
        assert TOKEN.reveal() not in caught.value.message

    def test_a_process_that_breaks_off(self, folder: Path) -> None:
        with pytest.raises(ConfigError):
            store(folder, "Dying").load(KEY, SecretKind.TOKEN)

    @pytest.mark.parametrize("attended", [False, True])
    def test_a_mute_one_is_ended_and_not_asked_again(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, attended: bool
    ) -> None:
        monkeypatch.setattr(secret_stores, "ATTENDED_S" if attended else "UNATTENDED_S", 2.0)
        keyring = store(folder, "Mute", attended=attended)
        begin = time.monotonic()
        with pytest.raises(ConfigError, match="within 2 s"):
            keyring.load(KEY, SecretKind.TOKEN)
        assert time.monotonic() - begin < 5
        with pytest.raises(ProcessLookupError):
            os.kill(int((folder / "pid").read_text()), 0)
        begin = time.monotonic()
        for entry in SecretKind:
            with pytest.raises(ConfigError):
                keyring.load(KEY, entry)
        assert time.monotonic() - begin < 0.1

    def test_its_limits(self) -> None:
        assert (secret_stores.UNATTENDED_S, secret_stores.ATTENDED_S) == (3, 60)


class TestTheChild:
    def answer(self, folder: Path, *, attended: bool = False) -> dict[str, Any]:
        more = {"HCEXPORT_TOKEN": "canary-in-environ", "HCEXPORT_PASSWORD": "canary-in-environ"}
        keyring = KeyringStore(environ(folder, "backends_of_test.Curious", **more), attended=attended)
        secret = keyring.load(KEY, SecretKind.TOKEN)
        assert secret
        answer: dict[str, Any] = secret_stores.json.loads(secret.reveal())
        return answer

    def test_learns_what_it_needs_and_no_more(self, folder: Path) -> None:
        answer = self.answer(folder)
        assert "ops" not in answer["argv"]
        assert "canary" not in answer["environ"]
        assert answer["hcexport"] == []

    def test_has_a_session_of_its_own_unless_somebody_attends(self, folder: Path) -> None:
        alone, attended = self.answer(folder), self.answer(folder, attended=True)
        assert (alone["terminal"], alone["session"]) == (False, True)
        assert not attended["session"]

    def test_this_process_does_not_import_keyring(self) -> None:
        code = "import sys, hcexport.auth.credentials; print([n for n in sys.modules if n.startswith('keyring')])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("problem", ["none", "locked", "not-kept", "failed"])
def test_each_problem_has_a_message(folder: Path, monkeypatch: pytest.MonkeyPatch, problem: str) -> None:
    answer = f'{{"problem": "{problem}", "detail": ""}}'.encode()
    monkeypatch.setattr(secret_stores, "run_with_limit", lambda *_, **__: (0, answer))
    with pytest.raises(ConfigError) as caught:
        store(folder).load(KEY, SecretKind.TOKEN)
    assert caught.value.message
