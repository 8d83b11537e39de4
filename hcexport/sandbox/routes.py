"""The whole API in one table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hcexport.sandbox.context import ADMIN, GUEST, HEALTH, JOBS, MEMBER, OPEN, UPLOADS, Access, Endpoint, RequestContext
from hcexport.sandbox.endpoints import admin, health, oauth, sharing
from hcexport.sandbox.endpoints import oauth as sign_in
from hcexport.sandbox.http import Response, directory
from hcexport.sandbox.options import KUBERNETES, Options

JSON, HTML, RAW = "json", "html", "raw"  # asks for f=json or pjson; is a page whatever f says; knows no f


@dataclass(frozen=True)
class Route:
    """One row: which requests, what answers them, and who may ask; ``{name}`` in the path stands for an id."""

    methods: str
    path: str
    endpoint: Endpoint
    access: Access
    speaks: str = JSON


def _page(call: RequestContext) -> Response:
    return directory(call.request.path)


ROUTES = (
    # signing in, and who am I
    Route("GET POST", "sharing/rest", sharing.root, OPEN),
    Route("GET POST", "sharing/rest/info", sharing.info, OPEN),
    Route("POST", "sharing/rest/generateToken", sharing.generate_token, OPEN),
    Route("GET POST", "sharing/rest/portals/self", sharing.portal_self, GUEST),
    Route("GET POST", "sharing/rest/community/self", sharing.community_self, MEMBER),
    Route("GET", "sharing/rest/oauth2/authorize", sign_in.authorize, OPEN, RAW),
    Route("POST", "sharing/oauth2/signin", sign_in.sign_in, OPEN, RAW),
    Route("POST", "sharing/oauth2/mfa", sign_in.second_factor, OPEN, RAW),
    Route("POST", "sharing/rest/oauth2/token", oauth.token, OPEN),
    Route("POST", "sharing/rest/oauth2/revokeToken", oauth.revoke, OPEN),
    # the administrator API and what every kind of work leaves
    Route("GET", "admin", admin.root, ADMIN),
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


def offered(options: Options) -> list[Route]:
    """Select what a deployment of that kind and release has; Portal on Windows or Linux has no ``admin``."""
    release = tuple(int(part) for part in options.version.split("."))
    missing = () if release >= HEALTH_CHECKS_SINCE else ("admin/healthCheck",)
    return [
        route for route in ROUTES if not route.path.startswith(missing if options.deployment == KUBERNETES else "admin")
    ]


def find(routes: Iterable[Route], path: str) -> tuple[Route, Mapping[str, str]] | None:
    """Find the row of a path below the context, and the ids in it; the first that fits wins."""
    parts = path.strip("/").split("/")
    for route in routes:
        pattern = route.path.split("/")
        if len(pattern) == len(parts) and all(map(_fits, pattern, parts)):
            return route, {name[1:-1]: part for name, part in zip(pattern, parts, strict=True) if name[0] == "{"}
    return None


def _fits(pattern: str, part: str) -> bool:
    return pattern == part or (pattern[0] == "{" and bool(part))
