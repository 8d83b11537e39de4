"""``hcexport schedule``: the values of now are handed over, and nothing is installed."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hcexport.cli.commands.schedule import find_timezone
from tests.support.process import Hcexport

RUN = ("--", "hcexport", "export", "--latest", "1")


def line_of(text: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if not line.startswith("#")]
    return shlex.split(line)


def test_what_is_set_now_is_handed_over_with_absolute_paths(hcexport_alone: Hcexport) -> None:
    env = {
        "HCEXPORT_HOME": "the home",
        "HCEXPORT_USERNAME": "health",
        "ARCGIS_ENTERPRISE_URL": "https://gis.example.com/enterprise/",
        "ARCGIS_ENTERPRISE_PASSWORD_FILE": "../password",
        "HCEXPORT_PROFILE": "prod",
    }
    done = hcexport_alone("schedule", "cron", "--at", "23:07", *RUN, "-F", "json", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# hcexport.crontab\n")
    words, cwd = line_of(done.stdout), hcexport_alone.cwd
    assert words[:8] == ["7", "23", "*", "*", "*", "cd", str(cwd), "&&"]
    assert words[8:12] == [
        f"HCEXPORT_HOME={cwd}/the home",
        "HCEXPORT_URL=https://gis.example.com/enterprise",
        "HCEXPORT_USERNAME=health",
        f"HCEXPORT_PASSWORD_FILE={cwd.parent}/password",
    ]
    assert words[12:] == [
        *(sys.executable, "-m", "hcexport", "export", "-p", "prod", "--quiet"),
        *("--latest", "1", "-F", "json", ">/dev/null"),
    ]
    assert not (cwd / "the home").exists()


def test_settings_left_out_are_named_and_no_secret_printed(hcexport_alone: Hcexport) -> None:
    done = hcexport_alone("schedule", "systemd", *RUN, env={"HCEXPORT_TOKEN": "s3cret-token", "HCEXPORT_URL": ""})
    assert done.returncode == 0
    assert "s3cret-token" not in done.stdout + done.stderr
    assert "HCEXPORT_TOKEN" in done.stderr
    assert re.findall(r"^# (\S+)$", done.stdout, re.MULTILINE) == ["hcexport.service", "hcexport.timer"]


def test_the_profile_that_was_typed_and_the_zone(hcexport_alone: Hcexport) -> None:
    words = ("-p", "eu-*", "schedule", "kubernetes", "--name", "eu", "--parts", "2", *RUN)
    done = hcexport_alone(*words, env={"TZ": ":Europe/Berlin", "HCEXPORT_PROFILE": "prod"})
    assert done.returncode == 0, done.stderr
    (job,) = [each for each in yaml.safe_load_all(done.stdout) if each["kind"] == "CronJob"]
    assert (job["metadata"]["name"], job["spec"]["timeZone"]) == ("eu", "Europe/Berlin")
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["args"][:5] == ["export", "-p", "eu-*", "--shard", "$(JOB_COMPLETION_INDEX)/2"]


@pytest.mark.parametrize(
    "words",
    [
        ["cron"],
        ["launchd", *RUN],
        ["cron", "--", "rm", "-r", "x"],
        ["cron", "--", "hcexport"],
        ["cron", "--", "hcexport", "export", "--name", "a\nb"],
        ["cron", "--at", "24:00", *RUN],
        ["cron", "--name", "a/b", *RUN],
        ["cron", "--parts", "2", *RUN],
        ["kubernetes", "--parts", "0", *RUN],
        ["kubernetes", "--name", "Nightly", *RUN],
        ["cron", "--url", "ftp://x", *RUN],
    ],
)
def test_refused(hcexport_alone: Hcexport, refused: Any, words: list[str]) -> None:
    refused(hcexport_alone("schedule", *words), 2)


class TestFilesOfProfiles:
    """What each profile of several needs to sign in reaches the pods."""

    @pytest.fixture
    def configured(self, hcexport_alone: Hcexport) -> Hcexport:
        home = Path(hcexport_alone.env["HCEXPORT_HOME"])
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text(
            '[defaults]\nca_bundle = "/etc/company.pem"\n'
            '[profiles.eu-a]\nurl = "https://a"\npassword_file = "/etc/hcexport/a b"\n'
            '[profiles.eu-b]\nurl = "https://b"\npassword_file = "/secret/eu-b"\n'
            '[profiles.eu-c]\nurl = "https://c"\n'
            '[profiles.test]\nurl = "https://t"\npassword_file = "/etc/hcexport/t"\n'
        )
        hcexport_alone.env["TZ"] = "UTC"
        return hcexport_alone

    @pytest.mark.parametrize(
        ("words", "files", "bare"),
        [
            (["-p", "eu-a", *RUN], {"/etc/company.pem", "/etc/hcexport/a b"}, set()),
            (["-p", "eu-*", "--parts", "2", *RUN], {"/etc/company.pem", "/etc/hcexport/a b"}, {"eu-c"}),
            ([*RUN, "-p", "test,eu-a"], {"/etc/company.pem", "/etc/hcexport/a b", "/etc/hcexport/t"}, set()),
            ([*RUN, "--profile=test"], {"/etc/company.pem", "/etc/hcexport/t"}, set()),
            ([*RUN, "-qptest"], {"/etc/company.pem", "/etc/hcexport/t"}, set()),
        ],
    )
    def test_they_are_mounted_where_they_stand(
        self, configured: Hcexport, words: list[str], files: set[str], bare: set[str]
    ) -> None:
        done = configured("schedule", "kubernetes", *words)
        assert done.returncode == 0, done.stderr
        (job,) = [each for each in yaml.safe_load_all(done.stdout) if each["kind"] == "CronJob"]
        (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        mounts = {
            m["mountPath"]: m["subPath"] for m in container["volumeMounts"] if m.get("subPath", "")[:5] == "file-"
        }
        assert mounts.keys() == files
        (command,) = re.findall(r"^#   (kubectl create secret .*)$", done.stdout, re.MULTILINE)
        words = [word for word in shlex.split(command) if word.startswith("--from-file=")]
        sources = dict(word.split("=", 2)[1:] for word in words)
        assert {path: sources[key] for path, key in mounts.items()} == {path: path for path in files}
        assert sources.get("eu-b") == ("FILE" if bare else None)  # in the pod's own folder of secrets
        told = re.findall(r"^#   hcexport config set -p (\S+) password_file FILE$", done.stdout, re.MULTILINE)
        assert set(told) == bare


class TestTimezone:
    @pytest.mark.parametrize(
        ("tz", "name"),
        [
            ("Europe/Berlin", "Europe/Berlin"),
            (":/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
            ("", "UTC"),
            ("CET-1CEST,M3.5.0,M10.5.0/3", None),
            ("/etc/passwd", None),
        ],
    )
    def test_tz(self, tz: str, name: str | None) -> None:
        assert find_timezone({"TZ": tz}) == name

    def test_the_machine(self, tmp_path: Path) -> None:
        assert find_timezone({}, tmp_path) == "UTC"
        etc, zone = tmp_path / "etc", tmp_path / "usr/share/zoneinfo/Europe/Paris"
        etc.mkdir()
        zone.parent.mkdir(parents=True)
        zone.touch()
        (etc / "localtime").symlink_to(zone)
        assert find_timezone({}, tmp_path) == "Europe/Paris"
        (etc / "localtime").unlink()
        (etc / "localtime").touch()
        assert find_timezone({}, tmp_path) is None
        (etc / "timezone").write_text("America/New_York\n")
        assert find_timezone({}, tmp_path) == "America/New_York"
