"""The HTML side of the organization: what a person sees in a browser, and a client that forgot ``f=json``."""

from html import escape

from hcexport.sandbox.wire import Response, whole

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body>
<h1>{title}</h1>
{body}
</body></html>
"""


def page(title: str, body: str, status: int = 200) -> Response:
    """Answer with a page; ``title`` is text, ``body`` is HTML."""
    return whole(PAGE.format(title=escape(title), body=body).encode(), "text/html;charset=UTF-8", status)


def directory(path: str, status: int = 200) -> Response:
    """Show the directory page of a resource, which has no data for a script."""
    return page("ArcGIS Enterprise Administrator Directory", f"<p>{escape(path)}</p>", status)
