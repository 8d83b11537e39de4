"""The row of many organizations, and ``python -m tests.bench.organizations N``, which simulates N in one process."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from hcexport.sandbox import Sandbox
from tests.bench import parts
from tests.bench.measure import Row, rounds, run
from tests.support.process import clean_environment

COUNT = 50
JOB_S = 0.5
AT_ONCE = 8  # the default of --parallel


def organizations(folder: Path) -> Iterator[Row]:
    """An export of each of 50 organizations, signed in, against that of one."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    env = clean_environment(folder) | {"HCEXPORT_HOME": str(home), "HCEXPORT_IF_EXISTS": "overwrite"}
    with parts.child("tests.bench.organizations", str(COUNT)) as said:
        tables = []
        for number, (url, username, password) in enumerate(json.loads(said)):
            secret = home / f"password-{number}"
            secret.write_text(password)
            secret.chmod(0o600)
            about = f'url = "{url}"\nusername = "{username}"\npassword_file = "{secret}"\nstore = "file"\n'
            tables.append(f"[profiles.o{number}]\n{about}")
        (home / "config.toml").write_text("".join(tables))
        export = [sys.executable, "-m", "hcexport", "export", "--latest", "1", "-q", "--out", folder / "{profile}.zip"]
        ratios = rounds(lambda: run([*export, "-p", "*"], env).wall_s, lambda: run([*export, "-p", "o0"], env).wall_s)
    turns = -(-COUNT // AT_ONCE)
    yield Row(f"export of {COUNT} organizations, -p '*'", f"of one; {AT_ONCE} at once are {turns} turns", ratios, turns)


def _serve(count: int) -> None:
    with ExitStack() as stack:
        boxes = [stack.enter_context(Sandbox(job_seconds=JOB_S)) for _ in range(count)]
        print(json.dumps([(box.url, box.username, box.password) for box in boxes]), flush=True)
        signal.pause()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
