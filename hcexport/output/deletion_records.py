"""What ``delete`` prints: of each report whether it is deleted or stays, and why."""

from __future__ import annotations

from hcexport.health.retention import Decision
from hcexport.output.fields import Field, Fields

DELETION_FIELDS: Fields[Decision] = (
    Field("action", "ACTION", lambda decision: decision.action),
    Field("id", "ID", lambda decision: decision.report.id),
    Field("result", "RESULT", lambda decision: decision.report.result),
    Field("start_time", "STARTED", lambda decision: decision.report.start_time),
    Field("name", "NAME", lambda decision: decision.report.name, from_width=100),
    Field("reason", "REASON", lambda decision: decision.reason or None),
)
