"""hcexport as its users run it: a process with an environment, a folder and three streams."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .json_documents import require_valid_output
from .terminal import AtTerminal, Terminal

ROOT = Path(__file__).resolve().parents[2]
_FOREIGN = ("HCEXPORT_", "ARCGIS_ENTERPRISE_", "PYTHON_KEYRING", "SSL", "CLICOLOR")
_FOREIGN_NAMES = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"}


def clean_environment(home: Path) -> dict[str, str]:
    """Return this process's environment without the variables that hcexport, httpx, rich and keyring read."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and name not in _FOREIGN_NAMES and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "HOME": str(home),
        "HCEXPORT_HOME": str(home / "hcexport"),
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
        "PAGER": "cat",  # less would wait for a key
    }


@dataclass(frozen=True)
class Ended:
    """How a run went. ``status`` is negative for a signal that was not caught; ``hung`` if it had to be killed."""

    status: int
    stdout: str
    stderr: str
    seconds: float
    hung: bool = False


class ForkServer:
    """Starts runs, one after the other, by forking a process that has imported hcexport (``fork_server.py``).

    ``constants`` replace values of modules, by full name, in each run. Each thread needs a fork server of its own.
    """

    def __init__(self, constants: Mapping[str, float] | None = None) -> None:
        measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": path, "LC_ALL": "C.UTF-8", **measured},
            cwd=ROOT,
        )
        self._constants = constants or {}
        self._folder = tempfile.TemporaryDirectory()
        self._streams = [Path(self._folder.name, name) for name in ("stdin", "stdout", "stderr")]
        self.pid = 0
        self._argv: Sequence[str] = ()

    def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        constants: Mapping[str, float] | None = None,
        *,
        stdin: str = "",
        program: str = "hcexport.cli",
    ) -> int:
        """Start the ``main`` of the module ``program`` and return the process id; ``argv[0]`` is the program's name."""
        for path, content in zip(self._streams, (stdin, "", ""), strict=True):
            path.unlink(missing_ok=True)  # an earlier run that is still alive may write to the file of that name
            path.write_bytes(content.encode("utf-8", "surrogateescape"))
        self._argv = argv
        order = {
            "program": program,
            "argv": [*argv],
            "env": dict(env),
            "cwd": str(cwd),
            "streams": [str(path) for path in self._streams],
            "constants": dict(self._constants if constants is None else constants),
        }
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        self.pid = self._read_number()
        return self.pid

    def stderr(self) -> str:
        """Return what the run has written to stderr so far."""
        return self._streams[2].read_bytes().decode("utf-8", "surrogateescape")

    def wait(self, limit_s: float) -> Ended:
        """Wait for the end of the run; kill it when that takes longer than ``limit_s`` seconds.

        Raises AssertionError for JSON that is not what ``hcexport schema`` says.
        """
        began = time.monotonic()
        killer = threading.Timer(limit_s, os.kill, (self.pid, signal.SIGKILL))
        killer.start()
        status = self._read_number()
        killer.cancel()
        seconds = time.monotonic() - began
        stdout = self._streams[1].read_bytes().decode("utf-8", "surrogateescape")
        ended = Ended(status, stdout, self.stderr(), seconds, hung=seconds >= limit_s)
        require_valid_output(self._argv, ended.stdout, ended.stderr)
        return ended

    def run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        limit_s: float,
        constants: Mapping[str, float] | None = None,
        *,
        stdin: str = "",
        program: str = "hcexport.cli",
    ) -> Ended:
        """Start a run and wait for its end."""
        self.start(argv, env, cwd, constants, stdin=stdin, program=program)
        return self.wait(limit_s)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._folder.cleanup()

    def _read_number(self) -> int:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "hcexport cannot be imported: the error is in what the test wrote to standard error"
        return int(line)


@dataclass
class Hcexport:
    """What the fixtures ``hcexport`` and ``hcexport_alone`` are: call it to run a command."""

    env: dict[str, str]
    cwd: Path
    fork_server: ForkServer
    finished: list[subprocess.CompletedProcess[str]] = field(default_factory=list)

    def __call__(
        self, *args: str | Path, stdin: str = "", env: Mapping[str, str] | None = None, timeout: float = 30
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; no standard stream is a terminal."""
        words = ["hcexport", *map(str, args)]
        ended = self.fork_server.run(words, {**self.env, **(env or {})}, self.cwd, timeout, stdin=stdin)
        if ended.hung:
            raise subprocess.TimeoutExpired(words, timeout, ended.stdout, ended.stderr)
        done = subprocess.CompletedProcess(self.argv(*args), ended.status, ended.stdout, ended.stderr)
        self.finished.append(done)
        return done

    def argv(self, *args: str | Path) -> list[str]:
        """Return the words of the command line, for tests that start the process themselves."""
        return [sys.executable, "-m", "hcexport", *map(str, args)]

    def at_terminal(
        self,
        *args: str | Path,
        answers: Sequence[str] = (),
        prompt: str = ": ",
        stdout: int | None = None,
        env: Mapping[str, str] | None = None,
    ) -> AtTerminal:
        """Run a command on a pseudo-terminal and type an answer whenever the screen ends with ``prompt``."""
        with Terminal(self.argv(*args), env={**self.env, **(env or {})}, cwd=self.cwd, stdout=stdout) as terminal:
            return terminal.converse(answers, prompt)
