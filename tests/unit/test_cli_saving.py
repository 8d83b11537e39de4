"""The record of a file that was saved."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hcexport.cli.saving import export_record
from hcexport.output.records import EXPORT_FIELDS
from hcexport.transfer.download import Saved


def test_what_the_zip_lacks_is_in_the_record() -> None:
    app: Any = SimpleNamespace(elapsed_s=1.0)
    saved = Saved(Path("/x.zip"), 22, "ab", warnings=("the zip has no CSV of r2",))
    record = {field.name: field.value(export_record(app, saved)) for field in EXPORT_FIELDS}
    assert record["warnings"] == ("the zip has no CSV of r2",)
