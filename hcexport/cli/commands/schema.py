"""``hcexport schema``."""

from __future__ import annotations

import json

import click

from hcexport.cli.app import App
from hcexport.cli.options import app_command
from hcexport.cli.outcome import Outcome
from hcexport.output.json_schema import COMMANDS, schema_of, schema_of_all


@app_command(
    "schema",
    formats=("text", "json"),
    asks_server=False,
    examples=["hcexport schema list", "hcexport schema > hcexport.schema.json"],
)
@click.argument("name", type=click.Choice(list(COMMANDS)), metavar="[COMMAND]", required=False)
def command(app: App, name: str | None) -> Outcome:  # noqa: ARG001 # every command takes an App
    """Print the JSON Schema of what --format json prints.

    Without COMMAND: one schema with each command's document, and the error, under $defs. Fields are added, never
    renamed or removed; a program passes over fields and words that it does not know, and takes an unknown exit status
    for a failure.
    """
    schema = schema_of(name) if name else schema_of_all()
    return Outcome(lines=json.dumps(schema, indent=2).splitlines())
