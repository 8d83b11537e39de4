"""Decide what an answer means, for every answer of the API and of what stands in front of it.

HTTP 200 means nothing by itself: errors come with it, in several shapes (tests/data/README.md, "Errors"), and so do
the login pages of other products. The order is: HTTP status, JSON or not, an error body.
"""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

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
_CODE_DIGITS = 10  # Python refuses to read a number of more than 4,300 digits; no code is that long
_YEARS = range(1970, 2200)  # dates outside overflow when a time zone or a duration is added: "never" is 9999
# Each of these characters may become an object of up to 250 bytes in memory. 1,000 reports have 10,000 of them.
_STRUCTURE, _STRUCTURE_CAP = (b"{", b"[", b":"), 250_000
# Escapes in JSON. The group matches a surrogate without its partner, which no file and no terminal can encode.
_ESCAPES = re.compile(r"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|.)")
_SCHEME_CAP = 40  # characters of an authentication scheme, as WWW-Authenticate names it
_FIREWALL_BODY_BYTES = 8 << 10  # what AWS' common rules let through: Esri's templates put that firewall in front
_FEWER = "export fewer at once"
_TOKEN_WORDS = re.compile(r"\binvalid token\b|\btoken\b[^.]{0,60}\bexpired\b", re.IGNORECASE)
_FAILURE_WORDS = {"error", "failed", "failure"}
_INVALID_TOKEN, _NO_TOKEN = 498, 499
_TOKEN_CODES = {_INVALID_TOKEN, _NO_TOKEN}
_SERVER_CODE = 500  # from here on a code leaves open how far the request had got


def decode(status: int, headers: Mapping[str, str], body: bytes, *, sent_bytes: int = 0) -> dict[str, Any]:
    """Return the JSON object of a good answer; raise what a bad answer means.

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
    """Make the failure that an HTTP status other than 2xx stands for, in the server's words where it has any."""
    if untrusted := client_certificate_refused_by_proxy(status, body):
        return untrusted
    if 300 <= status < 400:
        return _explain_redirect(status, headers.get("location", ""))
    answer: Mapping[str, Any] = {}
    with suppress(ProtocolError):  # what is no JSON has no code and no words of the API
        answer = _lower_keys(parse_object(body))
    code, text = _read_error(answer)
    wait, is_api = retry_after_s(headers), bool(text) or code is not None
    if status in {429, 503} and wait is not None:
        busy = ServerTrouble if is_api else NetworkError
        return busy(text or f"the server is busy (HTTP {status})", retry_after_s=wait)
    if not is_api and (refusal := _refusal_of_front(status, headers, sent_bytes)):
        return refusal
    is_telling = code is not None and (code in _TOKEN_CODES or code >= _SERVER_CODE)
    said = text or f"HTTP {status}"
    failure = _failure(code if is_telling else status, said, is_api=is_api, has_code=code is not None)
    return _token_refusal(answer, {status, code}, said, failure) or failure


def _explain_redirect(status: int, location: str) -> ProtocolError:
    """Name the origin that a redirect leads to, and nothing else of it: the rest may hold a secret of the server's."""
    try:
        parts = urlsplit(location)
    except ValueError:
        parts = urlsplit("")
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.scheme and parts.netloc else ""
    failure = ProtocolError(
        _cut(f"the server redirects to {origin or 'another address'} (HTTP {status})"),
        hint=_cut(f"use {origin} as the organization's address, unless that is a sign-in page")
        if parts.scheme == "https" and origin
        else "a sign-in page, or an old address: check the organization's URL",
    )
    failure.place = location
    return failure


def _refusal_of_front(status: int, headers: Mapping[str, str], sent_bytes: int) -> HcexportError | None:
    """Make the failure of a status without JSON: a firewall or a web server answered, the API explains in JSON."""
    if status in {404, 410}:
        return NoOrganization(f"the server has no such page: HTTP {status}", refused=True)
    if status == 413:
        return ProtocolError("the request is too large: HTTP 413", hint=_FEWER, refused=True)
    if status not in {401, 403}:
        return None
    scheme = headers.get("www-authenticate", "").split(" ")[0][:_SCHEME_CAP]
    refusal = FrontRefused(
        f"something in front of the organization (firewall, ingress, web server) refused the request: HTTP {status}"
        + (f", {scheme}" if scheme else ""),
        hint=_FEWER if sent_bytes > _FIREWALL_BODY_BYTES else None,
    )
    refusal.may_be_token = status == 401 and scheme.lower() in {"", "bearer"}
    return refusal


def parse_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object from bytes of a server. Raises ProtocolError for everything else, however hostile.

    NaN and Infinity, which are not JSON and which Java servers write all the same, become None.
    """
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
        answer = json.loads(_text(body), parse_constant=_drop_constant, object_pairs_hook=_require_distinct)
    except (ValueError, RecursionError):
        raise ProtocolError("the server's answer is not JSON") from None
    if not isinstance(answer, dict):
        raise ProtocolError("the server's answer is not a JSON object")
    return answer


def raise_for_error(answer: Mapping[str, Any]) -> None:
    """Raise what an error body means. A job that FAILED is no error: it has a ``jobid``."""
    answer = _lower_keys(answer)
    if _is_job(answer):
        return
    if answer.get("error") not in (None, False, "") or _says_failure(answer):
        code, text = _read_error(answer)
        text = text or "the server refused and gave no reason"
        failure = _failure(code, text, is_api=True)
        raise _token_refusal(answer, {code}, text, failure) or failure


def _is_job(answer: Mapping[str, Any]) -> bool:
    """Whether an answer is a job with a status, also where it names the error that the job ended with."""
    return "jobid" in answer and bool(answer.keys() & {"status", "jobstatus"})


def _says_failure(answer: Mapping[str, Any]) -> bool:
    if "jobid" in answer:
        return False
    code = answer.get("code")
    return (
        str(answer.get("status", "")).lower() in _FAILURE_WORDS
        or answer.get("success") is False
        or (isinstance(code, int) and code >= 400)
    )


def _lower_keys(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Write keys in lower case: servers differ in it, and an error that is not seen is taken for success."""
    return {str(key).lower(): value for key, value in answer.items()}


def _error_of(answer: Mapping[str, Any]) -> Any:
    """The error body: what is under ``error``, or the whole answer."""
    error = answer.get("error")
    return answer if error is None else _lower_keys(error) if isinstance(error, Mapping) else error


def _read_error(answer: Mapping[str, Any]) -> tuple[int | None, str]:
    """Read code and text of an error body."""
    error = _error_of(answer)
    if not isinstance(error, Mapping):
        return _code(answer), _cut(plain_text(answer.get("error_description") or error))
    texts = (error.get("message") or error.get("messages") or error.get("statusmessage"), error.get("details"))
    parts = [text for text in map(plain_text, texts) if text]
    return _code(error), _cut(": ".join(dict.fromkeys(parts)))


def _cut(text: str) -> str:
    """Cut a server's text to what is shown. Redact it first: half of a secret would not be recognised any more."""
    return redact(text)[:_TEXT_CAP]


def _code(error: Mapping[str, Any]) -> int | None:
    code = str(error.get("code"))
    return int(code) if code.isdecimal() and len(code) < _CODE_DIGITS else None


def _token_refusal(
    answer: Mapping[str, Any], codes: set[int | None], text: str, failure: HcexportError
) -> TokenRejected | None:
    """Decide whether a refusal is about the token, and not what ``failure`` says; no other place decides that.

    It surely is with 498 and 499, and with words that say so: Esri's clients look for the words "invalid token"
    whatever the code is. 401 leaves it open, and so does the message code GWM_0003, which Esri's clients take for a
    refused token and which comes with missing privileges as well: then ``failure`` is kept with it.
    """
    if codes & _TOKEN_CODES or _TOKEN_WORDS.search(text):
        rejected = TokenRejected(f"the server rejected the token: {text}")
        rejected.unseen = _NO_TOKEN in codes
        return rejected
    error = _error_of(answer)
    if 401 in codes or (isinstance(error, Mapping) and error.get("messagecode") == "GWM_0003"):
        rejected = TokenRejected(failure.message, hint=failure.hint)
        rejected.refusal = failure
        return rejected
    return None


def _failure(code: int | None, text: str, *, is_api: bool, has_code: bool = True) -> HcexportError:
    """Make the failure that a code stands for.

    ``is_api`` says that the answer is JSON with words in it. Gateways write JSON, too, but without a code of the API's
    own, which ``has_code`` tells.
    """
    match code:
        case 401:
            return AuthError(f"the server refused: {text}", hint="sign in: hcexport login")
        case 403:
            return PrivilegeMissing(f"not allowed: {text}")
        case 404 | 410:
            return NotFound(text)
        case 407:
            return NetworkError(
                "the proxy requires a user and a password", hint="give them in HTTPS_PROXY", refused=True
            )
        case 429:  # a gateway refuses with a page before it forwards anything
            kind = ServerTrouble if is_api else NetworkError
            return kind(f"server error: {text}", refused=not is_api, by_api=is_api)
        case _ if code in {408, 425} or (code or 0) >= _SERVER_CODE:
            kind = ServerTrouble if is_api else NetworkError
            return kind(f"server error: {text}", by_api=is_api and has_code)
    if not is_api:  # a 4xx from a gateway means that the request had no effect, a 2xx other than 200 may mean anything
        return ProtocolError(f"unexpected answer from the server: {text}", refused=400 <= (code or 0) < 500)
    return ServerError(text, error_code=code, hint=_FEWER if code == 413 else None)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """``Retry-After`` in seconds: a number, or a date, counted from the server's own ``Date``."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    until, now = _http_date(value), server_date(headers)
    return max(0.0, (until - now).total_seconds()) if until and now else None


def server_date(headers: Mapping[str, str]) -> datetime | None:
    """The time by the server's clock when it answered, None where it does not say."""
    return _http_date(headers.get("date", ""))


def _http_date(text: str) -> datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo and date.year in _YEARS else None


def _text(body: bytes) -> str:
    """Decode a body, with U+FFFD for broken bytes and for lone surrogates."""
    text = body.decode("utf-8-sig", errors="replace")
    return _ESCAPES.sub(lambda match: "\\ufffd" if match[1] else match[0], text) if "\\u" in text else text


def _drop_constant(_name: str) -> None:
    return None


def _require_distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with a key twice: of two ids under ``jobid`` nobody could say which is meant."""
    answer = dict(pairs)
    if len(answer) != len(pairs):
        raise ValueError("a key occurs twice")
    return answer
