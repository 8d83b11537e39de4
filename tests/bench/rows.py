"""The rows of the table of goals: each yields what it measured against what its goal names."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.bench import parts
from tests.bench.measure import MIB, Row, rounds, run
from tests.support.process import clean_environment

PYTHON = sys.executable
TOOL = Path(PYTHON).with_name("hcexport")
IMPORT_HTTPX = [PYTHON, "-c", "import httpx"]
JOB_S, PAGES, PAGE = 0.5, 100, 1000


def environment(folder: Path, place: parts.Organization | None = None, **more: str) -> dict[str, str]:
    """An environment that is signed in to an organization, where hcexport's home is in ``folder``."""
    signed_in = {"HCEXPORT_URL": place.url, "HCEXPORT_TOKEN": place.token} if place else {}
    clean = clean_environment(folder) | signed_in | more
    clean.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles hcexport anew each time
    return clean


def start(folder: Path) -> Iterator[Row]:
    """What it costs to start, against what it builds on."""
    env = environment(folder)
    tab = env | {"_HCEXPORT_COMPLETE": "bash", "_HCEXPORT_LINE": "hcexport "}
    base = [PYTHON, "-c", "import click"]
    for name, words, its_env in (("--version", ["--version"], env), ("--help", ["--help"], env), ("one TAB", [], tab)):
        ratios = rounds(lambda: run([TOOL, *words], its_env).wall_s, lambda: run(base, env).wall_s, 21)  # noqa: B023
        yield Row(f"start: {name}", "python -c 'import click'", ratios, 1.2)


def export(folder: Path) -> Iterator[Row]:
    """One export over TLS and a line with 50 ms of round trip."""
    certificate = parts.certificate(folder)
    with (
        parts.organization(job_seconds=JOB_S, certificate=list(map(str, certificate))) as near,
        parts.slow_line(int(near.url.split(":")[2].split("/")[0])) as port,
    ):
        far = parts.Organization(f"https://127.0.0.1:{port}/{near.url.rsplit('/', 1)[1]}", near.token)
        env = environment(folder, far, HCEXPORT_CA_BUNDLE=str(certificate[0]), HCEXPORT_IF_EXISTS="overwrite")
        run_id = first_id(env)
        ours = [TOOL, "export", "--run-ids", run_id, "-q", "--out", folder / "ours.zip"]
        script = [Path(__file__).with_name("script.sh"), far.url, far.token, certificate[0], run_id, folder / "its.zip"]
        run(ours, env), run(script, env), run(IMPORT_HTTPX, env)
        # one after the other, and all three rows from the same runs; TLS, submit, look, download: a round trip each
        used = [(run(ours, env), run(script, env), run(IMPORT_HTTPX, env)) for _ in range(9)]
        floor = JOB_S + 4 * parts.ROUND_TRIP_S
        ratios = [our.wall_s / floor for our, _, _ in used]
        yield Row("export over TLS, 50 ms round trips, job of 0.5 s", "job and 4 round trips", ratios, 1.25)
        yield Row("the same", "bash, curl, jq", [our.wall_s / its.wall_s for our, its, _ in used], 0.6)
        ratios = [our.cpu_s / alone.cpu_s for our, _, alone in used]
        yield Row("processor time of that", "python -c 'import httpx'", ratios, 1.3)

        new = [TOOL, "export", "--new", "--all", "-q", "--out", folder / "new.zip"]
        run(new, env)
        floor = 2 * parts.ROUND_TRIP_S  # TLS, list
        ratios = [run(new, env).wall_s / floor for _ in range(10)][1:]
        yield Row("export --new with nothing new, 50 ms round trips", "2 round trips", ratios, 1.5)


def list_(folder: Path) -> Iterator[Row]:
    """100,000 reports in pages of 1,000, and the memory of them against that of one page."""
    ids = [TOOL, "list", "--format", "ids"]
    with parts.organization(extra_reports=PAGES * PAGE - 90) as place:
        env = environment(folder, place)
        query = f"{place.url}/admin/healthCheck/reports/query?f=json&num={PAGE}&start="
        pages = folder / "pages"
        pages.write_text("".join(f'url = "{query}{1 + n * PAGE}"\noutput = "{pages}.{n}"\n' for n in range(PAGES)))
        script = (
            f"curl -sS -H 'X-Esri-Authorization: Bearer {place.token}' -H 'Referer: https://hcexport' -K {pages}"
            f" && jq -rn '[inputs.runs[]] | sort_by(.startTime, .id) | reverse[].id' {pages}.*"
        )
        theirs = ["bash", "-c", script]
        yield Row(
            "list --format ids of 100,000 reports",
            "curl and jq, the same pages, sorted",
            rounds(lambda: run(ids, env).wall_s, lambda: run(theirs, env).wall_s),
            0.8,
        )
        many = [run(ids, env, watched=True).peak for _ in range(5)]
    with parts.organization(extra_reports=PAGE - 90) as place:
        env = environment(folder, place)
        more = [(peak - run(ids, env, watched=True).peak) / MIB for peak in many]
    yield Row("memory of that", "of 1,000 reports", more, 60, "MiB")


def save(folder: Path) -> Iterator[Row]:
    """0.5 GiB over TLS from nginx, verified."""
    archive = folder / "big.zip"
    parts.big_zip(archive)
    with served(folder, archive) as (env, item, curl):
        ours = [TOOL, "download", item, "-q", "--out", folder / "ours.zip"]
        test = ["unzip", "-tq", folder / "curl.zip"]
        used = [
            (run(ours, env, watched=True), run(curl, env), run(test, env), run(IMPORT_HTTPX, env, watched=True))
            for _ in range(6)
        ][1:]
    both = [saved.wall_s / (fetched.wall_s + tested.wall_s) for saved, fetched, tested, _ in used]
    yield Row("save 0.5 GiB over TLS, verified", "curl, then unzip -tq", both, 0.6)
    memory = [saved.peak / alone.peak for saved, _, _, alone in used]
    yield Row("peak memory of that", "python -c 'import httpx'", memory, 1.3)


def delay(folder: Path) -> Iterator[Row]:
    """From the server's COMPLETED to our exit, in parts of the job's duration."""
    for job_s in (5.0, 60.0):
        with parts.organization(job_seconds=job_s) as place:
            env = environment(folder, place)
            run_id = first_id(env)
            words = [TOOL, "export", "--run-ids", run_id, "--wait", "-q"]

            def late(number: int) -> float:
                time.sleep(number * 0.4)
                said = subprocess.run(words, env=env, capture_output=True, text=True, check=True).stdout  # noqa: B023
                ended = time.time()
                return (ended - place.get(f"jobs/{said.strip()}?f=json")["endtime"] / 1000) / job_s  # noqa: B023

            with ThreadPoolExecutor(5) as pool:
                ratios = list(pool.map(late, range(5)))
        yield Row(f"delay from COMPLETED to exit, job of {job_s:g} s", "the job's duration", ratios, 0.1)


def organizations(folder: Path) -> Iterator[Row]:
    """An export from each of 50 organizations, whose jobs take 5 s, against one of them."""
    with parts.organizations(50, job_seconds=5.0, report_days=1) as places:
        env = of_profiles(folder, places)
        words = [TOOL, "export", "--latest", "1", "-q", "--out", f"{folder}/out/", "--parallel", "50", "-p"]
        ratios = rounds(lambda: run([*words, "*"], env).wall_s, lambda: run([*words, "p0"], env).wall_s)
    yield Row("50 organizations, export -p '*' --parallel 50, jobs of 5 s", "one organization", ratios, 1.5)


def reading(folder: Path) -> Iterator[Row]:
    """What is made of reports that were read before."""
    with parts.organization(report_days=365) as place:
        env = environment(folder, place)
        rows = {
            "history --since 365d": ["history", "--since", "365d"],
            "show --latest 30 --report x.html": ["show", "--latest", "30", "--report", f"{folder}/x.html"],
        }
        for what, words in rows.items():
            ours, base = [TOOL, *words, "-q"], [TOOL, "--version"]
            ratios = rounds(lambda: run(ours, env).wall_s, lambda: run(base, env).wall_s, 9)  # noqa: B023
            yield Row(f"{what}, read before", "hcexport --version", ratios, 3)


# What several rows need


def first_id(env: dict[str, str]) -> str:
    """The id of the newest report."""
    words = [TOOL, "list", "--latest", "1", "--format", "ids"]
    return subprocess.run(words, env=env, capture_output=True, text=True, check=True).stdout.strip()


def of_profiles(folder: Path, places: list[parts.Organization]) -> dict[str, str]:
    """An environment with a profile for each organization, where files may be overwritten."""
    env = environment(folder, HCEXPORT_IF_EXISTS="overwrite")
    parts.add_profiles(Path(env["HCEXPORT_HOME"]), places)
    return env


@contextmanager
def served(folder: Path, archive: Path) -> Iterator[tuple[dict[str, str], str, list[str | Path]]]:
    """An archive as an upload item behind nginx with TLS: an environment, the item's id, and curl that fetches it."""
    certificate = parts.certificate(folder)
    with parts.organization(job_seconds=0.05) as place, parts.nginx(folder, place, archive, certificate) as url:
        front = parts.Organization(url, place.token)
        env = environment(folder, front, HCEXPORT_CA_BUNDLE=str(certificate[0]), HCEXPORT_IF_EXISTS="overwrite")
        export = [TOOL, "export", "--latest", "1", "--wait"]
        job = subprocess.run(export, env=env, capture_output=True, text=True, check=True).stdout.strip()
        item = str(place.get(f"jobs/{job}?f=json")["result"]["URL"]).rsplit("/", 1)[1]
        header = f"X-Esri-Authorization: Bearer {place.token}"
        fetch = ["curl", "-sS", "--cacert", certificate[0], "-H", header, "-o", folder / "curl.zip"]
        yield env, item, [*fetch, f"{url}/admin/uploads/{item}/download"]
