"""What an answer means: one decision for every answer of the API (remote-api.md, section 5: Errors).

HTTP 200 means nothing by itself: errors come with it, in several shapes, and so do the login pages of other products.
"""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hcexport.api.tls import client_certificate_refused_by_proxy
from hcexport.api_json import plain_text
from hcexport.errors import (
    AuthError,
    FrontRefused,
    HcexportError,
    NetworkError,
    NoOrganization,
    NotFound,
    PrivilegeMissing,
    ProtocolError,
    ServerError,
    ServerTrouble,
    TokenRejected,
)
from hcexport.redaction import redact

_TEXT_CAP = 300  # characters of a server's message that are worth showing
_CODE_DIGITS = 10  # Python reads no number of more than 4,300, and no code has as many
_YEARS = range(1970, 2200)  # no other can be reckoned with: "never" is 9999
_STRUCTURE, _STRUCTURE_CAP = (b"{", b"[", b":"), 250_000  # each costs up to 250 bytes; 1,000 reports have 10,000
# escapes in JSON; the group is a half of a character without its other half
_ESCAPES = re.compile(r"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|.)")
_SCHEME_CAP = 40  # characters of the name of a way to sign in
_FIREWALL_BODY_BYTES = 8 << 10  # what AWS' common rules let through: Esri's templates put that firewall in front
_FEWER = "export fewer at once"
_FAILURE_WORDS = {"error", "failed", "failure"}


def decode(status: int, headers: Mapping[str, str], body: bytes, *, sent_bytes: int = 0) -> dict[str, Any]:
    """The JSON object of a good answer; raises what a bad one means.

    ``headers`` have lower-case names; ``sent_bytes`` is the size of the request's body. Raises TokenRejected,
    AuthError, PrivilegeMissing, NotFound, NetworkError (worth another try), ProtocolError (not the API at all) or
    ServerError (the API said no).
    """
    if not 200 <= status < 300:
        raise failed_status(status, headers, body, sent_bytes=sent_bytes)
    answer = parse_object(body)
    raise_for_error(answer)
    return answer


def failed_status(status: int, headers: Mapping[str, str], body: bytes, *, sent_bytes: int = 0) -> HcexportError:
    """The failure that an HTTP status other than 2xx stands for, in the server's words where it has any."""
    if untrusted := client_certificate_refused_by_proxy(status, body):
        return untrusted
    if 300 <= status < 400:
        elsewhere = ProtocolError(
            f"the server sends us elsewhere (HTTP {status})",
            hint="a sign-in page, or an old address: check the organization's URL",
        )
        elsewhere.place = headers.get("location", "")
        return elsewhere
    try:
        code, text = _error_of(parse_object(body))
    except ProtocolError:
        code, text = None, ""
    wait, is_api = retry_after_s(headers), bool(text) or code is not None
    if status in {429, 503} and wait is not None:
        busy = ServerTrouble if is_api else NetworkError
        return busy(text or f"the server is busy (HTTP {status})", retry_after_s=wait)
    if not is_api and (refusal := _refused_by_front(status, headers, sent_bytes)):
        return refusal
    is_telling = code is not None and (code in _TOKEN_CODES or code >= _SERVER_CODE)
    said = text or f"HTTP {status}"
    return _failure(code if is_telling else status, said, is_api=is_api, has_code=code is not None)


def _refused_by_front(status: int, headers: Mapping[str, str], sent_bytes: int) -> HcexportError | None:
    """The failure of a status that the API would have explained in JSON: a firewall or a web server answered."""
    if status in {404, 410}:
        return NoOrganization(f"the server has no such page: HTTP {status}", refused=True)
    if status == 413:
        return ProtocolError("the request is too large: HTTP 413", hint=_FEWER, refused=True)
    if status not in {401, 403}:
        return None
    scheme = headers.get("www-authenticate", "").split(" ")[0][:_SCHEME_CAP]
    return FrontRefused(
        f"something in front of the organization (firewall, ingress, web server) refused the request: HTTP {status}"
        + (f", {scheme}" if scheme else ""),
        hint=_FEWER if sent_bytes > _FIREWALL_BODY_BYTES else None,
    )


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object of bytes from outside. Raises ProtocolError for everything else, however hostile."""
    if sum(map(body.count, _STRUCTURE)) > _STRUCTURE_CAP:
        raise ProtocolError("the server's answer has more parts than any answer of the API")
    if body.lstrip()[:1] == b"<":
        page = ProtocolError(
            "the server answered with a page instead of JSON",
            hint="a sign-in or maintenance page, or not the address of an organization",
        )
        page.place = _text(body)
        raise page
    try:
        answer = json.loads(_text(body), parse_constant=_refuse_constant, object_pairs_hook=_distinct)
    except (ValueError, RecursionError):
        raise ProtocolError("the server's answer is not JSON") from None
    if not isinstance(answer, dict):
        raise ProtocolError("the server's answer is not a JSON object")
    return answer


def raise_for_error(answer: Mapping[str, Any]) -> None:
    """Raise what an error body means; a job that FAILED is not one, it has a ``jobid``."""
    if _is_job(answer):
        return
    if "error" in answer or not _is_fine(answer):
        code, text = _error_of(answer)
        raise _failure(code, text or "the server said no without a reason", is_api=True)


def _is_job(answer: Mapping[str, Any]) -> bool:
    """Whether it is a job that says how it is doing, also where it names the error that it ended with."""
    keys = {key.lower() for key in answer}
    return "jobid" in keys and bool(keys & {"status", "jobstatus"})


def _is_fine(answer: Mapping[str, Any]) -> bool:
    if any(key.lower() == "jobid" for key in answer):
        return True
    code = answer.get("code")
    return (
        str(answer.get("status", "")).lower() not in _FAILURE_WORDS
        and answer.get("success") is not False
        and not (isinstance(code, int) and code >= 400)
    )


def _error_of(answer: Mapping[str, Any]) -> tuple[int | None, str]:
    error = answer.get("error", answer)
    if not isinstance(error, Mapping):
        return _code(answer), _shown(plain_text(answer.get("error_description") or error))
    texts = (error.get("message") or error.get("messages") or error.get("statusMessage"), error.get("details"))
    parts = [text for text in map(plain_text, texts) if text]
    return _code(error), _shown(": ".join(dict.fromkeys(parts)))


def _shown(text: str) -> str:
    """What is shown of a server's message; redacted first, because half a secret is not known for one."""
    return redact(text)[:_TEXT_CAP]


def _code(error: Mapping[str, Any]) -> int | None:
    code = str(error.get("code"))
    return int(code) if code.isdecimal() and len(code) < _CODE_DIGITS else None


_TOKEN_CODES = {498, 499}
_SERVER_CODE = 500  # and above: something failed on the way or at its end, and nobody knows how far it had got


def _failure(code: int | None, text: str, *, is_api: bool, has_code: bool = True) -> HcexportError:
    """The failure a code stands for.

    ``is_api`` says that the answer is JSON with words in it; gateways speak JSON, too, but without a code of the API's
    own (``has_code``).
    """
    match code:
        case 498 | 499:
            return TokenRejected(f"the server does not take the token: {text}")
        case 401:
            return AuthError(f"the server refused: {text}", hint="sign in: hcexport login")
        case 403:
            return PrivilegeMissing(f"not allowed: {text}")
        case 404 | 410:
            return NotFound(text)
        case 407:
            return NetworkError("the proxy wants a user and a password", hint="give them in HTTPS_PROXY", refused=True)
        case 429:  # the limit of a gateway, which says so in a page, lets nothing through
            kind = ServerTrouble if is_api else NetworkError
            return kind(f"the server is in trouble: {text}", refused=not is_api, by_api=is_api)
        case _ if code in {408, 425} or (code or 0) >= _SERVER_CODE:
            kind = ServerTrouble if is_api else NetworkError
            return kind(f"the server is in trouble: {text}", by_api=is_api and has_code)
    if not is_api:  # a gateway's refusal is one; of a 2xx other than 200 nobody knows
        return ProtocolError(f"the server answers as no organization does: {text}", refused=400 <= (code or 0) < 500)
    return ServerError(text, error_code=code, hint=_FEWER if code == 413 else None)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """``Retry-After`` in seconds: a number of them, or a date, counted from the server's own ``Date``."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    until, now = _http_date(value), server_date(headers)
    return max(0.0, (until - now).total_seconds()) if until and now else None


def server_date(headers: Mapping[str, str]) -> datetime | None:
    """The server's clock when it answered."""
    return _http_date(headers.get("date", ""))


def _http_date(text: str) -> datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo and date.year in _YEARS else None


def _text(body: bytes) -> str:
    """The text of a body, with U+FFFD for halves of characters, which no file and no terminal can take."""
    text = body.decode("utf-8-sig", errors="replace")
    return _ESCAPES.sub(lambda match: "\\ufffd" if match[1] else match[0], text) if "\\u" in text else text


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys differ: of two ids with one name nobody could say which one counts."""
    answer = dict(pairs)
    if len(answer) != len(pairs):
        raise ValueError("a key stands twice")
    return answer
