"""A hint is a command to paste: each is taken out of its error and run, and must be a command that works as typed.

Words in capitals stand for what only the user knows, and are filled in by the test.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from hcexport.sandbox import Sandbox

LOGIN = ["login", "{url}", "-u", "{user}", "--password-stdin", "--store", "file"]
PROFILES = """\
version = 1
[profiles.prod]
url = "{url}"
username = "{user}"
store = "file"
[profiles.test]
url = "https://test.example.com/arcgis"
"""

# The command, what stands for the capitals of its hint, and the status of the hint's command.
WITHOUT_A_SIGN_IN = [
    (["list"], {}, 0),
    (["status"], {}, 0),
    (["list", "-p", "prdo"], {}, None),
    (["list", "-p", "nothing"], {"URL": "{url}"}, 0),
    (["list", "--url", "{url}"], {}, 0),
    (["config", "set"], {"NAME": "timeout", "VALUE": "1h"}, 0),
    (["config", "get", "out"], {"VALUE": "a.zip"}, 0),
    (["config", "use", "nothing"], {"URL": "{url}"}, 0),
]
SIGNED_IN = [
    (["list", "--name", "no-such-name"], {}, 0),
    (["list", "--json"], {}, 0),
    (["list", "--no-such-option"], {}, 0),
    (["wait", "nosuch"], {}, 0),
    (["wait"], {}, 0),
    (["download", "nosuch"], {}, 0),
    (["export", "--run-ids", "nosuch", "--dry-run"], {}, 0),
    (["export", "--latest", "1", "--out", "no-such-folder/a.zip"], {}, None),
    (["export", "--latest", "1", "--timeout", "0.5s", "--out", "late.zip"], {}, 0),
]


def command_of(stderr: str) -> list[str] | None:
    """The words of the command that the hint ends with; None for a hint without a command of ours."""
    hint = stderr.splitlines()[-1]
    assert hint.startswith("hint: "), stderr
    found = re.search(r"hcexport (?!\S*:)[a-z]+( .*)?$", hint)
    return shlex.split(found[0])[1:] if found else None


def run_hint(hcexport: Any, stderr: str, values: dict[str, str], box: Sandbox) -> int | None:
    words = command_of(stderr)
    if words is None:
        return None
    typed = [values.get(word, word).format(url=box.url, user=box.username) for word in words]
    if typed[0] == "login":
        typed += [] if "--password-stdin" in typed else ["-u", box.username, "--password-stdin", "--store", "file"]
    return int(hcexport(*typed, stdin=box.password).returncode)


@pytest.mark.parametrize(("words", "values", "status"), WITHOUT_A_SIGN_IN)
def test_where_nobody_is_signed_in(
    hcexport_alone: Any, box: Sandbox, words: list[str], values: dict[str, str], status: int | None
) -> None:
    if "prod" not in words[1:] and words[:1] != ["status"]:
        home = Path(hcexport_alone.env["HCEXPORT_HOME"])
        home.mkdir()
        home.joinpath("config.toml").write_text('profile = "prod"\n' + PROFILES.format(url=box.url, user=box.username))
    done = hcexport_alone(*[word.format(url=box.url) for word in words])
    assert done.returncode not in {0, 1}
    values = {"URL": box.url, **values}
    assert run_hint(hcexport_alone, done.stderr, values, box) == status


@pytest.mark.parametrize(("words", "values", "status"), SIGNED_IN)
def test_where_somebody_is(
    hcexport: Any, box: Sandbox, words: list[str], values: dict[str, str], status: int | None
) -> None:
    if "--timeout" in words:
        box.stop()
        box = Sandbox(job_seconds=2)
        box.start()
        hcexport.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
    done = hcexport(*words)
    assert done.returncode not in {0, 1}
    assert run_hint(hcexport, done.stderr, values, box) == status
    if "--timeout" in words:
        assert Path(hcexport.cwd, "late.zip").exists()
        box.stop()


def test_after_a_damaged_zip_and_after_a_name_that_is_taken(hcexport_alone: Any) -> None:
    with Sandbox(job_seconds=0.3) as box:
        hcexport_alone.env.update(HCEXPORT_URL=box.url, HCEXPORT_TOKEN=box.new_token())
        job_id = hcexport_alone("export", "--latest", "1").stdout.strip()
        Path(hcexport_alone.cwd, "a.zip").touch()
        done = hcexport_alone("wait", job_id, "--out", "a.zip")
        assert done.returncode == 73
        assert command_of(done.stderr) is None or run_hint(hcexport_alone, done.stderr, {}, box) == 0


def test_after_an_expired_sign_in(hcexport_alone: Any, box: Sandbox) -> None:
    words = [word.format(url=box.url, user=box.username) for word in LOGIN]
    assert hcexport_alone(*words, stdin=box.password).returncode == 0
    box.revoke_all_tokens()
    done = hcexport_alone("list")
    assert done.returncode == 4
    assert run_hint(hcexport_alone, done.stderr, {}, box) == 0
    assert hcexport_alone("list", "--limit", "1").returncode == 0
