"""``hcexport logout``."""

from __future__ import annotations

from contextlib import suppress

from hcexport.auth import oauth
from hcexport.auth.credentials import Credentials
from hcexport.cli.app import App
from hcexport.cli.credentials import credentials_of, has_profile, kept_of
from hcexport.cli.options import app_command
from hcexport.errors import ConfigError, HcexportError
from hcexport.redaction import Secret
from hcexport.times import Deadline

REVOKE_LIMIT_S = 5.0  # what is kept here is gone already; a server that is down holds nobody up


@app_command("logout", formats=("text",), examples=["hcexport logout", "hcexport logout -p test"])
def command(app: App) -> None:
    """Forget the token, and the remembered password.

    Those of other users, addresses and stores that the profile had before are forgotten too. A sign-in with a browser
    is ended on the server as well, if it answers. The profile stays: the next login needs no address.
    """
    if app.environ.get("HCEXPORT_TOKEN"):
        app.messages.notice("HCEXPORT_TOKEN is set, and stays in use")
    if not has_profile(app):
        return app.messages.notice(f"nothing was kept for {credentials_of(app).key}")
    own, *others = kept_of(app)
    grants = [grant for each in (own, *others) for grant in _revocable(app, each)]
    found = [_forgotten(app, each) for each in others]
    try:
        found.append(own.forget())
    finally:
        for client_id, secret in grants:
            _revoke(app, client_id, secret)
    app.messages.notice(f"signed out of {app.organization}" if any(found) else f"nothing was kept for {own.key}")


def _forgotten(app: App, credentials: Credentials) -> bool:
    """Forget what an earlier sign-in left; a keyring that is not there keeps nobody signed in."""
    try:
        return credentials.forget()
    except ConfigError as error:
        app.messages.warning(
            f"the {credentials.store.name} store may still hold secrets of {credentials.key}: {error.message}"
        )
        return False


def _revocable(app: App, credentials: Credentials) -> list[tuple[str, Secret]]:
    """What the organization can end: tokens of OAuth alone, each with its client id."""
    with suppress(ConfigError):  # said when they are to be forgotten
        client_id = credentials.session().client_id
        if client_id and credentials.key.organization == app.organization:
            token = credentials.token()
            return [(client_id, one) for one in (credentials.refresh_token(), token and token.secret) if one]
    return []


def _revoke(app: App, client_id: str, secret: Secret) -> None:
    app.session.deadline = Deadline.after(REVOKE_LIMIT_S)
    try:
        oauth.revoke(app.session, client_id, secret)
    except HcexportError as error:
        app.messages.warning(f"the server was not told, its tokens end by themselves: {error.message}")
