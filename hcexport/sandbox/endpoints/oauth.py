"""The token endpoint of OAuth 2.0.

Signing in with a browser: the authorize page of OAuth 2.0 and the forms behind it.

The form stands for the identity provider as well: a member who signs in by SAML alone uses it with the same password.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from hmac import compare_digest
from html import escape
from urllib.parse import urlencode

from hcexport.sandbox import http as refusals
from hcexport.sandbox.context import RequestContext
from hcexport.sandbox.http import Json, Response, page
from hcexport.sandbox.world.identity import (
    APPS,
    OUT_OF_BAND,
    Account,
    Authorization,
    Refresh,
    SignInRefusedError,
    Token,
)

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1

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


def token(call: RequestContext) -> Json:
    """``oauth2/token``: one of four kinds of grant against a token."""
    if call.get("client_id") not in APPS:
        raise refusals.oauth(400, "invalid_client_id", "Invalid client_id")
    grant = GRANTS.get(call.get("grant_type"))
    if not grant:
        raise refusals.oauth(400, "unsupported_grant_type", "Unsupported grant_type")
    return grant(call)


def _authorization_code(call: RequestContext) -> Json:
    wanted = call.world.codes.take(call.get("code"))  # once, whatever comes of it
    if not wanted or not wanted.account or not _is_asker(call, wanted):
        raise refusals.oauth(400, "invalid_grant", "Invalid authorization code")
    return _signed_in(call, Refresh(wanted.account, wanted.client_id, wanted.redirect_uri, wanted.refresh_seconds))


def _is_asker(call: RequestContext, wanted: Authorization) -> bool:
    """Tell whether the code comes from the application that asked for it."""
    same = (call.get("client_id"), call.get("redirect_uri")) == (wanted.client_id, wanted.redirect_uri)
    return same and (not wanted.challenge or _is_proven(call.get("code_verifier"), wanted))


def _is_proven(verifier: str, wanted: Authorization) -> bool:
    if not VERIFIER.fullmatch(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return compare_digest(digest if wanted.method == "S256" else verifier, wanted.challenge)


def _refresh_token(call: RequestContext) -> Json:
    return _access(call, _refresh(call))


def _exchange_refresh_token(call: RequestContext) -> Json:
    refresh = _refresh(call)
    if call.get("redirect_uri") != refresh.redirect_uri:
        raise refusals.oauth(400, "invalid_request", "Invalid redirect_uri")
    call.world.refreshes.take(call.get("refresh_token"))
    return _signed_in(call, refresh)


def _client_credentials(call: RequestContext) -> Json:
    """Give a token to an application on its own, which has no privileges."""
    options, app = call.world.options, APPS[call.get("client_id")]
    if not app.has_secret or not compare_digest(call.get("client_secret").encode(), options.client_secret.encode()):
        raise refusals.oauth(400, "invalid_request", "Invalid client_secret")
    value = call.world.tokens.keep(Token(None, client_id=app.client_id), options.access_seconds)
    return {"access_token": value, "expires_in": int(options.access_seconds)}


GRANTS = {
    "authorization_code": _authorization_code,
    "refresh_token": _refresh_token,
    "exchange_refresh_token": _exchange_refresh_token,
    "client_credentials": _client_credentials,
}


def _refresh(call: RequestContext) -> Refresh:
    found = call.world.refreshes.look(call.get("refresh_token"))
    if not found or found.client_id != call.get("client_id"):
        raise refusals.oauth(498, "invalid_request", "refresh_token expired")
    return found


def _access(call: RequestContext, refresh: Refresh) -> Json:
    seconds = call.world.options.access_seconds
    value = call.world.tokens.keep(Token(refresh.account, client_id=refresh.client_id), seconds)
    return {"access_token": value, "expires_in": int(seconds), "username": refresh.account.username, "ssl": True}


def _signed_in(call: RequestContext, refresh: Refresh) -> Json:
    return _access(call, refresh) | {
        "refresh_token": call.world.refreshes.keep(refresh, refresh.seconds),
        "refresh_token_expires_in": int(refresh.seconds),
    }


def revoke(call: RequestContext) -> Json:
    """``oauth2/revokeToken``: an access or a refresh token, by the application it was made for; always a success."""
    value, client_id = call.get("auth_token"), call.get("client_id")
    for vault in (call.world.tokens, call.world.refreshes):
        found = vault.look(value)
        if found and found.client_id == client_id:
            vault.take(value)
    return {"success": True}


def authorize(call: RequestContext) -> Response:
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


def _refresh_seconds(call: RequestContext) -> float:
    """Tell how long a refresh token shall be good; the longest when nothing sensible is asked."""
    minutes, longest = call.get("expiration"), call.world.options.refresh_seconds
    return min(int(minutes) * 60.0, longest) if minutes.isdecimal() else longest


def sign_in(call: RequestContext) -> Response:
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


def second_factor(call: RequestContext) -> Response:
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


def _ask(call: RequestContext, action: str, fields: str, oauth_state: str, alert: str = "") -> Response:
    path = escape(call.path(f"sharing/oauth2/{action}"))
    form = FORM.format(action=path, fields=fields, oauth_state=oauth_state, alert=escape(alert))
    return page("Sign In", form)


def _allow(call: RequestContext, wanted: Authorization, account: Account) -> Response:
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
