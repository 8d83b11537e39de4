"""OAuth 2.0 with PKCE, for organizations whose members have no password to post.

A browser is sent to the organization's own sign-in page and comes back with a code: to a socket of this machine where
the application allows that, else the page shows the code and a person pastes it. The server takes a code only together
with the verifier, which this process alone knows, so that a code that is seen on the way is useless.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode

from hcexport.api.session import Session
from hcexport.auth.tokens import Token
from hcexport.errors import AuthError, ProtocolError, ServerError
from hcexport.organization import Organization
from hcexport.redaction import Secret

BUILT_IN_APP = "arcgisonline"  # registered with every organization, for codes out of band
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
EXCHANGE_BEFORE = timedelta(days=7)  # half of the 14 days that servers grant: a weekly job keeps its sign-in for ever
_HINT = "sign in again: hcexport login --web"


class Application(NamedTuple):
    """An application that is registered with the organization, and the address that its users are sent back to."""

    client_id: str = BUILT_IN_APP
    redirect_uri: str = OUT_OF_BAND


class Grant(NamedTuple):
    """What an application was granted. ``refresh_expires`` is aware, None where the server did not say."""

    token: Token
    refresh_token: Secret | None = None
    refresh_expires: datetime | None = None


def _make_random() -> Secret:
    return Secret(secrets.token_urlsafe(48))  # 64 characters; RFC 7636 asks for 43 to 128


@dataclass(frozen=True)
class Authorization:
    """One sign-in under way: its ``state`` ties the browser's answer to it, its ``verifier`` the code."""

    application: Application
    state: Secret = field(default_factory=_make_random)
    verifier: Secret = field(default_factory=_make_random)

    def address(self, organization: Organization, *, life_s: float | None = None) -> str:
        """Make the address of the sign-in page, ``oauth2/authorize``; ``life_s`` is asked for the refresh token."""
        digest = hashlib.sha256(self.verifier.reveal().encode()).digest()
        query = {
            "client_id": self.application.client_id,
            "response_type": "code",
            "redirect_uri": self.application.redirect_uri,
            "state": self.state.reveal(),
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **({"expiration": str(max(1, round(life_s / 60)))} if life_s else {}),
        }
        return f"{organization.sharing}/oauth2/authorize?{urlencode(query)}"

    def is_answered_by(self, query: Mapping[str, str]) -> bool:
        """Tell whether a query that came to our socket answers this sign-in, and is not a stranger's."""
        return compare_digest(query.get("state", "").encode(), self.state.reveal().encode())

    def redeem(self, session: Session, answer: Mapping[str, str]) -> Grant:
        """Get the grant for the code in an answer. Raises AuthError, also when the person cancelled the sign-in."""
        code = answer.get("code")
        if not code:
            reason = answer.get("error_description") or answer.get("error") or "there is no code in the answer"
            raise AuthError(f"{session.organization} refused the sign-in: {reason}", hint=_HINT)
        return _request_grant(
            session,
            self.application,
            grant_type="authorization_code",
            code=Secret(code).reveal(),
            code_verifier=self.verifier.reveal(),
            redirect_uri=self.application.redirect_uri,
        )


def parse_pasted(text: str) -> dict[str, str]:
    """Read what a person copied from the page: the code, its title ``SUCCESS code=…``, or an address with the code."""
    text = text.strip()
    if "=" not in text:
        return {"code": text}
    query = text.rpartition("?")[2].rpartition(" ")[2]
    return {name: values[0] for name, values in parse_qs(query).items()}


def refresh(session: Session, application: Application, refresh_token: Secret) -> Grant:
    """Get another token for a refresh token, which stays as it is. Raises AuthError."""
    return _request_grant(session, application, grant_type="refresh_token", refresh_token=refresh_token.reveal())


def exchange(session: Session, application: Application, refresh_token: Secret) -> Grant:
    """Get another token, and another refresh token that ends later. Raises AuthError."""
    return _request_grant(
        session,
        application,
        grant_type="exchange_refresh_token",
        refresh_token=refresh_token.reveal(),
        redirect_uri=application.redirect_uri,
    )


def revoke(session: Session, client_id: str, token: Secret) -> None:
    """End a token or refresh token on the server: ``POST sharing/rest/oauth2/revokeToken/``."""
    form = {"auth_token": token.reveal(), "client_id": client_id}
    session.post(f"{session.organization.sharing}/oauth2/revokeToken/", form)


def _request_grant(session: Session, application: Application, **form: str) -> Grant:
    """``POST sharing/rest/oauth2/token``."""
    url = f"{session.organization.sharing}/oauth2/token"
    try:
        answer = session.post(url, {"client_id": application.client_id, **form})
    except (ServerError, AuthError) as error:
        raise AuthError(f"{session.organization} refused the sign-in: {error.message}", hint=_HINT) from None
    refresh_token = answer.get("refresh_token")
    return Grant(
        Token(
            _read_secret(answer.get("access_token")),
            _read_end(session, answer.get("expires_in")),
            str(answer.get("username", "")),
        ),
        _read_secret(refresh_token) if refresh_token else None,
        _read_end(session, answer.get("refresh_token_expires_in")),
    )


def _read_secret(value: Any) -> Secret:
    if not isinstance(value, str) or not value:
        raise ProtocolError("the server's answer holds no token")
    return Secret.token(value)


def _read_end(session: Session, seconds: Any) -> datetime | None:
    """Read a number of seconds from now; only OAuth counts so, the rest of the API names points in time."""
    try:
        return session.server_now() + timedelta(seconds=int(seconds))
    except (TypeError, ValueError, OverflowError):
        return None
