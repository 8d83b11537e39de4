"""Signing in with a browser: ``login --web``."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from hcexport.auth import loopback
from hcexport.auth.oauth import Application, Authorization, Grant, parse_pasted
from hcexport.cli.app import App
from hcexport.cli.messages import prompt
from hcexport.errors import UsageError

_OURS = ("HCEXPORT_", "ARCGIS_ENTERPRISE_")


def sign_in(app: App, *, opens: bool, life_s: float | None) -> tuple[Application, Grant]:
    """Let a person sign in with a browser, which is opened if ``opens``; the address is printed in any case.

    The user's own application (``--client-id``) sends the browser back to this machine; the built-in application shows
    a code to paste. ``life_s`` is the wanted life of the refresh token. Raises AuthError, TimedOut, UsageError.
    """
    client_id = app.settings.client_id.value
    if app.common.no_input:
        raise UsageError("--web and --no-input exclude each other")
    return _receive_code(app, client_id, opens, life_s) if client_id else _ask_code(app, opens, life_s)


def _receive_code(app: App, client_id: str, opens: bool, life_s: float | None) -> tuple[Application, Grant]:
    with loopback.listening() as place:
        authorization = Authorization(Application(client_id, place.redirect_uri))
        place.expect(authorization.is_answered_by)
        _show_address(authorization.address(app.organization, life_s=life_s), opens)
        answer = place.wait()
    return authorization.application, authorization.redeem(app.session, answer)


def _ask_code(app: App, opens: bool, life_s: float | None) -> tuple[Application, Grant]:
    if not app.may_ask:
        raise UsageError(
            "--web needs a terminal to paste the code into",
            hint="run it in a terminal, or name an app that may send the browser back here: --client-id ID",
        )
    authorization = Authorization(Application())
    _show_address(authorization.address(app.organization, life_s=life_s), opens)
    answer = parse_pasted(prompt("Paste the code that the page shows"))
    return authorization.application, authorization.redeem(app.session, answer)


def _show_address(address: str, opens: bool) -> None:
    """Print the address, also with ``--quiet``, because without it nobody can sign in."""
    click.echo(f"Sign in with a browser: {address}", err=True)
    if opens:
        _open(address)


def _open(address: str) -> None:
    """Open a browser in a process without our terminal, which a text browser would take over, and our secrets."""
    subprocess.Popen(
        [sys.executable, "-P", "-m", "webbrowser", address],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
        start_new_session=True,
    )
