"""The command line: the root group, the commands, and everything that only they need.

``boundary`` runs the root (``root``), prints errors and ends the process. ``options.app_command`` makes a command
(``command``) of a function: it parses the shared options, gives the function an ``App`` (``app``), and hands its
``Outcome`` (``outcome``) to the one place that prints it. ``selection``, ``reading``,
``judging``, ``exporting``, ``waiting`` and ``saving`` are what several commands have in common, ``checking`` is the
work of ``run``; ``messages`` and ``streams`` are stderr and stdout; ``completion_*`` answer a TAB.

Every other package may be imported here, and nothing imports this one. A new command goes to ``cli.commands``, which
says how; a new setting to ``store.settings``.
"""

from __future__ import annotations

import os

from hcexport.cli.boundary import end, run
from hcexport.cli.root import RootGroup


def main() -> None:
    """Run the ``hcexport`` script and end the process."""
    if shell := os.environ.get("_HCEXPORT_COMPLETE"):
        from hcexport.cli.completion_scripts import answer  # noqa: PLC0415 # start-up: only a TAB needs it

        end(answer(shell, root))
    run(root)


# The first line of each command's docstring, so that `hcexport --help` loads no command. A test compares them.
root = RootGroup(
    name="hcexport",
    commands_at={
        "login": "Sign in to an organization and remember it as a profile.",
        "logout": "Forget the token, and the remembered password.",
        "status": "Show who is signed in, where, until when, and where each value comes from.",
        "list": "List health check reports, newest first.",
        "show": "Show reports in full: every test with severity, result and duration.",
        "diff": "Show what changed between two reports, test by test.",
        "history": "Show how each test did over many reports.",
        "run": "Run a health check and wait for its report.",
        "export": "Export reports as one zip: submit, wait, download, verify.",
        "wait": "Wait until exports have ended.",
        "download": "Save a finished export.",
        "jobs": "List the exports and checks submitted from this machine.",
        "delete": "Delete reports on the server, for good.",
        "doctor": "Check whether a run would work here, and if not, why.",
        "schedule": "Print files that run an hcexport command daily: cron, systemd, kubernetes.",
        "schema": "Print the JSON Schema of what --format json prints.",
        "config": "Read and change the configuration.",
        "completion": "Print the completion script for a shell.",
        "sandbox": "Serve a simulated organization on 127.0.0.1.",
    },
    examples=[
        "hcexport login https://gis.example.com/enterprise",
        "hcexport export --latest 3 --wait --out reports.zip",
    ],
)
