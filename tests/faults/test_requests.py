"""What an export sends: the submit, the polls and the download, on as few connections as can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.process import ForkServer
from tests.support.server import Server

from .jobs import RUN_ID, Exporter, accepted, say
from .organization import CANARY, ITEM_PATH
from .process import environment

ADMIN = "/gis/admin"
QUERY = f"{ADMIN}/healthCheck/reports/query"
EXPORT = f"{ADMIN}/healthCheck/reports/export"
ROWS = {"total": 1, "nextStart": -1, "runs": [{"id": RUN_ID, "startTime": 1_700_000_000_000, "state": "completed"}]}


@pytest.mark.parametrize(
    ("words", "more", "connections"),
    [
        (["--run-ids", RUN_ID, "--out", "reports.zip"], [], 1),
        ([RUN_ID, "--out", "{job_id}.zip"], [], 1),
        (["--run-ids", RUN_ID, "--out", "./"], [ITEM_PATH], 1),
        (["--latest", "1", "--out", "reports.zip"], [QUERY], 2),  # the submit goes out on a fresh connection
    ],
    ids=str,
)
def test_nothing_is_sent_that_is_not_needed(
    words: list[str], more: list[str], connections: int, fork_server: ForkServer, tmp_path: Path
) -> None:
    exporter = Exporter([accepted])
    exporter.turns[QUERY] = [lambda line, _now: say(line, ROWS)]
    (work := tmp_path / "work").mkdir()
    with Server(exporter) as server:
        env = environment(tmp_path / "home", HCEXPORT_TOKEN=CANARY, HCEXPORT_URL=f"http://127.0.0.1:{server.port}/gis")
        ended = fork_server.run(["hcexport", "export", *words], env, work, 8)
    assert ended.status == 0, ended.stderr
    job = next(iter(exporter.ran))
    everything = [QUERY, EXPORT, f"{ADMIN}/jobs/{job}", ITEM_PATH, f"{ITEM_PATH}/download"]
    expected = [path for path in everything if path not in {QUERY, ITEM_PATH} or path in more]
    assert [request.target.partition("?")[0] for request in server.requests] == expected
    assert [request.method for request in server.requests].count("POST") == 1
    assert server.connections == connections
