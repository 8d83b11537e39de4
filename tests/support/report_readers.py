"""What reads report files in tests: HTML as a browser nests it, JUnit XML as Jenkins' schema allows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from xml.etree import ElementTree
from xml.etree.ElementTree import Element


class Page(HTMLParser):
    """What a page has: its elements with their attributes, and its text; every element must be closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


# Of the schema with which Jenkins' xUnit plugin checks a file (junit-10.xsd) what we write: for each element the
# attributes that it must have and those that it may have, and the elements that may stand in it.
_TEXT_ATTRIBUTES = ((), ("message", "type"), ())
_JENKINS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "testsuites": ((), ("name", "time", "tests", "failures", "errors"), ("testsuite",)),
    "testsuite": (
        ("name", "tests", "failures", "errors"),
        ("group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"),
        ("testsuite", "properties", "testcase", "system-out", "system-err"),
    ),
    "properties": ((), (), ("property",)),
    "property": (("name", "value"), (), ()),
    "testcase": (
        ("name",),
        ("time", "classname", "group"),
        ("skipped", "error", "failure", "system-out", "system-err"),
    ),
    **dict.fromkeys(("skipped", "error", "failure"), _TEXT_ATTRIBUTES),
}
_HOLD_TEXT = {"skipped", "error", "failure"}
_TIME = re.compile(r"[0-9]+(\.[0-9]{0,3})?")


def junit_faults(text: str) -> list[str]:
    """What Jenkins would refuse in a JUnit file; nothing where it is as it should be."""
    root = ElementTree.fromstring(text)
    return [*_faults(root)] if root.tag == "testsuites" else [f"the root is {root.tag}"]


def _faults(element: Element) -> Iterator[str]:
    required, optional, children = _JENKINS[element.tag]
    yield from (f"{element.tag} has no {name}" for name in required if name not in element.attrib)
    yield from (f"{element.tag} has {name}" for name in element.attrib if name not in {*required, *optional})
    if element.tag not in _HOLD_TEXT and (element.text or "").strip():
        yield f"{element.tag} holds text"
    if element.tag.startswith("testsuite") and not _TIME.fullmatch(element.get("time", "0")):
        yield f"{element.tag} has the time {element.get('time')}"
    for child in element:
        if child.tag in children:
            yield from _faults(child)
        else:
            yield f"{element.tag} holds {child.tag}"
