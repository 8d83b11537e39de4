"""``hcexport doctor``."""

from __future__ import annotations

from contextlib import suppress

from hcexport.cli.app import App
from hcexport.cli.command import option
from hcexport.cli.options import app_command
from hcexport.cli.outcome import Outcome, completing_hint
from hcexport.doctor import Check, examine
from hcexport.errors import HcexportError
from hcexport.output.check_records import CHECK_FIELDS, DIAGNOSIS, CheckRow
from hcexport.redaction import redact


@app_command("doctor", profiles=True, examples=["hcexport doctor", "hcexport doctor -p prod --format json"])
@option("--offline", is_flag=True, help="Check only this machine; do not ask the server.")
def command(app: App, offline: bool) -> Outcome:
    """Check whether a run would work here, and if not, why.

    A row a check: ok, warn, fail or skip, what was found, what to type. Changes nothing, and sends no password that was
    refused. Takes 30 s at most. Exits 0, or with the status that export would have ended with.
    """
    app.only_looks = True
    app.common = app.common._replace(no_input=True)  # a prompt would wait for longer than a check may take
    checks = list(examine(app, offline=offline))
    failed = next((check for check in checks if check.error), None)
    error = failed.error if failed else None
    rows = tuple(_row(app, check) for check in checks)
    if app.common.format == "json":
        return Outcome(DIAGNOSIS, rows, error=error, is_document=True)
    if app.label:
        return Outcome(CHECK_FIELDS, records=rows, error=error)
    app.printer.records(CHECK_FIELDS, rows)
    return Outcome(lines=[f"not ready: {failed.name}" if failed else "ready"], error=error)


def _row(app: App, check: Check) -> CheckRow:
    """Make the row of a check, which is fit for a ticket because secrets are taken out."""
    told = check.error or HcexportError(check.found, hint=check.hint)
    with suppress(HcexportError), completing_hint(app):
        raise told
    hint = redact(told.hint) if told.hint else None
    return CheckRow(check.name, check.result, redact(told.message), hint, check.seconds)
