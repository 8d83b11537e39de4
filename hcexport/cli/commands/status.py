"""``hcexport status``."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from hcexport.api.diagnose import ignore_odd_answers
from hcexport.cli.app import App
from hcexport.cli.boundary import error_object
from hcexport.cli.command import option
from hcexport.cli.options import app_command
from hcexport.cli.outcome import Outcome
from hcexport.cli.setting_rows import setting_rows
from hcexport.errors import HcexportError, Partial, SignInRequired, UsageError
from hcexport.output.records import ROW_FIELDS, STATUS, STATUS_OR_ERROR, STATUS_ROWS, Status
from hcexport.store.config_file import profile_section
from hcexport.times import to_local

_OF_ONE_PROFILE = ("HCEXPORT_PROFILE", "HCEXPORT_TOKEN", "HCEXPORT_URL", "HCEXPORT_USERNAME", "HCEXPORT_PASSWORD")
_AT_ONCE = 8


@app_command(
    "status", formats=("text", "table", "json"), examples=["hcexport status", "hcexport status --all --format json"]
)
@option("--all", "every", is_flag=True, help="Show all profiles (ignores HCEXPORT_URL and HCEXPORT_TOKEN).")
@option("--settings", is_flag=True, help="Show every setting, and where its value comes from.")
def command(app: App, every: bool, settings: bool) -> Outcome:
    """Show who is signed in, where, until when, and where each value comes from.

    Never prompts: exits 4 if there is no token or the server rejects it. In a pipe: a row for each value.
    """
    app.common = replace(app.common, no_input=True)  # a question for the status is no wish to sign in
    if every:
        return _every(app, settings=settings)
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


def _every(app: App, *, settings: bool) -> Outcome:
    """Ask every profile at the same time; warn of those that fail, and make them the exit status."""
    if app.common.profile or app.common.url:
        raise UsageError("--all cannot be combined with --profile or --url", hint="give one or the other")
    names = app.settings.config.profiles
    if not names:
        raise SignInRequired("there is no profile", hint="hcexport login URL")
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        found = dict(zip(names, threads.map(lambda name: _status_of(app, name), names), strict=True))
    bad = {name: error for name, error in found.items() if isinstance(error, HcexportError)}
    for name, error in bad.items():
        app.messages.warning(f"{name}: {error.message}")
    failure = _summary(bad, len(names)) if bad else None
    if app.common.format == "json":
        records = [each if isinstance(each, Status) else _failed(app, name, each) for name, each in found.items()]
        return Outcome(STATUS_OR_ERROR, records=records, error=failure, is_document=True)
    kind = replace(STATUS, rows=Status.rows) if settings else STATUS_ROWS
    return Outcome(kind, records=[each for each in found.values() if isinstance(each, Status)], error=failure)


def _failed(app: App, name: str, error: HcexportError) -> Status:
    url = app.settings.config.sections[profile_section(name)].get("url", "")
    return Status(name, url, error=error_object(error))


def _status_of(app: App, name: str) -> Status | HcexportError:
    environ = {
        key: value for key, value in app.environ.items() if not key.startswith((*_OF_ONE_PROFILE, "ARCGIS_ENTERPRISE_"))
    }
    try:
        with App(replace(app.common, profile=name, no_input=True), environ, app.typed) as own:
            return _status(own)
    except HcexportError as error:
        return error


def _summary(bad: Mapping[str, HcexportError], of: int) -> HcexportError:
    """Return an error of the kind that all profiles have, else Partial."""
    message = f"{len(bad)} of {of} profiles failed: {', '.join(bad)}"
    kinds = {type(error) for error in bad.values()}
    return kinds.pop()(message) if len(bad) == of and len(kinds) == 1 else Partial(message)
