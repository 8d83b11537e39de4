"""The address that ``login`` is given: whether an organization is there, whose profile it is, and what to type next."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from hcexport.api.diagnose import check_deployment, ignore_odd_answers
from hcexport.cli.app import App
from hcexport.cli.messages import confirm
from hcexport.errors import AuthError, FrontRefused, HcexportError, NotFound, ProtocolError, UsageError
from hcexport.organization import Organization
from hcexport.store.resolution import profile_url
from hcexport.store.settings import PROFILE, ROWS, type_value

CONTEXTS = ("enterprise", "arcgis", "portal")  # those that Esri's own guides use
PROBE_LIMIT_S = 10.0  # for all of them: the error is known already
_LOGIN = re.compile(r"hcexport login(?: https?://\S+| URL)?((?: --store file| --web)?)$")
_OF_A_PASSWORD = {"username", "password_file"}


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
    deadline, session.deadline = session.deadline, session.deadline.within(PROBE_LIMIT_S)
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
