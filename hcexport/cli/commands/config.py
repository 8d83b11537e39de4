"""``hcexport config``."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from contextlib import suppress

import click

from hcexport.cli.app import App
from hcexport.cli.options import app_command
from hcexport.cli.outcome import Outcome
from hcexport.cli.setting_rows import setting_rows
from hcexport.errors import ConfigError, NotFound, UsageError
from hcexport.output.fields import Field, Fields
from hcexport.output.records import ROW_FIELDS
from hcexport.store.config_file import ConfigFile
from hcexport.store.settings import KNOWN, set_value, unset_value

_PATH_FIELDS: Fields[str] = (Field("path", "PATH", lambda path: path),)


def _path(app: App) -> Outcome:
    path = str(app.paths.config_file)
    return Outcome(_PATH_FIELDS, path, lines=[path])


def _list(app: App) -> Outcome:
    return Outcome(ROW_FIELDS, records=setting_rows(app))


def _get(app: App, name: str) -> Outcome:
    row = next((row for row in setting_rows(app) if row.name == _known(name)), None)
    if row is None or row.value is None:
        raise NotFound(f"{name} is not set", hint=f"hcexport config set {name} VALUE")
    return Outcome(ROW_FIELDS, row, lines=[str(row.value)])


def _set(app: App, name: str, value: str) -> Outcome:
    setting, profile = _known(name), app.common.profile
    if profile and setting != "url":
        _refuse_unknown_profile(app, profile)
    set_value(app.paths, profile, setting, value)
    with suppress(ConfigError, UsageError):  # another mistake in the file is reported when the file is used
        origin = next(row.origin for row in setting_rows(app) if row.name == setting)
        if app.paths.config_file.name not in origin or (not profile and origin.startswith("profile ")):
            app.messages.notice(f"{setting} is set in the file, and overridden by {origin}")
    return Outcome()


def _unset(app: App, name: str) -> Outcome:
    unset_value(app.paths, app.common.profile, _known(name))
    return Outcome()


_ACTIONS: Mapping[str, tuple[Callable[..., Outcome], int]] = {
    "path": (_path, 0),
    "list": (_list, 0),
    "get": (_get, 1),
    "set": (_set, 2),
    "unset": (_unset, 1),
}


@app_command(
    "config",
    asks_server=False,
    examples=["hcexport config list", "hcexport config set ca_bundle /etc/ssl/company.pem"],
    lists={
        "Actions": {
            "path": "Where the file is.",
            "list": "Every value, and where it comes from.",
            "get NAME": "One value; status 5 when it is not set.",
            "set NAME VALUE": "Write a value: to the defaults, or with -p to a profile.",
            "unset NAME": "Remove it from there.",
        }
    },
)
@click.argument("action", type=click.Choice(list(_ACTIONS)), metavar="ACTION")
@click.argument("words", nargs=-1, metavar="[NAME [VALUE]]")
def command(app: App, action: str, words: tuple[str, ...]) -> Outcome:
    """Read and change the configuration.

    Comments in the file stay. `config set profile NAME` chooses the profile that is used when none is named.
    """
    act, wanted = _ACTIONS[action]
    if len(words) != wanted:
        names = " ".join(["hcexport", "config", action, *("NAME", "VALUE")[:wanted]])
        raise UsageError(f"config {action} takes {wanted or 'no'} argument{'s' * (wanted != 1)}", hint=names)
    return act(app, *words)


def _known(name: str) -> str:
    """Return the name of a setting in the file, also when it is spelled as its option."""
    wanted, known = name.removeprefix("--").replace("-", "_"), {*KNOWN, "profile"}
    if wanted not in known:
        near = difflib.get_close_matches(wanted, known, 1)
        raise UsageError(f"there is no setting {name!r}", hint=f"did you mean {near[0]!r}?" if near else None)
    return wanted


def _refuse_unknown_profile(app: App, name: str) -> None:
    profiles = ConfigFile.read(app.paths.config_file, KNOWN).profiles
    if name not in profiles:
        near = difflib.get_close_matches(name, profiles, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"make it: hcexport login -p {name} URL"
        raise ConfigError(f"there is no profile {name!r}", hint=hint)
