"""The command that is called when something changed, as real programs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType

import pytest

from hcexport.notify.command import LIMIT_S, Message, notify_of_change, run_command
from hcexport.notify.events import Event, Facts, State
from hcexport.redaction import Secret

ROOT = Path(__file__).parents[2]
REPORT = Message('{"id": "r1"}', "not healthy: 1 critical test failed", "prod")
WRITER = """
import json, os, sys
told = {name: value for name, value in os.environ.items()}
with open(sys.argv[1], "a") as log:
    print(json.dumps({"stdin": sys.stdin.read(), "env": told, "argv": sys.argv[2:]}), file=log)
"""


def writer(log: Path, *words: str) -> list[str]:
    return [sys.executable, "-c", WRITER, str(log), *words]


def python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-c", code, *words]


def run(argv: list[str], message: Message = REPORT, env: Mapping[str, str] | None = None, limit_s: float = 20) -> str:
    return run_command(argv, [Event.BROKE], 10, message, {**os.environ, **(env or {})}, limit_s=limit_s)


def is_running(number: str) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Interrupted(BaseException):
    """What a signal is in the main thread."""


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGUSR1 raises Interrupted."""

    def interrupt(*_: object) -> None:
        raise Interrupted

    former = signal.signal(signal.SIGUSR1, interrupt)
    yield
    signal.signal(signal.SIGUSR1, former)


class TestWhatItIsTold:
    def test_document_and_variables(self, tmp_path: Path) -> None:
        argv = writer(tmp_path / "log", "$HOME; a|b", "")
        events = [Event.BROKE, Event.WORKS]
        assert run_command(argv, events, 10, REPORT, os.environ) == ""
        got = json.loads((tmp_path / "log").read_text())
        assert json.loads(got["stdin"]) == {"id": "r1"}
        assert got["argv"] == ["$HOME; a|b", ""]
        told = {name: value for name, value in got["env"].items() if name in REPORT_NAMES}
        assert told == {
            "HCEXPORT_EVENT": "broke works",
            "HCEXPORT_SUMMARY": "not healthy: 1 critical test failed",
            "HCEXPORT_EXIT_STATUS": "10",
            "HCEXPORT_PROFILE": "prod",
        }
        assert got["env"]["HOME"] == os.environ["HOME"]

    def test_no_secret(self, tmp_path: Path) -> None:
        Secret("canary-value-of-a-token")
        names = [
            "HCEXPORT_TOKEN",
            "HCEXPORT_PASSWORD",
            "HCEXPORT_PASSWORD_FILE",
            "HCEXPORT_PASSWORD_COMMAND",
            "HCEXPORT_PING",
            "HCEXPORT_PING_FILE",
            "ARCGIS_ENTERPRISE_PASSWORD",
            "ARCGIS_ENTERPRISE_PASSWORD_FILE",
        ]
        secret = {
            **dict.fromkeys(names, "canary-other"),
            "MY_OWN_NAME_FOR_IT": "canary-value-of-a-token",
            "HTTPS_PROXY": "http://me:canary@proxy:3128/x",
            "all_proxy": "me:canary@proxy",
        }
        kept = {"HCEXPORT_URL": "https://gis.example.com", "PAGER_KEY": "theirs", "NO_PROXY": "a,b"}
        assert run(writer(tmp_path / "log"), env={**secret, **kept}) == ""
        told = json.loads((tmp_path / "log").read_text())["env"]
        assert "canary" not in json.dumps(told)
        assert not set(names) & set(told)
        assert kept.items() <= told.items()
        assert told["HTTPS_PROXY"] == "http://proxy:3128/x"

    def test_hostile_texts(self, tmp_path: Path) -> None:
        secret = Secret("canary-of-the-summary")
        summary = f"ö\0\n\x1b[31m\u202e\udcff {secret.reveal()} " + "x" * 10_000
        assert run(writer(tmp_path / "log"), Message('"\ud800"', summary, "a\0b")) == ""
        told = json.loads((tmp_path / "log").read_text())["env"]
        assert told["HCEXPORT_SUMMARY"].startswith("ö [31m *** x")
        assert len(told["HCEXPORT_SUMMARY"]) <= 1000
        assert told["HCEXPORT_PROFILE"] == "a b"


REPORT_NAMES = {"HCEXPORT_EVENT", "HCEXPORT_SUMMARY", "HCEXPORT_EXIT_STATUS", "HCEXPORT_PROFILE"}


class TestTrouble:
    @pytest.mark.parametrize("argv", [[], [""], ["/no/such/program"], ["a\0b"], ["/"]])
    def test_it_cannot_be_started(self, argv: list[str]) -> None:
        assert run(argv)

    def test_it_fails(self) -> None:
        warning = run(python("print('leak-1'); import sys; print('leak-2', file=sys.stderr); sys.exit(3)"))
        assert "status 3" in warning
        assert "leak" not in warning

    def test_it_hangs_with_its_children(self, tmp_path: Path) -> None:
        log = tmp_path / "pids"
        begin = time.monotonic()
        warning = run(["sh", "-c", f"sleep 60 & echo $! > {log}; echo $$ >> {log}; wait"], limit_s=0.5)
        assert "0.5 s" in warning
        assert time.monotonic() - begin < 10
        numbers = log.read_text().split()
        assert len(numbers) == 2
        for _ in range(100):  # a killed process whose parent has ended is reaped by init, a moment later
            if not any(map(is_running, numbers)):
                return
            time.sleep(0.02)
        raise AssertionError(f"still running: {numbers}")

    def test_a_large_document_that_nobody_reads(self) -> None:
        large = Message("x" * 2_000_000, "", "prod")
        begin = time.monotonic()
        assert run(python("import time; time.sleep(60)"), large, limit_s=0.5)
        assert run(["true"], large) == ""
        assert time.monotonic() - begin < 10

    def test_it_became_another_user_and_hangs(self, as_user: Callable[[int], tuple[list[str], Path]]) -> None:
        """As after sudo: nobody but root may end it."""
        words, folder = as_user(65534)
        become_root = folder / "become_root"
        shutil.copy(shutil.which("setpriv") or "", become_root)
        become_root.chmod(0o4755)
        code = "import os, sys; from hcexport.notify.command import *; " + (
            "print(run_command(sys.argv[1:], [], 0, Message('', '', ''), os.environ, limit_s=0.2))"
        )
        program = [str(become_root), "--reuid", "0", "--clear-groups", "sleep", "8"]
        begin = time.monotonic()
        done = subprocess.run(
            [*words, sys.executable, "-c", code, *program],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "0.2 s" in done.stdout
        assert time.monotonic() - begin < 6

    def test_a_large_document_that_is_read(self, tmp_path: Path) -> None:
        assert run(writer(tmp_path / "log"), Message("x" * 2_000_000, "", "prod")) == ""
        assert json.loads((tmp_path / "log").read_text())["stdin"] == "x" * 2_000_000

    def test_it_says_a_lot(self, capfd: pytest.CaptureFixture[str]) -> None:
        assert run(python("import sys; sys.stdout.write('x' * 1_000_000); sys.stderr.write('x' * 1_000_000)")) == ""
        assert capfd.readouterr() == ("", "")

    def test_what_it_leaves_in_the_background_is_not_waited_for(self, tmp_path: Path) -> None:
        begin = time.monotonic()
        try:
            assert run(["sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid"]) == ""
            assert time.monotonic() - begin < 10
        finally:
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    def test_it_cannot_ask_on_the_terminal(self) -> None:
        assert run(python("open('/dev/tty')"))

    @pytest.mark.usefixtures("interruptible")
    def test_a_signal_ends_it_too(self, tmp_path: Path) -> None:
        """The signal comes once the command has read the whole document."""

        def send_once_it_runs() -> None:
            while not log.exists() or not log.read_text().endswith("\n"):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGUSR1)

        log = tmp_path / "pid"
        sender = threading.Thread(target=send_once_it_runs)
        sender.start()
        with pytest.raises(Interrupted):
            run(["sh", "-c", f"cat; echo $$ > {log}; sleep 60"])
        sender.join()
        assert not is_running(log.read_text().strip())

    @pytest.mark.usefixtures("interruptible")
    def test_a_signal_at_its_start_ends_it_too(self) -> None:
        started: list[int] = []

        def send_at_the_start(frame: FrameType, event: str, _value: object) -> None:
            if event == "return" and frame.f_code.co_name == "_execute_child":
                started.append(frame.f_locals["self"].pid)
                os.kill(os.getpid(), signal.SIGUSR1)

        sys.setprofile(send_at_the_start)
        try:
            with pytest.raises(Interrupted):
                run(["sleep", "60"])
        finally:
            sys.setprofile(None)
        [pid] = started
        if was_running := is_running(str(pid)):
            os.kill(pid, signal.SIGKILL)
        assert not was_running

    @pytest.mark.usefixtures("interruptible")
    def test_signals_are_as_they_were_after_it(self) -> None:
        before = {number: signal.getsignal(number) for number in signal.valid_signals()}
        assert run(["true"]) == ""
        assert run(["/no/such/program"])
        assert {number: signal.getsignal(number) for number in signal.valid_signals()} == before

    def test_the_limit_is_the_promised_one(self) -> None:
        assert LIMIT_S == 30


class TestNights:
    """The state goes on only with a call that succeeded."""

    def nights(self, argv: list[str], log: Path, *nights: Facts) -> list[str]:
        state, told, warnings = State(), "", []
        for night in nights:
            state, warning = notify_of_change(argv, State.from_json(state.to_json()), night, REPORT, os.environ)
            warnings.append(warning)
        told = log.read_text() if log.exists() else ""
        assert [bool(warning) for warning in warnings].count(True) == told.count("failing")
        return told.split("\n")[:-1]

    def test_an_outage(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        argv = ["sh", "-c", f"echo $HCEXPORT_EVENT $HCEXPORT_EXIT_STATUS >> {log}"]
        bad, good = Facts(10, frozenset({"a"})), Facts(0, frozenset())
        assert self.nights(argv, log, *[good] * 3, *[bad] * 40, *[good] * 47) == ["broke 10", "recovered 0"]

    def test_a_call_that_failed_is_tried_again_by_the_next_run(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        script = f'echo "$HCEXPORT_EVENT failing" >> {log}; exit 1'
        good = f"[ -e {log} ] && [ $(wc -l < {log}) -ge 2 ] && {{ echo $HCEXPORT_EVENT >> {log}; exit 0; }}; "
        bad, well = Facts(10, frozenset({"a"})), Facts(0, frozenset())
        assert self.nights(["sh", "-c", good + script], log, bad, bad, bad, bad, well) == [
            "broke failing",
            "broke failing",
            "broke",
            "recovered",
        ]

    def test_what_was_never_said_does_not_recover(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        argv = ["sh", "-c", f'echo "$HCEXPORT_EVENT failing" >> {log}; exit 1']
        assert self.nights(argv, log, Facts(10, frozenset({"a"})), Facts(0, frozenset())) == ["broke failing"]

    def test_no_change_starts_nothing(self) -> None:
        assert notify_of_change(["/no/such/program"], State(), Facts(0), REPORT, os.environ) == (State(), "")
