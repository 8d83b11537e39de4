"""INT, TERM and HUP while bytes come: the part stays, the way on is said, the status is right. Real processes."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.process import ForkServer
from tests.support.server import Line, Server

from .jobs import Exporter, shows
from .organization import CANARY, ITEM_PATH, good
from .process import SMALL, environment
from .table import A
from .turns import mute, stalled

JOB = "j0861f797-e646-4a9b-af92-f5e86b2cd824"
JOB_PATH, FILE_PATH = f"/gis/admin/jobs/{JOB}", f"{ITEM_PATH}/download"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Export:
    """A process that waits for a job and saves it."""

    def __init__(self, folder: Path) -> None:
        self.exporter = Exporter([])
        self.exporter.turns |= {JOB_PATH: [shows("COMPLETED")], FILE_PATH: [stalled(0.6), good]}
        self.server = Server(self.exporter)
        self.work, self._home = folder / "work", folder / "home"
        self.work.mkdir()

    def start(self, *prefix: str, further: Sequence[str] = ()) -> subprocess.Popen[str]:
        """``hcexport wait JOB --out reports.zip``."""
        url = f"http://127.0.0.1:{self.server.port}/gis"
        argv = [*prefix, sys.executable, "-m", "hcexport", "wait", JOB, "--url", url, "--out", "reports.zip", *further]
        env = environment(self._home, HCEXPORT_TOKEN=CANARY)
        pipe = subprocess.PIPE
        return subprocess.Popen(
            argv, env=env, cwd=self.work, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
        )

    def await_part(self, size: int) -> Path:
        """The part, once so many bytes are in it."""
        return self._await(lambda: [p for p in self.work.glob(".hcexport-*.part") if p.stat().st_size >= size])

    def await_request(self, path: str) -> None:
        """Until the server was asked for something."""
        self._await(lambda: [each for each in self.server.requests if each.target.partition("?")[0] == path])

    def await_looks(self, count: int) -> None:
        """Until the job was asked for so often."""
        self._await(lambda: [True] if self.exporter.asked.get(JOB_PATH, 0) >= count else [])

    def _await(self, found: Callable[[], list[object]]) -> Path:
        until = time.monotonic() + 10
        while not (result := found()):
            assert time.monotonic() < until
            time.sleep(0.01)
        return result[0]  # type: ignore[return-value]  # of whatever was looked for


@pytest.fixture
def export(tmp_path: Path) -> Iterator[Export]:
    made = Export(tmp_path)
    with made.server:
        yield made


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_keeps_the_part_and_says_how_to_go_on(number: signal.Signals, export: Export) -> None:
    process = export.start()
    kept = export.await_part(int(A.size * 0.6))
    process.send_signal(number)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, out) == (128 + number, "")
    assert f"hcexport wait {JOB}" in err
    assert "--out" in err
    assert "Traceback" not in err
    assert {path.suffix for path in export.work.iterdir()} == {".part", ".note"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in export.work.iterdir()} == {0o600}
    assert kept.read_bytes() == A.body[: int(A.size * 0.6)]
    again = export.start()
    out, err = again.communicate(timeout=10)
    assert (again.returncode, out.strip()) == (0, str(export.work / "reports.zip")), err
    assert export.server.requests[-1].first_byte == int(A.size * 0.6)
    assert [path.name for path in export.work.iterdir()] == ["reports.zip"]
    assert (export.work / "reports.zip").read_bytes() == A.body


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_the_wait(number: signal.Signals, export: Export) -> None:
    export.exporter.turns |= {JOB_PATH: [shows("EXECUTING")]}
    process = export.start()
    export.await_request(JOB_PATH)
    process.send_signal(number)
    _, err = process.communicate(timeout=5)
    assert process.returncode == 128 + number
    assert f"hcexport wait {JOB}" in err
    assert list(export.work.iterdir()) == []


def test_a_second_signal_ends_at_once(export: Export) -> None:
    export.exporter.turns |= {JOB_PATH: [mute]}
    process = export.start()
    export.await_request(JOB_PATH)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=5)
    assert process.returncode in {130, 143}
    assert time.monotonic() - began < 2


def test_nohup_stays_nohup(export: Export) -> None:
    export.exporter.turns |= {FILE_PATH: [stalled(0.6), good]}
    process = export.start("nohup")
    export.await_part(int(A.size * 0.6))
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=5)
    assert process.returncode == 143


def test_a_stopped_run_goes_on(export: Export) -> None:
    export.exporter.turns |= {FILE_PATH: [good]}
    process = export.start()
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGCONT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out.strip()) == (0, str(export.work / "reports.zip")), err


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["wait", "download"])
def test_a_long_stop_is_no_outage(moment: str, export: Export, fork_server: ForkServer) -> None:
    """The connection is gone when it goes on, after longer than it would have tried in vain."""
    gate = threading.Event()

    def cut_off(line: Line, _now: object) -> None:
        if moment == "download":
            line.answer(
                200, A.body[:100_000], **{name.replace("-", "_"): value for name, value in A.headers(0).items()}
            )
        gate.wait(5)
        line.reset()

    turns = {"wait": {JOB_PATH: [shows("EXECUTING"), cut_off, shows("COMPLETED")], FILE_PATH: [good]}}
    export.exporter.turns |= turns.get(moment) or {FILE_PATH: [cut_off, good]}
    env = environment(export.work.parent / "home", HCEXPORT_TOKEN=CANARY)
    url = f"http://127.0.0.1:{export.server.port}/gis"
    argv = ["hcexport", "wait", JOB, "--url", url, "--out", "reports.zip"]
    constants = {**SMALL, "hcexport.api.http.READ_TIMEOUT_S": 30.0, "hcexport.api.session.ANSWER_TIMEOUT_S": 30.0}
    pid = fork_server.start(argv, env, export.work, constants)
    export.await_request(FILE_PATH) if moment == "download" else export.await_looks(2)
    time.sleep(0.2)
    os.kill(pid, signal.SIGSTOP)
    gate.set()
    time.sleep(2)
    os.kill(pid, signal.SIGCONT)
    ended = fork_server.wait(15)
    assert ended.status == 0, ended.stderr
    assert (export.work / "reports.zip").read_bytes() == A.body


def test_what_fails_while_leaving_is_not_why_a_run_ended() -> None:
    """A signal may come in the middle of a close, and the next close then fails: the status is still the signal's."""
    code = (
        "import os, signal, click\n"
        "from hcexport.cli import boundary\n"
        "@click.group()\n"
        "def root(): pass\n"
        "@root.command()\n"
        "def stumble():\n"
        "    try: os.kill(os.getpid(), signal.SIGTERM)\n"
        "    finally: raise ValueError('I/O operation on closed file')\n"
        "import sys; sys.argv = ['hcexport', 'stumble']; boundary.run(root)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 143
    assert "closed file" not in done.stderr


def test_a_signal_after_the_zip_is_saved_names_the_zip(export: Export) -> None:
    """Another download would find its name taken; and it counts as saved."""
    export.exporter.turns |= {FILE_PATH: [good], f"{ITEM_PATH}/delete": [mute]}
    process = export.start(further=["--cleanup"])
    export.await_request(f"{ITEM_PATH}/delete")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=5)
    assert process.returncode == 143
    hint = err.splitlines()[-1]
    assert str(export.work / "reports.zip") in hint
    assert "hcexport wait" not in hint
    assert (export.work / "reports.zip").read_bytes() == A.body
