"""``python -m tests.bench [--write] [NAME…]``: how fast hcexport is, against other things measured in the same minutes.

Needs curl, jq, unzip, openssl and nginx. The names are those of ROWS and GROWTH; without one, all of them. ``--write``
puts the tables into README.md of this folder; with names it replaces their rows, and leaves the others.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench import growth, rows
from tests.bench.measure import Growth, Row

README = Path(__file__).with_name("README.md")
_TABLES = re.compile(r"(?<=<!-- tables -->\n).*(?=<!-- end of tables -->)", re.DOTALL)
NAME_S = 240  # the longest that the rows of a name may take: the slowest takes half of that
PROGRAMS = ("curl", "jq", "unzip", "openssl", "nginx")

ROWS: Mapping[str, Callable[[Path], Iterator[Row]]] = {
    "start": rows.start,
    "export": rows.export,
    "list": rows.list_,
    "save": rows.save,
    "delay": rows.delay,
    "organizations": rows.organizations,
    "reading": rows.reading,
}
GROWTH: Mapping[str, Callable[[Path], Iterator[Growth]]] = {
    "growth-reports": growth.reports,
    "growth-zips": growth.zips,
    "growth-organizations": growth.organizations,
    "growth-stores": growth.stores,
}


def main(words: list[str]) -> None:
    """Print the tables, a row as soon as it is measured. SIGTERM ends what was started, as an interrupt does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"not measured within {NAME_S} s"))
    names = [word for word in words if word != "--write"]
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing or not set(names) <= {*ROWS, *GROWTH}:
        sys.exit(f"not installed: {', '.join(missing)}" if missing else f"[--write], or {', '.join([*ROWS, *GROWTH])}")
    started = time.monotonic()
    about, readme = f"{_about()}\n", README.read_text()
    text = _say(about)
    for table, head in ((ROWS, Row.HEAD), (GROWTH, Growth.HEAD)):
        chosen = [name for name in table if name in (names or table)]
        lines = _rows_of(head, readme) if names else {}
        if chosen:
            _say(head)
        for name in chosen:
            signal.alarm(NAME_S)
            with tempfile.TemporaryDirectory(prefix="hcexport-bench-") as folder:
                for row in table[name](Path(folder)):
                    lines[row.what] = _say(str(row))
        if lines:
            text += "\n".join(["", head, *lines.values(), ""])
    _say(f"\nMeasured in {time.monotonic() - started:.0f} s.")
    if "--write" in words:
        README.write_text(_TABLES.sub(lambda _: text, readme))


def _say(line: str) -> str:
    print(line, flush=True)
    return line


def _rows_of(head: str, readme: str) -> dict[str, str]:
    """The rows that the README has in a table, by their first cell."""
    lines = readme.partition(f"{head}\n")[2].partition("\n\n")[0].splitlines()
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines if line.startswith("| ")}


def _about() -> str:
    """When, on what machine, and with which versions."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    curl = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({found[1] if found else platform.machine()}),"
        f" {platform.system()}, Python {platform.python_version()},"
        f" {ssl.OPENSSL_VERSION.rsplit(maxsplit=3)[0]}, click {version('click')}, httpx {version('httpx')}, curl {curl}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
