"""The rows of ``status`` and ``config list``: every setting with its origin."""

from __future__ import annotations

import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

from hcexport.cli.app import App
from hcexport.organization import Organization
from hcexport.output.fields import Cell
from hcexport.output.records import Row
from hcexport.redaction import MASK, redact
from hcexport.store.settings import type_value
from hcexport.times import type_duration

_SECRET = {"ping"}  # who knows the address can report in our name


def setting_rows(app: App) -> list[Row]:
    """Return every setting with its origin; durations as they are typed, and in seconds for programs."""
    is_text = app.common.format in {"text", "table"}
    return [
        Row(name, MASK if each.value and name in _SECRET else _cell(each.value, is_text=is_text), each.origin)
        for name, each in app.settings.values()
    ]


def _cell(value: Any, *, is_text: bool) -> Cell:
    match value:
        case float():
            return type_duration(value) if is_text else timedelta(seconds=value)
        case Organization():
            return value.url
        case None | Path():
            return value
        case tuple():
            return redact(type_value(value)) or None
        case list():
            return redact(shlex.join(value))
        case _:
            return redact(str(value))
