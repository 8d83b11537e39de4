"""No command writes over what hcexport keeps: a zip there would lose every profile, or all that was saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.process import Hcexport

EXPORT = ("export", "--latest", "1", "--if-exists", "overwrite")


@pytest.fixture
def home(hcexport: Hcexport) -> Path:
    """A home with all that is kept, and a link to it."""
    assert hcexport("show", "--latest", "1").returncode == 0
    assert hcexport("export", "--latest", "1").returncode == 0
    assert hcexport("config", "set", "timeout", "1h").returncode == 0
    home = Path(hcexport.env["HCEXPORT_HOME"])
    (home / "locks").mkdir(exist_ok=True)
    (hcexport.cwd / "link").symlink_to(home)
    return home


@pytest.mark.parametrize(
    "line",
    [(*EXPORT, "--out", "{}"), ("show", "--latest", "1", "--report", "md={}"), ("list", "--log-file", "{}")],
    ids=["out", "report", "log-file"],
)
def test_a_file_of_ours_is_refused(
    hcexport: Hcexport, home: Path, refused: Callable[..., str], line: tuple[str, ...]
) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and path.suffix != ".lock"}
    for name in ("config.toml", "ledger.db", "history.db", "ledger.db-wal", "locks/x"):
        place = hcexport.cwd / "link" / name
        assert str(place) in refused(hcexport(*(word.format(place) for word in line)), 73)
    assert {path: path.read_bytes() for path in before} == before
    assert not (home / "locks" / "x").exists()
    assert len(hcexport("jobs", "-F", "ids").stdout.split()) == 1


@pytest.mark.parametrize("folder", ["", "locks", "cache/x"])
def test_nothing_is_unpacked_over_what_we_keep(
    hcexport: Hcexport, home: Path, refused: Callable[..., str], folder: str
) -> None:
    (home / "cache").mkdir(exist_ok=True)
    refused(hcexport(*EXPORT, "--out", "a.zip", "--extract", home / folder), 73)
    assert not (hcexport.cwd / "a.zip").exists()


def test_a_folder_of_the_user_in_the_home_is_fine(hcexport: Hcexport, home: Path) -> None:
    done = hcexport(*EXPORT, "--out", f"{home}/zips/", "--extract", home / "reports")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).parent == home / "zips"
    assert any((home / "reports").iterdir())
