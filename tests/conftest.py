"""What every test starts from: a clean environment, a sandbox on a socket, and hcexport as a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from hcexport.sandbox import Sandbox

from .support.process import ROOT, ForkServer, Hcexport, clean_environment

# A busy machine is slow without being wrong; pytest-timeout ends what hangs.
hypothesis.settings.register_profile("hcexport", deadline=None)
hypothesis.settings.load_profile("hcexport")


def pytest_xdist_auto_num_workers() -> int:
    """Two workers a core, because the tests wait for servers half of their time."""
    return 2 * (os.cpu_count() or 1)


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


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """Starts runs of hcexport that cost a fork."""
    made = ForkServer()
    yield made
    made.close()


@pytest.fixture
def hcexport_alone(environment: dict[str, str], tmp_path: Path, fork_server: ForkServer) -> Hcexport:
    """Hcexport with nothing configured, in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Hcexport(dict(environment), folder, fork_server)


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
            env = {**os.environ, "PYTHONPATH": str(ROOT)}
            if subprocess.run(tried, cwd=folder, env=env, capture_output=True, check=False).returncode != 0:
                pytest.skip("the project is in a folder that others cannot enter")
            return words, Path(folder)

        yield become
