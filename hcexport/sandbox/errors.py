"""The error bodies of an organization, each raised as an ApiError to end an endpoint early.

The Sharing API and everything about tokens answer ``{"error": {...}}`` with HTTP 200, as tests/data/README.md has it.
For the administrator API on Kubernetes no sample of an error was ever published. The form ``{"status": "error", ...}``
of ArcGIS Server is our choice: with HTTP 200 for ids and values, with 404 or 405 for paths and methods.
"""

from hcexport.sandbox.http import Json


class ApiError(Exception):
    """An error body and its HTTP status."""

    def __init__(self, body: Json, status: int = 200) -> None:
        super().__init__(body)
        self.body = body
        self.status = status


def portal(code: int, message: str, *details: str, status: int = 200) -> ApiError:
    """Make an error in the form of the Sharing API."""
    return ApiError({"error": {"code": code, "message": message, "details": list(details)}}, status)


def oauth(code: int, error: str, description: str) -> ApiError:
    """Make an error in the form of the OAuth endpoints."""
    words = {"error": error, "error_description": description, "message": description}
    return ApiError({"error": {"code": code, **words, "details": []}})


def admin(code: int, message: str, status: int = 200) -> ApiError:
    """Make an error in the form of the administrator API."""
    return ApiError({"status": "error", "messages": [message], "code": code}, status)


def invalid_token() -> ApiError:
    """Make the error for a token that is unknown, expired, or bound to another referer or address."""
    return portal(498, "Invalid token.")


def token_required(detail: str = "Token Required") -> ApiError:
    """Make the error for a request without a token."""
    return ApiError(
        {"error": {"code": 499, "message": "Token Required", "messageCode": "GWM_0003", "details": [detail]}}
    )


def forbidden() -> ApiError:
    """Make the error for an account without the privilege."""
    return portal(403, "You do not have permissions to access this resource or perform this operation.")


def unknown(kind: str, name: str) -> ApiError:
    """Make the error for an id of a report, job, suite or item that does not exist."""
    return admin(404, f"{kind} '{name}' does not exist.")


def read_only(message: str) -> ApiError:
    """Make the error for an operation in read-only mode.

    Which operations that mode refuses, and in which form, was never published. Here every POST of the administrator
    API is refused but the update of the mode, with code 500, because 403 would say that the account lacks a privilege.
    """
    return admin(500, message)


def no_such_path(path: str) -> ApiError:
    """Make the error for a path that is no resource and no operation."""
    return admin(404, f"Could not find resource or operation '{path}' on the system.", status=404)


def wrong_method(method: str, path: str) -> ApiError:
    """Make the error for a resource or operation that takes other methods."""
    return admin(405, f"'{path}' does not support {method}.", status=405)
