"""Building HTML that escapes by construction: every text is text, only what ``element`` made is markup."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from hcexport.output.sanitize import escape_controls

_WITHOUT_CONTENT = frozenset({"meta"})


class Markup(str):
    """HTML that is whole and harmless."""

    __slots__ = ()


Child = str | Iterable["Child"] | None


def text(value: str) -> Markup:
    """Text as markup: escaped, its control characters made visible."""
    return Markup(escape(escape_controls(value)))


def _join(children: Iterable[Child]) -> Markup:
    """Children one after the other; None is left out."""
    return Markup("".join(_markup(child) for child in children if child is not None))


def element(tag: str, /, *children: Child, **attributes: str | int | bool | None) -> Markup:
    """An element. In an attribute's name ``_`` stands for ``-``, at its end for nothing; None, False leave it out."""
    given = [_attribute(key, value) for key, value in attributes.items() if value is not None and value is not False]
    start = f"<{tag}{''.join(given)}>"
    return Markup(start if tag in _WITHOUT_CONTENT else f"{start}{_join(children)}</{tag}>")


def _attribute(key: str, value: str | int | bool) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(escape_controls(str(value)))}"'


def _markup(child: Child) -> str:
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return text(child)
    return _join(child or ())
