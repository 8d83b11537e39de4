"""hcexport that kills itself at a moment: before the n-th call that reaches the disk, a database or the network.

``TEST_DIES_AT`` is n. A run that lives longer writes how many moments it had into the file ``TEST_MOMENTS``.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import hcexport.cli

_CALLS = {"open", "write", "fsync", "rename", "replace", "link", "unlink", "remove", "mkdir", "ftruncate", "flock"}
_CALLS |= {"connect", "send", "sendall", "recv", "recv_into", "execute", "executemany", "commit", "backup"}


def main() -> None:
    """Run hcexport until it dies or ends."""
    dies_at, counter, last = int(os.environ["TEST_DIES_AT"]), itertools.count(1), 0

    def count(_frame: object, event: str, called: Any) -> None:
        nonlocal last
        if event == "c_call" and called.__name__ in _CALLS:
            last = next(counter)
            if last == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        hcexport.cli.main()
    finally:
        sys.setprofile(None)
        Path(os.environ["TEST_MOMENTS"]).write_text(str(last))
