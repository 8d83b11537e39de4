"""The rows of the table of growth: what the same command takes as there is more of something."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hcexport.models import ReportDetail
from hcexport.store.history import History
from hcexport.store.ledger import Ledger
from tests.bench import parts
from tests.bench.measure import MIB, Growth, Used, least
from tests.bench.rows import TOOL, environment, of_profiles, served

REPORTS = (1_000, 10_000, 100_000)
ZIPS = (1, 256, 2048)  # MiB
ORGANIZATIONS = (1, 50, 200)
ENTRIES = (100, 1_000, 10_000)


def reports(folder: Path) -> Iterator[Growth]:
    """A list of reports."""
    used = []
    for count in REPORTS:
        with parts.organization(extra_reports=count - 90) as place:
            used.append(least([TOOL, "list", "--format", "ids"], environment(folder, place)))
    yield Growth("list, by reports", REPORTS, used)


def zips(folder: Path) -> Iterator[Growth]:
    """A download, verified."""
    archive, used = folder / "big.zip", []
    for size in ZIPS:
        parts.big_zip(archive, size * MIB)
        with served(folder, archive) as (env, item, _):
            used.append(least([TOOL, "download", item, "-q", "--out", folder / "ours.zip"], env, 2))
    yield Growth("download, by MiB", ZIPS, used)


def organizations(folder: Path) -> Iterator[Growth]:
    """An export from each organization, at most eight at once."""
    used = []
    for count in ORGANIZATIONS:
        with parts.organizations(count, job_seconds=0.1, report_days=1) as places:
            env = of_profiles(folder, places)
            used.append(least([TOOL, "export", "--latest", "1", "-q", "--out", f"{folder}/out/", "-p", "*"], env, 2))
    yield Growth("export -p '*', by organizations", ORGANIZATIONS, used)


def stores(folder: Path) -> Iterator[Growth]:
    """The ledger as ``jobs`` and ``export --new`` read it, and the history."""
    listed: list[Used] = []
    new: list[Used] = []
    read: list[Used] = []
    with parts.organization(report_days=30) as place:
        for count in ENTRIES:
            home = folder / str(count)
            home.mkdir()
            env = environment(home, place)
            show = [TOOL, "show", "--latest", "1", "--format", "json"]
            body = json.loads(subprocess.run(show, env=env, capture_output=True, text=True, check=True).stdout)[0]
            _fill_ledger(home / "hcexport", place.url, count)
            _fill_history(home / "hcexport", place.url, place.get(f"healthCheck/reports/{body['id']}?f=json"), count)
            listed.append(least([TOOL, "jobs", "--offline", "--limit", str(count), "--format", "ids", "-q"], env))
            read.append(least([TOOL, "history", "--all", "--offline", "-q"], env))
            new.append(least([TOOL, "export", "--new", "--since", "1d", "--dry-run", "-q"], env))
    yield Growth("jobs --offline, by entries of the ledger", ENTRIES, listed)
    yield Growth("export --new --dry-run, by entries of the ledger", ENTRIES, new)
    yield Growth("history --offline, by reports of the history", ENTRIES, read)


def _fill_ledger(home: Path, organization: str, count: int) -> None:
    """Write so many exports that were saved, by SQL of our own: the ledger itself waits for the disk at each."""
    path = home / "ledger.db"
    with Ledger(path, warn=print) as ledger:
        ledger.intend(organization, "administrator", ["r0"])
    now = datetime.now(UTC).isoformat()
    columns = "organization, username, profile, run_ids, intended, submitted, job_id, status, ended, path, saved"
    exports = [
        (organization, "administrator", "", f'["r{n}"]', now, now, f"j{n}", "COMPLETED", now, f"/tmp/{n}.zip", now)
        for n in range(count)
    ]
    with sqlite3.connect(path) as database:
        database.executemany(f"INSERT INTO exports ({columns}) VALUES ({', '.join('?' * 11)})", exports)
        saved = [(organization, f"r{n}", f"/tmp/{n}.zip", now) for n in range(count)]
        database.executemany("INSERT INTO saved_reports VALUES (?, ?, ?, ?)", saved)
    database.close()


def _fill_history(home: Path, organization: str, body: dict[str, object], count: int) -> None:
    """Keep so many copies of a report, one an hour."""
    detail, now = ReportDetail.from_json(body), datetime.now(UTC)
    with History(home / "history.db", organization, warn=print) as history:
        history.add(
            replace(detail, report=replace(detail.report, id=f"r{n}", start_time=now - timedelta(hours=n)))
            for n in range(count)
        )
