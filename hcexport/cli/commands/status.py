"""``hcexport status``."""

from __future__ import annotations

from dataclasses import replace

from hcexport.api.diagnose import ignore_odd_answers
from hcexport.cli.app import App
from hcexport.cli.boundary import error_object
from hcexport.cli.command import option
from hcexport.cli.options import app_command
from hcexport.cli.outcome import Outcome, completing_hint
from hcexport.cli.setting_rows import setting_rows
from hcexport.errors import HcexportError, SignInRequired
from hcexport.output.records import ROW_FIELDS, STATUS, STATUS_OR_ERROR, STATUS_ROWS, Status
from hcexport.store.config_file import profile_section
from hcexport.times import to_local


@app_command(
    "status",
    formats=("text", "table", "json"),
    profiles=True,
    examples=["hcexport status", "hcexport status --all --format json"],
)
@option("--all", "every", is_flag=True, help="Show all profiles, as -p '*' does.")
@option("--settings", is_flag=True, help="Show every setting, and where its value comes from.")
def command(app: App, settings: bool) -> Outcome:
    """Show who is signed in, where, until when, and where each value comes from.

    Never prompts: exits 4 if there is no token or the server rejects it. In a pipe: a row for each value.
    """
    app.common = app.common._replace(no_input=True)  # a question for the status is no wish to sign in
    if app.label:
        return _of_several(app, settings=settings)
    status = _status(app)
    if app.common.format == "json":
        return Outcome(STATUS, status)
    if app.common.format == "text" and app.printer.is_terminal and not settings:
        return Outcome(lines=status.describe(to_local))
    return Outcome(ROW_FIELDS, records=status.rows())


def _status(app: App) -> Status:
    if app.settings.url.value is None and not app.settings.config.profiles:
        raise SignInRequired("not signed in to any organization", hint="hcexport login URL")
    account, tokens = app.client.account(), app.tokens
    expires = tokens.token.expires if tokens.token else None
    left_s = (expires - app.session.server_now()).total_seconds() if expires else None
    return Status(
        profile=app.settings.profile.value,
        url=app.organization.url,
        release=_release(app),
        username=account.username,
        role=account.role,
        token_origin=tokens.origin,
        token_expires=expires,
        token_remaining_s=None if left_s is None else round(left_s),
        privileges={"check_health": account.may_check_health, "download": account.may_download},
        settings=tuple(setting_rows(app)),
    )


def _release(app: App) -> str:
    """Ask for the release, which the server tells administrators alone; without it the status is still true."""
    with ignore_odd_answers():
        return app.client.release()
    return ""


def _of_several(app: App, *, settings: bool) -> Outcome:
    """Show a profile as a row beside others; in JSON one that fails is there with its error."""
    is_json = app.common.format == "json"
    try:
        with completing_hint(app):
            status = _status(app)
    except HcexportError as error:
        if not is_json:
            raise
        name = app.common.profile or ""
        url = app.settings.config.sections.get(profile_section(name), {}).get("url", "")
        failed = Status(name, url, error=error_object(error))
        return Outcome(STATUS_OR_ERROR, failed, error=error, is_document=True)
    kind = STATUS_OR_ERROR if is_json else replace(STATUS, rows=Status.rows) if settings else STATUS_ROWS
    return Outcome(kind, status)
