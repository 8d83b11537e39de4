"""The administrator API's root, its jobs and its uploads."""

from hcexport.sandbox import http as refusals
from hcexport.sandbox.context import RequestContext
from hcexport.sandbox.http import Json, Response, UnsatisfiableError, requested
from hcexport.sandbox.world.jobs import CONTENT_TYPE, Item

RESOURCES = ("orgs", "services", "security", "uploads", "datastores", "system", "logs", "mode", "jobs", "healthCheck")


def root(call: RequestContext) -> Json:
    """``admin``, whose ``currentVersion`` the documentation prints in a way that is not JSON."""
    version = call.world.options.version
    stage = {"lastUpdated": 1619131335931, "name": "License validation", "state": "completed"}
    return {
        "fullVersion": version,
        "resources": list(RESOURCES),
        "currentVersion": version,
        "status": {"stages": [stage]},
    }


def jobs(call: RequestContext) -> Json:
    """``jobs``: ids and nothing else."""
    return {"jobs": call.world.jobs.ids()}


def job(call: RequestContext) -> Json:
    """``jobs/<id>``."""
    found = call.world.jobs.get(call.ids["job"])
    if not found:
        raise refusals.unknown("Job", call.ids["job"])
    snapshot = found.snapshot(call.world.now())
    result = snapshot.get("result", {})
    return snapshot | ({"result": result | {"URL": call.url(result["URL"])}} if "URL" in result else {})


def uploads(call: RequestContext) -> Json:
    """``uploads``."""
    return {"uploadItems": [item.resource() for item in call.world.uploads.all()]}


def upload(call: RequestContext) -> Json:
    """``uploads/<id>``: the item's description, not its bytes."""
    return _item(call).resource()


def delete_upload(call: RequestContext) -> Json:
    """``uploads/<id>/delete``."""
    call.world.uploads.delete(_item(call).id)
    return {"status": "success"}


def download(call: RequestContext) -> Response:
    """``uploads/<id>/download``: the bytes, in whole or in part."""
    item = _item(call)
    size, etag = item.archive.size, item.archive.etag
    try:
        part = requested(call.request.headers, size, etag)
    except UnsatisfiableError:
        return Response(416, (("Content-Range", f"bytes */{size}"), ("Accept-Ranges", "bytes")), 0, ())
    start, stop = part or (0, size)
    headers = [
        ("Content-Type", CONTENT_TYPE),
        ("Content-Disposition", f'attachment; filename="{item.name}"'),
        ("ETag", etag),
        ("Accept-Ranges", "bytes"),
    ]
    if part:
        headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
    return Response(206 if part else 200, tuple(headers), stop - start, item.archive.read(start, stop))


def _item(call: RequestContext) -> Item:
    found = call.world.uploads.get(call.ids["item"])
    if not found:
        raise refusals.unknown("Upload item", call.ids["item"])
    return found
