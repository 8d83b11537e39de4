"""Secret services, real and stubborn: a real gnome-keyring, and every way to be left without an answer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hcexport.auth import secret_stores as keyring_store
from hcexport.auth.secret_stores import KeyringStore
from hcexport.auth.tokens import AccountKey, SecretKind
from hcexport.organization import Organization
from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

pytestmark = [pytest.mark.parts, pytest.mark.slow]

BUS = """\
<busconfig>
  <type>session</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/> <allow receive_sender="*"/> <allow own="*"/>
  </policy>
</busconfig>
"""

# A secret service that answers nothing, or whose prompt is never answered.
STUBBORN = """
import sys
from jeepney import HeaderFields, MessageType, DBusAddress, new_method_return, new_method_call
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection, Proxy

connection = open_dbus_connection()
Proxy(message_bus, connection).RequestName("org.freedesktop.secrets")
print("ready", flush=True)
while True:
    message = connection.receive()
    if sys.argv[1] == "mute" or message.header.message_type is not MessageType.method_call:
        continue
    member = message.header.fields[HeaderFields.member]
    if member == "Get":
        name = message.body[1]
        answer = ("v", (("b", True),)) if name == "Locked" else ("v", (("s", "Login"),))
    elif member == "Unlock":
        answer = ("aoo", ([], "/prompt"))
    else:
        answer = ("", ())
    connection.send(new_method_return(message, *answer))
"""


def patience_s() -> float:
    """5 s on a machine with nothing else to do: where starting Python takes longer than 0.3 s, so much more."""
    begin = time.monotonic()
    subprocess.run([sys.executable, "-c", "import click, httpx"], check=True)
    return 5.0 * max(1.0, (time.monotonic() - begin) / 0.3)


@dataclass
class Desk:
    """A session of a desktop: its environment, and what was started in it."""

    folder: Path
    env: dict[str, str]
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    limit_s: float = field(default_factory=patience_s)

    def start(self, *command: str | Path, given: bytes = b"", env: dict[str, str] | None = None) -> bytes:
        """Start a service that says a line when it is ready; the line."""
        process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.env | (env or {}),
        )
        self.started.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(given)
        process.stdin.close()
        return process.stdout.readline()

    def stop(self) -> None:
        for process in reversed(self.started):
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def desk(hcexport_alone: Hcexport, tmp_path: Path) -> Iterator[Desk]:
    """Nothing runs in it yet."""
    for name in ("run", "desk"):
        (tmp_path / name).mkdir(mode=0o700)
    hcexport_alone.env["XDG_RUNTIME_DIR"] = str(tmp_path / "run")
    hcexport_alone.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={tmp_path}/desk/bus"
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "HCEXPORT_TOKEN"):
        hcexport_alone.env.pop(name, None)
    desk = Desk(tmp_path / "desk", hcexport_alone.env)
    yield desk
    desk.stop()


Situation = Callable[[], None]


@pytest.fixture
def bus(desk: Desk, need_part: Callable[[str], str]) -> Situation:
    def start() -> None:
        config = desk.folder / "bus.conf"
        config.write_text(BUS.format(path=desk.folder / "bus"))
        desk.start(need_part("dbus-daemon"), f"--config-file={config}", "--nofork", "--print-address=1")

    return start


@pytest.fixture
def gnome_keyring(desk: Desk, bus: Situation, need_part: Callable[[str], str]) -> Callable[..., None]:
    daemon = need_part("gnome-keyring-daemon")

    def start(*, unlocked: bool) -> None:
        bus()
        arguments = ["--foreground", "--components=secrets", *(["--unlock"] if unlocked else [])]
        desk.start(daemon, *arguments, given=b"password of the keyring")

    return start


class TestGnomeKeyring:
    def test_from_login_to_logout(
        self, hcexport_alone: Hcexport, desk: Desk, gnome_keyring: Callable[..., None], box: Sandbox
    ) -> None:
        gnome_keyring(unlocked=True)
        hcexport = hcexport_alone

        login = hcexport("login", box.url, "-u", "administrator", "--password-stdin", "--remember", stdin=box.password)
        assert (login.returncode, login.stdout) == (0, "")
        assert "keyring" in login.stderr
        keyring = KeyringStore(desk.env)
        key = AccountKey(Organization.parse(box.url), "administrator")
        token = keyring.load(key, SecretKind.TOKEN)
        assert token is not None

        export = hcexport("export", "--latest", "1", "--wait")
        assert export.returncode == 0, export.stderr
        box.revoke_all_tokens()
        assert hcexport("list", "--limit", "1").returncode == 0  # renewed with the password that is remembered
        renewed = keyring.load(key, SecretKind.TOKEN)
        assert renewed is not None
        assert renewed != token
        self.assert_nowhere_in(hcexport.cwd.parent, box.password, token.reveal(), renewed.reveal())

        logout = hcexport("logout")
        assert logout.returncode == 0, logout.stderr
        assert [keyring.load(key, entry) for entry in SecretKind] == [None] * 3
        assert hcexport("list").returncode == 4

    def assert_nowhere_in(self, folder: Path, *secrets: str) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert not [path for secret in secrets if secret.encode() in content]


class TestWithoutAnAnswer:
    """Within 5 s, with a documented status and words for it, or with the next source of a password."""

    @pytest.fixture(
        params=["no bus", "no service", "locked", "mute bus", "mute socket", "mute service", "prompt", "plaintext"]
    )
    def situation(self, request: pytest.FixtureRequest, desk: Desk) -> Iterator[str]:
        if request.param == "locked":
            request.getfixturevalue("gnome_keyring")(unlocked=False)
        elif request.param in {"no service", "mute service", "prompt"}:
            request.getfixturevalue("bus")()
        if request.param in {"mute service", "prompt"}:
            assert desk.start(sys.executable, "-c", STUBBORN, request.param.split()[0]) == b"ready\n"
        if request.param == "plaintext":
            plaintext_keyring(desk)
        if request.param.startswith("mute ") and "service" not in request.param:
            with mute_socket(desk.folder / "bus", authenticates=request.param == "mute bus"):
                yield request.param
        else:
            yield request.param

    def test_login_says_so_before_it_asks_the_server(
        self, situation: str, hcexport_alone: Hcexport, desk: Desk, box: Sandbox
    ) -> None:
        password = hcexport_alone.cwd / "password"
        password.write_text(box.password)
        password.chmod(0o600)
        begin = time.monotonic()
        done = hcexport_alone("login", box.url, "-u", "administrator", "--password-file", password)
        assert time.monotonic() - begin < desk.limit_s
        assert (done.returncode, done.stdout) == (78, ""), done.stderr
        assert "keyring" in done.stderr
        assert "--store file" in done.stderr
        assert "Traceback" not in done.stderr
        assert box.requests == []
        assert left_over(desk) == []

    @pytest.mark.parametrize("next_source", [False, True])
    def test_a_command_in_cron(
        self, situation: str, hcexport_alone: Hcexport, desk: Desk, box: Sandbox, next_source: bool
    ) -> None:
        config = Path(hcexport_alone.env["HCEXPORT_HOME"]) / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f'[profiles.prod]\nurl = "{box.url}"\nusername = "administrator"\nstore = "keyring"\n')
        environ = {"HCEXPORT_PASSWORD": box.password} if next_source else {}
        begin = time.monotonic()
        done = hcexport_alone("list", "--limit", "1", env=environ)
        assert time.monotonic() - begin < desk.limit_s
        if next_source:
            assert done.returncode == 0, done.stderr
        else:
            assert done.returncode == 78, done.stderr
            assert "keyring" in done.stderr
        assert "Traceback" not in done.stderr
        assert left_over(desk) == []

    def test_somebody_waits_for_a_prompt(self, desk: Desk, bus: Situation, monkeypatch: pytest.MonkeyPatch) -> None:
        """With somebody there, the prompt is shown, and waited for no longer than the limit."""
        bus()
        assert desk.start(sys.executable, "-c", STUBBORN, "prompt") == b"ready\n"
        monkeypatch.setattr(keyring_store, "ATTENDED_S", 2.5)
        begin = time.monotonic()
        with pytest.raises(Exception, match=r"within 2\.5 s"):
            KeyringStore(desk.env, attended=True).probe()
        assert 2.5 <= time.monotonic() - begin < desk.limit_s
        assert left_over(desk) == []


def plaintext_keyring(desk: Desk) -> None:
    """A backend that keyring finds by itself, and that keeps secrets as they are, as keyrings.alt does."""
    python = desk.folder / "python"
    info = python / "plaintext-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plaintext\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[keyring.backends]\nplaintext = plaintext_of_test\n")
    (python / "plaintext_of_test.py").write_text(
        "import pathlib\nfrom keyring.backend import KeyringBackend\n"
        f"FILE = pathlib.Path({str(desk.folder / 'plain')!r})\n"
        "class Keyring(KeyringBackend):\n    priority = 1\n"
        "    def get_password(self, service, username): return FILE.read_text() if FILE.exists() else None\n"
        "    def set_password(self, service, username, password): FILE.write_text(password)\n"
        "    def delete_password(self, service, username): FILE.unlink()\n"
    )
    desk.env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(python), desk.env.get("PYTHONPATH")]))


class mute_socket:  # noqa: N801 - read as a word in a with statement
    """Something that takes connections as a bus does, perhaps authenticates them, and then is silent."""

    def __init__(self, path: Path, *, authenticates: bool) -> None:
        self._authenticates = authenticates
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self._taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for one in (self._socket, *self._taken):
            one.close()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._socket.accept()
            except OSError:
                return
            self._taken.append(taken)
            if self._authenticates:
                taken.recv(1000)
                taken.sendall(b"OK 31ae26189388c7eabbf394a06b046c92\r\n")


def left_over(desk: Desk) -> list[str]:
    """Processes of this desk that are still there, other than its services: what hcexport left behind."""
    address = f"DBUS_SESSION_BUS_ADDRESS={desk.env['DBUS_SESSION_BUS_ADDRESS']}\0".encode()
    services = {process.pid for process in desk.started}
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 # its entries go while one looks
        try:
            if address in Path("/proc", number, "environ").read_bytes() and int(number) not in services:
                found.append(Path("/proc", number, "cmdline").read_text())
        except OSError:
            continue
    return found


def test_a_process_left_over_would_be_seen(desk: Desk) -> None:
    process = subprocess.Popen(["sleep", "60"], env=desk.env)
    try:
        time.sleep(0.05)
        assert left_over(desk) == ["sleep\x0060\0"]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
