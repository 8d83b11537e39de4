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
TESTS = (
    "tests/unit/test_api_client.py",
    "tests/unit/test_api_session.py",
    "tests/unit/test_api_tls.py",
    "tests/unit/test_contract_of_libraries.py",
    "tests/unit/test_store_ledger.py",
    "tests/unit/test_store_history.py",
    "tests/unit/test_store_settings.py",
)
UV = {"UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}
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
        pytest.skip(f"Python {version} is not installed")
    return Path(found)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the sources, without what is not theirs."""
    folder = tmp_path_factory.mktemp("wheel")
    left_out = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis", "dist")
    shutil.copytree(ROOT, folder / "sources", ignore=left_out)
    for name in ("tests", "pyproject.toml"):  # without the package, so that they import what is installed
        (folder / "tests-alone").mkdir(exist_ok=True)
        (folder / "tests-alone" / name).symlink_to(folder / "sources" / name)
    run(sys.executable, "-m", "venv", folder / "builder", cwd=folder)
    run(folder / "builder/bin/pip", "install", "hatchling>=1.26", "uv>=0.9", cwd=folder)
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


@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
@pytest.mark.parametrize("version", PYTHONS)
def test_it_works_with_lowest_and_newest_dependencies(
    work: Path, built: dict[str, Path], version: str, resolution: str
) -> None:
    venv = work / f"venv-{version}-{resolution}"
    tool, target, page = venv / "bin/hcexport", venv / "reports.zip", venv / "health.html"

    def install(*wanted: str | Path) -> None:
        run(work / "builder/bin/uv", "pip", "install", "--python", venv, *wanted, cwd=work, **UV)

    run(work / "builder/bin/uv", "venv", "--python", python(version), venv, cwd=work, **UV)
    dependencies = ("--resolution", resolution, "-r", work / "sources/pyproject.toml")
    install(*dependencies)
    install("--no-deps", built[".whl"])
    said = run(tool, "sandbox", "--", tool, "export", "--latest", "3", "--wait", "--out", target, cwd=work)
    assert said == f"{target}\n"
    with zipfile.ZipFile(target) as saved:
        assert saved.testzip() is None
    assert len(run(tool, "sandbox", "--", tool, "list", "--latest", "2", cwd=work).splitlines()) == 2
    run(tool, "sandbox", "--", tool, "show", "--report", page, cwd=work)
    assert page.read_text().endswith("</html>\n")
    assert run(tool, "--version", cwd=work) == f"hcexport {hcexport.__version__}\n"
    assert run(tool, "completion", "zsh", cwd=work) == (venv / "share/zsh/site-functions/_hcexport").read_text()
    assert "export" in run(tool, cwd=work, _HCEXPORT_COMPLETE="bash", _HCEXPORT_LINE="hcexport exp")
    assert (venv / "share/man/man1/hcexport.1").is_file()
    install(*dependencies, "--extra", "test")
    run(venv / "bin/python", "-m", "pytest", "-n0", "-q", *TESTS, cwd=work / "tests-alone")


def test_nothing_is_imported_that_is_not_declared() -> None:
    declared = {re.split(r"[^\w-]", one)[0] for one in PROJECT["dependencies"]} | {"hcexport"} | COMES_WITH_KEYRING
    for path in (ROOT / "hcexport").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            assert {name.partition(".")[0] for name in names} <= declared | sys.stdlib_module_names, path
