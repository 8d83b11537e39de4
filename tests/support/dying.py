"""hcexport that kills itself at a moment: before the n-th call that reaches the disk, a database or the network.

``TEST_DIES_AT`` is n. How many moments there were is in the file ``TEST_MOMENTS``.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from typing import Any

import hcexport.cli

_CALLS = {"open", "write", "fsync", "rename", "replace", "link", "unlink", "remove", "mkdir", "ftruncate", "flock"}
_CALLS |= {"connect", "send", "sendall", "recv", "recv_into", "execute", "executemany", "commit", "backup"}


def main() -> None:
    """Run hcexport until it dies or ends."""
    dies_at, counter = int(os.environ["TEST_DIES_AT"]), itertools.count(1)
    moments = os.open(os.environ["TEST_MOMENTS"], os.O_WRONLY | os.O_CREAT)

    def count(_frame: object, event: str, called: Any) -> None:
        if event == "c_call" and called.__name__ in _CALLS:
            number = next(counter)
            os.pwrite(moments, b"%d" % number, 0)
            if number == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(count)
    sys.setprofile(count)
    hcexport.cli.main()
