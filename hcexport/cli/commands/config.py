"""``hcexport config``."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from contextlib import suppress

import click

from hcexport.auth import credentials
from hcexport.cli.app import App
from hcexport.cli.command import complete_with
from hcexport.cli.options import app_command
from hcexport.cli.outcome import Outcome
from hcexport.cli.setting_rows import setting_rows
from hcexport.errors import ConfigError, NotFound, UsageError
from hcexport.output.fields import Field, Fields
from hcexport.output.records import ROW_FIELDS, Row
from hcexport.store.config_file import ConfigFile, remove_profile, rename_profile
from hcexport.store.setting_changes import set_value, unset_value
from hcexport.store.settings import KNOWN, ROWS, profile_name

_PATH_FIELDS: Fields[str] = (Field("path", "PATH", lambda path: path),)


def _path(app: App) -> Outcome:
    path = str(app.paths.config_file)
    return Outcome(_PATH_FIELDS, path, lines=[path])


def _rows(app: App) -> list[Row]:
    """Return every setting, also while the file names a default profile that it does not have."""
    if not app.common.profile:
        app.use(new_profile=True)
    return setting_rows(app)


def _list(app: App) -> Outcome:
    return Outcome(ROW_FIELDS, records=_rows(app))


def _get(app: App, name: str) -> Outcome:
    row = next((row for row in _rows(app) if row.name == _normalize(name)), None)
    if row is None or row.value is None:
        raise NotFound(f"{name} is not set", hint=f"hcexport config set {name} VALUE")
    return Outcome(ROW_FIELDS, row, lines=[str(row.value)])


def _set(app: App, name: str, value: str) -> Outcome:
    setting, profile = _normalize(name), app.common.profile
    if profile and setting != "url":
        _require(app, profile)
    if setting == "profile" and not profile:
        _require(app, value)
    set_value(app.paths, profile, setting, value)
    with suppress(ConfigError, UsageError):  # another mistake in the file is reported when the file is used
        origin = next(row.origin for row in setting_rows(app) if row.name == setting)
        if app.paths.config_file.name not in origin or (not profile and origin.startswith("profile ")):
            app.messages.notice(f"{setting} is set in the file, and overridden by {origin}")
    return Outcome()


def _unset(app: App, name: str) -> Outcome:
    unset_value(app.paths, app.common.profile, _normalize(name))
    return Outcome()


def _use(app: App, name: str) -> Outcome:
    _require(app, name)
    set_value(app.paths, None, "profile", name)
    return Outcome()


def _rename(app: App, old: str, new: str) -> Outcome:
    config = _require(app, old)
    if profile_name(new) in config.profiles:
        raise UsageError(f"profile {new!r} already exists", hint=f"hcexport config remove {new}")
    rename_profile(app.paths.config_file, old, new)
    credentials.rename_profile(old, new, app.paths)
    return Outcome()


def _remove(app: App, name: str) -> Outcome:
    """Remove a profile, and forget its secrets first: afterwards no command would find them."""
    _require(app, name)
    app.use(profile=name)
    if credentials.has_stored(app.settings):
        credentials.forget_all(app.settings, app.paths, attended=app.may_ask, warn=app.messages.warning)
    remove_profile(app.paths.config_file, name)
    return Outcome()


_ACTIONS: Mapping[str, tuple[Callable[..., Outcome], tuple[str, ...]]] = {
    "path": (_path, ()),
    "list": (_list, ()),
    "get": (_get, ("NAME",)),
    "set": (_set, ("NAME", "VALUE")),
    "unset": (_unset, ("NAME",)),
    "use": (_use, ("PROFILE",)),
    "rename": (_rename, ("OLD", "NEW")),
    "remove": (_remove, ("PROFILE",)),
}


@app_command(
    "config",
    formats=("text", "table", "json"),
    asks_server=False,
    examples=["hcexport config list", "hcexport config set ca_bundle /etc/ssl/company.pem"],
    lists={
        "Actions": {
            "path": "Print the path of the config file.",
            "list": "List every value and where it comes from.",
            "get NAME": "Print a value; exits 5 if it is not set.",
            "set NAME VALUE": "Set a default, or with -p a value of a profile.",
            "unset NAME": "Remove a default, or with -p a value of a profile.",
            "use PROFILE": "Make a profile the default.",
            "rename OLD NEW": "Rename a profile.",
            "remove PROFILE": "Remove a profile, and forget its token and password.",
        },
        "Settings": {row.name: row.help for row in ROWS},
    },
)
@click.argument("action", type=click.Choice(list(_ACTIONS)), metavar="ACTION")
@click.argument("words", nargs=-1, metavar="[WORDS]", shell_complete=complete_with("config words"))
def command(app: App, action: str, words: tuple[str, ...]) -> Outcome:
    """Read and change the configuration.

    Comments in the file are kept.
    """
    act, wanted = _ACTIONS[action]
    if len(words) != len(wanted):
        names = " ".join(["hcexport", "config", action, *wanted])
        count = len(wanted)
        raise UsageError(f"config {action} takes {count or 'no'} argument{'s' * (count != 1)}", hint=names)
    return act(app, *words)


def _normalize(name: str) -> str:
    """Return the name of a setting in the file, also when it is spelled as its option."""
    wanted, known = name.removeprefix("--").replace("-", "_"), {*KNOWN, "profile"}
    if wanted not in known:
        near = difflib.get_close_matches(wanted, known, 1)
        raise UsageError(f"there is no setting {name!r}", hint=f"did you mean {near[0]!r}?" if near else None)
    return wanted


def _require(app: App, name: str) -> ConfigFile:
    """Return the config file, which has this profile. Raises ConfigError."""
    config = ConfigFile.read(app.paths.config_file, KNOWN)
    if name not in config.profiles:
        raise config.unknown_profile(name)
    return config
