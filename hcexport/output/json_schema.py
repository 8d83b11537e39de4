"""The JSON Schema of what each command prints with ``--format json``, made from the fields that it is printed from.

A field of one name has one type everywhere, which stands in ``_TYPES``; the few that differ are named beside their
command. To add a field, add its name there, which a test demands; a command: its row in ``COMMANDS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hcexport.errors import EXIT_STATUSES
from hcexport.models import Result
from hcexport.output.check_records import DIAGNOSIS
from hcexport.output.fields import NestedFields, RecordType
from hcexport.output.records import (
    DELETION_FIELDS,
    DETAIL,
    ENDED_FIELDS,
    EXPORT_FIELDS,
    JOB_FIELDS,
    REPORT_FIELDS,
    ROW_FIELDS,
    STARTED_FIELDS,
    STATUS,
    STATUS_OR_ERROR,
    check_fields,
)
from hcexport.output.trends import CHANGE_JSON_FIELDS, TREND_JSON_FIELDS, comparison_fields, describe_report

Schema = Mapping[str, Any]

VERSION = 1  # of the schemas: a higher number would mean that a field was renamed or removed
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PROMISE = "Fields are added, never renamed or removed. Pass over fields and words that you do not know."

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_OBJECT: Schema = {"type": "object"}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _array(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _words(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


_TEXT_OR_NULL = _or_null(_TEXT)
_TIME = _or_null({"type": "string", "format": "date-time", "pattern": "Z$"})
_SECONDS = _or_null({"type": "number"})
_RESULT = _words(*Result)
_SUITE: Schema = {
    "type": "object",
    "properties": {"id": _TEXT, "name": _TEXT, "result": _RESULT, "notes": _TEXT, "extra": _OBJECT},
    "required": ["id", "name", "result", "notes", "extra"],
}
_COMPARED: Schema = {
    "type": "object",
    "properties": {"id": _TEXT, "name": _TEXT, "result": _RESULT, "start_time": _TIME, "healthy": _FLAG},
    "required": ["id", "name", "result", "start_time"],
}
_TURN: Schema = {
    "type": "object",
    "properties": {"report_id": _TEXT, "start_time": _TIME, "result": _RESULT},
    "required": ["report_id", "start_time", "result"],
}
_ERROR_FIELDS: Schema = {
    "type": "object",
    "properties": {
        "code": _words(*sorted({row.code for row in EXIT_STATUSES if row.code})),
        "message": _TEXT,
        "hint": _TEXT_OR_NULL,
        "exit_status": {"type": "integer", "enum": sorted({row.status for row in EXIT_STATUSES if row.status})},
        "retryable": _FLAG,
    },
    "required": ["code", "message", "hint", "exit_status", "retryable"],
}
ERROR: Schema = {"type": "object", "properties": {"error": _ERROR_FIELDS}, "required": ["error"]}

_TYPES: Mapping[str, Schema] = {
    **dict.fromkeys(("id", "job_id", "name", "origin", "owner", "profile", "release", "role", "severity"), _TEXT),
    **dict.fromkeys(("description", "state", "suite", "token_origin", "url", "username", "created_by"), _TEXT),
    **dict.fromkeys(
        ("hint", "path", "export_job_id", "reason", "saved_to", "sha256", "status", "upload_id"), _TEXT_OR_NULL
    ),
    **dict.fromkeys(("start_time", "end_time", "since", "submitted_at", "token_expires"), _TIME),
    **dict.fromkeys(("duration_seconds", "elapsed_seconds", "token_remaining_seconds", "seconds"), _SECONDS),
    **dict.fromkeys(("verified", "adopted", "healthy"), _or_null(_FLAG)),
    **dict.fromkeys(("test_id", "change"), _TEXT),
    "kind": _words("export", "check"),
    **dict.fromkeys(("was", "is"), _or_null(_RESULT)),
    **dict.fromkeys(("in_a_row", "changes"), _COUNT),
    "action": _words("delete", "stay"),
    "bytes": _or_null(_COUNT),
    "counts": {"type": "object", "additionalProperties": _COUNT},
    "error": _or_null(_ERROR_FIELDS),
    "extra": _OBJECT,
    "found": _TEXT,
    "ignored_until": _or_null({"type": "string", "format": "date"}),
    "privileges": {"type": "object", "additionalProperties": _or_null(_FLAG)},
    **dict.fromkeys(("flapping", "ready"), _FLAG),
    "result": _RESULT,
    "results": _array(_TURN),
    **dict.fromkeys(("old", "new"), _COMPARED),
    **dict.fromkeys(("run_ids", "warnings"), _array(_TEXT)),
    "suites": _array(_SUITE),
    "value": {"type": ["string", "number", "boolean", "null", "array"]},
}


def _type_of(name: str) -> Schema:
    if name not in _TYPES:
        raise KeyError(f"the field {name} has no type: add it to _TYPES in hcexport/output/json_schema.py")
    return _TYPES[name]


def _record(kind: RecordType[Any], also: tuple[str, ...] = (), **other: Schema) -> Schema:
    """An object of these fields; ``also`` are fields that are there on request only, ``other`` types of its own."""
    fields = kind.fields if isinstance(kind, NestedFields) else kind
    names = [field.name for field in fields]
    properties = {name: other.get(name) or _type_of(name) for name in (*names, *also)}
    if isinstance(kind, NestedFields):
        properties[kind.name] = other.get(kind.name) or _array(_record(kind.row_fields))
        names.append(kind.name)
    return {"type": "object", "properties": properties, "required": names}


def _one_or_several(document: Schema) -> Schema:
    """The document, or an array with an object for each of several profiles: its status and the result or the error."""
    of_profile = {
        "type": "object",
        "properties": {**document["properties"], "profile": _TEXT, "exit_status": _COUNT, "error": _ERROR_FIELDS},
        "required": ["profile", "exit_status"],
    }
    return {"anyOf": [document, _array(of_profile)]}


_EXPORT = _record(EXPORT_FIELDS, job_id=_TEXT_OR_NULL)
_TEST = _record(DETAIL.row_fields, ("ignored_until",))
_CHECK = _record(DIAGNOSIS.row_fields, result=_words("ok", "warn", "fail", "skip"))
_DOCTOR = _record(DIAGNOSIS, checks=_array(_CHECK))
_RUN = _record(
    check_fields(DETAIL, exported=False),
    ("healthy", "export_job_id", "path", "bytes", "sha256", "verified"),
    job_id=_TEXT_OR_NULL,
    tests=_array(_TEST),
)
_STARTED = _record(STARTED_FIELDS, job_id=_TEXT_OR_NULL)
_DIFF = _record(
    comparison_fields(lambda found: found.tests, CHANGE_JSON_FIELDS, describe_report),
    tests=_array(_record(CHANGE_JSON_FIELDS, ("ignored_until",))),
)
_PATH: Schema = {"type": "object", "properties": {"path": _TEXT}, "required": ["path"]}

COMMANDS: Mapping[str, Schema] = {
    "status": {"anyOf": [_record(STATUS), _array(_record(STATUS_OR_ERROR))]},
    "list": _array(_record(REPORT_FIELDS, ("healthy", "profile"))),
    "show": _array(_record(DETAIL, ("healthy", "profile"), tests=_array(_TEST))),
    "export": _one_or_several(_EXPORT),
    "run": {"anyOf": [*_one_or_several(_RUN)["anyOf"], *_one_or_several(_STARTED)["anyOf"]]},
    "diff": _one_or_several(_DIFF),
    "history": _array(_record(TREND_JSON_FIELDS, ("profile",))),
    "wait": {"anyOf": [_array(_record(ENDED_FIELDS)), _EXPORT]},
    "download": _EXPORT,
    "jobs": _array(_record(JOB_FIELDS)),
    "delete": _array(_record(DELETION_FIELDS)),
    "doctor": _one_or_several(_DOCTOR),
    "config": {"anyOf": [_array(_record(ROW_FIELDS)), _record(ROW_FIELDS), _PATH]},
}


def schema_of(command: str) -> dict[str, Any]:
    """The schema of what a command prints on standard output."""
    return {**_head(command, f"hcexport {command} --format json"), **COMMANDS[command]}


def schema_of_all() -> dict[str, Any]:
    """One schema with the document of each command, and the error on standard error, under ``$defs``."""
    definitions = {**COMMANDS, "error": ERROR}
    places = [{"$ref": f"#/$defs/{name}"} for name in definitions]
    return {**_head("all", "hcexport --format json"), "anyOf": places, "$defs": definitions}


def _head(name: str, title: str) -> dict[str, Any]:
    return {"$schema": _DIALECT, "$id": f"urn:hcexport:schema:{VERSION}:{name}", "title": title, "$comment": _PROMISE}
