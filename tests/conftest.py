"""What every test starts from: a clean environment, a sandbox on a socket, and hcexport as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
import pytest

from hcexport.sandbox import Sandbox

# A busy machine is slow without being wrong; pytest-timeout ends what hangs.
hypothesis.settings.register_profile("hcexport", deadline=None)
hypothesis.settings.load_profile("hcexport")

_FOREIGN = ("HCEXPORT_", "ARCGIS_ENTERPRISE_", "PYTHON_KEYRING", "SSL", "CLICOLOR")
_FOREIGN_NAMES = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"}


def clean_environment(home: Path) -> dict[str, str]:
    """This process's environment without anything that hcexport, httpx, rich or keyring would listen to."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and name not in _FOREIGN_NAMES and not name.lower().endswith("_proxy")
    }
    return {**kept, "HOME": str(home), "HCEXPORT_HOME": str(home / "hcexport"), "TERM": "xterm", "LC_ALL": "C.UTF-8"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """A clean environment, for the test itself and for what it starts."""
    home = tmp_path / "home"
    home.mkdir()
    wanted = clean_environment(home)
    for name in set(os.environ) - set(wanted):
        if not name.startswith("PYTEST"):
            monkeypatch.delenv(name)
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    return wanted


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A simulated organization whose exports are done at once."""
    with Sandbox(job_seconds=0.05) as made:
        yield made


class Starter:
    """The process that hcexport is forked from (``starter.py``), so that each run does not import everything anew."""

    def __init__(self) -> None:
        program = Path(__file__).with_name("starter.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, args: list[str], env: dict[str, str], cwd: Path, streams: list[Path], timeout: float) -> int:
        """Exit status of one run, negative for a signal."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin
        assert stdout
        order = {"args": args, "env": env, "cwd": str(cwd), "streams": [*map(str, streams)], "timeout": timeout}
        print(json.dumps(order), file=stdin, flush=True)
        return int(stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.communicate()


@pytest.fixture(scope="session")
def starter() -> Iterator[Starter]:
    """One a worker."""
    made = Starter()
    yield made
    made.close()


@dataclass
class Hcexport:
    """Runs hcexport as its users do: a process, an environment, a folder, three streams."""

    env: dict[str, str]
    cwd: Path
    starter: Starter
    finished: list[subprocess.CompletedProcess[str]] = field(default_factory=list)

    def __call__(
        self, *args: str | Path, stdin: str = "", env: Mapping[str, str] | None = None, timeout: float = 30
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end; no standard stream is a terminal."""
        environment = {**self.env, **(env or {})}
        with tempfile.TemporaryDirectory() as folder:
            streams = [Path(folder, name) for name in ("stdin", "stdout", "stderr")]
            for stream in streams:
                stream.write_bytes(stdin.encode("utf-8", "surrogateescape") if stream is streams[0] else b"")
            status = self.starter.run([*map(str, args)], environment, self.cwd, streams, timeout)
            out, err = (stream.read_bytes().decode("utf-8", "surrogateescape") for stream in streams[1:])
        done = subprocess.CompletedProcess(self.argv(*args), status, out, err)
        if status == -signal.SIGALRM:
            raise subprocess.TimeoutExpired(done.args, timeout, out, err)
        self.finished.append(done)
        return done

    def argv(self, *args: str | Path) -> list[str]:
        """The words of the command line, for tests that start the process themselves."""
        return [sys.executable, "-m", "hcexport", *map(str, args)]


@pytest.fixture
def hcexport_alone(environment: dict[str, str], tmp_path: Path, starter: Starter) -> Hcexport:
    """Hcexport with nothing configured, in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Hcexport(dict(environment), folder, starter)


@pytest.fixture
def hcexport(hcexport_alone: Hcexport, box: Sandbox) -> Hcexport:
    """Hcexport signed in to the sandbox by a token in the environment."""
    hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
    return hcexport_alone


@pytest.fixture
def need_part() -> Callable[[str], str]:
    """Find a program that a test needs; without it the test is skipped on a laptop, and fails in CI."""

    def find(program: str) -> str:
        found = shutil.which(program)
        if found is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{program} is not installed")
        return found

    return find


@pytest.fixture
def as_user(need_part: Callable[[str], str]) -> Iterator[Callable[[int], tuple[list[str], Path]]]:
    """The words that run a program as another user, and a folder that is reachable for it.

    Skipped where only root could become that user, or where that user cannot reach the project: below ``/root``, or a
    folder of ``mktemp -d``.
    """
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # tmp_path may be where others cannot go
        Path(folder).chmod(0o755)

        def become(user: int) -> tuple[list[str], Path]:
            words = [need_part("setpriv"), "--reuid", str(user), "--clear-groups"]
            tried = [*words, sys.executable, "-c", "import hcexport.cli"]
            root = Path(__file__).parents[1]
            env = {**os.environ, "PYTHONPATH": str(root)}
            if subprocess.run(tried, cwd=folder, env=env, capture_output=True, check=False).returncode != 0:
                pytest.skip("the project is in a folder that others cannot enter")
            return words, Path(folder)

        yield become
