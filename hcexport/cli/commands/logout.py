"""``hcexport logout``."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice

from hcexport.auth import oauth
from hcexport.auth.credentials import Credentials, all_credentials_of, credentials_of, has_stored
from hcexport.auth.passwords import password_sources
from hcexport.cli.app import App
from hcexport.cli.options import app_command
from hcexport.cli.outcome import Outcome
from hcexport.errors import ConfigError, HcexportError
from hcexport.redaction import Secret
from hcexport.times import Deadline

REVOKE_LIMIT_S = 5.0  # secrets here are gone already, so do not wait long for a server that is down


@app_command("logout", formats=("text",), examples=["hcexport logout", "hcexport logout -p test"])
def command(app: App) -> Outcome:
    """Forget the token, and the remembered password.

    Also forgets those of other users, addresses and stores that the profile had before. A sign-in with a browser is
    also ended on the server, if it answers. The profile stays: the next login needs no address.
    """
    if app.environ.get("HCEXPORT_TOKEN"):
        app.messages.notice("HCEXPORT_TOKEN is set, and stays in use")
    for source in islice(password_sources(app.settings, app.environ), 1):
        app.messages.notice(f"{source.origin} is still set: the next command signs in with it")
    if not has_stored(app.settings):
        app.messages.notice(_not_signed_in(credentials_of(app.settings, app.paths)))
        return Outcome()
    own, *others = all_credentials_of(app.settings, app.paths, attended=app.may_ask)
    grants = [grant for each in (own, *others) for grant in _revocable(app, each)]
    found = [_forget(app, each) for each in others]
    try:
        found.append(own.forget())
    finally:
        for client_id, secret in grants:
            _revoke(app, client_id, secret)
    app.messages.notice(f"signed out of {app.organization}" if any(found) else _not_signed_in(own))
    return Outcome()


def _not_signed_in(credentials: Credentials) -> str:
    key = credentials.key
    return f"not signed in to {key.organization}" + (f" as {key.username}" if key.username else "")


def _forget(app: App, credentials: Credentials) -> bool:
    """Forget what an earlier sign-in left; return whether there was something. A missing keyring is a warning."""
    try:
        return credentials.forget()
    except ConfigError as error:
        app.messages.warning(
            f"the {credentials.store.name} store may still hold secrets of {credentials.key}: {error.message}"
        )
        return False


def _revocable(app: App, credentials: Credentials) -> list[tuple[str, Secret]]:
    """Return the tokens that the organization can revoke, those of OAuth, each with its client id."""
    with suppress(ConfigError):  # a store that fails is reported when its secrets are forgotten
        client_id = credentials.metadata().client_id
        if client_id and credentials.key.organization == app.organization:
            token = credentials.token()
            return [(client_id, secret) for secret in (credentials.refresh_token(), token and token.secret) if secret]
    return []


def _revoke(app: App, client_id: str, secret: Secret) -> None:
    app.session.deadline = Deadline.after(REVOKE_LIMIT_S)
    try:
        oauth.revoke(app.session, client_id, secret)
    except HcexportError as error:
        app.messages.warning(f"tokens not revoked on the server, they expire by themselves: {error.message}")
