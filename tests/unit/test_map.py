"""The map in the package's docstring names what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hcexport

PACKAGE = Path(hcexport.__file__).parent
ROOT = PACKAGE.parent
MAP = hcexport.__doc__ or ""


@pytest.mark.parametrize("path", sorted(set(re.findall(r"``([a-z_/]+(?:\.py|/))``", MAP))))
def test_what_the_map_names_exists(path: str) -> None:
    assert (PACKAGE / path).exists() or (ROOT / path).exists()


def test_everything_in_the_package_is_on_the_map() -> None:
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    packages = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    assert {name for name in modules | packages if not re.search(rf"\b{re.escape(name)}", MAP)} == set()
    assert len(MAP.splitlines()) < 70
