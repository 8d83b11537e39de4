"""The ways to misbehave."""

from collections.abc import Mapping
from types import MappingProxyType

SCENARIOS: Mapping[str, str] = MappingProxyType({"normal": "everything works"})
