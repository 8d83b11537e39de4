"""What has changed since the last run: failing tests, the age of the reports, whether hcexport itself worked."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from hcexport.errors import BY_SIGNAL

_WORKED = {0, 10}  # a report that is not healthy is no failure of hcexport


class Event(StrEnum):
    """What changed, the worst first: the order in which several events of a run are named."""

    ERROR = "error"
    BROKE = "broke"
    STALE = "stale"
    WORKS = "works"
    RECOVERED = "recovered"
    FRESH = "fresh"


@dataclass(frozen=True)
class Facts:
    """What a run came to.

    ``failing`` are the ids of the tests that count as failing in the newest report that has them; a report that says
    failed while none of its tests does is the id ``""``. It is None where the run could not judge. ``tests`` are the
    ids of all tests that were looked at, None where everything was: the state of a test that was not looked at stays.
    ``stale`` is None where no age was asked for or known.
    """

    status: int
    failing: frozenset[str] | None = None
    tests: frozenset[str] | None = None
    stale: bool | None = None


@dataclass(frozen=True)
class State:
    """What the user was told, and what fails since; the first run starts from an empty state.

    ``broken`` are the tests that were reported as broken since all was well. It keeps those that pass again while
    others fail, because a test that flaps in an outage would else be reported each night. ``failing`` are the tests
    that fail now. ``errors`` are the exit statuses that were reported since hcexport last worked.
    """

    broken: frozenset[str] = frozenset()
    failing: frozenset[str] = frozenset()
    errors: frozenset[int] = frozenset()
    stale: bool = False

    def to_json(self) -> str:
        """The state as one line of text for a database."""
        return json.dumps(asdict(self), default=sorted)

    @classmethod
    def from_json(cls, text: str | None) -> State:
        """Read a state; the empty one for no text or nonsense, because then what is bad is said again."""
        try:
            kept = json.loads(text or "{}")
            broken, failing = (frozenset(map(str, kept.get(name, ()))) for name in ("broken", "failing"))
            return cls(broken, failing, frozenset(map(int, kept.get("errors", ()))), kept.get("stale") is True)
        except (ValueError, TypeError, AttributeError, RecursionError):
            return cls()


def find_changes(previous: State, facts: Facts) -> tuple[tuple[Event, ...], State]:
    """The events of a run, the worst first, and the state to keep once the user was told of them.

    A run that a signal ended says nothing about the organization and changes nothing.
    """
    if facts.status > BY_SIGNAL:
        return (), previous
    failing = _failing(previous, facts)
    errors = frozenset() if facts.status in _WORKED else previous.errors | {facts.status}
    stale = previous.stale if facts.stale is None else facts.stale
    happened = {
        Event.ERROR: bool(errors - previous.errors),
        Event.BROKE: bool(failing - previous.broken),
        Event.STALE: stale and not previous.stale,
        Event.WORKS: bool(previous.errors) and not errors,
        Event.RECOVERED: bool(previous.broken) and not failing,
        Event.FRESH: previous.stale and not stale,
    }
    state = State(previous.broken | failing if failing else frozenset(), failing, errors, stale)
    return tuple(event for event in Event if happened[event]), state


def _failing(previous: State, facts: Facts) -> frozenset[str]:
    """The tests that fail now, as far as is known."""
    if facts.failing is None:
        return previous.failing
    return facts.failing if facts.tests is None else facts.failing | (previous.failing - facts.tests - {""})
