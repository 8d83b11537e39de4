"""Whether a zip says that it is of our reports, of others, or nothing."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping

import pytest

from hcexport.transfer import confirmation
from hcexport.transfer.confirmation import confirms
from tests.support.zips import make_zip

OURS = ("vegcl1xm6u", "ir2qersuao")
A, B, OTHER = (*OURS, "zfelr5o957")
NAMES = {A: "Nightly 1", B: "Nightly 2", OTHER: "Nightly 12", "ktrfxx0gqy": "Twin", "d3rg5nmsyv": "Twin"}


def zip_of(members: Mapping[str, object]) -> io.BytesIO:
    return io.BytesIO(
        make_zip(*((name, data if isinstance(data, str) else json.dumps(data)) for name, data in members.items()))
    )


def report(run_id: str, **more: object) -> dict[str, object]:
    return {"id": run_id, "suiteStatus": [{"criticalTestStatus": [{"id": "HC_112_002"}]}], **more}


CONFIRMED: dict[str, Mapping[str, object]] = {
    "ids in names": {f"x/n_{one}.{kind}": "" for one in OURS for kind in ("csv", "json")},
    "a folder a report": {f"{one}/{name}": {"id": "HC_1"} for one in OURS for name in ("tests.json", "summary.json")},
    "ids in JSON": {f"{number}.json": report(one) for number, one in enumerate(OURS)},
    "runId in JSON": {f"{number}.json": {"runId": one} for number, one in enumerate(OURS)},
    "a list in one JSON": {"all.json": [report(A), report(B)]},
    "under a key": {"all.json": {"Reports": [report(A), report(B)]}, "all.csv": f"{A},passed\n{B},failed\n"},
    "other members": {
        "n_vegcl1xm6u.csv": "",
        "n_ir2qersuao.csv": "",
        "readme.txt": OTHER,
        "padding.bin": OTHER,
        "d/": "",
    },
    "names in names": {"Nightly_1.csv": "id", "Nightly 2.csv": "id", "nightly-1.json": "{}", "x/NIGHTLY 2.json": "{}"},
    "names in JSON": {"1.json": {"name": "Nightly 1"}, "2.json": {"name": "Nightly 2"}},
}
DENIED: dict[str, Mapping[str, object]] = {
    "nothing": {},
    "no report": {"readme.txt": f"{A} {B}"},
    "others": {f"n_{OTHER}.json": report(OTHER), f"n_{OTHER}.csv": ""},
    "one of ours": {f"n_{A}.json": report(A)},
    "one more in names": {f"n_{one}.csv": "" for one in (*OURS, OTHER)},
    "one more in JSON": {f"{number}.json": report(one) for number, one in enumerate((*OURS, OTHER))},
    "one more in a list": {"all.json": {"runs": [report(A), report(B), report(OTHER)]}},
    "an id within another": {f"n_{A}0.csv": "", f"n_1{B}.csv": ""},
    "speaks of ours": {"1.json": report(OTHER, note=f"compare {A} and {B}")},
    "a name within another": {"Nightly 12.csv": "", "Nightly 1.csv": "", "Nightly 2.csv": ""},
    "a name missing": {"Nightly 1.csv": ""},
    "says nothing": {"1.json": {}, "1.csv": "result\npassed\n", "2.json": "not JSON", "3.json": "[" * 100_000},
}


@pytest.mark.parametrize("layout", CONFIRMED)
def test_confirmed(layout: str) -> None:
    assert confirms(zip_of(CONFIRMED[layout]), OURS, lambda: NAMES)


@pytest.mark.parametrize("layout", DENIED)
def test_not_confirmed(layout: str) -> None:
    assert not confirms(zip_of(DENIED[layout]), OURS, lambda: NAMES)


def test_a_name_that_two_reports_have_confirms_neither() -> None:
    assert not confirms(zip_of({"Twin.json": {"name": "Twin"}}), ["ktrfxx0gqy"], lambda: NAMES)


@pytest.mark.parametrize("names", [{}, {A: "", B: ""}, {A: "!", B: "?"}])
def test_without_names_nothing_is_told(names: Mapping[str, str]) -> None:
    assert not confirms(zip_of({"a.csv": "", "b.csv": ""}), OURS, lambda: names)


def test_ids_of_several_words() -> None:
    first, second = "if4582d3-0e2f", "if4582d3-1e2f"
    assert confirms(zip_of({f"{first}.csv": "", f"x_{second}.csv": ""}), [first, second], dict)
    assert not confirms(zip_of({f"{first}.csv": ""}), [first, second], dict)


@pytest.mark.slow
def test_thousands_of_reports_take_no_longer_than_they_must() -> None:
    ids = [f"r{number:09}" for number in range(3000)]
    began = time.process_time()
    assert confirms(zip_of({f"{one}.json": report(one, text="passed " * 300) for one in ids}), ids, dict)
    assert time.process_time() - began < 5


def test_names_are_asked_for_when_ids_do_not_tell() -> None:
    def fail() -> Mapping[str, str]:
        pytest.fail("asked")

    assert confirms(zip_of(CONFIRMED["ids in names"]), OURS, fail)
    assert not confirms(zip_of(DENIED["others"]), OURS, fail)


def test_of_a_bomb_so_much_is_read_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "READ_BYTES", 1000)
    monkeypatch.setattr(confirmation, "READ_BYTES_IN_ALL", 1500)
    behind = {f"{number}.csv": "x" * 1400 + f" {one}" for number, one in enumerate(OURS)}
    assert not confirms(zip_of(behind), OURS, dict)
    assert confirms(zip_of({f"{one}.csv": "x" * 2000 for one in OURS}), OURS, dict)
