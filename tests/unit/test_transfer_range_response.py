"""What the headers of an answer promise, read strictly."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hcexport.api.http import Response
from hcexport.transfer.part_file import PartMetadata
from hcexport.transfer.range_response import RangeResponse, strong_validator

NOTE = PartMetadata("origin", "item", '"v1"', 100)
DATE = "Mon, 23 Nov 2026 12:00:00 GMT"


def response(status: int, headers: Mapping[str, str]) -> Response:
    return Response(status, headers, iter(()), lambda _seconds: None)


def partial(said: str, **headers: str) -> RangeResponse:
    return RangeResponse.of(response(206, {"content-range": said, **headers}))


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"etag": '"v1"'}, '"v1"'),
        ({"etag": ' "" '}, '""'),
        ({"etag": 'W/"v1"'}, None),
        ({"etag": "v1"}, None),
        ({"etag": '"a"b"'}, None),
        ({"etag": '"a\r\nX: y"'}, None),
        ({"etag": '"\xe9"'}, None),
        ({"etag": '"' + "a" * 2000 + '"'}, None),
        ({"etag": '"v1"', "accept-ranges": "none"}, None),
        ({"etag": '"v1"', "accept-ranges": "bytes"}, '"v1"'),
        ({"last-modified": "Mon, 23 Nov 2026 11:59:00 GMT", "date": DATE}, "Mon, 23 Nov 2026 11:59:00 GMT"),
        ({"last-modified": "Mon, 23 Nov 2026 11:59:01 GMT", "date": DATE}, None),
        ({"last-modified": "Mon, 23 Nov 2026 11:00:00 GMT"}, None),
        ({"last-modified": "yesterday", "date": DATE}, None),
        ({"last-modified": "Mon, 23 Nov 2026 11:00:00", "date": DATE}, None),
        ({"last-modified": "Mon, 23 Nov 2026 11:00:00 GMT", "date": DATE, "etag": 'W/"v1"'}, None),
        ({}, None),
    ],
)
def test_only_what_is_strong_can_be_gone_on_with(headers: dict[str, str], validator: str | None) -> None:
    assert strong_validator(headers) == validator


@pytest.mark.parametrize(
    ("headers", "total", "has_certain_end"),
    [
        ({"content-length": "7"}, 7, True),
        ({"content-length": " 7 "}, 7, True),
        ({}, None, False),
        ({"content-length": "-7"}, None, False),
        ({"content-length": "\u0667"}, None, False),
        ({"content-length": "1" + "0" * 30}, None, False),
        ({"transfer-encoding": "chunked"}, None, True),
        ({"transfer-encoding": "chunked", "content-length": "7"}, None, True),
    ],
)
def test_a_length_is_believed_where_it_is_one(
    headers: dict[str, str], total: int | None, has_certain_end: bool
) -> None:
    offer = RangeResponse.of(response(200, headers))
    assert (offer.total, offer.has_certain_end, offer.is_whole_file) == (total, has_certain_end, True)


@pytest.mark.parametrize("said", ["bytes 40-99/100", "BYTES 40-99/100"])
def test_a_206_that_fits_is_gone_on_with(said: str) -> None:
    assert partial(said).continues(40, NOTE)
    assert partial(said, etag='"v1"').continues(40, NOTE)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "bytes 41-99/100",
        "bytes 39-99/100",
        "bytes 0-99/100",
        "bytes 40-98/100",
        "bytes 40-100/101",
        "bytes 40-99/101",
        "bytes 40-99/*",
        "bytes */100",
        "bytes 40-39/40",
        "bytes 40-99/100, 1-2/3",
        "bytes=40-99/100",
        "bytes 4\u0660-99/100",
        "items 40-99/100",
    ],
)
def test_any_other_206_is_not(said: str) -> None:
    assert not partial(said).continues(40, NOTE)


@pytest.mark.parametrize("headers", [{"etag": '"v2"'}, {"content-encoding": "gzip"}])
def test_a_206_of_something_else_is_not(headers: dict[str, str]) -> None:
    assert not partial("bytes 40-99/100", **headers).continues(40, NOTE)


def test_a_200_never_goes_on() -> None:
    assert not RangeResponse.of(response(200, {"content-range": "bytes 40-99/100"})).continues(40, NOTE)


@pytest.mark.parametrize(
    ("said", "size", "complete"),
    [
        ("bytes */100", 100, True),
        ("bytes */100", 99, False),
        ("bytes */99", 99, False),
        ("", 100, False),
        ("bytes */*", 100, False),
    ],
)
def test_a_416_means_complete_only_at_the_right_length(said: str, size: int, complete: bool) -> None:
    assert RangeResponse.of(response(416, {"content-range": said})).says_complete(size, NOTE) is complete


def test_identity_is_no_encoding() -> None:
    assert RangeResponse.of(response(200, {"content-encoding": "Identity"})).encoding == ""
    assert RangeResponse.of(response(200, {"content-encoding": "gzip, gzip"})).encoding == "gzip, gzip"


def test_a_date_of_an_absurd_zone_is_not_strong() -> None:
    zone = "Tue, 24 Nov 2026 20:00:00 +99999999999999999999"
    assert strong_validator({"last-modified": zone, "date": "Tue, 24 Nov 2026 20:00:00 GMT"}) is None
