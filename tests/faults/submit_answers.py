"""Answers to a submit, by the rows of the table in ``hcexport.transfer.submit``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.support.server import Line

from .jobs import Answering, accepted, say
from .turns import HTML


def page(status: int, **headers: str) -> Answering:
    return lambda line, _job_id: line.answer(status, HTML, **headers)


def in_json(status: int, body: object, **headers: str) -> Answering:
    return lambda line, _job_id: line.answer(status, json.dumps(body).encode(), **headers)


def api_error(code: int, status: int = 200, **headers: str) -> Answering:
    return in_json(status, {"error": {"code": code, "message": "in words", "details": []}}, **headers)


def redirected(line: Line, job_id: str) -> None:
    line.answer(303, b"", location=f"http://elsewhere.invalid/x/admin/jobs/{job_id}?f=html")


def job_page(line: Line, job_id: str) -> None:
    line.answer(200, f'<html><a href="/gis/admin/jobs/{job_id}">{job_id}</a></html>'.encode())


def cut(line: Line, job_id: str) -> None:
    line.answer(200, f'{{"jobid": "{job_id}'.encode(), content_length=500)
    line.fin()


def garbage(line: Line, _job_id: str) -> None:
    line.send(b"\0\0\x12\x04\0\0")
    line.fin()


def hostile_id(line: Line, _job_id: str) -> None:
    say(line, {"jobid": "../../uploads/x/delete?", "status": "SUBMITTED"})


@dataclass(frozen=True)
class Row:
    """The answers of one row, and what follows when no job was made: a status, ``again``, or ``refused`` (any).

    ``proves`` says that they prove something: that there is a job (1), or that there is none.
    """

    answers: dict[str, Answering]
    proves: bool
    without: str | int


# 2 is the row of what does not leave: it has no answer, and a test of its own below.
ROWS = {
    1: Row({"JSON": accepted, "Location": redirected, "page": job_page}, True, "taken"),
    3: Row(
        {
            "400": api_error(400),
            "400 HTTP": api_error(400, 400),
            "403": api_error(403),
            "403 page": page(403),
            "404": api_error(404),
            "413 page": page(413),
            "no code": in_json(200, {"error": {"message": "no"}}),
            "failed": in_json(200, {"success": False}),
        },
        True,
        "refused",
    ),
    4: Row({"429 page": page(429)}, True, "refused"),
    5: Row(
        {"498": api_error(498), "499": api_error(499), "498 HTTP": page(498), "403/498": api_error(498, 403)},
        False,
        "again",
    ),
    6: Row(
        {
            "429 page": page(429, retry_after="1"),
            "503 page": page(503, retry_after="1"),
            "503 JSON": api_error(503, 503, retry_after="1"),
            "429 gateway": in_json(429, {"message": "slow down"}, retry_after="1"),
        },
        False,
        "again",
    ),
    7: Row(
        {
            **{f"{code} in 200": api_error(code) for code in (408, 425, 429, 500, 503, 504)},
            **{f"{code}": api_error(code, code) for code in (408, 425, 429, 500, 502, 503, 504)},
            "server style": in_json(200, {"status": "error", "messages": ["no"], "code": 500}),
            "500 in 400": api_error(500, 400),
            "429 gateway": in_json(429, {"message": "slow down"}),
        },
        False,
        6,
    ),
    8: Row(
        {
            **{f"{code} page": page(code) for code in (408, 425, 500, 502, 503, 504, 599)},
            "Kong": in_json(504, {"message": "The upstream server is timing out"}),
            "Envoy": in_json(504, {"error": "upstream request timeout"}),
            "Spring": in_json(502, {"status": 502, "error": "Bad Gateway", "path": "/gis"}),
            "Azure": in_json(500, {"error": {"code": "InternalServerError", "message": "no"}}),
        },
        False,
        9,
    ),
    9: Row(
        {
            "FIN": lambda line, _: line.fin(),
            "RST": lambda line, _: line.reset(),
            "cut": cut,
            "garbage": garbage,
            "page": page(200),
            "redirect": page(302, location="/gis/sharing/signin"),
            "no id": in_json(200, {"status": "SUBMITTED"}),
            "hostile id": hostile_id,
            "a list": in_json(200, [1]),
        },
        False,
        9,
    ),
    10: Row({"401": api_error(401), "401 HTTP": api_error(401, 401), "401 page": page(401)}, True, "again"),
}
CASES = [(number, name) for number, row in ROWS.items() for name in row.answers]
