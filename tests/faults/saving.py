"""A good server, and runs that save its item: for tests of what stands in the way on this side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.support.process import Ended, ForkServer
from tests.support.server import Server

from .organization import CANARY, ITEM_PATH, Organization, Turn, Version, good
from .process import environment
from .table import A


class Saving:
    """hcexport download of an item; use it as a context."""

    def __init__(
        self, fork_server: ForkServer, folder: Path, turns: Sequence[Turn] = (good,), versions: Sequence[Version] = (A,)
    ):
        self.organization = Organization({f"{ITEM_PATH}/download": turns}, versions)
        self.server = Server(self.organization)
        self.origin = f"http://127.0.0.1:{self.server.port}"
        self.fork_server = fork_server
        self.work = folder / "work"
        self.work.mkdir(exist_ok=True)
        self.env = environment(folder / "home", HCEXPORT_TOKEN=CANARY)

    def __enter__(self) -> Saving:
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        assert self.server.errors == []

    def argv(self, *more: str, out: str | Path = "reports.zip") -> list[str]:
        """The words after ``hcexport``."""
        return ["download", f"{self.origin}{ITEM_PATH}", "--url", f"{self.origin}/gis", "--out", str(out), *more]

    def save(self, *more: str, out: str | Path = "reports.zip") -> Ended:
        """Run it."""
        return self.fork_server.run(["hcexport", *self.argv(*more, out=out)], self.env, self.work, 15)

    def errors(self, ended: Ended) -> list[str]:
        """Its lines of error."""
        assert "Traceback" not in ended.stderr
        return [line for line in ended.stderr.splitlines() if line.startswith("hcexport: error: ")]
