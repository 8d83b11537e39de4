"""Addresses and sign-ins: whether an organization is there, whose profile it is, and what to type next."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from hcexport.api.diagnose import check_deployment, ignore_odd_answers
from hcexport.cli.app import App
from hcexport.cli.messages import confirm
from hcexport.errors import (
    AuthError,
    FrontRefused,
    HcexportError,
    Interrupted,
    NoOrganization,
    NotFound,
    ProtocolError,
    UsageError,
)
from hcexport.organization import Organization
from hcexport.store.resolution import profile_url
from hcexport.store.settings import PROFILE, ROW_OF, ROWS, Row, type_value

CONTEXTS = ("enterprise", "arcgis", "portal")  # those that Esri's own guides use
PROBE_LIMIT_S = 5.0  # for all of them: the error is known already
_LOGIN = re.compile(r"hcexport login(?: https?://\S+| URL)?((?: --store file| --web| --remember)?)(?=; |$)")
_OF_A_PASSWORD = {"username", "password_file"}
_VERBS = "config (?:get|set)|delete|diff|doctor|download|export|history|jobs|list|run|show|status|wait"
_COMMAND = re.compile(rf"""hcexport (?:{_VERBS})(?=[ ;]|$)(?! --help)(?:'[^']*'|"[^"]*"|[^;'"]|;(?! ))*""")


@contextmanager
def with_login_command(app: App, flags: Sequence[str]) -> Iterator[None]:
    """Make a hint that ends with ``hcexport login`` the command as it was typed, with what the hint adds to it.

    The parts that raise those hints know neither the address nor the options.
    """
    try:
        yield
    except HcexportError as error:
        if error.hint:
            error.hint = _LOGIN.sub(lambda found: login_command(app, flags, further=found[1].split()), error.hint)
        raise


def complete_hint(app: App, error: HcexportError | Interrupted) -> None:
    """Make the hint of another command than ``login`` fit to be pasted; name where an organization was found.

    Commands in it get what was typed to reach the server with; they end at a semicolon or with the hint. A bare
    ``hcexport login`` becomes that of the profile or the address in use. Where no organization answered, the other
    contexts of the host are asked, and the hint has the address that was found.
    """
    if isinstance(error, NoOrganization) and not error.has_found and (found := _contexts_that_answer(app)):
        error.has_found = True
        error.message += f"; found {' and '.join(found)}"
        wrong, (_, semicolon, onward) = app.organization.url, (error.hint or "").partition("; then ")
        onward = re.sub(rf"(?<=--url ){re.escape(wrong)}(?!\S)", lambda _: found[0], onward)
        error.hint = f"{_use_address(app, found[0])}{semicolon}{onward}"
    elif error.hint:
        hint = _LOGIN.sub(lambda match: _sign_in_command(app, match[1].split()), error.hint)
        error.hint = _COMMAND.sub(lambda match: _with_connection(app, match[0]), hint)


def _with_connection(app: App, command: str) -> str:
    words = [] if " -p " in command else _connection_options(app, PROFILE, *ROWS)
    pairs = [words[at : at + 2] for at in range(0, len(words), 2)]
    return " ".join([command, *(shlex.join(pair) for pair in pairs if pair[0] not in command.split())])


def _use_address(app: App, address: str) -> str:
    """What to type so that the command asks another address, according to where its address came from."""
    origin = app.settings.url.origin
    if origin == "--url":
        return f"use --url {address}"
    if origin in ROW_OF["url"].environment:
        return f"export {origin}={address}"
    place = ["-p", app.settings.profile.value] if origin.startswith("profile ") else []
    return shlex.join(["hcexport", "config", "set", *place, "url", address])


def _sign_in_command(app: App, further: Sequence[str]) -> str:
    """Return ``hcexport login`` for the profile or the address in use, with what was typed to reach the server."""
    settings = app.settings
    profile, url = settings.profile.value, settings.url.value
    words = [word for word in further if word != "--web"]
    if settings.auth.value == "oauth" or "--web" in further:
        words.insert(0, "--web")
    place = ["-p", profile] if profile in settings.config.profiles else [url.url if url else "URL"]
    return shlex.join(["hcexport", "login", *words, *place, *_connection_options(app, *ROWS[1:])])


def _connection_options(app: App, *rows: Row) -> list[str]:
    """Return those of the options for a connection that were typed, with their values."""
    typed = app.typed_settings
    chosen = [row for row in rows if row.is_connection and row.name in typed]
    words = [word for row in chosen for word in (row.option, type_value(typed[row.name]))]
    return [*words, *(["--insecure"] if app.common.insecure else [])]


def login_command(app: App, flags: Sequence[str], *, further: Sequence[str] = (), address: str | None = None) -> str:
    """Return ``hcexport login`` with the address and the options that were typed, and ``further`` ones after them."""
    typed = app.typed_settings
    url = address or (str(typed["url"]) if "url" in typed else None)
    if url is None and app.settings.url.value is None:
        url = "URL"
    left_out = {"url", *(_OF_A_PASSWORD if "--web" in further else ()), *(["store"] if "--store" in further else [])}
    words = ["hcexport", "login", *([url] if url else [])]
    for row in (PROFILE, *ROWS):
        if row.name in typed and row.name not in left_out:
            words += [row.option, type_value(typed[row.name])]
    insecure = ["--insecure"] if app.common.insecure else []
    return shlex.join([*words, *([] if "--web" in further else flags), *insecure, *further])


def check_address(app: App, flags: Sequence[str]) -> None:
    """Raise when the address is of another product, or when an organization is at another context of the same host.

    The contexts are asked for what everybody may know, without user and token. Where none of them answers either, the
    sign-in itself shows whether an organization is there.
    """
    odd: HcexportError | None = None
    with ignore_odd_answers():
        try:
            check_deployment(app.session)
        except (ProtocolError, NotFound) as error:
            odd = error
            raise
    if odd and (found := _contexts_that_answer(app)):
        odd.message += f"; found {' and '.join(found)}"
        odd.hint = login_command(app, flags, address=found[0])
        raise odd


def _contexts_that_answer(app: App) -> list[str]:
    session, found = app.session, []
    deadline, session.deadline = session.deadline, app.deadline.within(PROBE_LIMIT_S)
    for context in CONTEXTS:
        candidate = replace(app.organization, context=context)
        if candidate != app.organization:
            with suppress(HcexportError):
                if _answers(app, candidate):
                    found.append(candidate.url)
    session.deadline = deadline
    return found


def _answers(app: App, candidate: Organization) -> bool:
    """Whether the Sharing API answers; where guests see nothing it refuses in its own words."""
    try:
        app.session.get(f"{candidate.sharing}/portals/self", attempts=1)
    except AuthError as error:
        return not isinstance(error, FrontRefused)
    return True


def claim_profile(app: App, flags: Sequence[str], *, replaces: bool) -> None:
    """Allow the sign-in to write its profile: one of another organization after a yes, or with ``--replace`` only."""
    profile, before = app.settings.profile.value, profile_url(app.settings)
    if before is None or before == app.organization or replaces:
        return
    if not app.may_ask:
        raise UsageError(
            f"profile {profile} already points to {before}",
            hint=f"choose another with -p NAME, or replace it: {login_command(app, flags, further=['--replace'])}",
        )
    if not confirm(f"Profile {profile} points to {before}. Point it to {app.organization}?"):
        raise UsageError(f"profile {profile} still points to {before}", hint="choose another with -p NAME")
