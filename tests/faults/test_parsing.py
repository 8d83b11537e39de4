"""Whatever a server says in its headers, and whatever stands in a note: understood or refused, never a crash."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from hcexport.api.http import Response
from hcexport.api_json import id_from_url, is_id
from hcexport.cli.options import parse_ids
from hcexport.errors import UsageError
from hcexport.models import JobStatus
from hcexport.transfer import part_file
from hcexport.transfer.part_file import PartMetadata
from hcexport.transfer.range_response import RangeResponse, strong_validator

VALUES = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"(bytes|lines)? ?[0-9*]{0,20}-?[0-9]{0,20}/?[0-9*]{0,20}"),
    st.from_regex(r'(W/)?"?[ -~]{0,9}"?'),
    st.sampled_from(
        ["Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 99 Oct 2015", "", "0", "1" * 400, "identity", "none", "\uff11"]
    ),
)
NAMES = st.sampled_from(
    ["content-length", "content-range", "content-encoding", "transfer-encoding", "etag", "last-modified", "date"]
)


def response(status: int, headers: Mapping[str, str]) -> Response:
    return Response(status, headers, iter(()), lambda _seconds: None)


NOTE = PartMetadata("o", "i", '"e"', 100)


@given(st.sampled_from([200, 206, 416]), st.dictionaries(NAMES, VALUES))
@example(206, {"content-range": "bytes 40-99/100", "etag": '"e"'})
@example(206, {"content-range": "bytes 40-99/100", "etag": '"f"'})
@example(206, {"content-range": "bytes 40-99/100", "content-encoding": "gzip"})
@example(206, {"content-range": "bytes 40-98/100"})
@example(416, {"content-range": "bytes */100"})
def test_only_the_very_rest_is_gone_on_with(status: int, headers: dict[str, str]) -> None:
    offer = RangeResponse.of(response(status, headers))
    said = headers.get("content-range", "").strip().lower()
    if offer.continues(40, NOTE):
        assert (status, said) == (206, "bytes 40-99/100")
        assert headers.get("content-encoding", "").strip().lower() in {"", "identity"}
        assert headers.get("etag", '"e"').strip() in {'"e"', ""} or not strong_validator(headers)
    if offer.says_complete(100, NOTE):
        assert (status, said) == (416, "bytes */100")


@given(st.dictionaries(NAMES, VALUES))
def test_a_validator_is_a_header_that_was_sent(headers: dict[str, str]) -> None:
    found = strong_validator(headers)
    assert found is None or found in {headers.get("etag", "").strip(), headers.get("last-modified", "").strip()}
    assert found is None or (found.isascii() and not found.startswith("W/"))


@given(st.binary(max_size=200))
@example(b'{"origin": "o", "item_id": "i", "validator": 7, "total": "x"}')
@example(b"[" * 10_000)
@example(b'{"origin":"o","item_id":"i","validator":"\\"e\\"","total":-1}')
def test_a_note_that_is_none_is_not_gone_on_with(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        wanted = PartMetadata("o", "i")
        stem = folder / f".hcexport-{wanted.key}-{'0' * 16}"
        for suffix, data in ((".part", b"PK\x03\x04"), (".note", content)):
            descriptor = os.open(stem.with_suffix(suffix), os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
        assert part_file.adopt(folder, wanted) is None


@given(st.text(), st.sampled_from(["jobs", "uploads"]))
@example("https://x/admin/jobs/../../etc", "jobs")
def test_an_id_out_of_a_url_is_one_segment(url: str, after: str) -> None:
    found = id_from_url(url, after=after)
    assert not found or "/" not in found or "%2f" in url.lower()


@given(st.text())
def test_a_status_is_final_only_where_it_is_known(word: str) -> None:
    status = JobStatus.parse(word)
    assert not status.is_final or status.is_known
    assert not status.succeeded or word.strip().upper() == "COMPLETED"


@given(st.lists(st.text().filter(lambda text: text != "-"), min_size=1))
def test_ids_are_taken_whole_or_refused(values: list[str]) -> None:
    try:
        found = parse_ids(values, "--run-ids")
    except UsageError:
        assert not all(is_id(part.strip()) for value in values for part in value.split(","))
    else:
        assert all(one and one == one.strip() and "," not in one for one in found)
        assert len(set(found)) == len(found)
