"""What a user types: the root group, its commands, and the error boundary."""

from __future__ import annotations

import gc
import os
import sys

from hcexport.cli.boundary import run
from hcexport.cli.root import RootGroup

YOUNG_OBJECTS = 50_000  # then the collector goes through what imports leave twice, not 200 times: a tenth of a start


def main() -> None:
    """The ``hcexport`` script. Ends the process."""
    gc.set_threshold(YOUNG_OBJECTS)
    if shell := os.environ.get("_HCEXPORT_COMPLETE"):
        from hcexport.cli.completion_scripts import answer  # noqa: PLC0415 # start-up: only a TAB needs it

        sys.exit(answer(shell, root))
    run(root)


# The short help stands here so that `hcexport --help` loads none of the commands; a test holds it to their docstrings.
root = RootGroup(
    name="hcexport",
    commands_at={
        "login": "Sign in to an organization and remember it as a profile.",
        "logout": "Forget the token, and the remembered password.",
        "status": "Show who is signed in, where, until when, and where each value comes from.",
        "list": "List health check reports, newest first.",
        "show": "Show reports in full: every test with severity, result and duration.",
        "export": "Export reports as one zip: submit, wait, download, verify.",
        "wait": "Wait until exports have ended.",
        "download": "Save a finished export.",
        "jobs": "List the exports submitted from this machine.",
        "config": "Read and change the configuration.",
        "completion": "Print the completion script for a shell.",
        "sandbox": "Serve a simulated organization on 127.0.0.1.",
    },
    examples=[
        "hcexport login https://gis.example.com/enterprise",
        "hcexport export --latest 3 --wait --out reports.zip",
    ],
)
