"""What an answer means: every shape of an error that is known of the API and its siblings, and hostile JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcexport.api.responses import decode, failed_status, parse_object, retry_after_s, server_date
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


def read(body: object, status: int = 200, **headers: str) -> dict[str, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


@pytest.mark.parametrize(
    "body",
    [
        {"success": True},
        {"status": "success"},
        {"jobid": "j1", "status": "FAILED", "result": {"message": "no room"}},  # a job's failure is its own affair
        {"jobID": "j1", "status": "ERROR"},
        {"jobid": "j1", "status": "FAILED", "error": {"code": 500, "message": "no room"}},
        {"jobsUrl": "https://x/admin/jobs/j1", "jobid": "j1", "status": "SUBMITTED"},
        {"runs": [], "nextStart": -1},
        {"code": 200, "status": "ok"},
        {"error": None, "jobs": []},
        {"error": "", "success": True},
        {},
    ],
)
def test_good_answers(body: dict[str, Any]) -> None:
    assert read(body) == body


SHAPES = [
    ({"error": {"code": 498, "message": "Invalid token.", "details": []}}, TokenRejected, "Invalid token."),
    ({"error": {"code": 499, "message": "Token Required", "details": ["Token Required"]}}, TokenRejected, ""),
    ({"error": {"code": "498", "message": None, "details": None}}, TokenRejected, ""),
    ({"error": {"code": 403, "message": "You do not have permissions"}}, PrivilegeMissing, "permissions"),
    ({"error": {"message": "You do not have permissions", "details": []}}, ServerError, "permissions"),
    (
        {"error": {"code": 400, "message": "Unable.", "details": ["Invalid username."]}},
        ServerError,
        "Invalid username.",
    ),
    ({"error": {"code": 400, "details": "Only details"}}, ServerError, "Only details"),
    ({"error": {"code": 401, "message": "who?"}}, TokenRejected, "who?"),
    ({"error": {"code": 404, "message": "no such"}}, NotFound, "no such"),
    ({"error": {"code": 410, "message": "gone"}}, NotFound, "gone"),
    ({"error": {"code": 500, "message": "oops"}}, ServerTrouble, "oops"),
    ({"error": {"code": 429, "message": "slow down"}}, ServerTrouble, "slow down"),
    ({"error": "invalid_request", "error_description": "bad"}, ServerError, "bad"),
    ({"status": "error", "messages": ["not here"], "code": 404}, NotFound, "not here"),
    ({"status": "failed", "statusMessage": "Went wrong"}, ServerError, "Went wrong"),
    ({"code": 500, "message": "billing", "status": "failure", "details": None}, ServerTrouble, "billing"),
    ({"success": False}, ServerError, ""),
    ({"code": 400, "message": "plain"}, ServerError, "plain"),
    ({"error": {"code": 400, "messages": [{"description": "an object"}]}}, ServerError, "an object"),
]


def with_keys(change: Callable[[str], str], body: Any) -> Any:
    """JSON of a server that spells its keys in another case."""
    if isinstance(body, dict):
        return {change(key): with_keys(change, value) for key, value in body.items()}
    return [with_keys(change, each) for each in body] if isinstance(body, list) else body


@pytest.mark.parametrize("change", [str.upper, str.capitalize])
@pytest.mark.parametrize(("body", "kind", "text"), SHAPES)
def test_errors_in_another_case(
    body: dict[str, Any], kind: type[HcexportError], text: str, change: Callable[[str], str]
) -> None:
    with pytest.raises(kind):
        read(with_keys(change, body))
    as_documented, changed = (
        failed_status(500, {}, json.dumps(each).encode()) for each in (body, with_keys(change, body))
    )
    assert (type(changed), text in changed.message) == (type(as_documented), text in as_documented.message)


@pytest.mark.parametrize(("body", "kind", "text"), SHAPES)
def test_errors_that_come_with_200(body: dict[str, Any], kind: type[HcexportError], text: str) -> None:
    with pytest.raises(kind) as caught:
        read(body)
    assert type(caught.value) is kind
    assert text in caught.value.message
    assert "\n" not in caught.value.message


SAID_BY_A_FRONT = {
    **dict.fromkeys((400, 413, 418), ProtocolError),
    **dict.fromkeys((401, 403), FrontRefused),
    **dict.fromkeys((404, 410), NoOrganization),
    **dict.fromkeys((408, 429, 500, 502, 503, 504), NetworkError),
}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, ProtocolError),
        (302, ProtocolError),
        (400, ServerError),
        (401, TokenRejected),
        (403, PrivilegeMissing),
        (404, NotFound),
        (407, NetworkError),
        (408, ServerTrouble),
        (410, NotFound),
        (413, ServerError),
        (418, ServerError),
        (429, ServerTrouble),
        (498, TokenRejected),
        (499, TokenRejected),
        (500, ServerTrouble),
        (502, ServerTrouble),
        (503, ServerTrouble),
        (504, ServerTrouble),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>secret page</html>", b'{"error": {"message": "in words"}}', b"\xff{"])
def test_other_statuses(status: int, kind: type[HcexportError], body: bytes) -> None:
    failure = failed_status(status, {}, body)
    in_words = body.startswith(b"{")
    assert type(failure) is (kind if in_words else SAID_BY_A_FRONT.get(status, kind))
    assert "secret page" not in failure.message
    if in_words and status >= 400 and status != 407:
        assert "in words" in failure.message


REFUSALS = [
    {"error": "plain words"},
    {"error": {"code": 400, "message": "no"}},
    {"error": {"code": 409, "message": "no"}},
    {"error": {"code": 500, "message": "no"}},
    {"error": {"message": "no"}},
    {"error": {}},
    {"success": False},
    {"status": "error", "code": 500},
    {"status": "error", "messages": ["no"]},
    {"status": "failed"},
    {"code": 400, "message": "no"},
    {"code": 503, "message": "no"},
]


@pytest.mark.parametrize("status", [200, 400, 409, 500])
@pytest.mark.parametrize("body", REFUSALS, ids=str)
def test_no_refusal_is_taken_for_a_fault_of_ours(body: dict[str, Any], status: int) -> None:
    with pytest.raises(HcexportError) as caught:
        read(body, status)
    assert caught.value.status == 6
    assert status != 200 or caught.value.code == "server"


@pytest.mark.parametrize(("status", "sent"), [(403, 9000), (401, 9000), (413, 10)])
def test_too_large_for_a_firewall_hints_at_fewer(status: int, sent: int) -> None:
    failure = failed_status(status, {}, b"<html>blocked</html>", sent_bytes=sent)
    assert failure.hint == "export fewer at once"
    assert failed_status(403, {}, b"<html>blocked</html>", sent_bytes=100).hint is None


def test_a_sign_in_of_the_web_server_is_named() -> None:
    assert "Negotiate" in failed_status(401, {"www-authenticate": "Negotiate abc"}, b"<html>").message


def test_an_error_without_words_is_still_said_by_the_api() -> None:
    assert type(failed_status(404, {}, b'{"error": {"code": 404}}')) is NotFound


def test_a_token_error_counts_also_under_another_status() -> None:
    body = json.dumps({"error": {"code": 498, "message": "Invalid token."}}).encode()
    assert isinstance(failed_status(403, {}, body), TokenRejected)
    assert isinstance(failed_status(500, {}, body), TokenRejected)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_busy_says_when(status: int) -> None:
    failure = failed_status(status, {"retry-after": "7"}, b"")
    assert isinstance(failure, NetworkError)
    assert not failure.refused  # what says so may stand in front of a server that has done it
    assert failure.retry_after_s == 7
    plain = failed_status(status, {}, b"")
    assert isinstance(plain, NetworkError)
    assert plain.retry_after_s is None
    assert plain.refused is (status == 429)  # a limit lets nothing through; a proxy may say 503 afterwards


NOW = "Mon, 23 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("Mon, 23 Nov 2026 12:01:30 GMT", 90.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),  # the past
        ("Mon, 23 Nov 2026 12:01:30", None),  # of no zone
        ("", None),
        ("soon", None),
        ("-5", None),
        ("inf", None),
        ("nan", None),
        ("1e9", None),
        ("1.5", None),
        ("\u0663", None),  # a digit, but not to HTTP
        ("9" * 400, 999_999_999.0),
    ],
)
def test_retry_after_in_both_forms(said: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": said, "date": NOW}) == seconds


def test_a_date_is_counted_from_the_servers_own_clock() -> None:
    assert (
        retry_after_s({"retry-after": "Tue, 01 Jan 1980 00:01:00 GMT", "date": "Tue, 01 Jan 1980 00:00:00 GMT"}) == 60
    )
    assert retry_after_s({"retry-after": NOW}) is None
    assert server_date({"date": "nonsense"}) is None


HOSTILE = {
    "nothing": b"",
    "blank": b" \n",
    "a page": b"\n <!DOCTYPE html><html>",
    "a list": b"[1]",
    "a string": b'"x"',
    "null": b"null",
    "a number": b"1",
    "cut": b'{"a": ',
    "two": b"{}{}",
    "deep lists": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a key twice": b'{"jobid": "j1", "jobid": "j2"}',
    "a key twice below": b'{"a": {"id": 1, "id": 2}}',
    "a number without end": b'{"a": ' + b"9" * 10_000 + b"}",
    "bytes": bytes(range(256)),
    "of the docs": b'{ { "success": true } }',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_json_is_one_clear_error(body: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_object(body)
    assert len(caught.value.message) < 200


def test_numbers_that_are_not_json_are_none() -> None:
    assert parse_object(b'{"a": NaN, "b": [-Infinity], "c": 1}') == {"a": None, "b": [None], "c": 1}


def test_halves_of_characters_are_replaced() -> None:
    answer = parse_object(b'{"name": "a\\ud800b", "list": ["\\udfff"], "pair": "\\ud83d\\ude00"}')
    assert answer == {"name": "a\ufffdb", "list": ["\ufffd"], "pair": "\U0001f600"}
    json.dumps(answer, ensure_ascii=False).encode()


def test_a_byte_order_mark_and_broken_bytes_are_read() -> None:
    assert parse_object(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    assert parse_object(b'{"a": "\xff"}') == {"a": "\ufffd"}


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_protocol_error(body: bytes) -> None:
    with suppress(ProtocolError):
        assert isinstance(parse_object(body), dict)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_KEYS = st.sampled_from(["error", "code", "message", "messages", "details", "status", "success", "jobid", "x"])


@given(st.dictionaries(_KEYS, _JSON, max_size=5), st.integers(100, 599), st.text(max_size=20))
def test_any_object_is_an_answer_or_one_of_our_failures(body: dict[str, Any], status: int, retry_after: str) -> None:
    said = ""
    try:
        assert decode(status, {"retry-after": retry_after}, json.dumps(body).encode()) == body
    except HcexportError as failure:
        said = failure.message
    assert said or 200 <= status < 300
    assert len(said.splitlines()) <= 1


@pytest.mark.parametrize(
    "date",
    [
        "Tue, 24 Nov 2026 20:00:00 +99999999999999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 01 Jan 0100 00:00:00 +2359",
    ],
)
def test_a_date_that_cannot_be_reckoned_with_is_none(date: str) -> None:
    assert server_date({"date": date}) is None
    assert retry_after_s({"retry-after": date, "date": "Tue, 24 Nov 2026 20:00:00 GMT"}) is None


def test_a_code_of_5000_digits_is_no_code() -> None:
    for status in (200, 503):
        with pytest.raises(HcexportError) as caught:
            read({"error": {"code": "9" * 5000, "message": "no"}}, status)
        assert "no" in caught.value.message


def test_more_parts_than_an_answer_has_are_refused() -> None:
    for part in (b"{}", b"[]", b'{"":0}'):
        with pytest.raises(ProtocolError):
            read(b'{"runs":[' + b",".join([part] * 300_000) + b"]}")
    assert len(read({"runs": [{"id": str(n), "name": "n: {"} for n in range(20_000)]})["runs"]) == 20_000


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\\ud83d\\ude00 \\ud83d", "\U0001f600 \ufffd"),
        (b"\\ude00\\ud83d", "\ufffd\ufffd"),
        (b"\\\\ud83d \\n", "\\ud83d \n"),
        (b"\\ud83d\\\\ude00", "\ufffd\\ude00"),
    ],
)
def test_only_halves_of_characters_are_replaced(raw: bytes, text: str) -> None:
    assert parse_object(b'{"name": "' + raw + b'"}') == {"name": text}


def test_an_error_text_is_no_longer_than_a_screen() -> None:
    with pytest.raises(ServerError) as caught:
        read({"error": {"code": 400, "message": "no " * 100_000}})
    assert len(caught.value.message) <= 1000


TOKEN_REFUSALS = [
    # HTTP status, body, whether it leaves open that the token was at fault, and what it means otherwise
    (200, {"error": {"code": 498, "message": "Invalid token."}}, None),
    (499, {"error": {"message": "Token Required"}}, None),
    (403, {"error": {"code": 403, "message": "Token has expired."}}, None),
    (400, {"error": {"code": 400, "message": "Invalid token"}}, None),
    (500, {"error": {"code": 500, "message": "Failed: invalid token"}}, None),
    (200, {"error": "Invalid Token"}, None),
    (200, {"status": "error", "messages": ["Your token is expired"]}, None),
    (401, {"error": {"message": "Unauthorized"}}, AuthError),
    (200, {"error": {"code": 401, "message": "who?"}}, AuthError),
    (200, {"error": {"code": 403, "messageCode": "GWM_0003", "message": "no permissions"}}, PrivilegeMissing),
]


@pytest.mark.parametrize(("status", "body", "otherwise"), TOKEN_REFUSALS)
def test_refusals_of_the_token(status: int, body: object, otherwise: type[HcexportError] | None) -> None:
    with pytest.raises(TokenRejected) as caught:
        decode(status, {}, json.dumps(body).encode())
    assert (type(caught.value.refusal) if caught.value.refusal else None) is otherwise
    assert caught.value.unseen is (status == 499)


@pytest.mark.parametrize(
    ("status", "text"), [(403, "not yours"), (400, "the certificate has expired"), (200, "no tokens left")]
)
def test_refusals_that_are_not_of_the_token(status: int, text: str) -> None:
    with pytest.raises(HcexportError) as caught:
        decode(status, {}, json.dumps({"error": {"code": max(status, 400), "message": text}}).encode())
    assert not isinstance(caught.value, TokenRejected)


def test_a_page_with_401_is_not_of_the_token() -> None:
    assert isinstance(failed_status(401, {}, b"<html>Invalid token</html>"), FrontRefused)
