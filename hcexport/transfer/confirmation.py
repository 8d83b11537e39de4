"""Check that a zip holds the reports that were asked for, by its entries' names and JSON.

A job whose response was lost is found by its user and its time, but another machine with the same user may have
submitted it. The API does not document how entries are named. So the zip confirms the job only if every report is
named somewhere, each CSV and JSON names a report of ours, and no JSON is that of another report.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple
from zipfile import ZipFile

from hcexport.api_json import JsonFields
from hcexport.transfer.verify_zip import open_zip

READ_BYTES = 1 << 20  # of an entry: a report is some 10 kB, and JSON takes 40 times its size as objects
READ_BYTES_IN_ALL = 64 << 20  # of the entries after that only the path counts
_WORD = re.compile(r"[^\W_]+")
_ID_KEYS = ("id", "runid", "reportid")

Names = Callable[[], Mapping[str, str]]


class _Entry(NamedTuple):
    """A CSV or JSON of the zip: the ids of ours in its path and in its text, and the ids and names in its JSON."""

    path: str
    in_path: frozenset[str]
    in_text: frozenset[str]
    ids: frozenset[str]
    names: frozenset[str]


def confirms(file: IO[bytes], run_ids: Sequence[str], names: Names) -> bool:
    """Whether the zip holds these reports and no others.

    ``names`` returns the names of all reports of the organization by their ids, and is called only if the ids do not
    decide. Leaves the file's position anywhere.
    """
    with open_zip(file) as archive:
        entries = list(_entries(archive, run_ids))
    if not entries or any(entry.ids - set(run_ids) and not entry.in_path for entry in entries):
        return False
    mentioned = [entry.in_path | entry.in_text for entry in entries]
    if any(mentioned):
        return all(mentioned) and frozenset().union(*mentioned) == set(run_ids)
    return _match_by_name(entries, run_ids, names())


def _match_by_name(entries: Sequence[_Entry], run_ids: Sequence[str], names: Mapping[str, str]) -> bool:
    """Whether every entry has the name of a report of ours, and all of ours are there.

    A name that two reports share decides nothing. The longest name counts, because "nightly 12" is in "nightly 123".
    """
    plain = Counter(map(_plain, names.values()))
    ours = {_plain(names.get(run_id, "")) for run_id in run_ids}
    if len(ours) < len(run_ids) or any(plain[name] != 1 or not name for name in ours):
        return False
    known = sorted(filter(None, plain), key=len, reverse=True)
    return {next((name for name in known if _has_name(entry, name)), "") for entry in entries} == ours


def _has_name(entry: _Entry, name: str) -> bool:
    return name in entry.names if entry.names else name in _plain(entry.path)


def _plain(name: str) -> str:
    """Reduce a name to letters and digits, because file names replace the other characters in unknown ways."""
    return re.sub(r"[\W_]+", "_", name).strip("_").lower()


def _entries(archive: ZipFile, run_ids: Sequence[str]) -> Iterator[_Entry]:
    by_word: dict[str, list[str]] = {}
    for run_id in run_ids:
        by_word.setdefault(next(iter(_WORD.findall(run_id)), ""), []).append(run_id)
    left = READ_BYTES_IN_ALL
    for member in archive.infolist():
        kind = PurePosixPath(member.filename).suffix.lower()
        if kind not in {".csv", ".json"} or member.is_dir():
            continue
        with archive.open(member) as data:
            content = data.read(min(READ_BYTES, left))
        left -= len(content)
        text = content.decode("utf-8-sig", "replace")
        reports = [JsonFields(report) for report in (_reports_in(text) if kind == ".json" else [])]
        yield _Entry(
            member.filename,
            in_path=_find_ids(member.filename, by_word),
            in_text=_find_ids(text, by_word),
            ids=frozenset(filter(None, (report.text(key) for report in reports for key in _ID_KEYS))),
            names=frozenset(filter(None, (_plain(report.text("name")) for report in reports))),
        )


def _find_ids(text: str, by_word: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Find the ids in a text; they come by their first words, because there may be thousands of ids and texts."""
    likely = [run_id for word in by_word.keys() & set(_WORD.findall(text)) for run_id in by_word[word]]
    return frozenset(run_id for run_id in likely if re.search(rf"(?<![^\W_]){re.escape(run_id)}(?![^\W_])", text))


def _reports_in(text: str) -> list[dict[str, Any]]:
    """Return the objects of a JSON that may be reports: those of its list, or the document itself."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(document, dict):
        return _objects(document)
    below = [
        report for key, value in document.items() if key.lower() in {"runs", "reports"} for report in _objects(value)
    ]
    return below or [document]


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
