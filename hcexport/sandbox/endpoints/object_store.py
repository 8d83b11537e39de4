"""An object store on a port of its own, where a scenario redirects downloads to.

Its signed URLs and its errors have the form of Amazon S3: that the store of an organization in AWS is S3 is known from
Esri's templates, that downloads are redirected there is not (tests/data/README.md, "Download").
"""

from html import escape

from hcexport.sandbox.endpoints.admin import send_item
from hcexport.sandbox.http import Request, Response, respond
from hcexport.sandbox.world import World

CREDENTIALS = ("X-Esri-Authorization", "Authorization", "Cookie")


def download(world: World, request: Request) -> Response:
    """Answer a request to the store: the bytes for a signed URL, and an error if a token comes with it."""
    if request.method not in ("GET", "HEAD"):
        return _error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    if any(name in request.headers for name in CREDENTIALS) or "token" in request.query:
        return _error(400, "InvalidArgument", "Only one auth mechanism allowed.")
    item_id = world.signed_urls.item_id(request.path, request.query)
    if not item_id:
        return _error(403, "AccessDenied", "The signature is wrong, or the request has expired.")
    item = world.uploads.get(item_id)
    return send_item(item, request.headers) if item else _error(404, "NoSuchKey", "The key does not exist.")


def _error(status: int, code: str, message: str) -> Response:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return respond(text.encode(), "application/xml", status)
