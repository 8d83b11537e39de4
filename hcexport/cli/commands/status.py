"""``hcexport status``."""

from __future__ import annotations

from hcexport.cli.app import App
from hcexport.cli.command import option
from hcexport.cli.options import app_command
from hcexport.cli.outcome import Outcome
from hcexport.cli.setting_rows import setting_rows
from hcexport.errors import PrivilegeMissing, SignInRequired
from hcexport.output.records import ROW_FIELDS, STATUS, Status


@app_command("status", profiles=True, examples=["hcexport status", "hcexport status --all --format json"])
@option("--all", "every", is_flag=True, help="Show all profiles, as -p '*' does.")
def command(app: App) -> Outcome:
    """Show who is signed in, where, until when, and where each value comes from.

    Exits 4 if there is no token or the server rejects it.
    """
    status = _status(app)
    if app.common.format == "json":
        return Outcome(STATUS, status)
    return Outcome(ROW_FIELDS, records=status.rows())


def _status(app: App) -> Status:
    if app.settings.url.value is None:
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
    """Ask for the release, which the server tells administrators alone."""
    try:
        return app.client.release()
    except PrivilegeMissing:
        return ""
