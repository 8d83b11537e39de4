"""A token for a user and a password (remote-api.md 4.1): members who are built in, or known to the web tier."""

from __future__ import annotations

from typing import Any

from hcexport.api.session import REFERER, Session
from hcexport.api_json import from_epoch_ms
from hcexport.auth.tokens import Kind, Token
from hcexport.errors import AuthError, FrontRefused, PasswordRefused, ProtocolError, ServerError
from hcexport.redaction import Secret

TOKEN_LIFE_S = 3600.0  # asked for by default; what is granted may differ
_LOCKED_OUT = ("too many", "locked", "try again later")  # the account is, which says nothing of the password


def generate_token(session: Session, username: str, password: Secret, *, life_s: float = TOKEN_LIFE_S) -> Token:
    """``POST sharing/rest/generateToken``, once. Raises PasswordRefused, which is retryable for a locked account.

    The token is bound to our Referer; its end is what the server granted, not what was asked.
    """
    form = {
        "username": username,
        "password": password.reveal(),
        "client": "referer",
        "referer": REFERER,
        "expiration": max(1, round(life_s / 60)),
    }
    try:
        answer = session.post(f"{session.organization.sharing}/generateToken", form)
    except FrontRefused:
        raise  # the password was not looked at
    except (ServerError, AuthError) as error:
        raise _refusal(f"{session.organization} refused {username}: {error.message}") from None
    return _token_of(answer, username)


def _refusal(message: str) -> PasswordRefused:
    if any(words in message.lower() for words in _LOCKED_OUT):
        refused = PasswordRefused(message, hint="the account is locked for a while: try again later")
        refused.retryable = True
        return refused
    return PasswordRefused(
        message, hint="check both; who signs in by SAML, OpenID Connect or with a second factor: hcexport login --web"
    )


def _token_of(answer: dict[str, Any], username: str) -> Token:
    value = answer.get("token")
    if not isinstance(value, str) or not value:
        raise ProtocolError("the server's answer holds no token")
    return Token(Secret.token(value), from_epoch_ms(answer.get("expires")), username, REFERER, Kind.PASSWORD)
