"""A token for a user and a password: for members who are built in, or known to the web tier."""

from __future__ import annotations

from typing import Any

from hcexport.api.session import Session
from hcexport.api_json import JsonFields, from_epoch_ms
from hcexport.auth.tokens import Token
from hcexport.errors import AuthError, FrontRefused, PasswordRefused, ProtocolError, ServerError
from hcexport.redaction import Secret

TOKEN_LIFE_S = 3600.0  # asked for by default; the server may grant less
_LOCKED_OUT = ("too many", "locked", "try again later")  # the account is locked; the password may be right
_UNLICENSED = ("license", "licence")  # of the organization: the password may be right, too


def generate_token(session: Session, username: str, password: Secret, *, life_s: float = TOKEN_LIFE_S) -> Token:
    """``POST sharing/rest/generateToken``, once. Raises PasswordRefused, which is retryable where it may be right.

    The token is bound to the session's Referer. It ends when the server says, whatever was asked.
    """
    form = {
        "username": username,
        "password": password.reveal(),
        "client": "referer",
        "referer": session.referer,
        "expiration": max(1, round(life_s / 60)),
    }
    try:
        answer = session.post(f"{session.organization.sharing}/generateToken", form)
    except FrontRefused:
        raise  # a firewall or web server refused, so the password was not looked at
    except (ServerError, AuthError) as error:
        raise _refusal(f"{session.organization} refused {username}: {error.message}") from None
    return _token_in(answer, username, session)


def _refusal(message: str) -> PasswordRefused:
    said = message.lower()
    if any(words in said for words in _LOCKED_OUT):
        refused = PasswordRefused(message, hint="the account is locked for a while: try again later")
        refused.retryable = True
        return refused
    if any(words in said for words in _UNLICENSED):
        refused = PasswordRefused(message, hint="have the license renewed, then try again")
        refused.retryable = True
        return refused
    return PasswordRefused(
        message,
        hint="check user name and password; if the account uses SAML, OpenID Connect or MFA: hcexport login --web",
    )


def _token_in(answer: dict[str, Any], username: str, session: Session) -> Token:
    fields = JsonFields(answer)
    value = fields.take("token")
    if not isinstance(value, str) or not value:
        raise ProtocolError("the server's answer holds no token")
    expires = from_epoch_ms(fields.take("expires"))
    if expires and expires <= session.server_now():
        # A new token has not ended, so the answer's Date (a gateway's clock) and the token's clock disagree. Without
        # an end the token is used until the server refuses it; with this end every request would make a new token.
        expires = None
    return Token(Secret.token(value), expires, username)
