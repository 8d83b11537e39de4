"""The whole API in one table.

How to add an endpoint:

1. Put the documented answer into ``tests/data/`` and its page into the table of tests/data/README.md.
2. Write a function from a RequestContext to the JSON (or a Response) in the file of ``endpoints/`` that its path
   belongs to. Take parameters from the context, what the organization knows from ``context.world``, and raise an error
   of ``errors.py`` for what the organization refuses.
3. Give it a row here, with the privilege that its page asks for. The first row that fits a path wins, so a fixed path
   stands before a path with an id.
4. Hold it to its sample in the table of test_sandbox_samples.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hcexport.sandbox.context import ADMIN, GUEST, HEALTH, JOBS, MEMBER, OPEN, UPLOADS, Access, Endpoint, RequestContext
from hcexport.sandbox.endpoints import admin, health, oauth, sharing
from hcexport.sandbox.http import Response, directory
from hcexport.sandbox.options import KUBERNETES, Options

# The format of an endpoint's answer: JSON for f=json or pjson and a page otherwise; always a page; its own.
JSON, HTML, RAW = "json", "html", "raw"


@dataclass(frozen=True)
class Route:
    """One row: methods and path, the endpoint, and who may call it; ``{name}`` in the path stands for an id."""

    methods: str
    path: str
    endpoint: Endpoint
    access: Access
    format: str = JSON
    when_read_only: bool = False  # for a POST of admin: whether read-only mode leaves it open


def _page(context: RequestContext) -> Response:
    return directory(context.request.path)


ROUTES = (
    # signing in, and who am I
    Route("GET POST", "sharing/rest", sharing.root, OPEN),
    Route("GET POST", "sharing/rest/info", sharing.info, OPEN),
    Route("POST", "sharing/rest/generateToken", sharing.generate_token, OPEN),
    Route("GET POST", "sharing/rest/portals/self", sharing.portal_self, GUEST),
    Route("GET POST", "sharing/rest/community/self", sharing.community_self, MEMBER),
    Route("GET", "sharing/rest/oauth2/authorize", oauth.authorize, OPEN, RAW),
    Route("POST", "sharing/oauth2/signin", oauth.sign_in, OPEN, RAW),
    Route("POST", "sharing/oauth2/mfa", oauth.second_factor, OPEN, RAW),
    Route("POST", "sharing/rest/oauth2/token", oauth.token, OPEN),
    Route("POST", "sharing/rest/oauth2/revokeToken", oauth.revoke, OPEN),
    # the administrator API, its mode, and the jobs and uploads of every kind of work
    Route("GET", "admin", admin.root, ADMIN),
    Route("GET", "admin/mode", admin.mode, ADMIN),
    Route("POST", "admin/mode/update", admin.update_mode, ADMIN, when_read_only=True),
    Route("GET", "admin/jobs", admin.jobs, JOBS),
    Route("GET", "admin/jobs/{job}", admin.job, JOBS),
    Route("GET", "admin/uploads", admin.uploads, UPLOADS),
    Route("GET", "admin/uploads/{item}", admin.upload, UPLOADS),
    Route("GET", "admin/uploads/{item}/download", admin.download, UPLOADS, RAW),
    Route("POST", "admin/uploads/{item}/delete", admin.delete_upload, UPLOADS),
    # health checks
    Route("GET", "admin/healthCheck", _page, OPEN, HTML),
    Route("GET", "admin/healthCheck/suites", health.suites, HEALTH),
    Route("GET", "admin/healthCheck/suites/{suite}", health.suite, HEALTH),
    Route("POST", "admin/healthCheck/run", health.run, HEALTH),
    Route("GET", "admin/healthCheck/reports", _page, OPEN, HTML),
    Route("GET", "admin/healthCheck/reports/query", health.query, HEALTH),
    Route("POST", "admin/healthCheck/reports/export", health.export, HEALTH),
    Route("POST", "admin/healthCheck/reports/delete", health.delete, HEALTH),
    Route("GET", "admin/healthCheck/reports/{report}", health.report, HEALTH),
    Route("POST", "admin/healthCheck/reports/{report}/rename", health.rename, HEALTH),
    Route("POST", "admin/healthCheck/reports/{report}/delete", health.delete_one, HEALTH),
)

HEALTH_CHECKS_SINCE = (11, 2)


def select_routes(options: Options) -> list[Route]:
    """Select the routes of a deployment and release; Portal on Windows or Linux has no ``admin``."""
    if options.deployment != KUBERNETES:
        return [route for route in ROUTES if not route.path.startswith("admin")]
    if options.release < HEALTH_CHECKS_SINCE:
        return [route for route in ROUTES if not route.path.startswith("admin/healthCheck")]
    return list(ROUTES)


def find_route(routes: Iterable[Route], path: str) -> tuple[Route, Mapping[str, str]] | None:
    """Find the row of a path below the context, and the ids in it; the first that fits wins."""
    parts = path.strip("/").split("/")
    for route in routes:
        pattern = route.path.split("/")
        if len(pattern) == len(parts) and all(map(_fits, pattern, parts)):
            return route, {name[1:-1]: part for name, part in zip(pattern, parts, strict=True) if name[0] == "{"}
    return None


def _fits(pattern: str, part: str) -> bool:
    return pattern == part or (pattern[0] == "{" and bool(part))
