"""Runs hcexport many times and imports it once: each run is a fork of this process.

It has its own arguments, environment, folder and streams, as any process has; only the 0.3 s of imports are shared.
Orders come on stdin, a JSON object a line; each is answered with the exit status, negative for a signal.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import random
import signal
import sys
import time
from typing import Any, NoReturn

import hcexport.cli
from hcexport.__main__ import __file__ as program


def serve() -> None:
    for package in ("cli", "api", "store", "transfer", "output", "auth"):
        for module in pkgutil.iter_modules(importlib.import_module(f"hcexport.{package}").__path__):
            if module.name != "keyring_child":  # a program of its own
                importlib.import_module(f"hcexport.{package}.{module.name}")
    for line in sys.stdin:
        child = os.fork() or _run(**json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(args: list[str], env: dict[str, str], cwd: str, streams: list[str], timeout: float) -> NoReturn:
    signal.setitimer(signal.ITIMER_REAL, timeout)  # SIGALRM ends it
    for number, path in enumerate(streams):
        opened = os.open(path, os.O_WRONLY | os.O_APPEND if number else os.O_RDONLY)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    random.seed()
    sys.argv = [program, *args]
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115 # for the life of the process
        for number, mode, errors in ((0, "r", "surrogateescape"), (1, "w", "strict"), (2, "w", "backslashreplace"))
    )
    sys.__stderr__ = sys.stderr  # as it is in a process of its own; it keeps the stream open
    os._exit(_main())


def _main() -> int:
    try:
        hcexport.cli.main()
    except SystemExit as end:
        code: Any = end.code
        return code if isinstance(code, int) else 0
    raise AssertionError("main() ends the process")


if __name__ == "__main__":
    serve()
