"""The token endpoint of OAuth 2.0."""

import base64
import hashlib
import re
from hmac import compare_digest

from hcexport.sandbox import refusals
from hcexport.sandbox.call import Call
from hcexport.sandbox.wire import Json
from hcexport.sandbox.world.apps import APPS
from hcexport.sandbox.world.tokens import Authorization, Refresh, Token

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1


def token(call: Call) -> Json:
    """``oauth2/token``: one of four kinds of grant against a token."""
    if call.get("client_id") not in APPS:
        raise refusals.oauth(400, "invalid_client_id", "Invalid client_id")
    grant = GRANTS.get(call.get("grant_type"))
    if not grant:
        raise refusals.oauth(400, "unsupported_grant_type", "Unsupported grant_type")
    return grant(call)


def _authorization_code(call: Call) -> Json:
    wanted = call.world.codes.take(call.get("code"))  # once, whatever comes of it
    if not wanted or not wanted.account or not _is_asker(call, wanted):
        raise refusals.oauth(400, "invalid_grant", "Invalid authorization code")
    return _signed_in(call, Refresh(wanted.account, wanted.client_id, wanted.redirect_uri, wanted.refresh_seconds))


def _is_asker(call: Call, wanted: Authorization) -> bool:
    """Tell whether the code comes from the application that asked for it."""
    same = (call.get("client_id"), call.get("redirect_uri")) == (wanted.client_id, wanted.redirect_uri)
    return same and (not wanted.challenge or _is_proven(call.get("code_verifier"), wanted))


def _is_proven(verifier: str, wanted: Authorization) -> bool:
    if not VERIFIER.fullmatch(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return compare_digest(digest if wanted.method == "S256" else verifier, wanted.challenge)


def _refresh_token(call: Call) -> Json:
    return _access(call, _refresh(call))


def _exchange_refresh_token(call: Call) -> Json:
    refresh = _refresh(call)
    if call.get("redirect_uri") != refresh.redirect_uri:
        raise refusals.oauth(400, "invalid_request", "Invalid redirect_uri")
    call.world.refreshes.take(call.get("refresh_token"))
    return _signed_in(call, refresh)


def _client_credentials(call: Call) -> Json:
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


def _refresh(call: Call) -> Refresh:
    found = call.world.refreshes.look(call.get("refresh_token"))
    if not found or found.client_id != call.get("client_id"):
        raise refusals.oauth(498, "invalid_request", "refresh_token expired")
    return found


def _access(call: Call, refresh: Refresh) -> Json:
    seconds = call.world.options.access_seconds
    value = call.world.tokens.keep(Token(refresh.account, client_id=refresh.client_id), seconds)
    return {"access_token": value, "expires_in": int(seconds), "username": refresh.account.username, "ssl": True}


def _signed_in(call: Call, refresh: Refresh) -> Json:
    return _access(call, refresh) | {
        "refresh_token": call.world.refreshes.keep(refresh, refresh.seconds),
        "refresh_token_expires_in": int(refresh.seconds),
    }


def revoke(call: Call) -> Json:
    """``oauth2/revokeToken``: an access or a refresh token, by the application it was made for; always a success."""
    value, client_id = call.get("auth_token"), call.get("client_id")
    for vault in (call.world.tokens, call.world.refreshes):
        found = vault.look(value)
        if found and found.client_id == client_id:
            vault.take(value)
    return {"success": True}
