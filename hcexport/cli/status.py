"""``hcexport status``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hcexport.api.auth import SignIn
from hcexport.cli.app import App
from hcexport.cli.options import app_command
from hcexport.models import Account
from hcexport.organization import Organization
from hcexport.redaction import redact
from hcexport.store.settings import Settings
from hcexport.times import type_duration
from hcexport.views.fields import Value
from hcexport.views.status import ROW_FIELDS, STATUS, Row, Status

_DURATIONS = {"connect_timeout", "timeout", "poll_interval"}


@app_command("status", examples=["hcexport status", "hcexport status -p test --format json"])
def command(app: App) -> None:
    """Show who is signed in, where, until when, and where each value comes from.

    Asks the server; status 4 when it does not take the token or there is none.
    """
    account, release = app.client.account(), app.client.release()
    status = _status(app, app.tokens, account, release)
    if app.given["format"] == "json":
        app.printer.record(STATUS, status)
    else:
        app.printer.records(ROW_FIELDS, replace(status, settings=as_typed(status.settings)).rows())


def _status(app: App, tokens: SignIn, account: Account, release: str) -> Status:
    expires = tokens.token.expires if tokens.token else None
    left = (expires - app.session.server_now()).total_seconds() if expires else None
    return Status(
        profile=app.settings.profile.value,
        url=app.organization.url,
        release=release,
        username=account.username,
        role=account.role,
        token_origin=tokens.origin,
        token_expires=expires,
        token_remaining_s=left and round(left),
        privileges={"check_health": account.may_check_health, "download": account.may_download},
        settings=tuple(setting_rows(app.settings)),
    )


def setting_rows(settings: Settings) -> list[Row]:
    """Every setting with its origin, for any format; durations are durations."""
    return [Row(name, _shown(name, each.value), each.origin) for name, each in settings.values()]


def as_typed(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows with their durations as people type them, for the text format."""
    return tuple(
        replace(row, value=type_duration(row.value.total_seconds())) if isinstance(row.value, timedelta) else row
        for row in rows
    )


def _shown(name: str, value: Any) -> Value:
    if name in _DURATIONS:
        return timedelta(seconds=value)
    if isinstance(value, Organization):
        return value.url
    if value is None or isinstance(value, Path):
        return value
    return redact(str(value))
