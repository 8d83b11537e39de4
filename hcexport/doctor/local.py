"""The checks that ask nobody: configuration, files, secrets, proxy, ping and notify."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from hcexport.api.proxy import is_bypassed, proxy_for
from hcexport.auth.credentials import credentials_of, environment_token, has_stored
from hcexport.auth.passwords import password_sources
from hcexport.auth.sign_in import login_command
from hcexport.doctor.visit import Finding, Run, Visit, ok, warn
from hcexport.errors import ConfigError, HcexportError, SignInRequired
from hcexport.notify.ping import PingUrl, read_ping_file
from hcexport.store.config_file import ConfigFile
from hcexport.store.history import History
from hcexport.store.ledger import Ledger
from hcexport.store.settings import KNOWN
from hcexport.transfer.destination import IfExists, resolve

_LITTLE_SPACE = 100 * 2**20  # bytes
_UNTIL_THEN = "make it writable, with room in it, or set HCEXPORT_HOME; nothing is remembered until then"
_WEAK = ("HCEXPORT_PASSWORD", "ARCGIS_ENTERPRISE_PASSWORD")


def check_configuration(visit: Visit) -> Finding:
    """The config file can be read, and belongs to us."""
    path = visit.run.paths.config_file
    config = ConfigFile.read(path, KNOWN)
    if config.warnings:
        return warn("; ".join(config.warnings), "hcexport config list")
    return ok(str(path) if path.exists() else f"no config file: {path}")


def check_profile(visit: Visit) -> Finding:
    """Every setting can be read, and an organization is named."""
    settings = visit.run.settings
    organization = settings.organization
    visit.host, visit.port = organization.host, organization.port
    who = f", as {settings.username.value}" if settings.username.value else ""
    named = f"{settings.profile.value} ({settings.profile.origin})"
    return ok(f"{named}: {organization} ({settings.url.origin}){who}")


def check_folders(visit: Visit) -> Finding:
    """The databases are sound and can be written; ``out`` of the settings can be written.

    Only ``out`` fails the check, because a run goes on without its databases.
    """
    run, state = visit.run, visit.run.paths.state
    problems = list(_database_problems(run))
    if run.settings.out.value is not None:
        if_exists = IfExists(run.settings.if_exists.value)
        resolve(run.settings.out.value, if_exists=if_exists, profile=run.settings.profile.value, may_make_folder=False)
    free = shutil.disk_usage(_nearest(state)).free
    if free < _LITTLE_SPACE:
        problems.append(f"{free // 2**20} MiB are free at {state}")
    found = f"{state}, {free // 2**20} MiB free"
    return warn("; ".join(problems), _UNTIL_THEN) if problems else ok(found)


def _database_problems(run: Run) -> Iterator[str]:
    folder = _nearest(run.paths.state)
    if not os.access(folder, os.W_OK | os.X_OK):
        yield f"{folder} cannot be written"
    ledger = Ledger(run.paths.ledger, lambda _text: None)
    history = History(run.paths.history, run.settings.organization.url, lambda _text: None)
    for path, problem in ((run.paths.ledger, ledger.find_problem()), (run.paths.history, history.find_problem())):
        if problem:
            yield f"{path}: {problem}"


def _nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that can be seen."""
    return next((place for place in (path, *path.parents) if os.access(place, os.F_OK)), Path("/"))


def check_secrets(visit: Visit) -> Finding:
    """There is a token, or a password to get a token with, and others cannot read it. No secret is sent."""
    run = visit.run
    if environment_token(run.environ):
        return ok("HCEXPORT_TOKEN, used as it is")
    found, problems = _look_for_secrets(run, visit.limit.remaining)
    visit.can_renew = any(name != "the stored token" for name in found)
    if not found:
        raise problems[0] if problems else _not_signed_in(run)
    text = ", ".join(found)
    if problems:
        return warn(f"{text}; but {problems[0].message}", problems[0].hint)
    if found[0] in _WEAK:
        return warn(f"{text}: other processes of this user can read it", "use HCEXPORT_PASSWORD_FILE")
    return ok(text)


def _not_signed_in(run: Run) -> SignInRequired:
    message, hint = f"not signed in to {run.settings.organization}", login_command(run.settings)
    source = next(password_sources(run.settings, run.environ), None)
    if source and not run.settings.username.value:
        message, hint = f"{message}: {source.origin} is set, and HCEXPORT_USERNAME is not", "set HCEXPORT_USERNAME"
    return SignInRequired(message, hint=hint)


def _look_for_secrets(run: Run, remaining: Callable[[], float]) -> tuple[list[str], list[HcexportError]]:
    """Names of the places that hold a secret, in the order of use, and what went wrong at others."""
    settings = run.settings
    places: list[tuple[str, Callable[[], object]]] = []
    if has_stored(settings):
        kept = credentials_of(settings, run.paths)
        places += [("the stored token", kept.token), ("the refresh token", kept.refresh_token)]
        places += [("the remembered password", kept.password)]
    if settings.username.value:
        sources = password_sources(settings, run.environ, remaining)
        places += [(source.origin, source.read if source.can_repeat else (lambda: True)) for source in sources]
    found, problems = [], []
    for name, read in places:
        try:
            if read():
                found.append(name)
        except ConfigError as error:
            problems.append(error)
    return found, list(dict.fromkeys(problems))


def check_proxy(visit: Visit) -> Finding:
    """Which proxy leads to the organization, and why."""
    run, organization = visit.run, visit.run.settings.organization
    proxy = proxy_for(organization, run.environ)
    if proxy:
        host, _, port = proxy.url.partition("://")[2].rpartition(":")
        visit.host, visit.port = host.strip("[]"), int(port)
        return ok(f"{proxy.url} ({proxy.origin})")
    return ok("none: NO_PROXY covers the organization" if is_bypassed(organization, run.environ) else "none")


def check_notifications(visit: Visit) -> Finding:
    """The addresses of ping and notify can be used. Nothing is sent; a run warns of what cannot be used."""
    environ = visit.run.environ
    found: list[str] = []
    problems: list[str] = []
    ping = None
    with suppress(HcexportError):  # the check of the profile has said so
        ping = visit.run.settings.ping
        if words := visit.run.settings.notify.value:
            (found if shutil.which(words[0]) else problems).append(f"notify {words[0]}")
    try:
        if text := environ.get("HCEXPORT_PING"):
            found.append(f"ping {PingUrl.parse(text, 'HCEXPORT_PING')}")
        if path := environ.get("HCEXPORT_PING_FILE"):
            found.append(f"ping {read_ping_file(Path(path))}")
        if ping and ping.value:
            found.append(f"ping {PingUrl.parse(ping.value, f'ping, {ping.origin}')}")
    except ConfigError as error:
        return warn(error.message, error.hint)
    if problems:
        return warn(f"{problems[0]} cannot be run", "hcexport config get notify")
    return ok(", ".join(found) or "none")
