"""Write a version and today's date into the package, the man pages and the changelog: ``set_version.py X.Y.Z``."""

import datetime
import re
import sys
from pathlib import Path

version = sys.argv[1]
root = Path(__file__).parent.parent
today = datetime.datetime.now(datetime.UTC).date().isoformat()


def replace(name: str, pattern: str, text: str) -> None:
    """Replace the one place that the pattern finds; end with a message where there is not exactly one."""
    path = root / name
    changed, count = re.subn(pattern, lambda _: text, path.read_text(), flags=re.MULTILINE)
    if count != 1:
        sys.exit(f"{name}: {count} places match {pattern!r}, expected 1")
    path.write_text(changed)


replace("hcexport/__init__.py", r'^__version__ = ".*"$', f'__version__ = "{version}"')
replace("man/generate.py", r'(?<=^DATED = ").*?(?=")', today)
for page in ("automation", "reports"):
    replace(f"man/hcexport-{page}.7", r'(?<= 7 ").*$', f'{today}" "hcexport {version}" "hcexport"')
heading = f"## [{version}] - {today}"
if re.search(rf"^## \[{re.escape(version)}\]", (root / "CHANGELOG.md").read_text(), re.MULTILINE):
    replace("CHANGELOG.md", rf"^## \[{re.escape(version)}\].*$", heading)
else:
    replace("CHANGELOG.md", r"^## \[Unreleased\]$", f"## [Unreleased]\n\n{heading}")
if re.search(rf"^{re.escape(heading)}\s*(^## |\Z)", (root / "CHANGELOG.md").read_text(), re.MULTILINE):
    sys.exit(f"CHANGELOG.md says nothing of {version}")
