"""Run a variant, and compare what happened with what is wanted."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.process import SMALL, environment
from tests.support.process import Ended, ForkServer
from tests.support.server import Server

from .organization import TOKEN, Answer, Call, Organization

EXPORT = ("export", "--run-ids", "r1,r2", "--out", "reports.zip")
TO_FOLDER = ("export", "--run-ids", "r1,r2", "--out", "./")
TIMEOUT_S = 5.0
LIMIT_S = TIMEOUT_S + 4.0


@dataclass(frozen=True)
class Variant:
    """A plausible truth about a point of the API, and what an administrator wants to come of it.

    ``status`` is the exit status, ``says`` are texts that must be on stdout or stderr, ``sends`` the reports of the one
    export that is wanted, ``saved_as`` the name of the file.
    """

    point: str
    name: str
    status: int
    answers: Mapping[str, Answer]
    says: tuple[str, ...] = ()
    argv: tuple[str, ...] = EXPORT
    sends: tuple[str, ...] | None = None
    saved_as: str | None = None
    guard: Callable[[], Callable[[Call], Answer | None]] | None = None
    reports: int = 3
    page: int = 1000
    env: Mapping[str, str] = field(default_factory=lambda: {"HCEXPORT_TOKEN": TOKEN})

    def __str__(self) -> str:
        return f"{self.point}: {self.name}"


@dataclass(frozen=True)
class Result:
    """What happened, in a line, and what of it is not wanted."""

    happened: str
    unwanted: tuple[str, ...]


def run(variant: Variant, fork_server: ForkServer) -> Result:
    """Run the variant's command against the variant's organization."""
    organization = Organization(variant.answers, variant.guard() if variant.guard else None, variant.reports)
    organization.page = variant.page
    with tempfile.TemporaryDirectory(prefix="hcexport-variants-") as folder, Server(organization) as server:
        (work := Path(folder, "work")).mkdir()
        env = environment(Path(folder, "home"), HCEXPORT_URL=f"http://127.0.0.1:{server.port}/gis", **variant.env)
        timeout = () if "--timeout" in variant.argv else ("--timeout", f"{TIMEOUT_S:g}s")
        ended = fork_server.run(["hcexport", *variant.argv, *timeout], env, work, LIMIT_S, SMALL)
        files = {path.name: path.read_bytes() for path in work.iterdir() if path.is_file()}
        unwanted = [*_compare(variant, ended, organization, files), *map(repr, server.errors)]
    last = ended.stderr.strip().splitlines()[-2:]
    happened = f"status {ended.status}" + ("" if ended.status == 0 else f": {' / '.join(last)}")
    return Result(happened, tuple(unwanted))


def _compare(variant: Variant, ended: Ended, organization: Organization, files: Mapping[str, bytes]) -> list[str]:
    said = ended.stdout + ended.stderr
    zips = {name: body for name, body in files.items() if not name.startswith(".")}
    saves = "--out" in variant.argv or variant.argv[0] == "download"
    wants_file = variant.saved_as is not None or (variant.status == 0 and saves)
    checks = {
        f"status {ended.status} instead of {variant.status}": ended.status != variant.status,
        "not ended in time": ended.hung,
        "a traceback": "Traceback" in said,
        "the token is on a stream": TOKEN in said,
        **{f"{text!r} is not said": text not in said for text in variant.says},
        f"{sorted(zips)} was saved": not wants_file and bool(zips),
        f"{sorted(zips)} is not the zip of the server": wants_file and [*zips.values()] != [organization.zip],
        f"saved as {sorted(zips)}": variant.saved_as is not None and [*zips] != [variant.saved_as],
        f"exported {organization.posted}": variant.sends is not None and organization.posted != [[*variant.sends]],
        f"{len(organization.posted)} exports were started": len(organization.posted) > 1,
    }
    return [text for text, is_so in checks.items() if is_so]


class Runner:
    """Runs variants, a few at a time; each thread has a fork server of its own."""

    def __init__(self, threads: int = 4) -> None:
        self._own = threading.local()
        self._fork_servers: list[ForkServer] = []
        self._pool = ThreadPoolExecutor(threads)

    def submit(self, variant: Variant) -> Future[Result]:
        """Run a variant when there is room."""
        return self._pool.submit(self._run, variant)

    def close(self) -> None:
        """Stop, and end the fork servers."""
        self._pool.shutdown(cancel_futures=True)
        for fork_server in self._fork_servers:
            fork_server.close()

    def _run(self, variant: Variant) -> Result:
        if not hasattr(self._own, "fork_server"):
            self._own.fork_server = ForkServer(SMALL)
            self._fork_servers.append(self._own.fork_server)
        return run(variant, self._own.fork_server)
