"""The ways to a token for this invocation, made of its settings and environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hcexport.auth.credentials import Credentials, accounts_of, environment_token, secret_store
from hcexport.auth.passwords import password_sources
from hcexport.auth.sign_in import (
    TokenProvider,
    TokenSource,
    from_expired_store,
    from_password,
    from_refresh_token,
    from_store,
    from_value,
)
from hcexport.auth.tokens import AccountKey, SecretStore
from hcexport.cli.messages import prompt
from hcexport.redaction import Secret

if TYPE_CHECKING:
    from hcexport.cli.app import App  # which asks for the tokens

PROMPT = "the prompt"
_BUILT_IN = "built-in"
LOOK_S = 5.0  # the longest wait for a password of a command that only looks


def store_of(app: App, *, attended: bool = False) -> SecretStore:
    """The store that is configured; ``attended`` says that somebody is there to unlock it."""
    return secret_store(app.settings.store.value, app.paths, attended=attended)


def credentials_of(app: App, store: SecretStore | None = None) -> Credentials:
    """What is kept of this account, in ``store`` or the one that is configured."""
    key = AccountKey(app.organization, app.settings.username.value or "")
    return Credentials(key, store or store_of(app), app.paths, app.settings.profile.value)


def kept_of(app: App) -> list[Credentials]:
    """Where secrets of this profile may be: those of now first, then of any user and address that it had before.

    A keyring is in it only where it is configured or is known to hold something; files cost nothing to look for.
    """
    own = credentials_of(app, store_of(app, attended=app.may_ask))
    accounts = accounts_of(own.profile, app.paths)
    stores = {own.store.name: own.store}
    found = {(own.key, own.store.name): own}
    for key in dict.fromkeys([own.key, *accounts]):
        for name in ("file", *accounts.get(key, ())):
            store = stores.setdefault(name, secret_store(name, app.paths, attended=app.may_ask))
            found.setdefault((key, name), Credentials(key, store, app.paths, own.profile))
    return list(found.values())


def has_profile(app: App) -> bool:
    """Whether somebody signed in with ``login``: only then is there a store to look into and to keep tokens in."""
    return app.settings.store.origin != _BUILT_IN


def tokens_of(app: App) -> TokenProvider:
    """What the client takes its tokens from."""
    credentials = credentials_of(app)
    return TokenProvider(
        app.session,
        list(_ways(app, credentials)),
        credentials=credentials,
        keeps=has_profile(app) and not app.only_looks,
        log=app.messages.info,
    )


def _ways(app: App, credentials: Credentials) -> Iterator[TokenSource]:
    """A token in the environment is used alone; else stored token, refresh token, passwords, prompt, in this order."""
    session = app.session
    if fixed := environment_token(app.environ):
        yield from_value("HCEXPORT_TOKEN", fixed)
        return
    if has_profile(app):
        yield from_store(session, credentials)
        yield from_refresh_token(session, credentials)
        yield from_password(session, credentials, "the remembered password", credentials.password)
    if credentials.key.username:
        for source in password_sources(app.settings, app.environ, LOOK_S if app.only_looks else None):
            yield from_password(session, credentials, source.origin, source.read)
    if has_profile(app):
        yield from_expired_store(session, credentials)
    if credentials.key.username and app.may_ask:
        yield from_password(session, credentials, PROMPT, lambda: ask_password(app))


def ask_password(app: App) -> Secret:
    """Ask the person at the terminal, on stderr, without echo; also in the middle of a job, below what is drawn."""
    app.settle_progress()
    key = credentials_of(app).key
    return Secret(prompt(f"Password for {key.username} at {key.organization}", hide_input=True))
