"""One fault in one state, and what must be true when it is over."""

from __future__ import annotations

import re
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hcexport.errors import EXIT_STATUSES
from tests.support.process import Ended, ForkServer
from tests.support.server import Server

from . import tls
from .organization import CANARY, ITEM_PATH, Organization, Turn, version
from .process import GRACE_S, SMALL, environment
from .table import EVIL, FOLLOWED, A, Fault
from .turns import cut, says

TIMEOUT_S = 4.0
OLD = version(99, noise=20_000).body
DOCUMENTED = {row.status for row in EXIT_STATUSES} - {1}
_NOT_FOR_A_LINE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class State(StrEnum):
    """What stands in the folder when the run begins."""

    FRESH = "fresh"
    OLD_FILE = "old file present"
    RESUMED = "resumed"


@dataclass(frozen=True)
class Case:
    """A row of the table in a state."""

    fault: Fault
    state: State

    def __str__(self) -> str:
        return f"{self.fault.kind}: {self.fault.name} [{self.state}]"


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    ended: Ended
    before: bytes | None
    after: bytes | None
    versions: Sequence[bytes]
    left: Sequence[Path]
    leaks: Sequence[str]
    elsewhere: int
    server_errors: Sequence[str]

    def file_violations(self) -> Iterator[str]:
        """What the control can be held to as well: the file, the exit status, the old file, the time."""
        saved = self.after in self.versions
        if self.after is not None and not saved and self.after != self.before:
            yield f"{len(self.after)} bytes under the final name that are no version of the file"
        if (self.ended.status == 0) != saved:
            yield f"status {self.ended.status} and the file is {'' if saved else 'not '}there"
        if self.ended.status != 0 and self.before is not None and self.after != self.before:
            yield "the old file did not survive the failure"
        if self.ended.hung or self.ended.seconds > TIMEOUT_S + GRACE_S:
            yield f"not ended after {self.ended.seconds:.1f} s"

    def violations(self, ends: Sequence[int]) -> Iterator[str]:
        """Everything that hcexport is held to."""
        yield from self.file_violations()
        yield from self._line_violations()
        if self.ended.status not in DOCUMENTED or self.ended.status not in ends:
            yield f"status {self.ended.status} is not one of {list(ends)}: {self.ended.stderr.strip()[-200:]}"
        for path in self.left:
            if not re.fullmatch(r"\.hcexport-[0-9a-f]+-[0-9a-f]+\.(part|note)", path.name):
                yield f"{path.name} was left"
        yield from (f"the token is in {name}" for name in self.leaks)
        if self.elsewhere:
            yield f"{self.elsewhere} requests reached another origin"
        yield from (f"the suite's server: {error}" for error in self.server_errors)

    def _line_violations(self) -> Iterator[str]:
        said = self.ended.stderr
        errors = [line for line in said.splitlines() if line.startswith("hcexport: error: ")]
        if len(errors) != (self.ended.status != 0):
            yield f"{len(errors)} lines of error with status {self.ended.status}: {said[-200:]!r}"
        if "Traceback" in said or _NOT_FOR_A_LINE.search(said):
            yield f"not for a terminal: {said[-200:]!r}"
        if self.ended.status != 0 and self.ended.stdout:
            yield "a result on stdout, and a failure"


def run(case: Case, program: str, fork_server: ForkServer) -> Outcome:
    """Set the state up, run ``program`` against the fault, and look at what is there."""
    folder = Path(tempfile.mkdtemp(prefix="hcexport-faults-"))
    try:
        return _run(case, program, fork_server, folder)
    finally:
        shutil.rmtree(folder)


def _run(case: Case, program: str, fork_server: ForkServer, folder: Path) -> Outcome:
    work = folder / "work"
    work.mkdir()
    trust = {"SSL_CERT_FILE": tls.write_ca(folder / "ca.pem")} if case.fault.tls else {}
    env = environment(folder / "home", HCEXPORT_TOKEN=CANARY, **trust)
    organization = Organization({}, [A])
    good_tls, scheme = (tls.context("good"), "https") if case.fault.tls else (None, "http")
    with Server(lambda line: line.answer(200, EVIL.body)) as other, Server(organization, good_tls) as server:

        def start(*more: str) -> Ended:
            argv = [*_argv(program, f"{scheme}://127.0.0.1:{server.port}"), *more]
            return fork_server.run(argv, env, work, TIMEOUT_S + 2 * GRACE_S, program=_PROGRAMS[program])

        _prepare(case.state, program, work, organization, start)
        _stage(case.fault, organization, server, other)
        before = _content(work)
        ended = start(*_OVERWRITE[program] if case.state is State.OLD_FILE else ())
    return Outcome(
        ended,
        before,
        _content(work),
        [each.body for each in case.fault.versions],
        [path for path in work.iterdir() if path.name != "reports.zip"],
        list(_leaks(folder, other)),
        len(other.requests) if program == "hcexport" and case.fault not in FOLLOWED else 0,
        [repr(error) for error in server.errors],
    )


_PROGRAMS = {"naive": "tests.faults.naive", "hcexport": "hcexport.cli"}
_OVERWRITE = {"naive": ["--overwrite"], "hcexport": ["--if-exists", "overwrite"]}


def _argv(program: str, origin: str) -> list[str]:
    if program == "naive":
        return ["naive", f"{origin}{ITEM_PATH}/download", "reports.zip"]
    asked = ["hcexport", "download", f"{origin}{ITEM_PATH}", "--url", f"{origin}/gis", "--out", "reports.zip"]
    return [*asked, "--timeout", f"{TIMEOUT_S:g}", "--log-file", "../log", "-vv"]


def _prepare(state: State, program: str, work: Path, organization: Organization, start: Callable[[], Ended]) -> None:
    """An old file; or what a run leaves that was cut at 60 % and then turned away."""
    target = work / "reports.zip"
    if state is State.OLD_FILE:
        target.write_bytes(OLD)
    elif state is State.RESUMED and program == "naive":
        target.write_bytes(A.body[: int(A.size * 0.6)])
    elif state is State.RESUMED:
        organization.turns[f"{ITEM_PATH}/download"] = [cut(0.6), says(403)]
        start()
        (part,) = work.glob(".hcexport-*.part")
        assert part.stat().st_size == int(A.size * 0.6)
        assert {stat.S_IMODE(path.stat().st_mode) for path in work.iterdir()} == {0o600}


def _stage(fault: Fault, organization: Organization, server: Server, other: Server) -> None:
    place = fault.elsewhere.format(port=other.port, own=server.port)
    turns: Sequence[Turn] = [says(302, b"", location=place)] if place else fault.file
    organization.turns[f"{ITEM_PATH}/download"] = turns
    organization.turns[ITEM_PATH] = fault.item
    organization.versions = fault.versions
    organization.asked.clear()
    if fault.tls:
        server.context = None if fault.tls == "none" else tls.context(fault.tls)
    if not fault.listens:
        server.stop()


def _content(work: Path) -> bytes | None:
    target = work / "reports.zip"
    return target.read_bytes() if target.exists() else None


def _leaks(folder: Path, other: Server) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and CANARY.encode() in path.read_bytes():
            yield path.name
    if any(CANARY.encode() in request.raw for request in other.requests):
        yield "a request to another origin"


class Campaign:
    """Many cases, a few at a time; each thread has its fork_server."""

    def __init__(self, threads: int = 4) -> None:
        self._own = threading.local()
        self._fork_servers: list[ForkServer] = []
        self._pool = ThreadPoolExecutor(threads)

    def submit(self, case: Case, program: str = "hcexport") -> Future[Outcome]:
        """Run a case when there is room."""
        return self._pool.submit(self._run, case, program)

    def close(self) -> None:
        """Stop, and end the fork_servers."""
        self._pool.shutdown(cancel_futures=True)
        for fork_server in self._fork_servers:
            fork_server.close()

    def _run(self, case: Case, program: str) -> Outcome:
        if not hasattr(self._own, "fork_server"):
            self._own.fork_server = ForkServer(SMALL)
            self._fork_servers.append(self._own.fork_server)
        return run(case, program, self._own.fork_server)
