"""The token stays at home: wherever a redirect or a URL of the server points, no other origin hears of it.

A download alone is followed to another origin, without the token. Two ports of this machine stand for two hosts.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.process import ForkServer
from tests.support.server import Line, Server

from .jobs import RUN_ID, Exporter, job_json, say
from .organization import CANARY, ITEM, ITEM_PATH, Turn, described, good
from .process import environment
from .table import A
from .turns import says

pytestmark = pytest.mark.slow  # a second each, because a refused place ends the patience of the command

PLACES = {
    "another port": "http://127.0.0.1:{other}{path}",
    "another name": "http://localhost:{other}{path}",
    "no scheme": "//127.0.0.1:{other}{path}",
    "a user": "http://user:word@127.0.0.1:{other}{path}",
    "a user like our host": "http://127.0.0.1:{own}@127.0.0.1:{other}{path}",
    "our host as a path": "http://127.0.0.1:{other}/127.0.0.1:{own}{path}",
    "our host as a fragment": "http://127.0.0.1:{other}{path}#@127.0.0.1:{own}",
    "backslashes": "http://127.0.0.1:{other}\\@127.0.0.1:{own}{path}",
    "capitals": "HTTP://127.0.0.1:{other}{path}",
    "a tab": "http://127.0.0.1\t:{other}{path}",
}
JOB = "j0861f797-e646-4a9b-af92-f5e86b2cd824"
JOB_PATH, EXPORT_PATH = f"/gis/admin/jobs/{JOB}", "/gis/admin/healthCheck/reports/export"


def redirecting(place: str, status: int = 307) -> Turn:
    return says(status, b"", location=place)


def submitted(place: str) -> Turn:
    return lambda line, _now: say(line, {"jobsUrl": place, "status": "SUBMITTED"})


def completed(place: str) -> Turn:
    return lambda line, _now: say(line, job_json(JOB, result={"URL": place}))


SPOTS = {  # the path it is written behind, the answer it stands in, how the run may end
    "redirect of the submit": (EXPORT_PATH, redirecting, {6, 9}),
    "redirect of a poll": (JOB_PATH, redirecting, {6}),
    "redirect of the description": (ITEM_PATH, redirecting, {0}),
    "redirect of the file": (f"{ITEM_PATH}/download", redirecting, {0, 6}),
    "jobsUrl": (EXPORT_PATH, submitted, {0}),
    "result.URL": (JOB_PATH, completed, {0}),
}
LED_TO = {"jobsUrl": JOB_PATH, "result.URL": ITEM_PATH}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("spot", SPOTS)
def test_no_other_origin_hears_of_the_token(spot: str, place: str, fork_server: ForkServer, tmp_path: Path) -> None:
    path, answer, ends = SPOTS[spot]
    (work := tmp_path / "work").mkdir()
    exporter = Exporter([])
    heard: list[bytes] = []

    def other(line: Line) -> None:
        heard.append(line.request.raw)
        (good if line.request.target.endswith("download") else described)(line, A)

    with Server(other) as foreign, Server(exporter) as server:
        led_to = PLACES[place].format(other=foreign.port, own=server.port, path=LED_TO.get(spot, path))
        exporter.turns |= {
            EXPORT_PATH: [submitted(f"https://elsewhere.invalid{JOB_PATH}")],
            JOB_PATH: [completed(f"https://elsewhere.invalid/x/uploads/{ITEM}")],
        }
        exporter.turns[path] = [answer(led_to)]
        out = "./" if path == ITEM_PATH else "reports.zip"  # the description is read where the name is needed
        argv = ["hcexport", "export", "--run-ids", RUN_ID, "--out", out, "--timeout", "3s"]
        env = environment(tmp_path / "home", HCEXPORT_TOKEN=CANARY)
        ended = fork_server.run([*argv, "--url", f"http://127.0.0.1:{server.port}/gis"], env, work, 8)
    if spot != "redirect of the file":
        assert heard == []
    for request in heard:
        assert not any(ours in request.lower() for ours in (CANARY.lower().encode(), b"authorization", b"referer"))
    odd = spot in LED_TO and place in {"our host as a fragment", "backslashes"}  # an id may not be read out of these
    assert ended.status in (ends | {0, 3, 6, 9} if odd else ends), ended.stderr
    assert CANARY not in ended.stderr


@pytest.mark.parametrize(
    "url",
    [
        "http://gis.example.com/gis",
        "http://192.0.2.1/gis",
        "http://127.0.0.1.example.com/gis",
        "http://[2001:db8::1]/gis",
    ],
)
def test_no_token_goes_out_in_clear(url: str, fork_server: ForkServer, tmp_path: Path) -> None:
    (work := tmp_path / "work").mkdir()
    env = environment(tmp_path / "home", HCEXPORT_TOKEN=CANARY)
    ended = fork_server.run(["hcexport", "list", "--url", url], env, work, 8)
    assert ended.status in {2, 78}, ended.stderr
    assert ended.seconds < 2


def test_the_second_origin_would_be_heard(fork_server: ForkServer, tmp_path: Path) -> None:
    """A redirect within the origin is followed: the turns work."""
    (work := tmp_path / "work").mkdir()
    exporter = Exporter([])
    exporter.turns |= {JOB_PATH: [redirecting("/moved")], "/moved": [completed(f"/uploads/{ITEM}")]}
    with Server(exporter) as server:
        env = environment(tmp_path / "home", HCEXPORT_TOKEN=CANARY)
        ended = fork_server.run(["hcexport", "wait", JOB, "--url", f"http://127.0.0.1:{server.port}/gis"], env, work, 8)
    assert ended.status == 0, ended.stderr
