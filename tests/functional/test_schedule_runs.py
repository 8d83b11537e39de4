"""What runs hcexport each day, read by cron's and systemd's own programs, and then run as they run it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from hcexport.sandbox import Sandbox
from hcexport.schedule import Request, write_schedule

ROOT = Path(__file__).parents[2]
HARD = ["50% off", "$HOME", "$(id)", 'a"b', "it's", "a\\b", "a\\%b", "\\\\", ";", "#x", "", "é", "~", "{date}", "a  b"]
NeedPart = Callable[[str], str]


@pytest.fixture
def request_now(tmp_path: Path, box: Sandbox) -> Request:
    """For the sandbox, with a program, a folder and a home whose names want to be quoted."""
    folder = tmp_path / "50%d 'sure' $HOME"
    folder.mkdir()
    program = tmp_path / "5%d $HOME" / "hcexport"  # without quotes, which systemd refuses in the path of a program
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nimport hcexport.cli\nhcexport.cli.main()\n"
    )
    program.chmod(0o700)
    password = folder / "password"
    password.write_text(box.password)
    password.chmod(0o600)
    return Request(
        kind="cron",
        command=("hcexport", "export", "--latest", "1", "--out", f"{folder}/100% {{date}}.zip"),
        program=(str(program),),
        user="daemon",
        folder=str(folder),
        timezone="Etc/UTC",
        home=str(folder / "home"),
        url=box.url,
        username=box.username,
        password_file=str(password),
    )


def saved(request: Request) -> list[Path]:
    found = sorted(Path(request.folder).glob("*.zip"))
    for each in found:
        with zipfile.ZipFile(each) as archive:
            assert archive.testzip() is None
    return found


def save_units(request: Request, folder: Path) -> None:
    """Save what is printed as two files, by the command that it names."""
    text = write_schedule(replace(request, kind="systemd"))
    (folder / "hcexport.units").write_text(text)
    command = re.search(r"^#   (awk .*)$", text, re.MULTILINE)
    assert command
    split = command[1].replace("/etc/systemd/system/", "./")
    subprocess.run(["/bin/sh", "-c", split], cwd=folder, check=True, env={"PATH": os.environ["PATH"]})


def verify_units(systemd_analyze: str, folder: Path) -> str:
    """What systemd makes of the units, at length; its complaints are at the level of warnings and above."""
    argv = [systemd_analyze, "verify", "./hcexport.service", "./hcexport.timer"]
    complained = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    assert (complained.returncode, complained.stdout + complained.stderr) == (0, "")
    debug = {**os.environ, "SYSTEMD_LOG_LEVEL": "debug", "SYSTEMD_LOG_TARGET": "console"}
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=True, env=debug).stdout


def understood_words(dump: str) -> list[str]:
    """The command line as systemd will run it; it shows the words quoted for a shell, its own ``$$`` not yet undone."""
    line = re.search(r"Command Line: (.*)", dump)
    assert line
    # as for a shell, which shlex is but for these two in double quotes
    quoted = re.sub(r"\\(.)", lambda found: found[1] if found[1] in "$`" else found[0], line[1])
    program, *arguments = shlex.split(quoted)
    assert not any(re.search(r"\$", word.replace("$$", "")) for word in arguments)
    return [program, *(word.replace("$$", "$") for word in arguments)]


def understood_environment(dump: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in re.findall(r"Environment: (.*)", dump))


@pytest.mark.parts
def test_crontab_takes_it(need_part: NeedPart, request_now: Request, tmp_path: Path) -> None:
    file = tmp_path / "crontab"
    file.write_text(write_schedule(replace(request_now, command=("hcexport", "export", *HARD))))
    done = subprocess.run([need_part("crontab"), "-n", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_command_of_cron(request_now: Request) -> None:
    line = write_schedule(request_now).splitlines()[-1]
    command = line.split(" ", 5)[5].replace("\\%", "%")
    done = subprocess.run(["env", "-i", "/bin/sh", "-c", command], cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(saved(request_now)) == 1


@pytest.mark.parts
def test_systemd_reads_every_word(need_part: NeedPart, request_now: Request, tmp_path: Path) -> None:
    request = replace(request_now, command=("hcexport", "export", *HARD), username="a \\ \"b\" 'c' 5% $d")
    save_units(request, tmp_path)
    dump = verify_units(need_part("systemd-analyze"), tmp_path)
    assert understood_words(dump) == [*request.program, "export", *HARD]
    environment = understood_environment(dump)
    assert environment.pop("HCEXPORT_PASSWORD_FILE").endswith("/hcexport.service/password")
    assert environment == {
        "HCEXPORT_HOME": request.home,
        "HCEXPORT_URL": request.url,
        "HCEXPORT_USERNAME": request.username,
    }
    assert f"WorkingDirectory: {request.folder}" in dump or f"Working Directory: {request.folder}" in dump


@pytest.mark.parts
def test_the_command_of_the_service(need_part: NeedPart, request_now: Request, tmp_path: Path) -> None:
    """By hand: the words, the environment and the credential as systemd understands them."""
    save_units(request_now, tmp_path)
    dump = verify_units(need_part("systemd-analyze"), tmp_path)
    credential = re.search(r"^LoadCredential=(\w+):(.*)$", (tmp_path / "hcexport.service").read_text(), re.MULTILINE)
    assert credential
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    handed_over = credentials / credential[1]
    handed_over.write_bytes(Path(credential[2].replace("%%", "%")).read_bytes())
    handed_over.chmod(0o400)
    environment = understood_environment(dump)
    assert Path(environment["HCEXPORT_PASSWORD_FILE"]).name == handed_over.name
    environment["HCEXPORT_PASSWORD_FILE"] = str(handed_over)
    assert request_now.password_file
    Path(request_now.password_file).unlink()  # what is read is the credential
    done = subprocess.run(
        understood_words(dump), cwd=request_now.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [Path(done.stdout.rstrip("\n"))] == saved(request_now)


class TestPods:
    """The container's command, environment and folders, with folders of the machine in place of its volumes."""

    def run(self, request: Request, folder: Path, index: int = 0) -> subprocess.CompletedProcess[str]:
        *_, cron_job = yaml.safe_load_all(write_schedule(request))
        pod = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        mounted = [each["mountPath"] for each in container["volumeMounts"]]
        environment = {each["name"]: self.on_machine(each["value"], mounted, folder) for each in container["env"]}
        environment["JOB_COMPLETION_INDEX"] = str(index)
        words = [self.on_machine(word, mounted, folder, JOB_COMPLETION_INDEX=str(index)) for word in container["args"]]
        assert container["command"] == ["hcexport"]
        return subprocess.run(
            [*request.program, *words],
            cwd=folder / container["workingDir"].lstrip("/"),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def on_machine(self, text: str, mounted: list[str], folder: Path, **variables: str) -> str:
        """A text with its variables filled in, a path in a volume as one in the folder."""
        filled = re.sub(
            r"\$\$|\$\((\w+)\)", lambda found: "$" if found[0] == "$$" else variables.get(found[1], found[0]), text
        )
        in_volume = any(f"{filled}/".startswith(f"{path}/") for path in mounted)
        return f"{folder}{filled}" if in_volume else filled

    def volumes(self, request: Request, folder: Path, config: str = "") -> None:
        """The folders of a pod, with the secret in them and the config file in the home."""
        for name in ("reports", "state", "secret"):
            (folder / name).mkdir(parents=True)
        secret = folder / "secret" / "password"
        assert request.password_file
        secret.write_bytes(Path(request.password_file).read_bytes())
        secret.chmod(0o400)
        (folder / "state" / "config.toml").write_text(config)

    def test_the_command_of_the_pod(self, request_now: Request, tmp_path: Path) -> None:
        request = replace(
            request_now,
            kind="kubernetes",
            command=("hcexport", "export", "--latest", "1", "--out", "/reports/$$ 5%.zip"),
        )
        pod = tmp_path / "pod"
        self.volumes(request, pod)
        done = self.run(request, pod)
        assert done.returncode == 0, done.stderr
        assert [each.name for each in (pod / "reports").iterdir()] == ["$$ 5%.zip"]

    def test_each_profile_is_exported_once(self, request_now: Request, box: Sandbox, tmp_path: Path) -> None:
        """A schedule a profile, all over one home."""
        request = replace(
            request_now,
            kind="kubernetes",
            url=None,
            command=("hcexport", "export", "--latest", "1", "--out", "{profile}.zip"),
        )
        pod = tmp_path / "pod"
        names = ("east", "west")
        self.volumes(request, pod, "".join(f'[profiles.{name}]\nurl = "{box.url}"\n' for name in names))
        for name in names:
            done = self.run(replace(request, profiles=(name,)), pod)
            assert done.returncode == 0, done.stderr
        assert sorted(each.name for each in (pod / "reports").iterdir()) == ["east.zip", "west.zip"]
        submitted = [each for each in box.requests if each.method == "POST" and each.path.endswith("/export")]
        assert len(submitted) == len(names)

    def test_the_pods_of_several_parts_export_each_profile_once(
        self, request_now: Request, box: Sandbox, tmp_path: Path
    ) -> None:
        request = replace(
            request_now,
            kind="kubernetes",
            url=None,
            parts=2,
            profiles=("*",),
            command=("hcexport", "export", "--latest", "1", "--out", "{profile}.zip", "-q"),
        )
        pod = tmp_path / "pod"
        names = ("east", "west", "north")
        about = f'url = "{box.url}"\nusername = "{box.username}"\npassword_file = "{pod}/secret/password"\n'
        self.volumes(request, pod, "".join(f"[profiles.{name}]\n{about}" for name in names))
        done = [self.run(request, pod, part) for part in (0, 1)]
        assert [each.returncode for each in done] == [0, 0], done
        found = [[line.split("\t")[0] for line in each.stdout.splitlines()] for each in done]
        assert found == [["east", "north"], ["west"]]
        submitted = [each for each in box.requests if each.method == "POST" and each.path.endswith("/export")]
        assert len(submitted) == len(names)


def test_the_named_command_extracts_the_containerfile(request_now: Request, tmp_path: Path) -> None:
    text = write_schedule(replace(request_now, kind="kubernetes"))
    (tmp_path / "hcexport.yaml").write_text(text)
    command = re.search(r"^#   (sed .*)$", text, re.MULTILINE)
    assert command
    subprocess.run(["/bin/sh", "-c", command[1]], cwd=tmp_path, check=True, env={"PATH": os.environ["PATH"]})
    lines = (tmp_path / "Containerfile").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["FROM", "RUN", "USER", "ENTRYPOINT"]
