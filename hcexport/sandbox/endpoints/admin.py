"""The administrator API's root, mode, jobs and uploads."""

from hcexport.sandbox import errors
from hcexport.sandbox.context import RequestContext
from hcexport.sandbox.http import Headers, Json, Response, UnsatisfiableError, parse_range
from hcexport.sandbox.world.jobs import CONTENT_TYPE, Item

RESOURCES = ("orgs", "services", "security", "uploads", "datastores", "system", "logs", "mode", "jobs", "healthCheck")


def root(context: RequestContext) -> Json:
    """``admin``; ``currentVersion`` is a text here, because the documentation prints it in a way that is not JSON."""
    version = context.world.options.version
    stage = {"lastUpdated": 1619131335931, "name": "License validation", "state": "completed"}
    return {
        "fullVersion": version,
        "resources": list(RESOURCES),
        "currentVersion": version,
        "status": {"stages": [stage]},
    }


def mode(context: RequestContext) -> Json:
    """``mode``: whether the organization is read-only."""
    return {"isReadOnly": context.world.read_only}


def update_mode(context: RequestContext) -> Json:
    """``mode/update``; its answer was never published: ours is that of the other updates."""
    world = context.world
    world.read_only = context.require("isReadOnly").lower() == "true"
    world.read_only_message = context.get("message") or world.read_only_message
    return {"success": True}


def jobs(context: RequestContext) -> Json:
    """``jobs``: ids and nothing else."""
    return {"jobs": context.world.jobs.ids()}


def job(context: RequestContext) -> Json:
    """``jobs/<id>``."""
    found = context.world.jobs.get(context.ids["job"])
    if not found:
        raise errors.unknown("Job", context.ids["job"])
    snapshot = found.snapshot(context.world.now())
    result = snapshot.get("result", {})
    return snapshot | ({"result": result | {"URL": context.url(result["URL"])}} if "URL" in result else {})


def uploads(context: RequestContext) -> Json:
    """``uploads``."""
    return {"uploadItems": [item.resource() for item in context.world.uploads.all()]}


def upload(context: RequestContext) -> Json:
    """``uploads/<id>``: the item's description, not its bytes."""
    return _find_item(context).resource()


def delete_upload(context: RequestContext) -> Json:
    """``uploads/<id>/delete``."""
    context.world.uploads.delete(_find_item(context).id)
    return {"status": "success"}


def download(context: RequestContext) -> Response:
    """``uploads/<id>/download``: the bytes, in whole or in part."""
    return send_item(_find_item(context), context.request.headers)


def send_item(item: Item, headers: Headers) -> Response:
    """Make the response with the bytes of an item, or with the range that the request asks for."""
    size, etag = item.archive.size, item.archive.etag
    try:
        part = parse_range(headers, size, etag)
    except UnsatisfiableError:
        return Response(416, (("Content-Range", f"bytes */{size}"), ("Accept-Ranges", "bytes")), 0, ())
    start, stop = part or (0, size)
    fields = [
        ("Content-Type", CONTENT_TYPE),
        ("Content-Disposition", f'attachment; filename="{item.name}"'),
        ("ETag", etag),
        ("Accept-Ranges", "bytes"),
    ]
    if part:
        fields.append(("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
    return Response(206 if part else 200, tuple(fields), stop - start, item.archive.read(start, stop))


def _find_item(context: RequestContext) -> Item:
    found = context.world.uploads.get(context.ids["item"])
    if not found:
        raise errors.unknown("Upload item", context.ids["item"])
    return found
