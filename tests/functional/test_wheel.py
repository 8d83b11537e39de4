"""What a packager and pipx get: a wheel with everything in it, the same bytes each time, that works where it is put."""

from __future__ import annotations

import ast
import hashlib
import os
import pwd
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import hcexport
from tests.support.process import clean_environment

ROOT = Path(hcexport.__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = ("3.11", "3.12", "3.13")
COMES_WITH_KEYRING = {"secretstorage"}

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(400)]


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    """The output of a command that must succeed."""
    settings = clean_environment(cwd) | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_QUIET": "1"} | env
    settings.pop("PYTHONPATH", None)
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=settings, capture_output=True, text=True, timeout=390, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def python(version: str) -> Path:
    """A Python of this version: of pyenv, whose shims on PATH may name none, or on PATH."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    places = sorted((home / ".pyenv" / "versions").glob(f"{version}.*/bin/python{version}"))
    found = places[-1] if places else shutil.which(f"python{version}")
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return Path(sys.executable)
    if not found:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"Python {version} is not installed")
    return Path(found)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the sources, without what is not theirs."""
    folder = tmp_path_factory.mktemp("wheel")
    left_out = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis", "dist")
    shutil.copytree(ROOT, folder / "sources", ignore=left_out)
    run(sys.executable, "-m", "venv", folder / "builder", cwd=folder)
    run(folder / "builder/bin/pip", "install", "hatchling>=1.26", cwd=folder)
    return folder


def build(work: Path, sources: Path, out: str) -> dict[str, Path]:
    run(work / "builder/bin/hatchling", "build", "-d", work / out, cwd=sources)
    return {path.suffix: path for path in (work / out).iterdir()}


@pytest.fixture(scope="module")
def built(work: Path) -> dict[str, Path]:
    """``.whl`` and ``.gz``."""
    return build(work, work / "sources", "dist")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_builds_are_equal_byte_for_byte(work: Path, built: dict[str, Path]) -> None:
    for path in (work / "sources").rglob("*.py"):
        os.utime(path, (1, 1))
    again = build(work, work / "sources", "again")
    assert {kind: digest(path) for kind, path in again.items()} == {kind: digest(path) for kind, path in built.items()}
    with tarfile.open(built[".gz"]) as archive:
        archive.extractall(work / "unpacked", filter="data")
    [unpacked] = (work / "unpacked").iterdir()
    assert digest(build(work, unpacked, "third")[".whl"]) == digest(built[".whl"])


def test_completions_and_man_pages_are_where_shells_look(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built[".whl"]) as wheel:
        shared = {name.partition(".data/data/share/")[2]: wheel.read(name) for name in wheel.namelist()}
        metadata = next(wheel.read(name).decode() for name in wheel.namelist() if name.endswith("/METADATA"))
    wanted = {f"man/man{page.suffix[1:]}/{page.name}": page.read_bytes() for page in (ROOT / "man").glob("*.[17]")}
    places = {
        "hcexport.bash": "bash-completion/completions/hcexport",
        "_hcexport": "zsh/site-functions/_hcexport",
        "hcexport.fish": "fish/vendor_completions.d/hcexport.fish",
    }
    wanted |= {place: (ROOT / "completions" / name).read_bytes() for name, place in places.items()}
    assert {name: content for name, content in shared.items() if name} == wanted
    assert f"\nVersion: {hcexport.__version__}\n" in metadata


@pytest.mark.parametrize(("version", "lowest"), [*((version, False) for version in PYTHONS), ("3.11", True)])
def test_installed_alone_it_does_the_main_job(work: Path, built: dict[str, Path], version: str, lowest: bool) -> None:
    venv = work / f"venv-{version}{'-lowest' if lowest else ''}"
    run(python(version), "-m", "venv", venv, cwd=work)
    bounds = [re.sub(r">=([\d.]+).*", r"==\1", one) for one in PROJECT["dependencies"]] if lowest else []
    run(venv / "bin/pip", "install", built[".whl"], *bounds, cwd=work)
    tool = venv / "bin/hcexport"
    target = venv / "reports.zip"
    said = run(tool, "sandbox", "--", tool, "export", "--latest", "3", "--wait", "--out", target, cwd=work)
    assert said == f"{target}\n"
    with zipfile.ZipFile(target) as saved:
        assert saved.testzip() is None
    assert run(tool, "--version", cwd=work) == f"hcexport {hcexport.__version__}\n"
    assert run(tool, "completion", "zsh", cwd=work) == (venv / "share/zsh/site-functions/_hcexport").read_text()
    assert "export" in run(tool, cwd=work, _HCEXPORT_COMPLETE="bash", _HCEXPORT_LINE="hcexport exp")
    assert (venv / "share/man/man1/hcexport.1").is_file()


def test_nothing_is_imported_that_is_not_declared() -> None:
    declared = {re.split(r"[^\w-]", one)[0] for one in PROJECT["dependencies"]} | {"hcexport"} | COMES_WITH_KEYRING
    for path in (ROOT / "hcexport").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            assert {name.partition(".")[0] for name in names} <= declared | sys.stdlib_module_names, path
