"""Variants of what stands around an export: where the token is looked for, how it ends, fronts, wrong addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .case import EXPORT, Variant
from .organization import JOB, TOKEN, USER, Answer, Call, error, page, say

PASSWORD = {"HCEXPORT_USERNAME": USER, "HCEXPORT_PASSWORD": "open sesame"}
LIST = ("list", "--all")
_ALL = ("query", "export", "jobs", "job", "item", "download")
Guard = Callable[[Call], Answer | None]


def _is_get_of_admin(call: Call) -> bool:
    return call.line.request.method == "GET" and "/admin" in call.line.request.target


def _reads_token(*headers: str, refusal: Answer | None = None) -> Callable[[], Guard]:
    """Look for the token of a GET in these headers alone."""

    def guard(call: Call) -> Answer | None:
        given = [call.line.request.headers.get(name, "") for name in headers]
        return (refusal or error(499, "Token Required.")) if _is_get_of_admin(call) and not any(given) else None

    return lambda: guard


def _ends_token(refusal: Answer) -> Callable[[], Guard]:
    """Refuse the first token from the first poll on."""

    def guard(call: Call) -> Answer | None:
        is_first = f"{TOKEN}-1" in call.line.request.headers.get("x-esri-authorization", "")
        return refusal if is_first and "/jobs" in call.line.request.target else None

    return lambda: guard


def _token(name: str, refusal: Answer, status: int = 0) -> Variant:
    return Variant("token ends", name, status, {}, env=PASSWORD, guard=_ends_token(refusal))


def _front(name: str, status: int, answer: Answer, **more: Any) -> Variant:
    return Variant("front", name, status, dict.fromkeys(_ALL, answer), **{"argv": LIST, **more})


def _cookie(call: Call) -> Answer | None:
    return error(499, "Token Required.") if "cookie" not in call.line.request.headers else None


ACCESS = (
    Variant("token", "X-Esri-Authorization", 0, {}, guard=_reads_token("x-esri-authorization")),
    Variant("token", "Authorization alone", 0, {}, guard=_reads_token("authorization")),
    Variant("token", "Authorization alone, 499 by HTTP", 0, {}, guard=_reads_token("authorization", refusal=page(499))),
    Variant("token", "the query alone", 4, {}, argv=LIST, guard=lambda: _cookie),
    _token("498", error(498, "Invalid token.")),
    _token("499", error(499, "Token Required.")),
    _token("498 HTTP", error(498, "Invalid token.", 498)),
    _token("server style", say({"status": "error", "messages": ["Invalid token"], "code": 498})),
    _token("401 HTTP", error(401, "Unauthorized", 401)),
    _token("401", error(401, "Unauthorized")),
    _token("403, expired", error(403, "Token has expired.")),
    _token("400, invalid", error(400, "Invalid token")),
    _token("words alone", say({"error": "Invalid Token"})),
    _token("500, invalid", error(500, "Invalid token")),
    _token("GWM_0003", error(403, "You do not have permissions.", 403, messageCode="GWM_0003")),
    Variant(
        "token ends", "498, a token of the environment", 4, {}, guard=lambda: _refuse_jobs, says=("hcexport wait j",)
    ),
    _front("HTML 403", 4, page(403)),
    _front("HTML 401 with a scheme", 4, page(401, www_authenticate="Negotiate"), says=("Negotiate",)),
    _front("HTML 404: a wrong context", 6, page(404), says=("context",)),
    _front("JSON 404 of the API: a wrong context", 6, error(404, "Could not find resource or operation.")),
    _front("HTML 404 to the first poll: a wrong context", 6, page(404), argv=("wait", JOB), says=("context",)),
    _front("a login page", 6, page()),
    _front("HTML 502", 6, page(502)),
    _front("HTML 403 to the submit", 4, page(403), argv=EXPORT),
    _front(
        "a redirect to another name", 6, page(301, location="https://gis.example.com/gis"), says=("gis.example.com",)
    ),
    _front("a redirect to a sign-in page", 6, page(302, location="/gis/home/signin.html")),
    Variant(
        "product",
        "another product",
        78,
        {"query": error(404), "portals": say({"portalDeploymentType": "X"})},
        argv=LIST,
    ),
    Variant("product", "an old release", 78, {"query": error(404), "root": say({"currentVersion": "11.1"})}, argv=LIST),
    Variant("product", "portals/self refused", 5, {"query": error(404), "portals": error(499)}, argv=LIST),
    Variant("product", "the admin root refused", 5, {"query": error(404), "root": error(403)}, argv=LIST),
)


def _refuse_jobs(call: Call) -> Answer | None:
    return error(498, "Invalid token.") if "/jobs" in call.line.request.target else None
