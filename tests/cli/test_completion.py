"""Completion without a shell: what a script is answered, from where, and what it must never do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hcexport.cli.completion_scripts import SHELLS, script
from hcexport.cli.completion_values import FRESH_S, SERVER_LIMIT_S
from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

KEPT = Path(__file__).parents[2] / "completions"
FILES = {"bash": "hcexport.bash", "zsh": "_hcexport", "fish": "hcexport.fish"}


def tab(hcexport: Hcexport, line: str, shell: str = "zsh", **env: str) -> list[tuple[str, str]]:
    """Value and words of each candidate; nothing but them is written anywhere."""
    done = hcexport(env={"_HCEXPORT_COMPLETE": shell, "_HCEXPORT_LINE": line, **env})
    assert done.stderr == ""
    lines = [line.split("\t") for line in done.stdout.splitlines() if line]
    assert all(len(fields) == 3 and fields[0] in {"plain", "file"} for fields in lines)
    return [(value, words) for _, value, words in lines]


def values(hcexport: Hcexport, line: str, shell: str = "zsh", **env: str) -> list[str]:
    return [value for value, _ in tab(hcexport, line, shell, **env)]


@pytest.fixture
def home(hcexport: Hcexport) -> Path:
    return Path(hcexport.env["HCEXPORT_HOME"])


@pytest.mark.parametrize("shell", SHELLS)
def test_the_kept_scripts_are_what_the_command_prints(shell: str, hcexport_alone: Hcexport) -> None:
    kept = (KEPT / FILES[shell]).read_text()
    assert kept == script(shell)
    assert hcexport_alone("completion", shell).stdout == kept


def test_an_unknown_shell_is_a_usage_error(hcexport_alone: Hcexport) -> None:
    assert hcexport_alone("completion", "tcsh").returncode == 2


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hcexport exp", ["export"]),
        ("VAR=1 hcexport exp", ["export"]),
        ("hcexport exprt --ver", ["--version", "--verbose"]),
        ("hcexport -p a --format json expo", ["export"]),
        ("hcexport help expo", ["export"]),
        ("hcexport --color ", ["auto", "always", "never"]),
        ("hcexport export --clea", ["--cleanup"]),
        ("hcexport list --result ", ["passed", "failed", "warning", "unknown"]),
        ("hcexport list --result=p", ["--result=passed"]),
        ("hcexport completion z", ["zsh"]),
        ("hcexport show 'no such id", []),
        ("hcexport sandbox --scenario slow -- hcexport expo", ["export"]),
        ("hcexport schedule cron -- /usr/bin/hcexport -p a list --result=p", ["--result=passed"]),
        ("hcexport sandbox -- ls expo", []),
    ],
)
def test_commands_options_and_choices(hcexport: Hcexport, line: str, expected: list[str]) -> None:
    assert values(hcexport, line)[-4:] == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hcexport config set if_", ["if_exists"]),
        ("hcexport config get ca", ["ca_bundle"]),
        ("hcexport config set store ", ["keyring", "file"]),
        ("hcexport config set profile ", ["prod", "test"]),
        ("hcexport config use ", ["prod", "test"]),
        ("hcexport config rename pr", ["prod"]),
        ("hcexport config path ", []),
    ],
)
def test_settings_their_values_and_profiles_of_config(
    hcexport: Hcexport, home: Path, line: str, expected: list[str]
) -> None:
    home.mkdir(exist_ok=True)
    address = "https://gis.example.com/x"
    (home / "config.toml").write_text("".join(f'[profiles.{name}]\nurl = "{address}"\n' for name in ("prod", "test")))
    assert values(hcexport, line) == expected


def test_bash_gets_the_value_alone_after_an_equals_sign(hcexport: Hcexport) -> None:
    assert values(hcexport, "hcexport list --result=p", "bash") == ["passed"]


def test_report_ids_come_with_name_date_and_result_newest_first(hcexport: Hcexport, box: Sandbox) -> None:
    found = tab(hcexport, "hcexport show ")
    assert [value for value, _ in found] == [report.id for report in box.reports]
    assert all(
        report.name in words for report, (_, words) in zip(box.reports, found, strict=True) if report.name.isascii()
    )


def test_after_a_comma_other_ids_are_offered(hcexport: Hcexport, box: Sandbox) -> None:
    first, second = (report.id for report in box.reports[:2])
    assert values(hcexport, f"hcexport export --run-ids {first},{second[:6]}") == [f"{first},{second}"]
    assert first not in values(hcexport, f"hcexport show {first} ")


def test_ids_from_list_are_offered_without_asking_the_server(hcexport: Hcexport, box: Sandbox) -> None:
    newest = hcexport("list", "--latest", "1", "--format", "ids").stdout.strip()
    asked = box.served
    assert values(hcexport, "hcexport show ") == [newest]
    assert box.served == asked


def test_old_ids_are_refreshed_and_better_than_nothing(hcexport: Hcexport, box: Sandbox, home: Path) -> None:
    newest = hcexport("list", "--latest", "1", "--format", "ids").stdout.strip()
    [cache] = (home / "cache").glob("reports-*")
    old = time.time() - FRESH_S - 1
    os.utime(cache, (old, old))
    assert values(hcexport, "hcexport show ", HCEXPORT_TOKEN="not-a-token-that-is-taken") == [newest]
    assert len(values(hcexport, "hcexport show ")) == len(box.reports)


def test_the_cache_is_for_its_owner_only_and_may_be_broken(hcexport: Hcexport, box: Sandbox, home: Path) -> None:
    hcexport("list", "--latest", "1")
    [cache] = (home / "cache").glob("reports-*")
    assert cache.stat().st_mode & 0o777 == 0o600
    cache.write_text(json.dumps([["x"], {}]))
    assert values(hcexport, "hcexport show ") == []
    assert hcexport("list", "--latest", "1").returncode == 0
    assert len(values(hcexport, "hcexport show ")) == 1


def test_ids_that_a_shell_would_read_as_more_are_not_offered(hcexport: Hcexport, home: Path) -> None:
    hcexport("list", "--latest", "1")
    [cache] = (home / "cache").glob("reports-*")
    rows = [
        ["good", "a\u202eb\x1b[31m\tc", 2.0],
        ["$(reboot)", "", 1.0],
        ["a b", "", 0.0],
        ["*", "", 0.0],
        ["-x", "", 0.0],
    ]
    cache.write_text(json.dumps(rows))
    [(value, words)] = tab(hcexport, "hcexport show ")
    assert value == "good"
    assert words.isascii()
    assert words.isprintable()


def test_jobs_of_the_ledger_and_of_the_server_are_offered(hcexport: Hcexport) -> None:
    job = hcexport("export", "--latest", "1").stdout.strip()
    assert values(hcexport, "hcexport wait ") == [job]
    ledger = Path(hcexport.env["HCEXPORT_HOME"]) / "ledger.db"
    ledger.unlink()
    assert hcexport("jobs", "--server").returncode == 0
    assert values(hcexport, "hcexport download ") == [job]


def test_profiles_come_with_their_address(hcexport_alone: Hcexport) -> None:
    home = Path(hcexport_alone.env["HCEXPORT_HOME"])
    home.mkdir()
    (home / "config.toml").write_text('[profiles.prod]\nurl = "https://gis.example.com/a"\n[profiles."x; y"]\n')
    assert tab(hcexport_alone, "hcexport list -p ") == [("prod", "https://gis.example.com/a")]


def test_a_silent_server_is_waited_for_no_longer_than_said(hcexport_alone: Hcexport) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/x"
        start = time.monotonic()
        assert values(hcexport_alone, "hcexport show ", HCEXPORT_URL=url, HCEXPORT_TOKEN="t0ken") == []
        assert time.monotonic() - start < SERVER_LIMIT_S + 5  # the start of Python on a busy machine
        mute.settimeout(0)
        mute.accept()[0].close()
        assert values(hcexport_alone, "hcexport show ", HCEXPORT_URL=url, HCEXPORT_TOKEN="t0ken") == []
        with pytest.raises(BlockingIOError):  # the next TAB does not wait again
            mute.accept()


def test_without_a_token_no_keyring_and_no_server_is_asked(
    hcexport_alone: Hcexport, box: Sandbox, tmp_path: Path
) -> None:
    """A profile with a token in the keyring: a TAB that imported keyring, or ran the password command, would tell."""
    home = Path(hcexport_alone.env["HCEXPORT_HOME"])
    home.mkdir()
    told = tmp_path / "told"
    (home / "config.toml").write_text(
        f'[profiles.a]\nurl = "{box.url}"\nusername = "administrator"\nstore = "keyring"\n'
        f'password_command = "touch {told}"\n'
    )
    spy = tmp_path / "spy"
    spy.mkdir()
    (spy / "keyring.py").write_text(f"open({str(told)!r}, 'w')")
    assert values(hcexport_alone, "hcexport show ", PYTHONPATH=f"{spy}:{Path(__file__).parents[2]}") == []
    assert not told.exists()
    assert box.served == 0


def test_warnings_are_kept_for_a_command_that_is_run(hcexport: Hcexport, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("[defaults]\ntimeuot = 3\n")
    assert "timeuot" in hcexport("list").stderr
    assert values(hcexport, "hcexport list --insecure --name x -p ") == []
    assert values(hcexport, "hcexport show --insecure ") != []


@pytest.mark.parametrize(
    ("line", "not_needed"),
    [
        (
            "hcexport ",
            {"httpx", "rich", "keyring", "tomllib", "pathlib", "hcexport.cli.commands.export", "hcexport.cli.app"},
        ),
        ("hcexport show ", {"rich", "keyring", "pygments"}),
    ],
)
def test_a_tab_loads_what_it_needs(line: str, not_needed: set[str], hcexport: Hcexport) -> None:
    """Not even where it asks the server: httpx loads rich for a command line of its own, unless it is kept from it."""
    code = """import sys
from hcexport.cli import root
from hcexport.cli.completion_scripts import answer
answer("bash", root)
print(*sys.modules)"""
    env = {**hcexport.env, "_HCEXPORT_LINE": line, "PYTHONPATH": str(KEPT.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    *candidates, loaded = done.stdout.splitlines()
    assert len(candidates) > 5
    assert not set(loaded.split()) & not_needed
