"""A process that has imported hcexport and forks: each run is a process of its own, and costs a fork, not the imports.

Reads an order from each line of stdin, a JSON object with the arguments of ``become``; forks a child that becomes the
program; writes the child's id, and when the child has ended its exit status, negative for a signal.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import pkgutil
import random
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from typing import NoReturn

import hcexport


def serve() -> None:
    """Fork for the process that writes to stdin, until stdin is closed."""
    for name in (*_modules(), "encodings.idna", "httpx", "rich.progress", "rich.table", "sqlite3"):
        importlib.import_module(name)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a test may kill a child before the program begins
        signal.signal(number, signal.SIG_DFL)
    gc.freeze()  # or the collector of each child would touch, and so copy, every page of this process
    out = os.dup(1)
    orders = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 # unbuffered, or a child would inherit orders
    while line := orders.readline():
        pid = os.fork()
        if pid == 0:
            os.close(out)
            become(**json.loads(line))
        os.write(out, b"%d\n" % pid)
        os.write(out, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def become(
    *, program: str, argv: list[str], env: dict[str, str], cwd: str, streams: list[str], constants: Mapping[str, float]
) -> NoReturn:
    """Run the ``main`` of the module ``program``; ``constants`` replace values of modules by their full names."""
    os.setsid()
    os.chdir(cwd)
    for number, path in enumerate(streams):
        opened = os.open(path, os.O_WRONLY | os.O_APPEND if number else os.O_RDONLY)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    random.seed()
    sys.argv = argv
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115 # for the life of the process
        for number, mode, errors in ((0, "r", "surrogateescape"), (1, "w", "strict"), (2, "w", "backslashreplace"))
    )
    sys.__stderr__ = sys.stderr  # type: ignore[misc,assignment] # keeps the stream open
    if env.get("TEST_WITHOUT_LOCKS"):  # as on a file system where flock does nothing
        fcntl.flock = lambda *_: None
    for name, value in constants.items():
        module, _, constant = name.rpartition(".")
        holder = importlib.import_module(module)
        if not hasattr(holder, constant):
            raise SystemExit(f"{name} is no more")
        setattr(holder, constant, value)
    _run(program)


def _run(program: str) -> NoReturn:
    try:
        importlib.import_module(program).main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))  # faster: frees no modules
    os._exit(0)


def _modules() -> Iterator[str]:
    for module in pkgutil.walk_packages(hcexport.__path__, "hcexport."):
        if module.name != "hcexport.auth.keyring_child" and not module.name.startswith("hcexport.sandbox"):
            yield module.name  # the keyring child is a program, and reads stdin


if __name__ == "__main__":
    serve()
