"""What runs hcexport each day, read back by the rules of those who will read it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hcexport.cli.options import FORMATS, shared_options
from hcexport.errors import EXIT_STATUSES, UsageError
from hcexport.schedule import KINDS, Request, write_schedule
from hcexport.schedule.request import TAKE_A_VALUE

REQUEST = Request(
    kind="cron",
    command=("hcexport", "export", "--latest", "1", "--out", "/reports/{date}.zip"),
    program=("/usr/bin/hcexport",),
    user="alice",
    folder="/home/alice",
    timezone="Europe/Berlin",
    home="/home/alice/hcexport",
    url="https://gis.example.com/enterprise",
    username="health",
    password_file="/etc/hcexport/password",
)
# Starts a program that says where it is, its environment and its arguments, a NUL after each.
TELLING = ("/bin/sh", "-c", 'printf "%s\\0" "$PWD" "$HCEXPORT_URL" "$@"', "sh")
SPECIAL = st.text(st.sampled_from("\\%'\"$ ;#~!`(){}:-é\N{GRINNING FACE}ax"))
ANY = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufeff\ufffe\uffff"))
WORD = SPECIAL | ANY


def write(**changes: Any) -> str:
    return write_schedule(replace(REQUEST, **changes))


def crontab_line(text: str) -> str:
    (line,) = [line for line in text.splitlines() if not line.startswith("#")]
    return line


def command_of(line: str, collapsed: str) -> str:
    """The command of a crontab line; ``collapsed`` is what loses a backslash before it, which differs among crons."""
    command = line.split(" ", 5)[5]
    assert not re.search(r"(?<!\\)(\\\\)*%", command), "an unescaped % ends the command"
    return re.sub(r"\\(.)", lambda found: found[1] if found[1] in collapsed else found[0], command)


def manifests(text: str) -> dict[str, Any]:
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def job_of(text: str) -> Any:
    return manifests(text)["CronJob"]["spec"]["jobTemplate"]["spec"]


def container_of(text: str) -> Any:
    (container,) = job_of(text)["template"]["spec"]["containers"]
    return container


def filled_in(text: str, **variables: str) -> str:
    """As Kubernetes does it: ``$$`` is a dollar, ``$(NAME)`` a variable that is there."""

    def fill(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else variables.get(found[1], found[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", fill, text)


class TestCron:
    @settings(max_examples=60)
    @example(words=["a\\%b", "\\\\", "it's\\"], url="", collapsed="%")
    @example(words=["a\\%b", "\\\\", "it's\\"], url="", collapsed="%\\")
    @given(words=st.lists(WORD, max_size=4), url=WORD, collapsed=st.sampled_from(["%", "%\\"]))
    def test_every_word_arrives(self, words: list[str], url: str, collapsed: str) -> None:
        request = replace(
            REQUEST, command=("hcexport", "export", "-q", *words), url=url, program=TELLING, profiles=("p",), folder="/"
        )
        command = command_of(crontab_line(write_schedule(request)), collapsed).removesuffix(" >/dev/null")
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True, env={})
        assert done.stdout.decode().split("\0")[:-1] == ["/", url, *request.arguments()]

    def test_only_errors_are_mailed(self) -> None:
        line = crontab_line(write())
        assert line.startswith("15 5 * * * ")
        assert " export --quiet " in line
        assert line.endswith(" >/dev/null")

    @pytest.mark.parametrize("chosen", ["-q", "-v", "-vv", "--verbose", "--quiet", "-qFjson"])
    def test_a_chosen_verbosity_stays(self, chosen: str) -> None:
        line = crontab_line(write(command=("hcexport", "export", chosen)))
        assert line.endswith(f" export {chosen} >/dev/null")

    def test_a_line_too_long_for_cron_is_refused(self) -> None:
        assert write(username="é" * 300)
        with pytest.raises(UsageError):
            write(username="é" * 500)


class TestCommand:
    """What becomes of the words of the command, of whichever kind."""

    @pytest.mark.parametrize(
        ("words", "arguments"),
        [
            (["export", "--new"], "export -p prod --new"),
            (["-v", "export", "--", "x"], "-v export -p prod -- x"),
            (["--log-file", "export", "-F", "json", "show", "x"], "--log-file export -F json show -p prod x"),
            (["-qF", "json", "list"], "-qF json list -p prod"),
            (["--url=https://x", "list"], "--url=https://x list -p prod"),
            (["export", "-p", "test"], "export -p test"),
            (["export", "-qptest"], "export -qptest"),
            (["--profile=test", "export"], "--profile=test export"),
            (["export", "-o/p"], "export -p prod -o/p"),
        ],
    )
    def test_the_profile_is_handed_over(self, words: list[str], arguments: str) -> None:
        request = replace(REQUEST, command=("hcexport", *words), profiles=("prod",))
        assert " ".join(request.arguments()) == arguments

    def test_options_that_take_a_value_are_known(self) -> None:
        taking = {name for each in shared_options(FORMATS) if not (each.is_flag or each.count) for name in each.opts}
        assert {name for name in taking if name.startswith("--")} <= TAKE_A_VALUE
        assert {name for name in taking if not name.startswith("--")} == {"-p", "-F"}

    def test_a_program_that_is_named_in_full_is_the_one(self) -> None:
        assert " /opt/new/hcexport export " in write(command=("/opt/new/hcexport", "export"))
        assert " /usr/bin/hcexport export " in write(command=("./hcexport", "export"))

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_is_not_set_is_not_handed_over(self, kind: str) -> None:
        text = write(kind=kind, home=None, url=None, username=None, password_file=None)
        names = set(re.findall(r"HCEXPORT_\w+", text))
        assert names == ({"HCEXPORT_HOME"} if kind == "kubernetes" else set())

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        "changes",
        [
            {"command": ()},
            {"command": ("echo", "hcexport")},
            {"command": ("hcexport-old", "export")},
            {"command": ("hcexport",)},
            {"command": ("hcexport", "--log-file", "export")},
            *({"command": ("hcexport", "export", f"a{end}b")} for end in "\n\r\0\v\x85\u2028\udcff"),
            {"profiles": ("a\nb",)},
            {"url": "https://x\n"},
            {"user": "a\nb"},
            *(
                {"at": time}
                for time in ("5:15", "24:00", "05:60", "0515", "05:15:00", "05:15\n", "", "\u0660\u0665:15")
            ),
            *({"name": name} for name in ("", "-a", "a b", "a/b", "../a", "a\n", "é")),
            {"folder": "here"},
            {"home": "~/hcexport"},
            {"password_file": "/etc/../password"},
            {"program": ("hcexport",)},
        ],
    )
    def test_what_cannot_be_carried_out_is_refused(self, kind: str, changes: dict[str, Any]) -> None:
        with pytest.raises(UsageError):
            write(**{"kind": kind, **changes})

    @pytest.mark.parametrize(
        "changes",
        [
            {"kind": "cron", "parts": 2},
            {"kind": "systemd", "parts": 2},
            {"kind": "systemd", "folder": "/a "},
            {"kind": "systemd", "program": ("/it's/hcexport",)},
            {"kind": "systemd", "password_file": "/a\\"},
            {"kind": "kubernetes", "parts": 2, "command": ("hcexport", "export", "--shard", "0/2")},
            *({"kind": "kubernetes", "timezone": zone} for zone in (None, "", "Local", "a b", "/etc/localtime")),
            *({"kind": "kubernetes", "name": name} for name in ("Upper", "a.b", "a_b", "a-", "a" * 53)),
        ],
    )
    def test_what_one_kind_cannot_carry_out_is_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(UsageError):
            write(**changes)

    @pytest.mark.parametrize(
        ("kind", "files"),
        [
            ("cron", ["night.crontab"]),
            ("systemd", ["night.service", "night.timer"]),
            ("kubernetes", ["night.yaml", "Containerfile"]),
        ],
    )
    def test_each_file_is_headed_by_its_name(self, kind: str, files: list[str]) -> None:
        text = write(kind=kind, name="night")
        assert re.findall(r"^# (\S+)$", text, re.MULTILINE) == files
        assert text.startswith(f"# {files[0]}\n")


class TestKubernetes:
    @given(words=st.lists(WORD, max_size=4), url=WORD, parts=st.none() | st.integers(1, 99))
    def test_every_word_arrives(self, words: list[str], url: str, parts: int | None) -> None:
        request = replace(REQUEST, kind="kubernetes", command=("hcexport", "export", *words), url=url)
        container = container_of(write_schedule(replace(request, parts=None if "--shard" in words else parts)))
        shard = ["--shard", f"0/{parts}"] if parts else []
        assert [filled_in(word, JOB_COMPLETION_INDEX="0") for word in container["args"]] == request.arguments(*shard)
        values = {each["name"]: filled_in(each["value"]) for each in container["env"]}
        assert values.get("HCEXPORT_URL", "") == url

    @pytest.mark.parametrize("version", ["1.29", kubernetes_validate.latest_version()])
    @pytest.mark.parametrize(
        "changes", [{}, {"parts": 3}, {"profiles": ("*",), "password_file": None}, {"url": None, "home": None}]
    )
    def test_the_schemas_hold(self, version: str, changes: dict[str, Any]) -> None:
        text = write(kind="kubernetes", **changes)
        for manifest in yaml.safe_load_all(text):
            kubernetes_validate.validate(manifest, version, strict=True)
        assert set(manifests(text)) == {"Secret", "PersistentVolumeClaim", "CronJob"}

    @pytest.mark.parametrize("parts", [None, 4])
    @pytest.mark.parametrize(
        ("command", "again"), [(("export",), {6, 75, 124}), (("-p", "run", "list"), {6, 75, 124}), (("run",), {75})]
    )
    def test_what_is_tried_again(self, command: tuple[str, ...], again: set[int], parts: int | None) -> None:
        job = job_of(write(kind="kubernetes", command=("hcexport", *command), parts=parts))
        (rule,) = job["podFailurePolicy"]["rules"]
        codes = rule["onExitCodes"]
        assert (codes["containerName"], codes["operator"]) == (container_of(write(kind="kubernetes"))["name"], "NotIn")
        assert {row.status for row in EXIT_STATUSES if row.status in codes["values"]} == again == set(codes["values"])
        assert rule["action"] == ("FailIndex" if parts else "FailJob")
        assert job["backoffLimitPerIndex" if parts else "backoffLimit"] > 0
        assert job["template"]["spec"]["restartPolicy"] == "Never"

    def test_parts(self) -> None:
        job = job_of(write(kind="kubernetes", parts=4))
        assert (job["completionMode"], job["completions"], job["parallelism"]) == ("Indexed", 4, 4)

    def test_two_nights_do_not_meet(self) -> None:
        spec = manifests(write(kind="kubernetes", at="00:00"))["CronJob"]["spec"]
        assert (spec["schedule"], spec["timeZone"]) == ("0 0 * * *", "Europe/Berlin")
        assert spec["concurrencyPolicy"] == "Forbid"
        assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] < 24 * 60 * 60

    def test_the_home_and_the_reports_are_on_volumes(self) -> None:
        text = write(kind="kubernetes")
        pod, container = job_of(text)["template"]["spec"], container_of(text)
        claims = {each["name"] for each in pod["volumes"] if "persistentVolumeClaim" in each}
        on_claims = {each["mountPath"] for each in container["volumeMounts"] if each["name"] in claims}
        values = {each["name"]: each["value"] for each in container["env"]}
        assert on_claims == {"/reports", values["HCEXPORT_HOME"]}
        claimed = {each["persistentVolumeClaim"]["claimName"] for each in pod["volumes"] if each["name"] in claims}
        made = {each["metadata"]["name"] for each in yaml.safe_load_all(text) if each["kind"] != "CronJob"}
        assert claimed < made

    def test_the_secret_is_not_printed_and_only_the_pod_reads_it(self) -> None:
        text = write(kind="kubernetes")
        assert not {"data", "stringData"} & set(manifests(text)["Secret"])
        pod = job_of(text)["template"]["spec"]
        (secret,) = [each["secret"] for each in pod["volumes"] if "secret" in each]
        assert secret == {"secretName": "hcexport", "defaultMode": 0o440}
        assert pod["securityContext"]["runAsNonRoot"]

    @pytest.mark.parametrize(
        ("changes", "keys"),
        [
            ({}, {"password"}),
            ({"profiles": ("prod",)}, {"password", "config.toml"}),
            ({"profiles": ("prod",), "password_file": None}, {"config.toml"}),
            ({"command": ("hcexport", "export", "-p", "prod"), "url": None}, {"password", "config.toml"}),
            ({"url": None, "password_file": None, "home": None}, {"config.toml"}),
        ],
    )
    def test_the_command_that_fills_the_secret(self, changes: dict[str, Any], keys: set[str]) -> None:
        """The config file goes with it where the organization stands in it."""
        text = write(kind="kubernetes", **changes)
        assert set(re.findall(r"--from-file=([\w.]+)=", text)) == keys
        container = container_of(text)
        files = {each["mountPath"] for each in container["volumeMounts"]}
        files |= {each["value"] for each in container["env"]}
        assert ("/state/config.toml" in files, "/secret/password" in files) == (
            "config.toml" in keys,
            "password" in keys,
        )
