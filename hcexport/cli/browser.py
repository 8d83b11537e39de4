"""Signing in with a browser: ``login --web``."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from hcexport.auth import loopback
from hcexport.auth.oauth import Application, Authorization, Grant, pasted
from hcexport.cli.app import App
from hcexport.errors import UsageError

_OURS = ("HCEXPORT_", "ARCGIS_ENTERPRISE_")


def sign_in(app: App, *, opens: bool, life_s: float | None) -> tuple[Application, Grant]:
    """What a person allowed in a browser, which is opened where ``opens``; the address is said in any case.

    An application of one's own (``--client-id``) sends the browser back to this machine; the built-in one shows a code
    to paste. ``life_s`` is asked of the refresh token. Raises AuthError, TimedOut, UsageError.
    """
    client_id = app.settings.client_id.value
    if app.given["no_input"]:
        raise UsageError("--web needs a person, and --no-input says that there is none")
    return _coming_back(app, client_id, opens, life_s) if client_id else _pasted(app, opens, life_s)


def _coming_back(app: App, client_id: str, opens: bool, life_s: float | None) -> tuple[Application, Grant]:
    with loopback.listening() as place:
        authorization = Authorization(Application(client_id, place.redirect_uri))
        place.expect(authorization.is_answered_by)
        _send(authorization.address(app.organization, life_s=life_s), opens)
        answer = place.wait()
    return authorization.application, authorization.redeem(app.session, answer)


def _pasted(app: App, opens: bool, life_s: float | None) -> tuple[Application, Grant]:
    if not app.may_ask:
        raise UsageError(
            "there is nobody to paste the code of --web",
            hint="run it in a terminal, or name an app that may send the browser back here: --client-id ID",
        )
    authorization = Authorization(Application())
    _send(authorization.address(app.organization, life_s=life_s), opens)
    answer = pasted(click.prompt("Code that the page shows", err=True))
    return authorization.application, authorization.redeem(app.session, answer)


def _send(address: str, opens: bool) -> None:
    """The address is part of the conversation, as a prompt is: ``--quiet`` does not remove it."""
    click.echo(f"Sign in with a browser: {address}", err=True)
    if opens:
        _open(address)


def _open(address: str) -> None:
    """In a process that has neither our terminal, where a browser for text would take over, nor our secrets."""
    subprocess.Popen(
        [sys.executable, "-P", "-m", "webbrowser", address],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
        start_new_session=True,
    )
