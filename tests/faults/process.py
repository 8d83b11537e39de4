"""The environment of a run, and the times that its waits are shortened to."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.process import ROOT

SMALL: dict[str, float] = {  # what takes minutes on a bad day takes parts of a second here
    "hcexport.api.http.READ_TIMEOUT_S": 0.5,
    "hcexport.api.session.JSON_CAP": 1 << 20,
    "hcexport.api.session.ANSWER_TIMEOUT_S": 1.5,
    "hcexport.api.session.REFUSAL_TIMEOUT_S": 0.5,
    "hcexport.retry.BACKOFF_BASE_S": 0.005,
    "hcexport.retry.BACKOFF_MAX_S": 0.02,
    "hcexport.transfer.submit.LOOK_AGAIN_S": 0.02,
    "hcexport.retry.GIVE_UP_AFTER_S": 1.2,
    "hcexport.retry.LONGEST_ATTEMPT_S": 0.6,
    "hcexport.retry.STALL_S": 0.4,
    "hcexport.transfer.download.COMMIT_WAIT_S": 0.3,
    "hcexport.transfer.download.LATE_S": 0.3,
    "hcexport.transfer.poll.LATE_S": 0.5,
}
GRACE_S = 2.0  # a run may end so much later than its --timeout


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return what cron would give, and a home of its own."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HCEXPORT_HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PAGER": "cat",  # less would wait for a key
        "PYTHONPATH": str(ROOT),
        **more,
    }
