"""Passwords that nobody types."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcexport.auth import passwords
from hcexport.auth.passwords import parse_password, password_sources, read_password_file, run_password_command
from hcexport.errors import ConfigError
from hcexport.store.paths import Paths
from hcexport.store.resolution import resolve


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("  two words \n")
    path.chmod(0o600)
    return path


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


class TestText:
    @pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
    def test_the_newline_at_its_end_is_no_part_of_it(self, end: str) -> None:
        assert parse_password("  in ner\t " + end, "x").reveal() == "  in ner\t "

    @pytest.mark.parametrize("text", ["", "\n", "one\ntwo\n", "nul\0"])
    def test_what_cannot_be_one(self, text: str) -> None:
        with pytest.raises(ConfigError) as caught:
            parse_password(text, "HCEXPORT_PASSWORD")
        assert caught.value.message.startswith("HCEXPORT_PASSWORD: ")
        assert "one" not in caught.value.message.replace("more than one line", "")

    @given(st.text(st.characters(exclude_characters="\r\n\0"), min_size=1))
    def test_anything_else_is_taken_as_it_is(self, text: str) -> None:
        assert parse_password(text + "\n", "x").reveal() == text


class TestFile:
    def test_content(self, file: Path) -> None:
        assert read_password_file(file).reveal() == "  two words "

    def test_with_the_mark_of_some_editors(self, file: Path) -> None:
        file.write_bytes(b"\xef\xbb\xbfpass w\xc3\xb6rd\r\n")
        assert read_password_file(file).reveal() == "pass wörd"

    @pytest.mark.parametrize("loose", [0o644, 0o604, 0o606, 0o601, 0o777])
    def test_others_can_read_it(self, file: Path, loose: int) -> None:
        file.chmod(loose)
        with pytest.raises(ConfigError) as caught:
            read_password_file(file)
        assert str(file) in caught.value.message
        assert "two words" not in caught.value.message

    @pytest.mark.parametrize(("owner", "loose", "refused"), [(0, 0o440, False), (0, 0o460, True), (1234, 0o440, True)])
    def test_its_group_can_read_it(
        self, file: Path, monkeypatch: pytest.MonkeyPatch, owner: int, loose: int, refused: bool
    ) -> None:
        """Kubernetes and systemd hand a secret to a service as root's file, readable for its group."""
        file.chmod(loose)
        real = os.fstat

        def owned(descriptor: int) -> os.stat_result:
            found = list(real(descriptor))
            found[4] = owner
            return os.stat_result(found)

        monkeypatch.setattr(passwords.os, "fstat", owned)
        if refused:
            with pytest.raises(ConfigError):
                read_password_file(file)
        else:
            assert read_password_file(file).reveal() == "  two words "

    def test_a_link_as_kubernetes_mounts_it(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(file)
        assert read_password_file(tmp_path / "link").reveal() == "  two words "

    def test_a_pipe_as_shells_make_it(self) -> None:
        reading, writing = os.pipe()

        def write_late() -> None:
            time.sleep(0.05)
            os.write(writing, b"from ")
            time.sleep(0.05)
            os.write(writing, b"a pipe\n")
            os.close(writing)

        thread = threading.Thread(target=write_late)
        thread.start()
        try:
            assert read_password_file(Path(f"/dev/fd/{reading}")).reveal() == "from a pipe"
        finally:
            thread.join()
            os.close(reading)

    def test_a_pipe_that_nobody_writes_to(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(passwords, "FILE_LIMIT_S", 0.05)
        reading, writing = os.pipe()
        try:
            with pytest.raises(ConfigError):
                read_password_file(Path(f"/dev/fd/{reading}"))
        finally:
            os.close(reading)
            os.close(writing)

    @pytest.mark.parametrize("content", [b"", b"\n", b"a\nb\n", b"\xff\xfe\n", b"x" * 10_000])
    def test_what_holds_no_password(self, file: Path, content: bytes) -> None:
        file.write_bytes(content)
        with pytest.raises(ConfigError, match=str(file)):
            read_password_file(file)

    def test_what_cannot_be_read(self, tmp_path: Path) -> None:
        for path in (tmp_path / "missing", tmp_path, Path("/dev/zero"), Path("~nobody-of-that-name/x"), Path("a\0b")):
            with pytest.raises(ConfigError):
                read_password_file(path)


class TestCommand:
    def test_output(self) -> None:
        assert run_password_command(python("print(' my secret ')"), os.environ).reveal() == " my secret "

    def test_no_shell_reads_it(self, tmp_path: Path) -> None:
        assert run_password_command("printf '%s' '$HOME;a|b'", os.environ).reveal() == "$HOME;a|b"

    def test_has_nothing_to_read_and_no_secret_to_learn(self) -> None:
        code = "import os, sys; print([sys.stdin.read(), [n for n in os.environ if 'HCEXPORT' in n]])"
        environ = {**os.environ, "HCEXPORT_PASSWORD": "x", "HCEXPORT_TOKEN": "y", "HCEXPORT_URL": "z"}
        found = run_password_command(python(code), environ).reveal()
        assert "['', [" in found
        assert "HCEXPORT_URL" in found
        assert "PASSWORD" not in found
        assert "TOKEN" not in found

    def test_cannot_ask_on_the_terminal(self) -> None:
        code = "try:\n open('/dev/tty')\n print('asked')\nexcept OSError:\n print('nobody')"
        assert run_password_command(python(code), os.environ).reveal() == "nobody"

    @pytest.mark.parametrize(
        "command",
        ["", "   ", "'", "no-such-program-of-any-kind", "/", "true", "false", "a\0b", python("print(1, 2, sep='\\n')")],
    )
    def test_what_gives_no_password(self, command: str) -> None:
        with pytest.raises(ConfigError):
            run_password_command(command, os.environ)

    def test_its_words_and_its_output_are_not_repeated(self) -> None:
        """A command may hold a secret itself."""
        code = "import sys; print('leak-1'); print('leak-2', file=sys.stderr); sys.exit(3)"
        with pytest.raises(ConfigError) as caught:
            run_password_command(python(code), os.environ)
        assert "leak" not in f"{caught.value.message} {caught.value.hint}"
        assert "status 3" in caught.value.message

    def test_is_ended_with_all_that_it_started(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(passwords, "PASSWORD_COMMAND_LIMIT_S", 0.5)
        log = tmp_path / "pids"
        script = f"sleep 60 & echo $! >> {log}; echo $$ >> {log}; wait"
        begin = time.monotonic()
        with pytest.raises(ConfigError, match="did not end"):
            run_password_command(shlex.join(["sh", "-c", script]), os.environ)
        assert time.monotonic() - begin < 10
        numbers = log.read_text().split()
        assert len(numbers) == 2
        wait_until_gone(numbers)

    def test_a_background_process_is_not_waited_for(self, tmp_path: Path) -> None:
        log = tmp_path / "pid"
        begin = time.monotonic()
        command = shlex.join(["sh", "-c", f"echo right; sleep 60 & echo $! > {log}"])
        try:
            assert run_password_command(command, os.environ).reveal() == "right"
            assert time.monotonic() - begin < 10
        finally:
            os.kill(int(log.read_text()), signal.SIGKILL)

    def test_one_that_never_stops_writing(self) -> None:
        begin = time.monotonic()
        with pytest.raises(ConfigError, match="more than a password"):
            run_password_command("cat /dev/zero", os.environ)
        assert time.monotonic() - begin < 10

    def test_a_command_that_closes_its_output_has_its_time_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(passwords, "PASSWORD_COMMAND_LIMIT_S", 0.3)
        with pytest.raises(ConfigError, match="did not end"):
            run_password_command("sh -c 'echo x; exec >&-; sleep 60'", os.environ)

    def test_what_is_ours_is_not_handed_on(self, tmp_path: Path) -> None:
        ours = dict.fromkeys(["HCEXPORT_TOKEN", "HCEXPORT_PASSWORD", "ARCGIS_ENTERPRISE_PASSWORD"], "canary")
        proxies = {"HTTPS_PROXY": "http://me:canary@proxy:3128/x", "all_proxy": "me:canary@proxy", "NO_PROXY": "a,b"}
        script = f"env > {tmp_path}/env; echo right"
        run_password_command(shlex.join(["sh", "-c", script]), {**os.environ, **ours, **proxies})
        seen = (tmp_path / "env").read_text()
        assert "canary" not in seen
        assert {"HTTPS_PROXY=http://proxy:3128/x", "all_proxy=proxy", "NO_PROXY=a,b"} <= set(seen.splitlines())


def wait_until_gone(numbers: list[str]) -> None:
    """A killed process whose parent has ended is reaped by init, a moment later."""
    for _ in range(100):
        if not any(is_running(number) for number in numbers):
            return
        time.sleep(0.02)
    raise AssertionError(f"still running: {numbers}")


def is_running(number: str) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


class TestSources:
    def origins(self, tmp_path: Path, environ: Mapping[str, str], config: str = "") -> list[str]:
        paths = Paths.find({"HCEXPORT_HOME": str(tmp_path)})
        paths.config_file.write_text(config)
        return [source.origin for source in password_sources(resolve({}, environ, paths), environ)]

    def test_order(self, tmp_path: Path, file: Path) -> None:
        names = [
            "HCEXPORT_PASSWORD_FILE",
            "HCEXPORT_PASSWORD_COMMAND",
            "HCEXPORT_PASSWORD",
            "ARCGIS_ENTERPRISE_PASSWORD_FILE",
            "ARCGIS_ENTERPRISE_PASSWORD",
        ]
        assert self.origins(tmp_path, dict.fromkeys(reversed(names), str(file))) == names

    def test_of_the_config_file_come_last(self, tmp_path: Path) -> None:
        config = '[defaults]\npassword_file = "pw"\npassword_command = "pass show x"\n'
        assert self.origins(tmp_path, {"HCEXPORT_PASSWORD": "x"}, config) == [
            "HCEXPORT_PASSWORD",
            "password_file of defaults (config.toml:2)",
            "password_command of defaults (config.toml:3)",
        ]

    def test_none(self, tmp_path: Path) -> None:
        assert self.origins(tmp_path, {"HCEXPORT_PASSWORD": "", "HCEXPORT_PASSWORD_FILE": ""}) == []

    def test_nothing_is_read_before_it_is_asked_for(self, tmp_path: Path) -> None:
        environ = {"HCEXPORT_PASSWORD_FILE": "/missing", "HCEXPORT_PASSWORD": "right"}
        sources = list(password_sources(resolve({}, environ, Paths.find({"HCEXPORT_HOME": str(tmp_path)})), environ))
        assert sources[1].read().reveal() == "right"
        with pytest.raises(ConfigError, match="/missing"):
            sources[0].read()
