"""``python -m tests.bench [ROW…]``: how fast hcexport is, against other things measured in the same minutes.

Needs curl, jq, unzip, openssl and nginx. The rows are start, export, delay, save, list; without one, all of them.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import parts
from tests.bench.measure import HEAD, Row, Used, rounds, run
from tests.support.process import clean_environment

TOOL = Path(sys.executable).with_name("hcexport")
PYTHON = sys.executable
JOB_S = 0.5
PAGES, PAGE = 100, 1000


def _environment(folder: Path, place: parts.Organization | None = None, **more: str) -> dict[str, str]:
    signed_in = {"HCEXPORT_URL": place.url, "HCEXPORT_TOKEN": place.token} if place else {}
    clean = clean_environment(folder) | signed_in | more
    clean.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles hcexport anew each time
    return clean


def start(folder: Path) -> Iterator[Row]:
    """What it costs to start, against what it builds on."""
    env = _environment(folder)
    tab = env | {"_HCEXPORT_COMPLETE": "bash", "_HCEXPORT_LINE": "hcexport "}
    base = [PYTHON, "-c", "import click"]
    for name, words, its_env in (("--version", ["--version"], env), ("--help", ["--help"], env), ("one TAB", [], tab)):
        ratios = rounds(lambda: run([TOOL, *words], its_env).wall_s, lambda: run(base, env).wall_s, 11)  # noqa: B023
        yield Row(f"start: {name}", "python -c 'import click'", ratios, 1.3)


def export(folder: Path) -> Iterator[Row]:
    """One export over TLS and a line with 50 ms of round trip."""
    certificate = parts.certificate(folder)
    with (
        parts.organization(job_seconds=JOB_S, certificate=list(map(str, certificate))) as near,
        parts.slow_line(int(near.url.split(":")[2].split("/")[0])) as port,
    ):
        far = parts.Organization(f"https://127.0.0.1:{port}/{near.url.rsplit('/', 1)[1]}", near.token)
        env = _environment(folder, far, HCEXPORT_CA_BUNDLE=str(certificate[0]), HCEXPORT_IF_EXISTS="overwrite")
        run_id = _first_id(env)
        ours = lambda: run([TOOL, "export", "--run-ids", run_id, "-q", "--out", folder / "ours.zip"], env)  # noqa: E731
        script = [Path(__file__).with_name("script.sh"), far.url, far.token, certificate[0], run_id, folder / "its.zip"]
        # TCP costs nothing on this line; TLS, submit, look, download: a round trip each
        floor = JOB_S + 4 * parts.ROUND_TRIP_S
        used = [ours() for _ in range(6)][1:]
        yield Row(
            "export over TLS, 50 ms round trips", "job and 4 round trips", [one.wall_s / floor for one in used], 1.25
        )
        yield Row(
            "the same",
            "bash, curl, jq, polling each second",
            rounds(lambda: ours().wall_s, lambda: run(script, env).wall_s),
            0.8,
        )
        ratios = rounds(lambda: ours().cpu_s, lambda: run([PYTHON, "-c", "import httpx"], env).cpu_s)
        yield Row("processor time of that export", "python -c 'import httpx'", ratios, 1.5)


def delay(folder: Path) -> Iterator[Row]:
    """From the server's COMPLETED to our exit, in parts of the job's duration."""
    for job_s, at_once in ((0.5, 1), (5.0, 5), (60.0, 5)):
        with parts.organization(job_seconds=job_s) as place:
            env = _environment(folder, place)
            run_id = _first_id(env)
            words = [TOOL, "export", "--run-ids", run_id, "--wait", "-q"]

            def late(number: int) -> float:
                time.sleep(number * 0.4)
                said = subprocess.run(words, env=env, capture_output=True, text=True, check=True).stdout  # noqa: B023
                ended = time.time()
                return (ended - place.get(f"jobs/{said.strip()}?f=json")["endtime"] / 1000) / job_s  # noqa: B023

            with ThreadPoolExecutor(at_once) as pool:
                ratios = list(pool.map(late, range(5) if at_once > 1 else [0] * 5))
        yield Row(f"delay from COMPLETED to exit, job of {job_s:g} s", "the job's duration", ratios, 0.1)


def save(folder: Path) -> Iterator[Row]:
    """0.5 GiB over TLS from nginx, verified."""
    archive = folder / "big.zip"
    parts.big_zip(archive)
    certificate = parts.certificate(folder)
    with parts.organization(job_seconds=0.05) as place, parts.nginx(folder, place, archive, certificate) as url:
        front = parts.Organization(url, place.token)
        env = _environment(folder, front, HCEXPORT_CA_BUNDLE=str(certificate[0]), HCEXPORT_IF_EXISTS="overwrite")
        job = subprocess.run(
            [TOOL, "export", "--latest", "1", "--wait"], env=env, capture_output=True, text=True, check=True
        ).stdout.strip()
        item = str(place.get(f"jobs/{job}?f=json")["result"]["URL"]).rsplit("/", 1)[1]
        ours = [TOOL, "download", item, "-q", "--out", folder / "ours.zip"]
        header = f"X-Esri-Authorization: Bearer {place.token}"
        fetch = f"{url}/admin/uploads/{item}/download"
        curl = ["curl", "-sS", "--cacert", certificate[0], "-H", header, "-o", folder / "curl.zip", fetch]
        bare, curled, checked, used = [], [], [], []
        for _ in range(6):
            used.append(run(ours, env, watched=True))
            curled.append(run(curl, env).wall_s)
            checked.append(run(["unzip", "-tq", folder / "curl.zip"], env).wall_s)
            bare.append(run([PYTHON, "-c", "import httpx"], env, watched=True).peak)
        yield from _save_rows(used[1:], curled[1:], checked[1:])
        memory = [one.peak / alone for one, alone in zip(used, bare, strict=True)]
        yield Row("peak memory of that", "python -c 'import httpx'", memory, 1.3)


def _save_rows(used: list[Used], curled: list[float], checked: list[float]) -> Iterator[Row]:
    both = [one.wall_s / (fetched + tested) for one, fetched, tested in zip(used, curled, checked, strict=True)]
    yield Row("save 0.5 GiB over TLS, verified", "curl, then unzip -tq", both, 0.5)
    alone = [one.wall_s / fetched for one, fetched in zip(used, curled, strict=True)]
    yield Row("the same", "curl, which verifies nothing", alone, 2.0)


def list_(folder: Path) -> Iterator[Row]:
    """100,000 reports in pages of 1,000."""
    with parts.organization(extra_reports=PAGES * PAGE - 100) as place:
        env = _environment(folder, place)
        query = f"{place.url}/admin/healthCheck/reports/query?f=json&num={PAGE}&start="
        pages = folder / "pages"
        pages.write_text("".join(f'url = "{query}{1 + n * PAGE}"\noutput = "{os.devnull}"\n' for n in range(PAGES)))
        header = f"X-Esri-Authorization: Bearer {place.token}"
        curl = ["curl", "-sS", "-H", header, "-H", "Referer: https://hcexport", "-K", pages]
        ours = [TOOL, "list", "--format", "ids"]
        ratios = rounds(lambda: run(ours, env).wall_s, lambda: run(curl, env).wall_s)
    yield Row("list --format ids of 100,000 reports", "curl, the same pages, one connection", ratios, 1.5)


def _first_id(env: dict[str, str]) -> str:
    words = [TOOL, "list", "--latest", "1", "--format", "ids"]
    return subprocess.run(words, env=env, capture_output=True, text=True, check=True).stdout.strip()


ROWS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "start": start,
    "export": export,
    "save": save,
    "list": list_,
    "delay": delay,
}


def main(names: list[str]) -> None:
    """Print the table, a row as soon as it is measured."""
    missing = [name for name in ("curl", "jq", "unzip", "openssl", "nginx") if not shutil.which(name)]
    if missing or not set(names) <= set(ROWS):
        sys.exit(f"not installed: {', '.join(missing)}" if missing else f"rows are {', '.join(ROWS)}")
    started = time.monotonic()
    cores = os.cpu_count()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {cores} cores, Python {platform.python_version()}, {platform.system()}\n{HEAD}"
    )
    for name in names or ROWS:
        with tempfile.TemporaryDirectory(prefix="hcexport-bench-") as folder:
            for row in ROWS[name](Path(folder)):
                print(row, flush=True)
    print(f"in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
