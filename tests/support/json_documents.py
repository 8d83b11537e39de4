"""Whether what a run printed with ``--format json`` is what ``hcexport schema COMMAND`` promises."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from hcexport.output.json_schema import schema_of, schema_of_all

_JSON = re.compile(r" (?:--format[ =]|-[a-zA-Z]*F ?)json(?= |$)")
_ENOUGH = 50  # elements of an array from its start, and as many from its end: more take time and tell nothing new


def forbid_other_fields(schema: Any) -> Any:
    """The same schema that refuses every field it does not name, so that a field cannot be forgotten."""
    if isinstance(schema, list):
        return [forbid_other_fields(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: forbid_other_fields(value) for key, value in schema.items()}
    return {**made, "additionalProperties": False} if "properties" in schema and "required" in schema else made


@cache
def _definitions() -> dict[str, Any]:
    found: dict[str, Any] = schema_of_all()["$defs"]
    return found


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = _definitions()["error"] if name == "error" else schema_of(name)
    return Draft202012Validator(forbid_other_fields(schema), format_checker=Draft202012Validator.FORMAT_CHECKER)


def require_valid(name: str, document: Any) -> None:
    """Fail for a document that a command, or ``error``, may not print."""
    if isinstance(document, list) and len(document) > 2 * _ENOUGH:
        document = document[:_ENOUGH] + document[-_ENOUGH:]
    for fault in _validator(name).iter_errors(document):
        raise AssertionError(f"hcexport schema {name}: {fault.json_path}: {fault.message}")


def require_valid_output(argv: Sequence[str], stdout: str, stderr: str) -> None:
    """Hold the JSON that a run printed to its schema; a run that printed something else is none of our business."""
    if not _JSON.search(" ".join(argv)):
        return
    command = next((word for word in argv[1:] if word in _definitions() or word == "schema"), "schema")
    if command != "schema":
        for name, text in ((command, stdout), ("error", stderr.splitlines()[-1] if stderr else "")):
            document = _document(text)
            if document is not None:
                require_valid(name, document)


def _document(text: str) -> Any:
    """The document that text is, None where it is no JSON, as the part that a killed run has written."""
    try:
        return json.loads(text) if text[:1] in {"[", "{"} else None
    except ValueError:
        return None
