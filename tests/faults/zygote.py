"""A process that has imported everything and forks: each run is a process of its own, and costs a fork.

Reads one JSON object a line, forks a child that becomes what it says, answers with its id; on the next line, with how
it ended. What the child runs is the script's own ``main``, with its own streams, signals and environment.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import signal
import sys
from typing import Any

PROGRAMS = {"hcexport": "hcexport.cli", "naive": "tests.faults.naive"}
_SLOW_TO_IMPORT = [
    "httpx",
    "rich.progress",
    "rich.table",
    "hcexport.cli.commands.download",
    "hcexport.cli.commands.export",
    "hcexport.cli.commands.wait",
    "hcexport.cli.app",
    "hcexport.cli.credentials",
    "hcexport.api.http",
    "hcexport.api.client",
    "hcexport.auth.sign_in",
    "hcexport.store.ledger",
    "hcexport.output.printers",
    "hcexport.output.progress",
    "hcexport.output.sanitize",
    "sqlite3",
    "hcexport.cli.commands.list",
    "hcexport.cli.commands.show",
    "hcexport.cli.commands.jobs",
    "platformdirs",
    "encodings.idna",
]


def serve() -> None:
    """Fork for whoever writes to stdin, until it closes."""
    for module in (*_SLOW_TO_IMPORT, *PROGRAMS.values()):
        importlib.import_module(module)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a child is killed before it has begun, now and then
        signal.signal(number, signal.SIG_DFL)
    gc.freeze()  # so that a child's end does not copy every page of ours
    out = os.dup(1)
    while line := sys.stdin.buffer.raw.readline():
        pid = os.fork()
        if pid == 0:
            os.close(out)
            return become(json.loads(line))
        os.write(out, b"%d\n" % pid)
        os.write(out, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def become(task: dict[str, Any]) -> None:
    """Run a program as this process."""
    os.setsid()
    os.chdir(task["cwd"])
    for number, name in enumerate((os.devnull, task["stdout"], task["stderr"])):
        os.dup2(os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666), number)
    os.environ.clear()
    os.environ.update(task["env"])
    sys.argv = task["argv"]
    if task["env"].get("TEST_WITHOUT_LOCKS"):  # as on a file system where flock does nothing
        fcntl.flock = lambda *_: None  # type: ignore[assignment]
    for name, value in task["constants"].items():
        module, _, constant = name.rpartition(".")
        holder = importlib.import_module(module)
        if not hasattr(holder, constant):
            raise SystemExit(f"{name} is no more")
        setattr(holder, constant, value)
    try:
        importlib.import_module(PROGRAMS[task["argv"][0]]).main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))  # spares taking down the imports


if __name__ == "__main__":
    serve()
