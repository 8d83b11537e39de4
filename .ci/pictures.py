"""Make README's pictures from the sandbox: ``python .ci/pictures.py``, in the environment of the tests, with Chromium.

The pages of the reports change each day, so the pictures are made by hand, when what they show looks different.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "man" / "images"
COLUMNS = 90
LARGEST = 150_000  # bytes, of all pictures together
COMMANDS = (  # what a reader sees typed, and what makes a pipe look like a terminal
    ("hcexport list --latest 4", " -F table --color always"),
    ("hcexport export --latest 3 --out reports.zip", ""),
    ("hcexport diff", " -F table --color always"),
    ("hcexport list --since 30d --result failed --fail-on failed", " -F table --color always"),
)


def hcexport(folder: Path, line: str) -> str:
    """Return what a command prints in the sandbox, on both streams."""
    program = [sys.executable, "-m", "hcexport"]
    wanted = {"COLUMNS": str(COLUMNS), "TZ": "UTC", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*program, "sandbox", "--", *program, *line.split()[1:]],
        cwd=folder,
        env=os.environ | wanted,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout.replace(str(folder), "/home/ops").rstrip()


def draw_terminal(folder: Path) -> None:
    """Draw the commands and what they print as SVG, which loads no font from elsewhere."""
    console = Console(record=True, width=COLUMNS, file=(folder / "shown").open("w"), force_terminal=True)
    for line, further in COMMANDS:
        console.print(Text.assemble(("$ ", "green"), (line, "bold")))
        console.print(Text.from_ansi(hcexport(folder, line + further)), end="\n\n")
    svg = console.export_svg(title="hcexport", theme=DIMMED_MONOKAI)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace("Fira Code,", "")
    (IMAGES / "terminal.svg").write_text(svg)


def photograph_report(folder: Path) -> None:
    """Show the HTML report as Chromium does."""
    hcexport(folder, "hcexport show --latest 30 --report health.html")
    chromium = shutil.which("chromium") or sys.exit("chromium is not installed")
    options = ("--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=900,760")
    command = [chromium, *options, f"--user-data-dir={folder / 'browser'}", "--screenshot=report.png", "health.html"]
    subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=True)
    shutil.copy(folder / "report.png", IMAGES / "report.png")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        draw_terminal(Path(name))
        photograph_report(Path(name))
    sizes = {path.name: path.stat().st_size for path in IMAGES.iterdir()}
    print(*(f"{name}: {size:,} bytes" for name, size in sizes.items()), sep="\n")
    if sum(sizes.values()) > LARGEST:
        sys.exit(f"together they have more than {LARGEST:,} bytes")
