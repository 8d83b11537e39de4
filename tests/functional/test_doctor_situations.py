"""A machine with each thing broken: what doctor says of it, what to type, and that export ends with the same status."""

from __future__ import annotations

import datetime
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from hcexport.sandbox import Sandbox
from tests.faults.process import SMALL
from tests.support.process import Hcexport
from tests.support.server import Line, Server

Env = dict[str, str]
CLOSED = "http://127.0.0.1:9/x"
DAY = datetime.timedelta(days=1)


@dataclass
class Machine:
    """What a situation may break: the folders, and an organization that works where nothing else is named."""

    hcexport: Hcexport
    stack: ExitStack
    home: Path

    def organization(self, **options: Any) -> tuple[Sandbox, Env]:
        box = self.stack.enter_context(Sandbox(job_seconds=options.pop("job_seconds", 0.05), **options))
        return box, {"HCEXPORT_URL": box.url, "HCEXPORT_TOKEN": box.new_token()}

    def signed_by(self, *names: str, trusted: bool = True, **dates: datetime.datetime) -> Env:
        """An organization whose certificate is for these names."""
        authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names, **dates).configure_cert(context)
        bundle = self.home.parent / "ca.pem"
        authority.cert_pem.write_to_path(bundle)
        _, env = self.organization(certificate=context)
        return env | ({"HCEXPORT_CA_BUNDLE": str(bundle)} if trusted else {})

    def password(self, text: str) -> Env:
        file = self.home.parent / "password"
        file.write_text(text)
        file.chmod(0o600)
        return {"HCEXPORT_USERNAME": "administrator", "HCEXPORT_PASSWORD_FILE": str(file), "HCEXPORT_TOKEN": ""}

    def configure(self, text: str) -> None:
        (self.home / "config.toml").write_text(text)

    def server(self, answer: Callable[[Line], None]) -> Env:
        made = self.stack.enter_context(Server(answer))
        return {"HCEXPORT_URL": f"http://127.0.0.1:{made.port}/x", "HCEXPORT_TOKEN": "some-token"}


def unreadable(machine: Machine) -> Env:
    (machine.home / "config.toml").mkdir()
    return machine.organization()[1]


def world_writable(machine: Machine) -> Env:
    machine.home.chmod(0o777)
    return machine.organization()[1]


def refused_by_proxy(machine: Machine) -> Env:
    def refuse(line: Line) -> None:
        line.answer(407, b"", proxy_authenticate='Basic realm="x"')

    port = machine.server(refuse)["HCEXPORT_URL"].split(":")[2].split("/")[0]
    return {
        "HCEXPORT_URL": "https://gis.invalid/x",
        "HCEXPORT_TOKEN": "t",
        "HTTPS_PROXY": f"http://127.0.0.1:{port}",
    }


def expired(machine: Machine) -> Env:
    now = datetime.datetime.now(datetime.UTC)
    return machine.signed_by("127.0.0.1", not_before=now - 9 * DAY, not_after=now - DAY)


def without_suites(machine: Machine) -> Env:
    def answer(line: Line) -> None:
        line.answer(200, b'{"userSuites": [], "runs": [{"id": "r1", "result": "passed"}], "jobs": [], "jobid": "j1"}')

    return machine.server(answer)


def without_reports(machine: Machine) -> Env:
    box, env = machine.organization()
    box._world.reports.delete([report.id for report in box.reports])
    return env


def stuck(machine: Machine) -> Env:
    _, env = machine.organization(job_seconds=9999)
    assert machine.hcexport("export", "--latest", "1", env=env).returncode == 0
    return env


def without_privilege(machine: Machine) -> Env:
    box, env = machine.organization()
    return env | {"HCEXPORT_TOKEN": box.new_token(username="viewer")}


def without_notify_command(machine: Machine) -> Env:
    machine.configure('[defaults]\nnotify = ["/no/such/program"]\n')
    return machine.organization()[1]


# What is broken, the check that tells it, the status of both commands.
FAILING: dict[str, tuple[Callable[[Machine], Env], str, int]] = {
    "configuration unreadable": (unreadable, "configuration", 78),
    "home open to everybody": (world_writable, "configuration", 78),
    "profile missing": (lambda _: {"HCEXPORT_PROFILE": "prod"}, "profile", 78),
    "no password": (lambda m: m.organization()[1] | {"HCEXPORT_TOKEN": ""}, "secrets", 4),
    "password refused": (lambda m: m.organization()[1] | m.password("wrong"), "sign_in", 4),
    "proxy wants a password": (refused_by_proxy, "tls", 6),
    "proxy down": (
        lambda m: {"HCEXPORT_URL": "https://gis.invalid/x", "HCEXPORT_TOKEN": "t", "HTTPS_PROXY": "http://127.0.0.1:9"},
        "tcp",
        6,
    ),
    "name unknown": (lambda m: {"HCEXPORT_URL": "https://gis.invalid/x", "HCEXPORT_TOKEN": "t"}, "dns", 6),
    "port closed": (lambda m: {"HCEXPORT_URL": CLOSED, "HCEXPORT_TOKEN": "t"}, "tcp", 6),
    "mute port": (lambda m: m.server(Line.stall), "product", 6),
    "certificate not trusted": (lambda m: m.signed_by("127.0.0.1", trusted=False), "tls", 6),
    "certificate expired": (expired, "tls", 6),
    "certificate of another name": (lambda m: m.signed_by("gis.example.com"), "tls", 6),
    "not ArcGIS": (lambda m: m.server(lambda line: line.answer(200, b"<html>It works!</html>")), "product", 6),
    "wrong context": (lambda m: m.organization(scenario="wrong-context")[1], "product", 6),
    "token refused": (lambda m: m.organization()[1] | {"HCEXPORT_TOKEN": "not-of-this-organization"}, "sign_in", 4),
    "no privilege": (without_privilege, "privileges", 4),
}
# What works and should be looked at; where there is nothing to export, export says so with a status of its own.
WARNING: dict[str, tuple[Callable[[Machine], Env], str, int]] = {
    "home cannot be written": (lambda m: m.organization()[1] | {"HCEXPORT_HOME": "/proc/hcexport"}, "folders", 0),
    "clock two hours off": (lambda m: m.organization(clock=lambda: time.time() + 7200)[1], "clock", 0),
    "no suites": (without_suites, "suites", 0),
    "no reports": (without_reports, "newest_report", 5),
    "stuck job": (stuck, "open_jobs", 0),
    "notify command missing": (without_notify_command, "notifications", 0),
}


@pytest.fixture
def machine(hcexport_alone: Hcexport) -> Iterator[Machine]:
    home = Path(hcexport_alone.env["HCEXPORT_HOME"])
    home.mkdir(mode=0o700)
    with ExitStack() as stack:
        yield Machine(hcexport_alone, stack, home)


def diagnose(hcexport: Hcexport, env: Env, status: int) -> tuple[dict[str, list[str]], str]:
    """The rows of doctor by name, and its last line."""
    done = hcexport("doctor", env=env)
    assert done.returncode == status, done.stderr
    *rows, last = done.stdout.splitlines()
    print(*(row for row in rows if row.split("\t")[1] in {"fail", "warn"}), last, sep="\n")
    return {row.split("\t")[0]: row.split("\t") for row in rows}, last


def export_status(hcexport: Hcexport, env: Env) -> int:
    """The status of an export that waits for parts of a second where a user's waits for minutes."""
    argv = ["hcexport", "export", "--latest", "1"]
    return hcexport.fork_server.run(argv, {**hcexport.env, **env}, hcexport.cwd, 30, SMALL).status


@pytest.mark.slow
@pytest.mark.parametrize("situation", FAILING)
def test_what_fails_is_named_with_what_to_type(machine: Machine, situation: str) -> None:
    break_it, name, status = FAILING[situation]
    env = break_it(machine)
    found, last = diagnose(machine.hcexport, env, status)
    assert last == f"not ready: {name}"
    assert next(row[0] for row in found.values() if row[1] in {"fail", "warn"}) == name
    assert found[name][1] == "fail"
    assert all(found[name][2:4])  # what was found, what to type
    assert export_status(machine.hcexport, env) == status


@pytest.mark.slow
@pytest.mark.parametrize("situation", WARNING)
def test_what_works_and_should_be_mended(machine: Machine, situation: str) -> None:
    break_it, name, status = WARNING[situation]
    env = break_it(machine)
    found, last = diagnose(machine.hcexport, env, 0)
    assert last == "ready"
    assert [row[0] for row in found.values() if row[1] == "warn"] == [name]
    assert all(found[name][2:4])
    assert export_status(machine.hcexport, env) == status
