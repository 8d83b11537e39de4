"""Upload items: where the server leaves what an export made."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from hcexport.sandbox.wire import Json
from hcexport.sandbox.world.archive import Archive

CONTENT_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class Item:
    """An upload item; ``date`` is in epoch milliseconds."""

    name: str
    date: int
    archive: Archive
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def resource(self) -> Json:
        """Describe the item with the documented keys."""
        return {
            "itemID": self.id,
            "description": "",
            "itemName": self.name,
            "date": self.date,
            "committed": True,
            "contentType": CONTENT_TYPE,
        }


class Uploads:
    """The upload items of an organization; one is there once the job that makes it has completed."""

    def __init__(self, completed: Callable[[str], bool]) -> None:
        self._completed = completed
        self._kept: dict[str, tuple[Item, str]] = {}
        self._lock = threading.Lock()

    def add(self, item: Item, job_id: str) -> None:
        """Keep what a job will leave."""
        with self._lock:
            self._kept[item.id] = item, job_id

    def all(self) -> list[Item]:
        """List the items that are there."""
        with self._lock:
            return [item for item, job_id in self._kept.values() if self._completed(job_id)]

    def get(self, item_id: str) -> Item | None:
        """Find an item that is there."""
        return next((item for item in self.all() if item.id == item_id), None)

    def delete(self, item_id: str) -> None:
        """Remove an item."""
        with self._lock:
            self._kept.pop(item_id, None)
