"""What is said besides the result: hints for the network, the next step, what stays, where a value comes from."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hcexport.sandbox import Sandbox


def on_terminal(hcexport: Any, *words: str, **env: str) -> tuple[int, str]:
    ended = hcexport.at_terminal(*words, env={"COLUMNS": "80", **env})
    return ended.status, ended.screen.replace("\r\n", "\n")


class TestNetwork:
    @pytest.mark.slow  # five attempts
    @pytest.mark.parametrize("url", ["https://no-such-host.invalid/x", "https://127.0.0.1:9/x"])
    def test_no_number_of_an_error_and_a_hint(
        self, hcexport_alone: Any, url: str, error_of: Callable[..., Any]
    ) -> None:
        words = ("list", "--url", url, "--timeout", "8s", "-F", "json")
        error = error_of(hcexport_alone(*words, env={"HCEXPORT_TOKEN": "abcdefgh"}), 6)
        assert "errno" not in error["message"]
        assert error["hint"]

    def test_http_where_https_is_typed(self, hcexport: Any, box: Sandbox, error_of: Callable[..., Any]) -> None:
        url = box.url.replace("http:", "https:")
        assert "http" in error_of(hcexport("list", "--url", url, "-F", "json"), 6)["hint"]


class TestConfiguration:
    def test_a_bundle_that_is_missing_names_where_it_is_named(self, hcexport_alone: Any) -> None:
        home = Path(hcexport_alone.env["HCEXPORT_HOME"])
        home.mkdir()
        (home / "config.toml").write_text('[profiles.a]\nurl = "https://127.0.0.1:9/x"\nca_bundle = "no.pem"\n')
        done = hcexport_alone("list", env={"HCEXPORT_TOKEN": "abcdefgh"})
        assert done.returncode == 78
        assert "config.toml:3" in done.stderr

    def test_a_table_that_is_called_profile(self, hcexport_alone: Any) -> None:
        home = Path(hcexport_alone.env["HCEXPORT_HOME"])
        home.mkdir()
        (home / "config.toml").write_text('profile = "a"\n\n[profile.a]\nurl = "https://127.0.0.1:9/x"\n')
        done = hcexport_alone("list")
        assert done.returncode == 78
        assert "[profiles.NAME]" in done.stderr
        assert len(re.findall(r"line \d|toml:\d", done.stderr)) == 1


class TestExport:
    def test_a_dry_run_checks_the_ids(self, hcexport: Any, box: Sandbox) -> None:
        done = hcexport("export", "--run-ids", f"{box.reports[0].id},nope", "--dry-run")
        assert (done.returncode, done.stdout) == (5, "")
        assert "nope" in done.stderr
        assert hcexport("export", "--run-ids", box.reports[0].id, "--dry-run").returncode == 0

    def test_what_was_unpacked_and_deleted_is_said(self, hcexport: Any) -> None:
        done = hcexport("export", "--latest", "1", "--out", "a.zip", "--extract", "q", "--cleanup")
        assert f"unpacked to {hcexport.cwd / 'q'}/" in done.stderr
        assert "deleted" in done.stderr

    def test_the_next_step_is_said_on_a_terminal(self, hcexport: Any) -> None:
        status, shown = on_terminal(hcexport, "export", "--latest", "1")
        job_id = shown.splitlines()[-1]
        assert status == 0
        assert f"hcexport wait {job_id} --out FILE" in shown

    def test_v_says_where_it_saves_and_the_log_has_the_end(self, hcexport: Any) -> None:
        done = hcexport("export", "--latest", "1", "--out", "a.zip", "-v", "--log-file", "log")
        assert f"saving to {hcexport.cwd / 'a.zip'}" in done.stderr
        assert "end: done" in (hcexport.cwd / "log").read_text().splitlines()[-1]
        assert hcexport("show", "nope", "--log-file", "log").returncode == 5
        assert "nope" in (hcexport.cwd / "log").read_text().splitlines()[-1]


def test_logout_says_what_signs_in_again(hcexport_alone: Any, box: Sandbox, tmp_path: Path) -> None:
    password = tmp_path / "pw"
    password.write_text(box.password)
    password.chmod(0o600)
    words = ("login", box.url, "-u", box.username, "--password-file", password, "--store", "file")
    assert hcexport_alone(*words).returncode == 0
    assert "password_file" in hcexport_alone("logout").stderr
    assert hcexport_alone("list", "--limit", "1").returncode == 0


def test_a_program_in_the_sandbox_knows_where_it_is(hcexport_alone: Any) -> None:
    assert hcexport_alone("sandbox", "--", "sh", "-c", "echo $HCEXPORT_SANDBOX").stdout == "1\n"


@pytest.mark.parametrize(("name", "formats"), [("list", "text, table, json, csv, ids"), ("export", "text, json")])
def test_a_help_names_the_formats_of_its_command(hcexport_alone: Any, name: str, formats: str) -> None:
    assert f"--format: {formats}\n" in hcexport_alone(name, "--help").stdout


def test_hints_are_folded_between_words_command_alone(hcexport_alone: Any) -> None:
    env = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    status, shown = on_terminal(hcexport_alone, "login", "http://127.0.0.1:9/enterprise", "-u", "administrator", **env)
    assert status == 78
    *prose, command = shown.splitlines()
    assert command.strip().startswith("hcexport login http://127.0.0.1:9/enterprise")
    assert all(len(line) <= 80 for line in prose)
    done = hcexport_alone("login", "http://127.0.0.1:9/enterprise", "-u", "administrator", env=env)
    assert len(done.stderr.splitlines()) == 2
