"""Runs of hcexport and of the control: forked from a process that has imported everything, or started from nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMALL: dict[str, float] = {  # what takes minutes on a bad day takes parts of a second here
    "hcexport.api.http.READ_TIMEOUT_S": 0.5,
    "hcexport.api.session.JSON_CAP": 1 << 20,
    "hcexport.api.session.ANSWER_TIMEOUT_S": 1.5,
    "hcexport.api.session.REFUSAL_TIMEOUT_S": 0.5,
    "hcexport.retry.BACKOFF_BASE_S": 0.005,
    "hcexport.retry.BACKOFF_MAX_S": 0.02,
    "hcexport.transfer.submit.LOOK_AGAIN_S": 0.02,
    "hcexport.retry.GIVE_UP_AFTER_S": 1.2,
    "hcexport.retry.STALL_S": 0.4,
    "hcexport.transfer.download.COMMIT_WAIT_S": 0.3,
    "hcexport.transfer.download.LATE_S": 0.3,
    "hcexport.transfer.poll.LATE_S": 0.5,
}
GRACE_S = 2.0  # faults.md, promise 9


@dataclass(frozen=True)
class Ended:
    """How a run went. ``status`` is negative for a signal that was not caught; ``hung`` if it had to be killed."""

    status: int
    stdout: str
    stderr: str
    seconds: float
    hung: bool = False


def environment(home: Path, **more: str) -> dict[str, str]:
    """What cron would give, and a home of its own."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HCEXPORT_HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        **more,
    }


class Zygote:
    """Starts runs one after the other; a thread has its own."""

    def __init__(self) -> None:
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            cwd=ROOT,
        )
        self.pid = 0

    def start(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, constants: Mapping[str, float] = SMALL
    ) -> int:
        """Fork; returns the process's id. ``argv[0]`` is ``hcexport`` or ``naive``."""
        out, err = self._streams(cwd)
        for path in (out, err):
            path.unlink(missing_ok=True)
        task = {"argv": list(argv), "env": dict(env), "cwd": str(cwd), "stdout": str(out), "stderr": str(err)}
        assert self._process.stdin
        self._process.stdin.write(json.dumps({**task, "constants": dict(constants)}).encode() + b"\n")
        self._process.stdin.flush()
        self.pid = self._number()
        return self.pid

    def wait(self, cwd: Path, limit_s: float) -> Ended:
        """Wait for its end; kill it when that takes longer than ``limit_s`` seconds."""
        began = time.monotonic()
        killer = threading.Timer(limit_s, os.kill, (self.pid, signal.SIGKILL))
        killer.start()
        status = self._number()
        killer.cancel()
        seconds = time.monotonic() - began
        texts = [path.read_text(errors="surrogateescape") if path.exists() else "" for path in self._streams(cwd)]
        return Ended(status, texts[0], texts[1], seconds, hung=seconds >= limit_s)

    def run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        limit_s: float,
        constants: Mapping[str, float] = SMALL,
    ) -> Ended:
        """From start to end."""
        self.start(argv, env, cwd, constants)
        return self.wait(cwd, limit_s)

    def close(self) -> None:
        """End it."""
        for stream in (self._process.stdin, self._process.stdout):
            assert stream
            stream.close()
        self._process.wait()

    def _number(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def _streams(self, cwd: Path) -> tuple[Path, Path]:
        return cwd.parent / f"{cwd.name}.stdout", cwd.parent / f"{cwd.name}.stderr"
