"""The repository explains itself: it points to no document outside, and names that were given up do not return."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "hcexport"
PLACES = ("hcexport", "tests", "man", "completions", ".ci", "README.md", "CHANGELOG.md", "pyproject.toml")
DOCUMENTS = ("contract", "faults", "design", "style", "house", "research", "findings", "remote-api")
NUMBERED = ("contract", "promise", "promises")
ELSEWHERE = re.compile(
    rf"\b({'|'.join(DOCUMENTS)})\.md\b|\b({'|'.join(NUMBERED)}) ?\d|\({DOCUMENTS[0]}\b|\b{DOCUMENTS[0]}:", re.IGNORECASE
)

# Names that did not tell what they stand for, or that stood for two things.
FILES = """
    reading.py views/__init__.py cli/talk.py cli/candidates.py cli/shells.py cli/manual.py cli/manual_text.py
    output/faces.py output/steps.py output/quantities.py output/text.py
    store/accounts.py store/sessions.py store/children.py store/recent.py store/private_files.py store/locks.py
    api/wire.py api/answers.py api/product.py transfer/source.py transfer/leftovers.py transfer/parts.py
    transfer/follower.py transfer/archive.py transfer/members.py transfer/extraction.py transfer/names.py
    transfer/polling.py transfer/retry.py sandbox/box.py sandbox/call.py sandbox/gate.py
"""
CLASSES = """
    Talk Line Waiting Transfer Nested output/fields.py:Value Kind Way SignIn Proof Recent Seen Wire Answer Offer Note
    Follower Patience Trouble Origin Reader Call Vault
"""
FUNCTIONS = """
    stored_way password_way overdue_way run_for_secret read_answer is_fine _is_fine explained
    refused_by_front _refused_by_front claim sweep transfer/part_file.py:fresh transfer/part_file.py:leave
    harmless fill numbered transfer/destination.py:settle cli/saving.py:settle settle_folder last_segment resumable
    _accounted_for command_to_go_on taken_from cli/selection.py:listed cli/selection.py:of taken
    output/sanitize.py:clean output/sanitize.py:cell twists behaviours refusals troubles shelf
    _kept _asked _joined _merged _drawn _shown _said _said_by _named _ended _checked _inflated _folded _numbered
    _vanished
"""


def text_files() -> Iterator[Path]:
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*")) if (ROOT / place).is_dir() else [ROOT / place]:
            if path.is_file() and "__pycache__" not in path.parts and path != Path(__file__):
                yield path


def definitions(kind: type[ast.AST], names: set[str]) -> Iterator[str]:
    """Where classes or functions of these names stand, or of these files and names; a property may be a participle."""
    for path in sorted(PACKAGE.rglob("*.py")):
        file = str(path.relative_to(PACKAGE))
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ClassDef | ast.FunctionDef) or not isinstance(node, kind):
                continue
            if {node.name, f"{file}:{node.name}"} & names and not _is_property(node):
                yield f"{file}:{node.lineno} {node.name}"


def _is_property(node: ast.ClassDef | ast.FunctionDef) -> bool:
    return any(ast.unparse(each).endswith("property") for each in node.decorator_list)


def test_no_file_points_to_a_document_outside() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()}"
        for path in text_files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if ELSEWHERE.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        *(f"{name}.md says" for name in DOCUMENTS),
        *(f"see {name} 9" for name in NUMBERED),
        f"({DOCUMENTS[0]})",
        f"the {DOCUMENTS[0]}: a file",
    ],
)
def test_a_pointer_is_found(line: str) -> None:
    assert ELSEWHERE.search(line)


def test_no_file_has_a_name_that_was_given_up() -> None:
    assert [name for name in FILES.split() if (PACKAGE / name).exists()] == []


@pytest.mark.parametrize(
    ("kind", "names"), [(ast.ClassDef, CLASSES), (ast.FunctionDef, FUNCTIONS)], ids=["classes", "functions"]
)
def test_no_definition_has_a_name_that_was_given_up(kind: type[ast.AST], names: str) -> None:
    found = list(definitions(kind, set(names.split())))
    assert not found, "\n".join(found)
