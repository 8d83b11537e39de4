"""``hcexport logout``."""

from __future__ import annotations

from hcexport.api import oauth
from hcexport.api.deadline import Deadline
from hcexport.cli.app import App
from hcexport.cli.credentials import credentials_of, has_profile, store_of
from hcexport.cli.options import app_command
from hcexport.errors import HcexportError
from hcexport.redaction import Secret
from hcexport.store.credentials import Credentials

REVOKE_LIMIT_S = 5.0  # what is kept here is gone already; a server that is down holds nobody up


@app_command("logout", formats=("text",), examples=["hcexport logout", "hcexport logout -p test"])
def command(app: App) -> None:
    """Forget the token, and the remembered password.

    A sign-in with a browser is ended on the server too, if it answers. The profile stays: the next login needs no
    address.
    """
    credentials = credentials_of(app, store_of(app, attended=app.may_ask))
    if app.environ.get("HCEXPORT_TOKEN"):
        app.talk.notice("HCEXPORT_TOKEN is set, and stays in use")
    if not has_profile(app):
        return app.talk.notice(f"nothing was kept for {credentials.key}")
    client_id, revocable = credentials.session().client_id, _revocable(credentials)
    found = credentials.forget()
    app.talk.notice(f"signed out of {app.organization}" if found else f"nothing was kept for {credentials.key}")
    _revoke(app, client_id, revocable)


def _revocable(credentials: Credentials) -> list[Secret]:
    """What the server can end: tokens of OAuth alone."""
    if not credentials.session().client_id:
        return []
    token, refresh_token = credentials.token(), credentials.refresh_token()
    return [secret for secret in (refresh_token, token and token.secret) if secret]


def _revoke(app: App, client_id: str, secrets: list[Secret]) -> None:
    app.session.deadline = Deadline.after(REVOKE_LIMIT_S)
    try:
        for secret in secrets:
            oauth.revoke(app.session, client_id, secret)
    except HcexportError as error:
        app.talk.warning(f"the server was not told, its tokens end by themselves: {error.message}")
