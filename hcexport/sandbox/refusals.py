"""How the organization says no.

The Sharing API and everything about tokens answer ``{"error": {...}}`` in an HTTP 200, as documented. For the
administrator API on Kubernetes no sample of an error was ever published: the shape ``{"status": "error", ...}`` of its
siblings is our choice, in an HTTP 200 for ids and values, in a 404 or 405 for paths and methods.
"""

from hcexport.sandbox.wire import Json


class Refusal(Exception):
    """An answer that ends an endpoint early."""

    def __init__(self, body: Json, status: int = 200) -> None:
        super().__init__(body)
        self.body = body
        self.status = status


def portal(code: int, message: str, *details: str, status: int = 200) -> Refusal:
    """Refuse in the words of the Sharing API."""
    return Refusal({"error": {"code": code, "message": message, "details": list(details)}}, status)


def oauth(code: int, error: str, description: str) -> Refusal:
    """Refuse in the words of the OAuth endpoints."""
    words = {"error": error, "error_description": description, "message": description}
    return Refusal({"error": {"code": code, **words, "details": []}})


def admin(code: int, message: str, status: int = 200) -> Refusal:
    """Refuse in the words of the administrator API."""
    return Refusal({"status": "error", "messages": [message], "code": code}, status)


def invalid_token() -> Refusal:
    """The token is unknown, expired, or bound to another referer or address."""
    return portal(498, "Invalid token.")


def token_required(detail: str = "Token Required") -> Refusal:
    """There is no token where one is due."""
    return Refusal(
        {"error": {"code": 499, "message": "Token Required", "messageCode": "GWM_0003", "details": [detail]}}
    )


def forbidden() -> Refusal:
    """The account lacks the privilege."""
    return portal(403, "You do not have permissions to access this resource or perform this operation.")


def unknown(kind: str, name: str) -> Refusal:
    """There is no such report, job, suite or item."""
    return admin(404, f"{kind} '{name}' does not exist.")


def no_such_path(path: str) -> Refusal:
    """There is no such resource or operation."""
    return admin(404, f"Could not find resource or operation '{path}' on the system.", status=404)


def wrong_method(method: str, path: str) -> Refusal:
    """The resource or operation exists, for another method."""
    return admin(405, f"'{path}' does not support {method}.", status=405)
