"""What the tests of commands share: the error that a command ended with, and a command that is still running."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hcexport.errors import EXIT_STATUSES

CODES = {(row.status, row.code) for row in EXIT_STATUSES}
Done = subprocess.CompletedProcess[str]


@pytest.fixture
def error_of() -> Callable[[Done, int], dict[str, Any]]:
    """The error object of a command that was run with ``--format json``, which must have ended with a status."""

    def read(done: Done, status: int) -> dict[str, Any]:
        assert done.returncode == status, done.stderr
        assert done.stdout == ""
        error: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])["error"]
        assert set(error) == {"code", "message", "hint", "exit_status", "retryable"}
        assert error["exit_status"] == status
        assert (status, error["code"]) in CODES
        return error

    return read


@pytest.fixture
def refused() -> Callable[[Done, int], str]:
    """The one line of error (and the hint) of a command that was run with ``--format text``."""

    def read(done: Done, status: int) -> str:
        assert done.returncode == status, done.stderr
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        lines = [line for line in done.stderr.splitlines() if line.startswith("hcexport: error: ")]
        assert len(lines) == 1
        return done.stderr[done.stderr.index(lines[0]) :]

    return read


@pytest.fixture
def running() -> Callable[..., Any]:
    """Starts a process and ends it at the end of the block, should it still run."""

    @contextmanager
    def start(*args: Any, **kwargs: Any) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            *args, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **kwargs}
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    return start
