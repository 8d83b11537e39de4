"""``hcexport schema``: what the commands print is what it says, and every command that prints JSON is in it."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator

from hcexport.cli import root
from hcexport.output.json_schema import COMMANDS
from hcexport.sandbox import Sandbox
from tests.support.json_documents import require_valid_output
from tests.support.process import Hcexport

CTX = click.Context(root, info_name="hcexport")


def printed(hcexport: Hcexport, *words: str) -> Any:
    done = hcexport("schema", *words)
    assert (done.returncode, done.stderr) == (0, "")
    schema = json.loads(done.stdout)
    Draft202012Validator.check_schema(schema)
    return schema


def formats_of(name: str) -> list[str]:
    command = root.get_command(CTX, name)
    assert command is not None
    (option,) = [each for each in command.params if each.name == "format"]
    return list(option.type.choices)  # type: ignore[attr-defined] # that of click.Choice


def test_every_command_that_prints_json_has_a_schema() -> None:
    names = {name for name in root.list_commands(CTX) if "json" in formats_of(name)}
    assert names - {"schema"} == set(COMMANDS)


def test_one_schema_has_them_all(hcexport_alone: Hcexport) -> None:
    whole = printed(hcexport_alone)
    assert set(whole["$defs"]) == {*COMMANDS, "error"}
    for name in COMMANDS:
        one = printed(hcexport_alone, name)
        assert one["$schema"] == whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert {key: one[key] for key in COMMANDS[name]} == whole["$defs"][name]


@pytest.mark.parametrize("words", [["nosuch"], ["sandbox"], ["list", "show"]])
def test_refused(hcexport_alone: Hcexport, refused: Any, words: list[str]) -> None:
    refused(hcexport_alone("schema", *words), 2)


SETTLED = [
    ("status",),
    ("list", "--all"),
    ("list", "--latest", "2", "--fail-on", "warning"),
    ("list", "--latest", "1", "--result", "passed", "--fail-on", "failed"),
    ("show", "--latest", "3"),
    ("show", "--result", "failed", "--latest", "2", "--fail-on", "failed", "--ignore", "*:2099-12-31"),
    ("diff",),
    ("diff", "--against", "passed", "--all-tests", "--fail-on", "failed", "--ignore", "*:2099-12-31"),
    ("history", "--latest", "9"),
    ("history", "HC_112_013"),
    ("run", "--no-wait"),
    ("run", "--fail-on", "failed", "--ignore", "*:2099-12-31"),
    ("run", "--out", "r.zip"),
    ("export", "--latest", "1", "--dry-run"),
    ("export", "--latest", "1"),
    ("export", "--latest", "1", "--out", "x.zip"),
    ("wait", "JOB"),
    ("wait", "JOB", "--out", "y.zip"),
    ("download", "JOB", "--out", "z.zip"),
    ("run",),
    ("run", "--no-wait"),
    ("run", "--fail-on", "failed", "--out", "run.zip"),
    ("diff",),
    ("diff", "--all-tests", "--fail-on", "failed", "--ignore", "*:2099-12-31"),
    ("history",),
    ("jobs",),
    ("jobs", "--server"),
    ("delete", "--until", "60d", "--unsaved", "--yes"),
    ("doctor",),
    ("doctor", "--offline"),
    ("config", "list"),
    ("config", "get", "url"),
    ("config", "path"),
]


def test_what_is_printed_is_valid(hcexport: Hcexport, box: Sandbox) -> None:
    """The runner of the tests refuses fields that the schema does not name, though the schema itself does not."""
    job_id = hcexport("export", "--latest", "2").stdout.strip()
    for words in SETTLED:
        done = hcexport(*(job_id if word == "JOB" else word for word in words), "-F", "json")
        assert done.returncode in {0, 10}, (words, done.stderr)


def test_status_of_all_profiles(hcexport_alone: Hcexport, box: Sandbox) -> None:
    password = hcexport_alone.cwd / "password"
    password.write_text(box.password)
    password.chmod(0o600)
    words = ("login", box.url, "-u", box.username, "--password-file", str(password), "--store", "file")
    assert hcexport_alone(*words).returncode == 0
    hcexport_alone("config", "set", "-p", "gone", "url", "http://127.0.0.1:9/x")
    done = hcexport_alone("status", "--all", "-F", "json")
    document = json.loads(done.stdout)
    assert any(each["error"] for each in document)
    for several in ("list --all", "show", "export --latest 1 --wait", "run", "diff", "history", "jobs", "doctor"):
        words = several.split()
        done = hcexport_alone(*words, "-p", "*", "-F", "json")
        assert done.returncode == (0 if several == "jobs" else 8), (several, done.stderr)  # no job to ask for is left
        assert isinstance(json.loads(done.stdout), list)


@pytest.mark.parametrize(
    "words",
    [("show", "nosuchreport"), ("list", "--since", "never"), ("doctor", "--url", "http://127.0.0.1:9/x"), ("config",)],
)
def test_errors_are_valid(hcexport: Hcexport, words: tuple[str, ...]) -> None:
    done = hcexport(*words, "-F", "json")
    assert done.returncode
    assert json.loads(done.stderr.splitlines()[-1])["error"]


@pytest.mark.parametrize("form", ["-Fjson", "-qFjson", "-F json", "--format json", "--format=json"])
def test_every_run_of_the_tests_is_held_to_the_schema(form: str) -> None:
    """The runner of the tests notices a field that no schema names, in a document and in an error."""
    row = dict.fromkeys(COMMANDS["config"]["anyOf"][1]["required"], "")
    argv = ["hcexport", "config", "list", *form.split()]
    for stdout in (json.dumps([row]), json.dumps([row])[:-1], ""):
        require_valid_output(argv, stdout, "")
    for stdout, stderr in ((json.dumps([{**row, "more": 1}]), ""), ("", 'a notice\n{"error": {"code": "nosuch"}}')):
        with pytest.raises(AssertionError):
            require_valid_output(argv, stdout, stderr)
        require_valid_output(["hcexport", "config", "list", "-F", "text"], stdout, stderr)
