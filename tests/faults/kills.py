"""Kills at random moments: what stands under the final name is always one whole version, and the next run completes.

Most runs are forked; each tenth is a process from scratch. Half of the signals fall anywhere in a run's life, half into
the few milliseconds after the last byte, when the file is checked and published. The server's file changes now and
then, so that a part gone on with wrongly would be seen.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.support.process import ForkServer
from tests.support.server import Line, Server

from .case import OLD
from .organization import CANARY, ITEM_PATH, Organization, Version, good
from .process import SMALL, environment
from .table import LARGER, SAME_SIZE, A

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
VERSIONS = (A, SAME_SIZE, LARGER)
LIFE_S, PUBLISH_S, LIMIT_S = 0.06, 0.02, 20.0
FROM_SCRATCH_EVERY, START_UP_S = 10, 0.7
SLICES = 12
_OURS = re.compile(r"reports\.zip|\.hcexport-[0-9a-f]+-[0-9a-f]+\.(part|note)")
_AT_ONCE = re.compile(r"\.hcexport-.*\.probe")  # what only an end without a word may leave, until it is swept


class Organized(Organization):
    """The item, sent in slices; says when the last byte has gone."""

    def __init__(self) -> None:
        super().__init__({f"{ITEM_PATH}/download": [self._sliced]}, [A])
        self.sent = threading.Event()

    def _sliced(self, line: Line, now: Version) -> None:
        whole = Line.send

        def slow(*pieces: bytes) -> None:
            data = b"".join(pieces)
            step = max(1, len(data) // SLICES)
            for start in range(0, len(data), step):
                whole(line, data[start : start + step])
                time.sleep(0.0005)

        line.send = slow  # type: ignore[method-assign]  # this line alone is slow
        good(line, now)
        self.sent.set()


class Victim:
    """A folder, a server, and runs in it that are killed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.folder = Path(tempfile.mkdtemp(prefix="hcexport-kills-"))
        self.work = self.folder / "work"
        self.work.mkdir()
        self.target = self.work / "reports.zip"
        self.env = environment(self.folder / "home", HCEXPORT_TOKEN=CANARY)
        self.organization = Organized()
        self.fork_server = ForkServer(SMALL)
        self.count: Counter[str] = Counter()
        self.stories: list[str] = []
        self.said, self.times = "", 1
        self.names: set[str] = set()

    def work_off(self, kills: int) -> None:
        """So many kills, a run to the end after each one to three."""
        try:
            with Server(self.organization) as server:
                origin = f"http://127.0.0.1:{server.port}"
                asked = ["download", f"{origin}{ITEM_PATH}", "--url", f"{origin}/gis", "--out", "reports.zip"]
                self.argv = [*asked, "--if-exists", "overwrite", "--timeout", "15"]
                while self.count["kills"] < kills:
                    self._round()
        finally:
            self.fork_server.close()
            shutil.rmtree(self.folder)

    def _round(self) -> None:
        self.target.write_bytes(OLD)
        for _ in range(self.random.randint(1, 3)):
            before, self.names = self.target.read_bytes(), {path.name for path in self.work.iterdir()}
            self.organization.versions = [self.random.choice((A, A, SAME_SIZE, LARGER))]
            self.organization.sent.clear()
            self.count["kills"] += 1
            number = SIGNALS[self.count["kills"] % len(SIGNALS)]
            scratch = self.count["kills"] % FROM_SCRATCH_EVERY == 0
            status = self._from_scratch(number) if scratch else self._forked(number)
            self._look(number, status, before)
        self._complete()

    def _forked(self, number: signal.Signals) -> int:
        pid = self.fork_server.start(["hcexport", *self.argv], self.env, self.work)
        with suppress(ProcessLookupError):  # it may be over already
            descriptor = os.pidfd_open(pid)
            self._await_the_moment(LIFE_S)
            self.times = self.random.choice((1, 1, 1, 2))
            for _ in range(self.times):
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(descriptor, number)
            os.close(descriptor)
        ended = self.fork_server.wait(LIMIT_S)
        self.said = ended.stderr
        return ended.status

    def _from_scratch(self, number: signal.Signals) -> int:
        self.times = 1
        argv = [sys.executable, "-m", "hcexport", *self.argv]
        quiet = subprocess.DEVNULL
        pipe = subprocess.PIPE
        with subprocess.Popen(argv, env=self.env, cwd=self.work, stdin=quiet, stdout=quiet, stderr=pipe) as process:
            self._await_the_moment(START_UP_S)
            process.send_signal(number)
            self.said = process.communicate(timeout=LIMIT_S)[1].decode(errors="replace")
            # The interpreter ends with 1 if SIGINT comes while it starts, before the first line of hcexport.
            return -number if "init_import_site" in self.said else process.returncode

    def _await_the_moment(self, life_s: float) -> None:
        if self.random.random() < 0.5:
            time.sleep(self.random.uniform(0, life_s))
        elif self.organization.sent.wait(2 * life_s):
            time.sleep(self.random.uniform(0, PUBLISH_S))

    def _look(self, number: signal.Signals, status: int, before: bytes) -> None:
        after = self.target.read_bytes() if self.target.exists() else b""
        whole = [version.body for version in self.organization.versions]
        self.count["ended before the signal" if status == 0 else number.name] += 1
        if after != before and after not in whole:
            self._tell("torn", f"{number.name}: {len(after)} bytes")
        if status == 0 and after not in whole:
            self._tell("wrong status", f"{number.name}: status 0 and no file")
        if status not in {0, -number, *(() if number == signal.SIGKILL else (128 + number,))}:
            self._tell("wrong status", f"{number.name}: {status}: {self.said[-900:]}")
        for path in self.work.iterdir():
            if path.name in self.names:  # an earlier run's
                continue
            at_once = number == signal.SIGKILL or self.times > 1
            if not _OURS.fullmatch(path.name) and not (at_once and _AT_ONCE.fullmatch(path.name)):
                self._tell("left behind", f"{number.name}: {path.name}")

    def _complete(self) -> None:
        ended = self.fork_server.run(["hcexport", *self.argv], self.env, self.work, LIMIT_S)
        self.count["runs to the end"] += 1
        if ended.status != 0 or self.target.read_bytes() != self.organization.versions[0].body:
            self._tell("not completed", f"status {ended.status}: {ended.stderr[-300:]}")
        for path in self.work.glob(".hcexport-*"):
            self.count["parts left after completion"] += path.suffix == ".part"
            path.unlink()

    def _tell(self, what: str, story: str) -> None:
        self.count[what] += 1
        self.stories.append(f"{what}: {story}")


BAD = ("torn", "wrong status", "left behind", "not completed")


def kill(kills: int, threads: int = 3, seed: int | None = None) -> tuple[Mapping[str, int], list[str]]:
    """Kill so many runs; what happened how often, and the story of each violation."""
    seed = random.randrange(1 << 30) if seed is None else seed
    victims = [Victim(seed + number) for number in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda victim: victim.work_off(-(-kills // threads)), victims):
            pass
    total: Counter[str] = sum((victim.count for victim in victims), Counter())
    return total, [f"seed {seed}", *(story for victim in victims for story in victim.stories)]


def print_kills(kills: int) -> int:
    """Kill, print the count; 1 when anything was violated."""
    began = time.monotonic()
    count, stories = kill(kills)
    for name in ("kills", *(each.name for each in SIGNALS), "ended before the signal", "runs to the end", *BAD):
        print(f"{name:24} {count[name]:6}")
    print(f"{'parts left after completion':24} {count['parts left after completion']:6}")
    print(f"in {time.monotonic() - began:.0f} s; " + "\n".join(stories))
    return int(any(count[name] for name in BAD))
