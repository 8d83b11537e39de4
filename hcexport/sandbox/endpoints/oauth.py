"""OAuth 2.0: the token endpoint, and the pages that a person signs in at.

The sign-in form stands for an identity provider as well: a member who has no built-in account uses it with the same
password.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from hmac import compare_digest
from html import escape
from urllib.parse import urlencode

from hcexport.sandbox import errors
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


def token(context: RequestContext) -> Json:
    """``oauth2/token``: makes a token for one of four kinds of grant."""
    if context.get("client_id") not in APPS:
        raise errors.oauth(400, "invalid_client_id", "Invalid client_id")
    grant = GRANTS.get(context.get("grant_type"))
    if not grant:
        raise errors.oauth(400, "unsupported_grant_type", "Unsupported grant_type")
    return grant(context)


def _authorization_code(context: RequestContext) -> Json:
    wanted = context.world.codes.take(context.get("code"))  # removed even if it is refused: a code works once
    if not wanted or not wanted.account or not _is_same_app(context, wanted):
        raise errors.oauth(400, "invalid_grant", "Invalid authorization code")
    return _both_tokens(context, Refresh(wanted.account, wanted.client_id, wanted.redirect_uri, wanted.refresh_seconds))


def _is_same_app(context: RequestContext, wanted: Authorization) -> bool:
    """Tell whether the code comes from the application that asked for it: RFC 6749 section 4.1.3, RFC 7636."""
    same = (context.get("client_id"), context.get("redirect_uri")) == (wanted.client_id, wanted.redirect_uri)
    return same and (not wanted.challenge or _is_verified(context.get("code_verifier"), wanted))


def _is_verified(verifier: str, wanted: Authorization) -> bool:
    if not VERIFIER.fullmatch(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return compare_digest(digest if wanted.method == "S256" else verifier, wanted.challenge)


def _refresh_token(context: RequestContext) -> Json:
    return _access_token(context, _find_refresh(context))


def _exchange_refresh_token(context: RequestContext) -> Json:
    refresh = _find_refresh(context)
    if context.get("redirect_uri") != refresh.redirect_uri:
        raise errors.oauth(400, "invalid_request", "Invalid redirect_uri")
    context.world.refreshes.take(context.get("refresh_token"))
    return _both_tokens(context, refresh)


def _client_credentials(context: RequestContext) -> Json:
    """Make a token for an application without a user, which has no privileges."""
    options, app = context.world.options, APPS[context.get("client_id")]
    if not app.has_secret or not compare_digest(context.get("client_secret").encode(), options.client_secret.encode()):
        raise errors.oauth(400, "invalid_request", "Invalid client_secret")
    value = context.world.tokens.keep(Token(None, client_id=app.client_id), options.access_seconds)
    return {"access_token": value, "expires_in": int(options.access_seconds)}


GRANTS = {
    "authorization_code": _authorization_code,
    "refresh_token": _refresh_token,
    "exchange_refresh_token": _exchange_refresh_token,
    "client_credentials": _client_credentials,
}


def _find_refresh(context: RequestContext) -> Refresh:
    found = context.world.refreshes.look(context.get("refresh_token"))
    if not found or found.client_id != context.get("client_id"):
        raise errors.oauth(498, "invalid_request", "refresh_token expired")
    return found


def _access_token(context: RequestContext, refresh: Refresh) -> Json:
    seconds = context.world.options.access_seconds
    value = context.world.tokens.keep(Token(refresh.account, client_id=refresh.client_id), seconds)
    return {"access_token": value, "expires_in": int(seconds), "username": refresh.account.username, "ssl": True}


def _both_tokens(context: RequestContext, refresh: Refresh) -> Json:
    return _access_token(context, refresh) | {
        "refresh_token": context.world.refreshes.keep(refresh, refresh.seconds),
        "refresh_token_expires_in": int(refresh.seconds),
    }


def revoke(context: RequestContext) -> Json:
    """``oauth2/revokeToken``: ends a token of the application; the answer is always success."""
    value, client_id = context.get("auth_token"), context.get("client_id")
    for store in (context.world.tokens, context.world.refreshes):
        found = store.look(value)
        if found and found.client_id == client_id:
            store.take(value)
    return {"success": True}


def authorize(context: RequestContext) -> Response:
    """``oauth2/authorize``: the page that a person signs in at, or an error page."""
    client_id, redirect_uri = context.get("client_id"), context.get("redirect_uri")
    if client_id not in APPS:
        return page("Invalid client_id", "", 400)
    if not APPS[client_id].may_redirect(redirect_uri):
        return page("Invalid redirect_uri", "", 400)  # no redirect: the URL may be an attacker's
    wanted = Authorization(
        client_id,
        redirect_uri,
        context.get("state"),
        context.get("code_challenge"),
        context.get("code_challenge_method", "plain"),
        _refresh_seconds(context),
    )
    if context.get("response_type") != "code":
        return _send_back(wanted, error="unsupported_response_type")
    if wanted.method not in ("S256", "plain"):
        return _send_back(wanted, error="invalid_request")
    return _form_page(context, "signin", NAME_FIELDS, context.world.sign_ins.keep(wanted, SIGN_IN_SECONDS))


def _refresh_seconds(context: RequestContext) -> float:
    """Return the life of the refresh token; the longest if ``expiration`` is missing or no number."""
    minutes, longest = context.get("expiration"), context.world.options.refresh_seconds
    return min(int(minutes) * 60.0, longest) if minutes.isdecimal() else longest


def sign_in(context: RequestContext) -> Response:
    """``sharing/oauth2/signin``: what the form of the authorize page sends."""
    oauth_state = context.get("oauth_state")
    wanted = context.world.sign_ins.look(oauth_state)
    if not wanted:
        return page("The sign-in has expired", "", 400)
    if context.get("cancel"):
        return _send_back(wanted, error="access_denied")
    try:
        account = context.world.accounts.sign_in(context.get("username"), context.get("password"), any_case=True)
    except SignInRefusedError as error:
        return _form_page(context, "signin", NAME_FIELDS, oauth_state, str(error))
    context.world.sign_ins.take(oauth_state)
    allowed = replace(wanted, account=account)
    if account.second_factor:
        return _form_page(context, "mfa", CODE_FIELDS, context.world.sign_ins.keep(allowed, SIGN_IN_SECONDS))
    return _allow(context, allowed, account)


def second_factor(context: RequestContext) -> Response:
    """``sharing/oauth2/mfa``: the code of a second factor, which some members need after their password."""
    oauth_state = context.get("oauth_state")
    wanted = context.world.sign_ins.look(oauth_state)
    if not wanted or not wanted.account:
        return page("The sign-in has expired", "", 400)
    if context.get("cancel"):
        return _send_back(wanted, error="access_denied")
    try:
        context.world.accounts.confirm(wanted.account, context.get("code"))
    except SignInRefusedError as error:
        return _form_page(context, "mfa", CODE_FIELDS, oauth_state, str(error))
    context.world.sign_ins.take(oauth_state)
    return _allow(context, wanted, wanted.account)


def _form_page(context: RequestContext, action: str, fields: str, oauth_state: str, alert: str = "") -> Response:
    path = escape(context.path(f"sharing/oauth2/{action}"))
    form = FORM.format(action=path, fields=fields, oauth_state=oauth_state, alert=escape(alert))
    return page("Sign In", form)


def _allow(context: RequestContext, wanted: Authorization, account: Account) -> Response:
    if not account.consents:
        return _send_back(wanted, error="access_denied")
    return _send_back(wanted, code=context.world.codes.keep(wanted, CODE_SECONDS))


def _send_back(wanted: Authorization, **outcome: str) -> Response:
    """Send the outcome to the application: by a redirect, or out of band in the title of a page."""
    if wanted.redirect_uri == OUT_OF_BAND:
        title = f"{'SUCCESS' if 'code' in outcome else 'DENIED'} {urlencode(outcome)}"
        return page(title, f'<p>Paste this: <input id="code" readonly value="{escape(outcome.get("code", ""))}"></p>')
    query = urlencode(outcome | ({"state": wanted.state} if wanted.state else {}))
    location = f"{wanted.redirect_uri}{'&' if '?' in wanted.redirect_uri else '?'}{query}"
    return Response(302, (("Location", location), ("Cache-Control", "no-store")), 0, ())
