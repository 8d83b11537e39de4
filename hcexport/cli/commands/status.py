"""``hcexport status``."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hcexport.cli.app import App
from hcexport.cli.command import option
from hcexport.cli.options import app_command
from hcexport.errors import HcexportError, Partial, PrivilegeMissing, SignInRequired, UsageError
from hcexport.organization import Organization
from hcexport.output.fields import Cell
from hcexport.output.records import ROW_FIELDS, STATUS, Row, Status
from hcexport.redaction import redact
from hcexport.times import type_duration

_DURATIONS = {"connect_timeout", "timeout", "poll_interval"}
_OF_ONE_PROFILE = ("HCEXPORT_PROFILE", "HCEXPORT_TOKEN", "HCEXPORT_URL", "HCEXPORT_USERNAME", "HCEXPORT_PASSWORD")
_AT_ONCE = 8


@app_command("status", examples=["hcexport status", "hcexport status --all --format json"])
@option("--all", "every", is_flag=True, help="Every profile; the environment's organization and secrets are left out.")
def command(app: App, every: bool) -> None:
    """Show who is signed in, where, until when, and where each value comes from.

    Asks the server; status 4 when it does not take the token or there is none.
    """
    if every:
        return _every(app)
    status = _status(app)
    if app.given["format"] == "json":
        app.printer.record(STATUS, status)
    else:
        app.printer.records(ROW_FIELDS, status.rows())


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
    """The server tells its release to administrators."""
    try:
        return app.client.release()
    except PrivilegeMissing:
        return ""


def _every(app: App) -> None:
    """Every profile, side by side; those that fail are said on stderr, and are the status."""
    if app.given["profile"] or app.given["url"]:
        raise UsageError("--all is every profile, and one is named", hint="give one or the other")
    names = app.settings.config.profiles
    if not names:
        raise SignInRequired("there is no profile", hint="hcexport login URL")
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        found = dict(zip(names, threads.map(lambda name: _status_of(app, name), names), strict=True))
    good = [status for status in found.values() if isinstance(status, Status)]
    bad = {name: error for name, error in found.items() if isinstance(error, HcexportError)}
    if not bad or app.given["format"] != "json":
        kind = STATUS if app.given["format"] == "json" else replace(STATUS, rows=Status.rows)
        app.printer.records(kind, good)
    for name, error in bad.items():
        app.messages.warning(f"{name}: {error.message}")
    if bad:
        raise _summary(bad, len(names))


def _status_of(app: App, name: str) -> Status | HcexportError:
    environ = {
        key: value for key, value in app.environ.items() if not key.startswith((*_OF_ONE_PROFILE, "ARCGIS_ENTERPRISE_"))
    }
    try:
        with App({**app.given, "profile": name, "no_input": True}, environ) as own:
            return _status(own)
    except HcexportError as error:
        return error


def _summary(bad: Mapping[str, HcexportError], of: int) -> HcexportError:
    """One failure's own status when all have it, else partial."""
    message = f"{len(bad)} of {of} profiles: {', '.join(bad)}"
    kinds = {type(error) for error in bad.values()}
    return kinds.pop()(message) if len(bad) == of and len(kinds) == 1 else Partial(message)


def setting_rows(app: App) -> list[Row]:
    """Every setting with its origin; durations as they are typed, and in seconds for programs."""
    typed = app.given["format"] == "text"
    return [Row(name, _shown(name, each.value, typed=typed), each.origin) for name, each in app.settings.values()]


def _shown(name: str, value: Any, *, typed: bool) -> Cell:
    if name in _DURATIONS:
        return type_duration(value) if typed else timedelta(seconds=value)
    if isinstance(value, Organization):
        return value.url
    if value is None or isinstance(value, Path):
        return value
    return redact(str(value))
