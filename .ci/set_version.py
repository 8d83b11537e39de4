"""Write a new version into the package and into the changelog: ``set_version.py X.Y.Z``."""

import datetime
import re
import sys
from pathlib import Path

version = sys.argv[1]
root = Path(__file__).parent.parent
today = datetime.datetime.now(datetime.UTC).date().isoformat()


def replace(path: Path, pattern: str, text: str) -> None:
    """Replace the one place that the pattern finds; end with a message where there is not exactly one."""
    changed, count = re.subn(pattern, text, path.read_text(), flags=re.MULTILINE)
    if count != 1:
        sys.exit(f"{path.name}: {count} places match {pattern!r}, expected 1")
    path.write_text(changed)


replace(root / "hcexport" / "__init__.py", r'^__version__ = ".*"$', f'__version__ = "{version}"')
replace(root / "CHANGELOG.md", r"^## \[Unreleased\]$", f"## [Unreleased]\n\n## [{version}] - {today}")
