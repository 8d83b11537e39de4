"""``hcexport login``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from hcexport.api.auth import SignIn, password_way
from hcexport.api.client import Client
from hcexport.api.product import check_deployment, check_release
from hcexport.cli.app import App
from hcexport.cli.command import option
from hcexport.cli.credentials import PROMPT, ask_password, credentials_of
from hcexport.cli.options import DURATION, FILE, app_command
from hcexport.errors import UsageError
from hcexport.redaction import Secret
from hcexport.store.accounts import Kind, Token
from hcexport.store.passwords import password_of, password_sources, read_password_file
from hcexport.store.settings import remember_profile

_PROOF = "How to prove it"


@app_command(
    "login",
    formats=("text",),
    examples=[
        "hcexport login https://gis.example.com/enterprise -u admin",
        "hcexport login https://gis.example.com/enterprise -u ops --password-file /etc/hcexport.pw",
    ],
)
@click.argument("address", metavar="[URL]", required=False)
@option("-u", "--username", metavar="USER", group=_PROOF, help="Who signs in; upper and lower case differ.")
@option("--password-stdin", is_flag=True, group=_PROOF, help="Read the password from standard input.")
@option("--password-file", type=FILE, metavar="FILE", group=_PROOF, help="Read it from a file that only you can read.")
@option("--token-stdin", is_flag=True, group=_PROOF, help="Read a token instead, and check it.")
@option("--expiration", type=DURATION, default=3600.0, metavar="DUR", help="Life to ask for the token.  [60m]")
@option("--remember", is_flag=True, help="Keep the password too, to renew the token with.")
@option(
    "--store", type=click.Choice(["keyring", "file"]), help="Where secrets are kept.  [keyring; env: HCEXPORT_STORE]"
)
def command(
    app: App,
    *,
    address: str | None,
    password_stdin: bool,
    token_stdin: bool,
    expiration: float,
    remember: bool,
    **_: object,
) -> None:
    """Sign in to an organization and remember it as a profile.

    URL is the organization's address in any form: its portal, its manager, its admin directory.
    """
    _refuse_contradictions(app, password_stdin=password_stdin, token_stdin=token_stdin, remember=remember)
    app.use(url=address, new_profile=True)
    if not token_stdin:
        app.use(username=app.settings.username.value or _ask_username(app))
    place = credentials_of(app, attended=app.may_ask).store.probe()
    check_deployment(app.session)
    password = None
    if token_stdin:
        token = Token(Secret.token(sys.stdin.read()), kind=Kind.PASTED)
    else:
        origin, read = _password_source(app, from_stdin=password_stdin)
        password = read()
        token = _sign_in(app, origin, password, expiration)
    token = _checked(app, token)
    _keep(app, token, password if remember else None)
    until = f" until {token.expires.astimezone():%Y-%m-%d %H:%M %Z}" if token.expires else ""
    app.talk.notice(f"signed in to {app.organization} as {token.username}{until}; the token is in {place}")


def _refuse_contradictions(app: App, *, password_stdin: bool, token_stdin: bool, remember: bool) -> None:
    ways = {
        "--password-stdin": password_stdin,
        "--password-file": app.given.get("password_file"),
        "--token-stdin": token_stdin,
    }
    given = [name for name, value in ways.items() if value]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} contradict each other", hint="give one of them")
    if token_stdin and remember:
        raise UsageError("--remember needs a password, and --token-stdin has none")


def _ask_username(app: App) -> str:
    if not app.may_ask:
        raise UsageError("who signs in?", hint="give --username USER")
    name: str = click.prompt(f"User of {app.organization}", err=True)
    return name


def _password_source(app: App, *, from_stdin: bool) -> tuple[str, Callable[[], Secret]]:
    """Where this sign-in's password comes from: what was typed, what is configured, a person."""
    if from_stdin:
        return "--password-stdin", lambda: password_of(sys.stdin.read(), "--password-stdin")
    path: Path | None = app.given.get("password_file")
    if path:
        return "--password-file", lambda: read_password_file(path)
    for source in password_sources(app.settings, app.environ):
        return source.origin, source.read
    if not app.may_ask:
        raise UsageError("there is nobody to ask for a password", hint="give --password-file FILE or --password-stdin")
    return PROMPT, lambda: ask_password(credentials_of(app).key)


def _sign_in(app: App, origin: str, password: Secret, life_s: float) -> Token:
    """A token for the password; a person may try again what was refused before, a script may not."""
    credentials = credentials_of(app)
    if origin == PROMPT:
        credentials.forget_refused(password)
    way = password_way(app.session, credentials, origin, lambda: password, life_s=life_s)
    token = way.get()
    assert token is not None  # noqa: S101 # a password way has a token or raises
    return token


def _checked(app: App, token: Token) -> Token:
    """The token with its owner's name, once the server has taken it."""
    client = Client(app.session, SignIn(app.session, [], fixed=token))
    account = client.account()
    check_release(client.release(), app.organization)
    app.use(username=account.username or token.username)
    return replace(token, username=account.username or token.username)


def _keep(app: App, token: Token, password: Secret | None) -> None:
    credentials = credentials_of(app, attended=app.may_ask)
    credentials.keep_token(token)
    if password is not None:
        credentials.keep_password(password)
        if credentials.store.name == "file":
            app.talk.warning(f"the password is kept in a file under {app.paths.credentials}, readable for you only")
    profile = {
        "url": app.organization.url,
        "username": token.username,
        "store": credentials.store.name,
        "auth": "password",
    }
    remember_profile(app.paths, app.settings.profile.value, profile)
