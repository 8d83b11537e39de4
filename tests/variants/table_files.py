"""Variants of the upload item, its download, and the zip."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from .case import EXPORT, TO_FOLDER, Variant
from .organization import (
    ITEM,
    JOB,
    Answer,
    Call,
    at_first,
    error,
    files_of,
    give,
    give_zip,
    merged,
    packed,
    page,
    say,
    zip_of,
)

EXTRACT = (*EXPORT, "--extract", "folder")
DOWNLOAD = ("download", JOB, "--out", "./")


def _item(name: str, answer: Answer, status: int = 0, **more: Any) -> Variant:
    return Variant("item", name, status, {"item": answer}, **{"argv": TO_FOLDER, **more})


def _download(name: str, answer: Answer, status: int = 0, **more: Any) -> Variant:
    return Variant("download", name, status, {"download": answer}, **more)


def _zip(name: str, make: Callable[[list[str]], bytes], status: int = 0, **more: Any) -> Variant:
    return Variant("zip", name, status, {"download": give_zip(make)}, **more)


def _files(change: Callable[[str], str], method: int = zipfile.ZIP_DEFLATED) -> Callable[[list[str]], bytes]:
    """Name the files otherwise."""

    def make(ids: list[str]) -> bytes:
        files = {name: data for run_id in ids for name, data in files_of(run_id).items()}
        return packed({change(name): data for name, data in files.items()}, method)

    return make


def _also(name: str) -> Callable[[list[str]], bytes]:
    return lambda ids: packed({**{key: data for each in ids for key, data in files_of(each).items()}, name: b"x"})


class _Pipe(io.RawIOBase):
    """A target that cannot seek, so that a zip gets data descriptors."""

    def __init__(self) -> None:
        self.body = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.body += bytes(data)
        return len(data)


def _described(method: int) -> Callable[[list[str]], bytes]:
    def make(ids: list[str]) -> bytes:
        pipe = _Pipe()
        with zipfile.ZipFile(pipe, "w", method) as archive:
            for run_id in ids:
                for name, data in files_of(run_id).items():
                    archive.writestr(name, data)
        return pipe.body

    return make


def _zip64(ids: list[str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for run_id in ids:
            for name, data in files_of(run_id).items():
                with archive.open(name, "w", force_zip64=True) as member:
                    member.write(data)
    return target.getvalue()


def _commented(ids: list[str]) -> bytes:
    target = io.BytesIO(zip_of(ids))
    with zipfile.ZipFile(target, "a") as archive:
        archive.comment = b"ArcGIS"
    return target.getvalue()


def _cp437(ids: list[str]) -> bytes:
    return packed({f"Pr_f {name}": data for each in ids for name, data in files_of(each).items()}).replace(
        b"Pr_f", b"Pr\x81f"
    )


def _twice(ids: list[str]) -> bytes:
    body = packed({f"{each}{end}.csv": b"a\r\n" for each in ids for end in "ab"})
    return body.replace(b"r1b.csv", b"r1a.csv")


def _tar(_ids: list[str]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("r1.csv"))
    return target.getvalue()


def _per_report(ids: list[str]) -> bytes:
    return packed({f"{run_id}.zip": packed(files_of(run_id)) for run_id in ids})


def _folders(ids: list[str]) -> bytes:
    return packed(
        {"reports/": b"", **{f"reports/{name}": data for each in ids for name, data in files_of(each).items()}}
    )


def _sent(head: str, *, chunked: bool = False) -> Answer:
    """Send the zip below a head of our own, and end the connection."""

    def answer(call: Call) -> None:
        ids = call.organization.posted[-1] if call.organization.posted else ["r1"]
        body = call.organization.zip = zip_of(ids)
        call.line.send(f"{head}\r\n\r\n".encode())
        call.line.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body)
        call.line.fin()

    return answer


def _moved(place: str, status: int = 302) -> Answer:
    """Redirect a download, and serve it where it was redirected to."""

    def answer(call: Call) -> None:
        if "moved" in call.line.request.target:
            return give(call)
        own = call.line.request.headers["host"]
        path = call.line.request.target.partition("?")[0]
        return page(status, b"", location=place.format(own=own, path=path))(call)

    return answer


def _needs_f_json(call: Call) -> None:
    (give if call.parameters.get("f") == "json" else page())(call)


_REFUSALS: Mapping[str, Answer] = {
    "403": error(403),
    "403 HTTP": error(403, status=403),
    "500": error(500),
    "HTML 403": page(403),
    "HTML 500": page(500),
    "a page": page(),
    "404": error(404),
    "an empty object": say({}),
}

ITEMS = (
    *(_item(f"{name}, to a file", answer, argv=EXPORT) for name, answer in _REFUSALS.items()),
    *(_item(f"{name}, to a folder", answer, saved_as="health-reports.zip") for name, answer in _REFUSALS.items()),
    _item("404 at first, to a folder", at_first(1, error(404)), saved_as="reports.zip"),
    _item("committed false for ever, to a file", merged(committed=False), argv=EXPORT),
    _item("committed false for ever, to a folder", merged(committed=False), saved_as="reports.zip"),
    _item('committed "false"', merged(committed="false"), saved_as="reports.zip"),
    _item("no committed", merged(committed=None), saved_as="reports.zip"),
    _item("name without .zip", merged(itemName="Nightly 1"), saved_as="Nightly 1.zip"),
    _item("name of a path", merged(itemName="../../etc/cron.d/x"), saved_as=None),
    _item("no name", merged(itemName=None), saved_as="health-reports.zip"),
    _item("itemname", merged(itemName=None, itemname="x.zip"), saved_as="x.zip"),
    _item("name with a line end", merged(itemName="a\nb.zip"), saved_as=None),
    _item("403, download of a job", error(403), argv=DOWNLOAD, saved_as="health-reports.zip"),
)
DOWNLOADS = (
    _download("404 at first", at_first(1, error(404))),
    _download("HTML 404 at first", at_first(1, page(404))),
    _download("404 for ever", error(404), 5, says=("hcexport wait j",)),
    _download("403", error(403), 4, says=("Publisher", "hcexport wait j")),
    _download("HTML 403", page(403), 4, says=("hcexport wait j",)),
    _download("chunked", _sent("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", chunked=True)),
    _download("without length", _sent("HTTP/1.1 200 OK\r\nConnection: close")),
    _download("HTTP/1.0", _sent("HTTP/1.0 200 OK")),
    _download("no reason phrase", _sent("HTTP/1.1 200\r\nConnection: close")),
    *(
        _download(f"type {kind}", give_zip(content_type=kind))
        for kind in ("application/zip", "application/json", "text/html", "text/plain", "")
    ),
    _download("redirect to a slash", _moved("{path}/?moved"), 0),
    _download("redirect to the same origin", _moved("http://{own}{path}?moved")),
    _download("308 to the same origin", _moved("{path}?moved", 308)),
    _download("redirect to http elsewhere", _moved("http://store.invalid/x.zip"), 6, says=("store.invalid",)),
    _download("redirect to a sign-in page", _moved("/gis/sharing/signin"), 6),
    _download("gzip on it", give_zip(lambda ids: gzip.compress(zip_of(ids)), content_encoding="gzip"), 7),
    _download("JSON with a signed URL", say({"url": "https://s3.example.com/x.zip?sig=1"}), 6),
    _download("needs f=json", _needs_f_json, 6),
    _download("a page", page(), 6),
    _download("500 twice", at_first(2, error(500))),
    _download("HTML 502 twice", at_first(2, page(502))),
    _download("429 with Retry-After", at_first(1, page(429, retry_after="0"))),
    _download("empty", lambda call: call.line.answer(200, b""), 7),
    _download("204", lambda call: call.line.answer(204, b""), 6),
    Variant(
        "download",
        "not there, and not committed for ever",
        75,
        {"item": merged(committed=False), "download": error(404)},
        says=(ITEM,),
    ),
    Variant(
        "download",
        "refused until it is committed",
        0,
        {"item": at_first(1, merged(committed=False)), "download": at_first(1, error(400, "Not yet."))},
    ),
)
ZIPS = (
    _zip("a folder at the top", _files(lambda name: f"reports/{name}")),
    _zip("entries for folders", _folders),
    _zip("a folder for each report", _files(lambda name: f"{name[:2]}/{name}")),
    _zip("blanks and colons", _files(lambda name: f"Nightly 03:00 {name}")),
    _zip("UTF-8", _files(lambda name: f"Prüfung-{name}")),
    _zip("cp437", _cp437),
    _zip("stored", _files(str, zipfile.ZIP_STORED)),
    _zip("data descriptors", _described(zipfile.ZIP_DEFLATED)),
    _zip("stored with data descriptors", _described(zipfile.ZIP_STORED)),
    _zip("zip64", _zip64),
    _zip("a comment", _commented),
    _zip("one CSV for all", lambda ids: packed({"reports.csv": b"id\r\n", **{f"{each}.json": b"{}" for each in ids}})),
    _zip(
        "CSV of failed reports only",
        lambda ids: packed({f"{each}.json": b'{"id": "%b"}' % each.encode() for each in ids}),
    ),
    _zip("a zip for each report", _per_report),
    _zip("a name twice", _twice, says=("r1a.csv",)),
    _zip("a name twice, unpacked", _twice, 7, argv=EXTRACT, saved_as="reports.zip"),
    *(
        _zip(f"{kind}", _also(name))
        for kind, name in {
            "backslashes": "a\\b.csv",
            "./": "./a.csv",
            "an absolute name": "/etc/x.csv",
            "names that differ in case": "R1.CSV",
            "a device of Windows": "con.csv",
        }.items()
    ),
    _zip("unpacked", zip_of, argv=EXTRACT),
    _zip("an absolute name, unpacked", _also("/etc/x.csv"), 7, argv=EXTRACT, saved_as="reports.zip"),
    _zip("a CSV instead", lambda _: b"id,result\r\nHC_1,pass\r\n", 7),
    _zip("a JSON list instead", lambda ids: json.dumps(ids).encode(), 7),
    _zip("a tar instead", _tar, 7),
    _zip("a gz instead", lambda ids: gzip.compress(zip_of(ids)), 7),
    _zip("half a zip, as long as said", lambda ids: zip_of(ids)[:200], 7),
)

FILES = (*ITEMS, *DOWNLOADS, *ZIPS)
