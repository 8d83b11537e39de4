"""Saving a finished export, as ``export``, ``wait`` and ``download`` do it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hcexport.cli.app import App
from hcexport.cli.command import option

_GROUP = "Saving"


def saving_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--out`` and what goes with it."""
    options = [
        option(
            "-o",
            "--out",
            metavar="PATH",
            group=_GROUP,
            help="Save here: a file, a folder, or - for stdout; {profile} {date} {time} {job_id} are filled in.",
        ),
        option(
            "--if-exists",
            type=click.Choice(["fail", "overwrite", "skip", "rename"]),
            group=_GROUP,
            help="When the file exists.  [fail]",
        ),
        option(
            "--extract",
            metavar="DIR",
            type=click.Path(path_type=Path),
            group=_GROUP,
            help="Also unpack into this folder, safely.",
        ),
        option("--cleanup", is_flag=True, group=_GROUP, help="Then delete the upload item on the server."),
    ]
    for add in reversed(options):
        function = add(function)
    return function


