"""The ways to a token for this invocation, made of its settings and environment."""

from __future__ import annotations

from collections.abc import Iterator

import click

from hcexport.api.auth import SignIn, Way, password_way
from hcexport.cli.app import App
from hcexport.redaction import Secret
from hcexport.store.accounts import AccountKey, Token
from hcexport.store.credentials import Credentials, environment_token, secret_store
from hcexport.store.passwords import password_sources

PROMPT = "the prompt"
_BUILT_IN = "built-in"


def credentials_of(app: App, *, attended: bool = False) -> Credentials:
    """The place that keeps this account's secrets."""
    username = app.settings.username.value or ""
    store = secret_store(app.settings.store.value, app.paths, attended=attended)
    return Credentials(AccountKey(app.organization, username), store, app.paths)


def has_profile(app: App) -> bool:
    """Whether somebody signed in with ``login``: only then is there a store to look into and to keep tokens in."""
    return app.settings.store.origin != _BUILT_IN


def tokens_of(app: App) -> SignIn:
    """What the client takes its tokens from."""
    fixed = environment_token(app.environ)
    credentials = credentials_of(app)
    kept_in = credentials if has_profile(app) and fixed is None else None
    ways = [] if fixed else list(_ways(app, credentials, remembered=kept_in is not None))
    return SignIn(app.session, ways, fixed=fixed, kept_in=kept_in, log=app.talk.decision)


def _ways(app: App, credentials: Credentials, *, remembered: bool) -> Iterator[Way]:
    if remembered:
        yield _remembered_password(app, credentials)
    if not credentials.key.username:
        return
    for source in password_sources(app.settings, app.environ):
        yield password_way(app.session, credentials, source.origin, source.read)
    if app.may_ask:
        yield password_way(app.session, credentials, PROMPT, lambda: ask_password(credentials.key))


def _remembered_password(app: App, credentials: Credentials) -> Way:
    def get() -> Token | None:
        password = credentials.password()
        if password is None:
            return None
        return password_way(app.session, credentials, "the remembered password", lambda: password).get()

    return Way("the remembered password", get)


def ask_password(key: AccountKey) -> Secret:
    """Ask the person at the terminal, on stderr, without echo."""
    return Secret(click.prompt(f"Password of {key}", hide_input=True, err=True))
