"""``hcexport logout``."""

from __future__ import annotations

from hcexport.cli.app import App
from hcexport.cli.credentials import credentials_of
from hcexport.cli.options import app_command


@app_command("logout", formats=("text",), examples=["hcexport logout", "hcexport logout -p test"])
def command(app: App) -> None:
    """Forget the token, and the remembered password.

    The profile stays: the next login needs no address.
    """
    credentials = credentials_of(app)
    found = credentials.forget()
    said = f"signed out of {app.organization}" if found else f"nothing was kept for {credentials.key}"
    app.talk.notice(said)
