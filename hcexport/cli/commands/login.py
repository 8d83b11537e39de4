"""``hcexport login``."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import click

from hcexport.api.client import Client
from hcexport.api.diagnose import check_deployment, check_release
from hcexport.auth.credentials import Credentials
from hcexport.auth.generate_token import TOKEN_LIFE_S
from hcexport.auth.oauth import Application, Grant
from hcexport.auth.passwords import password_of, password_sources, read_password_file
from hcexport.auth.sign_in import TokenProvider, from_password, from_value, keep_grant, renewal_lock
from hcexport.auth.tokens import Kind, SecretKind, SecretStore, Token
from hcexport.cli import browser
from hcexport.cli.app import App
from hcexport.cli.command import option
from hcexport.cli.credentials import PROMPT, ask_password, credentials_of, kept_of, store_of
from hcexport.cli.options import DURATION, FILE, app_command
from hcexport.errors import ConfigError, PrivilegeMissing, UsageError
from hcexport.redaction import Secret
from hcexport.store.settings import remember_profile
from hcexport.times import to_local

_PROOF = "How to prove it"
_BROWSER = "With a browser"


@dataclass(frozen=True)
class LoginResult:
    """What a sign-in brought: a token, and what it can be renewed with."""

    token: Token
    password: Secret | None = None
    application: Application | None = None
    grant: Grant | None = None


@app_command(
    "login",
    formats=("text",),
    examples=[
        "hcexport login https://gis.example.com/enterprise -u admin",
        "hcexport login https://gis.example.com -u ops --password-file ~/.gis-pw",
    ],
)
@click.argument("address", metavar="[URL]", required=False)
@option("-u", "--username", metavar="USER", setting="", group=_PROOF, help="Who signs in; case matters.")
@option("--password-stdin", is_flag=True, group=_PROOF, help="Read the password from standard input.")
@option("--password-file", type=FILE, metavar="FILE", setting="", group=_PROOF, help="Read it from a private file.")
@option("--token-stdin", is_flag=True, group=_PROOF, help="Read a token instead, and check it.")
@option("--web", is_flag=True, group=_BROWSER, help="Sign in on the organization's own page: SAML, OpenID, MFA.")
@option("--client-id", metavar="ID", setting="", group=_BROWSER, help="App that may redirect to http://127.0.0.1.")
@option("--no-browser", is_flag=True, group=_BROWSER, help="Only say the address; open it where you like.")
@option("--expiration", type=DURATION, metavar="DUR", help="Life to ask for the token (--web: the sign-in).  [60m]")
@option("--remember", is_flag=True, help="Keep the password too, to renew the token with.")
@option(
    "--store",
    type=click.Choice(["keyring", "file"]),
    metavar="STORE",
    setting="keyring",
    help="Where secrets are kept: keyring, file.",
)
def command(
    app: App,
    *,
    address: str | None,
    password_stdin: bool,
    token_stdin: bool,
    web: bool,
    no_browser: bool,
    expiration: float | None,
    remember: bool,
    **_: object,
) -> None:
    """Sign in to an organization and remember it as a profile.

    URL is the organization's address in any form: its portal, its manager, its admin directory.
    """
    _refuse_contradictions(app, remember=remember)
    app.use(url=address, new_profile=True)
    web = web or _is_used_to_it(app)
    if not (token_stdin or web):
        app.use(username=app.settings.username.value or _ask_username(app))
    store = store_of(app, attended=app.may_ask)
    place = store.probe()
    check_deployment(app.session)
    if web:
        proof = _by_browser(app, opens=not no_browser, life_s=expiration)
    elif token_stdin:
        proof = LoginResult(Token(Secret.token(sys.stdin.read()), kind=Kind.PASTED))
    else:
        proof = _by_password(app, from_stdin=password_stdin, life_s=expiration or TOKEN_LIFE_S)
    proof = _checked(app, proof)
    _keep(app, credentials_of(app, store), proof, remember=remember)
    _say(app, proof, place)


def _refuse_contradictions(app: App, *, remember: bool) -> None:
    ways = ("password_stdin", "password_file", "token_stdin", "web")
    given = [f"--{name.replace('_', '-')}" for name in ways if app.given[name]]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} contradict each other", hint="give one of them")
    if remember and given in (["--token-stdin"], ["--web"]):
        raise UsageError(f"--remember keeps a password, and {given[0]} has none")


def _is_used_to_it(app: App) -> bool:
    """Whether this profile signs in with a browser, and nothing that was typed says otherwise."""
    otherwise = ("username", "password_stdin", "password_file", "token_stdin")
    return app.settings.auth.value == "oauth" and not any(app.given[name] for name in otherwise)


def _ask_username(app: App) -> str:
    if not app.may_ask:
        raise UsageError("who signs in?", hint="give --username USER")
    name: str = click.prompt(f"User of {app.organization}", err=True)
    return name


def _by_browser(app: App, *, opens: bool, life_s: float | None) -> LoginResult:
    application, grant = browser.sign_in(app, opens=opens, life_s=life_s)
    return LoginResult(grant.token, application=application, grant=grant)


def _by_password(app: App, *, from_stdin: bool, life_s: float) -> LoginResult:
    """A person may try again what was refused before, a script may not."""
    origin, read = _password_source(app, from_stdin=from_stdin)
    app.messages.info(f"password: {origin}")
    password = read()
    credentials = credentials_of(app)
    with renewal_lock(app.session, credentials):
        if origin == PROMPT:
            credentials.forget_refused(password)
        token = from_password(app.session, credentials, origin, lambda: password, life_s=life_s).get()
    assert token is not None  # noqa: S101 # with a password at hand, the way has a token or raises
    return LoginResult(token, password=password)


def _password_source(app: App, *, from_stdin: bool) -> tuple[str, Callable[[], Secret]]:
    """Where this sign-in's password comes from: what was typed, what is configured, a person."""
    if from_stdin:
        return "--password-stdin", lambda: password_of(sys.stdin.read(), "--password-stdin")
    path: Path | None = app.given["password_file"]
    if path:
        return "--password-file", lambda: read_password_file(path)
    for source in password_sources(app.settings, app.environ):
        return source.origin, source.read
    if not app.may_ask:
        raise UsageError("there is nobody to ask for a password", hint="give --password-file FILE or --password-stdin")
    return PROMPT, lambda: ask_password(app)


def _checked(app: App, proof: LoginResult) -> LoginResult:
    """The same with the name of the token's owner, once the server has taken it."""
    client = Client(app.session, TokenProvider(app.session, [from_value("this sign-in", proof.token)]))
    username = client.account().username or proof.token.username
    app.use(username=username)
    try:
        check_release(client.release(), app.organization)
    except PrivilegeMissing:
        app.messages.warning(f"{username} may not use the admin API: health checks will be refused")
    return replace(proof, token=replace(proof.token, username=username))


def _keep(app: App, credentials: Credentials, proof: LoginResult, *, remember: bool) -> None:
    credentials.keep_token(proof.token)
    if proof.application and proof.grant:
        keep_grant(credentials, proof.application, proof.grant)
    if proof.password is not None and remember:
        credentials.keep_password(proof.password)
        if credentials.store.name == "file":
            app.messages.warning(f"the password is kept in a file under {app.paths.credentials}, readable for you only")
    elif proof.password is not None and credentials.password() not in {None, proof.password}:
        credentials.store.delete(credentials.key, SecretKind.PASSWORD)
        app.messages.notice("the password that was remembered is another one: it is forgotten")
    remember_profile(app.paths, app.settings.profile.value, _profile(app, credentials.store, proof))
    _forget_earlier(app, credentials)


def _forget_earlier(app: App, new: Credentials) -> None:
    """Forget what this profile had of another user, address or store: no command would find it any more."""
    app.use(store=new.store.name)
    for earlier in kept_of(app):
        if (earlier.key, earlier.store.name) == (new.key, new.store.name):
            continue
        try:
            if earlier.key == new.key or not earlier.leave_to_others():
                earlier.forget()
        except ConfigError as error:
            app.messages.warning(
                f"the {earlier.store.name} store may still hold secrets of {earlier.key}: {error.message}"
            )


def _profile(app: App, store: SecretStore, proof: LoginResult) -> dict[str, str | None]:
    """What the profile remembers; a password file too, to renew the token from."""
    path: Path | None = app.given["password_file"]
    return {
        "url": app.organization.url,
        "username": proof.token.username,
        "store": store.name,
        "auth": "oauth" if proof.grant else "password",
        **({"client_id": app.settings.client_id.value} if proof.grant else {}),
        **({"password_file": str(path.absolute())} if path and stat.S_ISREG(path.stat().st_mode) else {}),
    }


def _say(app: App, proof: LoginResult, place: str) -> None:
    """Who, until when (of the sign-in, where its token is renewed by itself), and where the token went."""
    ends = proof.grant.refresh_expires if proof.grant else proof.token.expires
    until = f" until {to_local(ends):%Y-%m-%d %H:%M %Z}" if ends else ""
    app.messages.notice(f"signed in to {app.organization} as {proof.token.username}{until}; the token is in {place}")
    if app.environ.get("HCEXPORT_TOKEN"):
        app.messages.warning("HCEXPORT_TOKEN is set, and is used instead of this sign-in")
