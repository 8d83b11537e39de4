"""Signing in with a browser: the authorize page of OAuth 2.0 and the forms behind it.

The form stands for the identity provider as well: a member who signs in by SAML alone uses it with the same password.
"""

from dataclasses import replace
from html import escape
from urllib.parse import urlencode

from hcexport.sandbox.call import Call
from hcexport.sandbox.pages import page
from hcexport.sandbox.wire import Response
from hcexport.sandbox.world.accounts import Account, SignInRefusedError
from hcexport.sandbox.world.apps import APPS, OUT_OF_BAND
from hcexport.sandbox.world.tokens import Authorization

SIGN_IN_SECONDS = 1800.0  # how long a form may stay open
CODE_SECONDS = 600.0

FORM = """<form method="post" action="{action}">
<p role="alert">{alert}</p>
<input type="hidden" name="oauth_state" value="{oauth_state}">
{fields}
<button id="signIn">Sign In</button>
<button id="cancel" name="cancel" value="true" formnovalidate>Cancel</button>
</form>"""

NAME_FIELDS = """<p><label>Username <input id="user_username" name="username" required autofocus></label></p>
<p><label>Password <input id="user_password" name="password" type="password" required></label></p>"""

CODE_FIELDS = """<p><label>Code of your authenticator
<input id="user_code" name="code" inputmode="numeric" autocomplete="one-time-code" required autofocus></label></p>"""


def authorize(call: Call) -> Response:
    """``oauth2/authorize``: the page that a person signs in at, or a word on why there is none."""
    client_id, redirect_uri = call.get("client_id"), call.get("redirect_uri")
    if client_id not in APPS:
        return page("Invalid client_id", "", 400)
    if not APPS[client_id].may_redirect(redirect_uri):
        return page("Invalid redirect_uri", "", 400)  # a redirect would tell a stranger
    wanted = Authorization(
        client_id,
        redirect_uri,
        call.get("state"),
        call.get("code_challenge"),
        call.get("code_challenge_method", "plain"),
        _refresh_seconds(call),
    )
    if call.get("response_type") != "code":
        return _send_back(wanted, error="unsupported_response_type")
    if wanted.method not in ("S256", "plain"):
        return _send_back(wanted, error="invalid_request")
    return _ask(call, "signin", NAME_FIELDS, call.world.sign_ins.keep(wanted, SIGN_IN_SECONDS))


def _refresh_seconds(call: Call) -> float:
    """Tell how long a refresh token shall be good; the longest when nothing sensible is asked."""
    minutes, longest = call.get("expiration"), call.world.options.refresh_seconds
    return min(int(minutes) * 60.0, longest) if minutes.isdecimal() else longest


def sign_in(call: Call) -> Response:
    """``sharing/oauth2/signin``: what the form of the authorize page sends."""
    oauth_state = call.get("oauth_state")
    wanted = call.world.sign_ins.look(oauth_state)
    if not wanted:
        return page("The sign-in has expired", "", 400)
    if call.get("cancel"):
        return _send_back(wanted, error="access_denied")
    try:
        account = call.world.accounts.sign_in(call.get("username"), call.get("password"), any_case=True)
    except SignInRefusedError as error:
        return _ask(call, "signin", NAME_FIELDS, oauth_state, str(error))
    call.world.sign_ins.take(oauth_state)
    allowed = replace(wanted, account=account)
    if account.second_factor:
        return _ask(call, "mfa", CODE_FIELDS, call.world.sign_ins.keep(allowed, SIGN_IN_SECONDS))
    return _allow(call, allowed, account)


def second_factor(call: Call) -> Response:
    """``sharing/oauth2/mfa``: the code that some members are asked for after their password."""
    oauth_state = call.get("oauth_state")
    wanted = call.world.sign_ins.look(oauth_state)
    if not wanted or not wanted.account:
        return page("The sign-in has expired", "", 400)
    if call.get("cancel"):
        return _send_back(wanted, error="access_denied")
    try:
        call.world.accounts.confirm(wanted.account, call.get("code"))
    except SignInRefusedError as error:
        return _ask(call, "mfa", CODE_FIELDS, oauth_state, str(error))
    call.world.sign_ins.take(oauth_state)
    return _allow(call, wanted, wanted.account)


def _ask(call: Call, action: str, fields: str, oauth_state: str, alert: str = "") -> Response:
    path = escape(call.path(f"sharing/oauth2/{action}"))
    form = FORM.format(action=path, fields=fields, oauth_state=oauth_state, alert=escape(alert))
    return page("Sign In", form)


def _allow(call: Call, wanted: Authorization, account: Account) -> Response:
    if not account.consents:
        return _send_back(wanted, error="access_denied")
    return _send_back(wanted, code=call.world.codes.keep(wanted, CODE_SECONDS))


def _send_back(wanted: Authorization, **outcome: str) -> Response:
    """Tell the application how it went: by a redirect, or out of band in the title of a page."""
    if wanted.redirect_uri == OUT_OF_BAND:
        title = f"{'SUCCESS' if 'code' in outcome else 'DENIED'} {urlencode(outcome)}"
        return page(title, f'<p>Paste this: <input id="code" readonly value="{escape(outcome.get("code", ""))}"></p>')
    query = urlencode(outcome | ({"state": wanted.state} if wanted.state else {}))
    location = f"{wanted.redirect_uri}{'&' if '?' in wanted.redirect_uri else '?'}{query}"
    return Response(302, (("Location", location), ("Cache-Control", "no-store")), 0, ())
