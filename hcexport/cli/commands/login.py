"""``hcexport login``."""

from __future__ import annotations

import dataclasses
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from hcexport.api.client import Client
from hcexport.api.diagnose import check_deployment, check_release, ignore_odd_answers
from hcexport.auth.credentials import Credentials, credentials_of, forget_all, secret_store
from hcexport.auth.generate_token import TOKEN_LIFE_S
from hcexport.auth.oauth import Application, Grant
from hcexport.auth.passwords import parse_password, password_sources, read_password_file
from hcexport.auth.sign_in import (
    PROMPT,
    TokenProvider,
    from_password,
    from_value,
    keep_grant,
    referer_hint,
    renewal_lock,
)
from hcexport.auth.tokens import SecretKind, SecretStore, Token
from hcexport.cli import browser
from hcexport.cli.app import App
from hcexport.cli.command import option
from hcexport.cli.login_address import check_address, claim_profile, with_login_command
from hcexport.cli.messages import prompt
from hcexport.cli.options import Parsed, add_options, app_command, setting_option
from hcexport.cli.outcome import Outcome
from hcexport.errors import PrivilegeMissing, UsageError
from hcexport.organization import Organization
from hcexport.redaction import Secret
from hcexport.store.config_file import ConfigFile
from hcexport.store.resolution import profile_url
from hcexport.store.setting_changes import remember_profile
from hcexport.store.settings import KNOWN, positive_duration, type_value
from hcexport.times import to_local

_CREDENTIALS = "Credentials"
_BROWSER = "With a browser"
_KEPT = ("ca_bundle", "client_cert", "client_key", "client_id")  # in the profile, when they were typed


@dataclass(frozen=True)
class LoginResult:
    """The result of a sign-in: a token, and what can renew it."""

    token: Token
    password: Secret | None = None
    application: Application | None = None
    grant: Grant | None = None


@app_command(
    "login",
    formats=("text",),
    examples=[
        "hcexport login https://gis.example.com/enterprise -u admin",
        "hcexport login https://gis.example.com/arcgis --password-file ~/.pw",
    ],
)
@click.argument("address", metavar="[URL]", required=False, type=Parsed("URL", Organization.parse))
@add_options(setting_option("-u", "--username", group=_CREDENTIALS))
@option("--password-stdin", is_flag=True, group=_CREDENTIALS, help="Read the password from standard input.")
@add_options(setting_option("--password-file", group=_CREDENTIALS))
@option("--token-stdin", is_flag=True, group=_CREDENTIALS, help="Read a token from standard input and verify it.")
@option("--web", is_flag=True, group=_BROWSER, help="Sign in on the organization's own page: SAML, OpenID, MFA.")
@add_options(setting_option("--client-id", group=_BROWSER))
@option("--no-browser", is_flag=True, group=_BROWSER, help="Print the address instead of opening a browser.")
@option(
    "--expiration",
    type=Parsed("DUR", positive_duration),
    metavar="DUR",
    help="How long the token (with --web, the sign-in) should last.  [60m]",
)
@option("--remember", is_flag=True, help="Also store the password, to renew the token.")
@add_options(setting_option("--store", group="Options"))
@option("--replace", is_flag=True, help="Point an existing profile at another organization.")
def command(
    app: App,
    *,
    address: Organization | None,
    password_stdin: bool,
    token_stdin: bool,
    web: bool,
    no_browser: bool,
    expiration: float | None,
    remember: bool,
    replace: bool,
) -> Outcome:
    """Sign in to an organization and remember it as a profile.

    URL is the organization's address in any form: its portal, its manager, its admin directory. The profile keeps what
    was given to reach the server with, such as --ca-bundle. The default profile stays what it was.
    """
    used = {
        "--password-stdin": password_stdin,
        "--password-file": bool(app.typed["password_file"]),
        "--token-stdin": token_stdin,
        "--web": web,
    }
    _refuse_contradictions([name for name, is_used in used.items() if is_used], remember=remember)
    app.use(url=address, new_profile=True)
    web = web or (app.settings.auth.value == "oauth" and not any(used.values()) and not app.typed["username"])
    typed = {**used, "--remember": remember, "--no-browser": no_browser, "--password-file": False}
    flags = [name for name, is_used in typed.items() if is_used]
    flags += ["--expiration", type_value(expiration)] if expiration else []
    with with_login_command(app, flags):
        claim_profile(app, flags, replaces=replace)
        store = secret_store(app.settings.store.value, app.paths, attended=app.may_ask)
        place = store.probe()
        if not (token_stdin or web):
            app.use(username=app.settings.username.value or _ask_username(app))
        check_address(app, flags)
        if web:
            result = _by_browser(app, opens=not no_browser, life_s=expiration)
        elif token_stdin:
            result = LoginResult(Token(Secret.token(sys.stdin.read())))
        else:
            result = _by_password(app, from_stdin=password_stdin, life_s=expiration or TOKEN_LIFE_S)
        result = _verify(app, result)
        before = profile_url(app.settings)
        _keep(app, credentials_of(app.settings, app.paths, store), result, remember=remember)
    _report(app, result, place, before)
    return Outcome()


def _refuse_contradictions(used: list[str], *, remember: bool) -> None:
    if len(used) > 1:
        raise UsageError(f"{' and '.join(used)} exclude each other", hint="give one of them")
    if remember and used in (["--token-stdin"], ["--web"]):
        raise UsageError(f"--remember stores a password, and {used[0]} has none")


def _ask_username(app: App) -> str:
    if not app.may_ask:
        raise UsageError("no user name given", hint="give --username USER")
    return prompt(f"Username for {app.organization}")


def _by_browser(app: App, *, opens: bool, life_s: float | None) -> LoginResult:
    application, grant = browser.sign_in(app, opens=opens, life_s=life_s)
    return LoginResult(grant.token, application=application, grant=grant)


def _by_password(app: App, *, from_stdin: bool, life_s: float) -> LoginResult:
    """Sign in with a password. A person may repeat a password that was refused before, a script may not."""
    origin, read = _password_source(app, from_stdin=from_stdin)
    app.messages.info(f"password: {origin}")
    password = read()
    credentials = credentials_of(app.settings, app.paths)
    with renewal_lock(app.session, credentials):
        if origin == PROMPT:
            credentials.forget_refused(password)
        token = from_password(app.session, credentials, origin, lambda: password, life_s=life_s).get()
    assert token is not None  # noqa: S101 # with a password, the source has a token or raises
    return LoginResult(token, password=password)


def _password_source(app: App, *, from_stdin: bool) -> tuple[str, Callable[[], Secret]]:
    """Return where the password comes from: an option, the configuration, or the prompt."""
    if from_stdin:
        return "--password-stdin", lambda: parse_password(sys.stdin.read(), "--password-stdin")
    path: Path | None = app.typed["password_file"]
    if path:
        return "--password-file", lambda: read_password_file(path)
    for source in password_sources(app.settings, app.environ):
        return source.origin, source.read
    if not app.may_ask:
        raise UsageError(
            "cannot ask for a password without a terminal", hint="give --password-file FILE or --password-stdin"
        )
    return PROMPT, lambda: app.ask_password(credentials_of(app.settings, app.paths).key)


def _verify(app: App, result: LoginResult) -> LoginResult:
    """Use the token, and return the result with the name of the token's owner."""
    hint = "" if result.password or result.grant else referer_hint(app.session)
    client = Client(app.session, TokenProvider(app.session, [from_value("this sign-in", result.token, hint)]))
    username = client.account().username or result.token.username
    app.use(username=username)
    with ignore_odd_answers():
        check_deployment(app.session, result.token.secret)
    with ignore_odd_answers():
        try:
            check_release(client.release(), app.organization)
        except PrivilegeMissing:
            app.messages.warning(f"{username} may not use the admin API: health checks will be refused")
    return dataclasses.replace(result, token=result.token._replace(username=username))


def _keep(app: App, credentials: Credentials, result: LoginResult, *, remember: bool) -> None:
    credentials.keep_token(result.token)
    if result.application and result.grant:
        keep_grant(credentials, result.application, result.grant)
    if result.password is not None and remember:
        credentials.keep_password(result.password)
        if credentials.store.name == "file":
            app.messages.warning(f"password stored in {app.paths.credentials}, in a file only you can read")
    elif result.password is not None and credentials.password() not in {None, result.password}:
        credentials.store.delete(credentials.key, SecretKind.PASSWORD)
        app.messages.notice("removed the previously remembered password")
    remember_profile(app.paths, app.settings.profile.value, _profile(app, credentials.store, result))
    app.use(store=credentials.store.name)
    forget_all(app.settings, app.paths, attended=app.may_ask, warn=app.messages.warning, spared=credentials)


def _profile(app: App, store: SecretStore, result: LoginResult) -> dict[str, str | None]:
    """Return what the profile remembers, with the password file, from which the token is renewed."""
    referer = app.settings.token_referer
    return {
        "url": app.organization.url,
        "username": result.token.username,
        "store": store.name,
        "auth": "oauth" if result.grant else "password",
        **({"client_id": app.settings.client_id.value} if result.grant else {}),
        **({"token_referer": referer.value} if referer.origin != "built-in" else {}),
        **_kept_options(app),
        **_kept_password_file(app),
    }


def _kept_options(app: App) -> dict[str, str]:
    """Return what was typed to reach the server with; without it the next command would fail."""
    typed = app.typed_settings
    return {name: type_value(typed[name]) for name in _KEPT if name in typed}


def _kept_password_file(app: App) -> dict[str, str]:
    path: Path | None = app.typed["password_file"]
    return {"password_file": str(path.absolute())} if path and stat.S_ISREG(path.stat().st_mode) else {}


def _report(app: App, result: LoginResult, place: str, before: Organization | None) -> None:
    """Say who is signed in, until when (of the sign-in, where it renews its token), where the token is, which profile.

    ``before`` is the organization that the profile was of.
    """
    ends = result.grant.refresh_expires if result.grant else result.token.expires
    until = f" until {to_local(ends):%Y-%m-%d %H:%M %Z}" if ends else ""
    say, profile = app.messages.notice, app.settings.profile.value
    say(f"signed in to {app.organization} as {result.token.username}{until}; token stored in {place}")
    was = f" (was {before})" if before not in {None, app.organization} else ""
    say(f"profile {profile} now points to {app.organization}{was}")
    if kept := [*_kept_options(app), *_kept_password_file(app)]:
        say(f"saved in profile {profile}: {', '.join(kept)}")
    config = ConfigFile.read(app.paths.config_file, KNOWN)
    default = config.profile
    if default != profile and config.profiles != [profile]:
        still = f"the default profile is still {default}" if default else "there is no default profile"
        say(f"{still}: use -p {profile}, or make it the default: hcexport config use {profile}")
    if app.environ.get("HCEXPORT_TOKEN"):
        app.messages.warning("HCEXPORT_TOKEN is set, and is used instead of this sign-in")
