"""``hcexport schedule``."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from hcexport.cli.app import App
from hcexport.cli.command import option
from hcexport.cli.options import app_command, whole_number
from hcexport.cli.outcome import Outcome
from hcexport.errors import ConfigError
from hcexport.organization import Organization
from hcexport.schedule import KINDS, Request, write_schedule
from hcexport.store.config_file import DEFAULTS, ConfigFile, profile_section
from hcexport.store.paths import Paths
from hcexport.store.resolution import FIRST_PROFILE
from hcexport.store.settings import KNOWN, PROFILE, ROW_OF

_HANDED_OVER = {"HCEXPORT_HOME", *(v for row in ("url", "username", "password_file") for v in ROW_OF[row].environment)}
_FILES = ("password_file", "ca_bundle", "client_cert", "client_key")
_USED_BY_A_RUN = {"ARCGIS_ENTERPRISE_PASSWORD", "HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE"}


@app_command(
    "schedule",
    formats=("text",),
    asks_server=False,
    examples=[
        "hcexport schedule cron -- hcexport export --new --out /var/backups/",
        "hcexport schedule kubernetes -p prod -- hcexport export --new --out ./",
    ],
)
@option("--at", default="05:15", metavar="HH:MM", help="Time of day, local time of this machine.  [05:15]")
@option("--name", default="hcexport", metavar="NAME", help="Name of the files and objects.  [hcexport]")
@option("--parts", type=whole_number(1), metavar="N", help="Kubernetes: N pods, each with its share of the profiles.")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("words", metavar="-- COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def command(app: App, *, kind: str, words: tuple[str, ...], at: str, name: str, parts: int | None) -> Outcome:
    """Print files that run an hcexport command daily: cron, systemd, kubernetes.

    Nothing is installed: a comment at the top says how. The files hand over --profile, the absolute path of hcexport,
    and HCEXPORT_HOME, _URL, _USERNAME and _PASSWORD_FILE as they are now. No secret is printed.
    """
    environ = app.environ
    _warn_of_the_rest(app)
    password_file = _variable(environ, "password_file")
    request = Request(
        kind=kind,
        command=words,
        program=_program(),
        user=_user(),
        folder=_folder(),
        at=at,
        name=name,
        parts=parts,
        timezone=find_timezone(environ),
        profiles=tuple(filter(None, [app.common.profile or environ.get(PROFILE.environment[0])])),
        home=_absolute(str(Paths.find(environ).state)) if environ.get("HCEXPORT_HOME") else None,
        url=_url(app.common.url or _variable(environ, "url")),
        username=_variable(environ, "username"),
        password_file=_absolute(password_file) if password_file else None,
    )
    if kind == "kubernetes":  # its pods see nothing of this machine
        files, bare = _find_files(ConfigFile.read(Paths.find(environ).config_file, KNOWN), request.profile_patterns)
        request = replace(request, files=files, bare_profiles=bare)
    return Outcome(lines=write_schedule(request).splitlines())


def _find_files(config: ConfigFile, patterns: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Find the absolute paths that the chosen profiles name, and the profiles that name no file with a password."""
    only = config.profiles[0] if len(config.profiles) == 1 else FIRST_PROFILE
    chosen = patterns or [config.profile or only]
    files: dict[str, None] = {}
    bare = []
    for name in config.profiles:
        if any(name == each or fnmatchcase(name, each) for each in chosen):
            values = {**config.sections[DEFAULTS], **config.sections[profile_section(name)]}
            files |= {values[key]: None for key in _FILES if values.get(key, "").startswith("/")}
            if values.get("password_file") not in files:
                bare.append(name)
    return tuple(files), tuple(bare)


def _warn_of_the_rest(app: App) -> None:
    """Name the variables that a run here would use and the scheduled run will not have."""
    known = {*_HANDED_OVER, *PROFILE.environment}
    left = {name for name, value in app.environ.items() if value and name.startswith("HCEXPORT_") and name not in known}
    left |= {name for name in _USED_BY_A_RUN if app.environ.get(name)}
    if left:
        app.messages.warning(f"not handed over: {', '.join(sorted(left))}; see man hcexport-automation")


def _variable(environ: Mapping[str, str], setting: str) -> str | None:
    return next((environ[name] for name in ROW_OF[setting].environment if environ.get(name)), None)


def _url(text: str | None) -> str | None:
    return Organization.parse(text).url if text else None


def _absolute(text: str) -> str:
    path = Path(os.path.expanduser(text)).absolute()  # noqa: PTH111 # Path.expanduser raises for an unknown user
    return str(path.resolve() if ".." in path.parts else path)


def _program() -> tuple[str, ...]:
    """What started this process; Python with the module where that was no program that can be started by itself."""
    path = Path(sys.argv[0])
    is_program = path.suffix != ".py" and path.is_file() and os.access(path, os.X_OK)
    return (_absolute(sys.argv[0]),) if is_program else (sys.executable, "-m", "hcexport")


def _user() -> str:
    """The user whose process this is; by number where the user has no name, as in a container."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError as error:
        raise ConfigError(f"the working folder cannot be used: {error.strerror}", hint="cd to another folder") from None


def find_timezone(environ: Mapping[str, str], root: Path = Path("/")) -> str | None:
    """Find the IANA name of the machine's time zone as the C library reads it: TZ, else /etc/localtime, else UTC.

    None for a zone without a name, such as a copy of a zone's file or TZ=CET-1CEST.
    """
    if (text := environ.get("TZ")) is not None:
        return _zone(text.removeprefix(":") or "UTC")
    local = root / "etc/localtime"
    if local.is_symlink():
        return _zone(str(local.resolve()))
    if not local.exists():
        return "UTC"
    try:
        return _zone((root / "etc/timezone").read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError):
        return None


def _zone(text: str) -> str | None:
    """Return the name of a zone, given as a name or as the path of its file."""
    name = text.rpartition("/zoneinfo/")[2].removeprefix("posix/")
    try:
        return ZoneInfo(name).key
    except (OSError, ValueError, KeyError):  # KeyError: there is no zone of that name
        return None
