"""What hcexport relies on, or works around, in its libraries: an upgrade that changes it fails here, and by name.

Each test says what of ours may be taken away, or must be added, when it fails.
"""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import h11
import httpcore
import httpx
import keyring.backends.fail
import keyring.backends.null
import keyring.core
import keyring.errors
import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.markup import MarkupError, escape
from rich.text import Text

OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def answering(*answers: bytes, wait: Callable[[], object] = lambda: None) -> Iterator[str]:
    """A server that answers each connection with bytes as they are, and then ends it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answer in answers:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)
                    wait()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(5)


def get(url: str, **given: object) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.get(url, **given)  # type: ignore[arg-type]  # options of httpx, handed through


class TestHttpx:
    def test_truncation_without_a_length_goes_unnoticed(self) -> None:
        """Why every zip is verified before it is published."""
        with answering(OK + b"\r\nhalf of i") as url:
            assert get(url).content == b"half of i"

    def test_truncation_with_a_length_is_a_remote_protocol_error(self) -> None:
        with answering(OK + b"Content-Length: 99\r\n\r\nhalf of i") as url, pytest.raises(httpx.RemoteProtocolError):
            get(url)

    def test_both_length_and_chunks_are_taken_as_chunks(self) -> None:
        """Why a length beside Transfer-Encoding promises nothing."""
        both = b"Content-Length: 77\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
        with answering(OK + both) as url:
            assert get(url).content == b"ab"

    def test_only_authorization_is_dropped_across_origins(self) -> None:
        """Why redirects are ours to follow: X-Esri-Authorization would go along."""
        with answering(OK + b"Content-Length: 0\r\n\r\n") as other:
            place = f"HTTP/1.1 302 Found\r\nLocation: {other}/\r\nContent-Length: 0\r\n\r\n".encode()
            with answering(place) as url:
                headers = {"Authorization": "one", "X-Esri-Authorization": "two"}
                sent = get(url, headers=headers, follow_redirects=True).request.headers
        assert "authorization" not in sent
        assert sent["x-esri-authorization"] == "two"

    def test_redirects_are_not_followed_unless_asked_for(self) -> None:
        with answering(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n") as url:
            assert get(url).status_code == 302

    def test_chunks_without_a_size_come_as_they_arrive(self) -> None:
        """Why nothing is asked of iter_raw: with a size it holds back what an error then loses."""
        broken = OK + b"Content-Length: 99\r\n\r\nbytes"
        for size, got in ((None, [b"bytes"]), (65536, [])):
            seen: list[bytes] = []
            with answering(broken) as url, httpx.Client(trust_env=False) as client, client.stream("GET", url) as answer:
                raw = answer.iter_raw(size)
                with pytest.raises(httpx.RemoteProtocolError):
                    seen.extend(raw)
            assert seen == got

    def test_raw_bytes_are_not_decoded(self) -> None:
        packed = OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nzz"
        with answering(packed) as url, httpx.Client(trust_env=False) as client, client.stream("GET", url) as answer:
            assert b"".join(answer.iter_raw()) == b"zz"

    def test_what_is_no_http_error(self) -> None:
        """Why the wire names more than httpx.HTTPError, and why the proxy's URL is looked at before httpx sees it."""
        assert not issubclass(httpx.InvalidURL, httpx.HTTPError)
        assert not issubclass(httpx.StreamError, httpx.HTTPError)
        with pytest.raises(httpx.InvalidURL):
            httpx.URL("http://[::1")
        with pytest.raises(ValueError, match="ftp"):
            httpx.Proxy("ftp://127.0.0.1")

    def test_nothing_of_the_environment_is_read_when_told_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("NO_PROXY", "[::1]")
        with answering(OK + b"Content-Length: 0\r\n\r\n") as url:
            assert get(url).status_code == 200

    def test_a_base_transport_is_all_that_a_client_needs(self) -> None:
        class Transport(httpx.BaseTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                return httpx.Response(200, stream=httpx.ByteStream(request.headers["x"].encode()))

        with httpx.Client(transport=Transport()) as client:
            assert client.get("http://127.0.0.1", headers={"x": "seen"}).content == b"seen"

    def test_header_values_with_a_newline_are_refused_and_repeated(self) -> None:
        """Why a token is checked before it is sent: the message would hold it."""
        with answering() as url, pytest.raises(httpx.LocalProtocolError, match="token"):
            get(url, headers={"X-Esri-Authorization": "token\n"})


class TestHttpcore:
    def test_every_byte_goes_through_an_exchanged_network(self) -> None:
        """Why a deadline can hold: connecting, TLS, reads and writes are asked of our own backend."""
        asked: list[str] = []

        class Stream(httpcore.NetworkStream):
            def __init__(self, stream: httpcore.NetworkStream) -> None:
                self.stream = stream

            def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
                asked.append(f"read {timeout}")
                return self.stream.read(max_bytes, timeout)

            def write(self, buffer: bytes, timeout: float | None = None) -> None:
                asked.append(f"write {timeout}")
                self.stream.write(buffer, timeout)

            def close(self) -> None:
                self.stream.close()

            def get_extra_info(self, info: str) -> object:
                return self.stream.get_extra_info(info)

        class Network(httpcore.NetworkBackend):
            def connect_tcp(self, host: str, port: int, timeout: float | None = None, *more: object, **named: object):
                asked.append(f"connect {timeout}")
                return Stream(httpcore.SyncBackend().connect_tcp(host, port, timeout))

        timeouts = {"timeout": {"connect": 1.0, "read": 2.0, "write": 3.0, "pool": 4.0}}
        empty = OK + b"Content-Length: 0\r\n\r\n"
        with answering(empty) as url, httpcore.ConnectionPool(network_backend=Network()) as pool:
            assert pool.request("GET", url, extensions=timeouts).status == 200
        assert asked[0] == "connect 1.0"
        assert {"write 3.0", "read 2.0"} <= set(asked)

    def test_a_read_time_out_starts_again_with_every_byte(self) -> None:
        """Why there is a deadline of our own."""
        with socket.create_server(("127.0.0.1", 0)) as listening, httpx.Client(trust_env=False, timeout=0.3) as client:

            def drip() -> None:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(OK + b"Content-Length: 6\r\n\r\n")
                    for _ in range(6):
                        threading.Event().wait(0.1)
                        connection.sendall(b"x")

            threading.Thread(target=drip, daemon=True).start()
            assert client.get(f"http://127.0.0.1:{listening.getsockname()[1]}").content == b"xxxxxx"

    def test_the_pool_can_be_emptied_and_used_again(self) -> None:
        """How a POST gets a fresh connection."""
        empty = OK + b"Content-Length: 0\r\n\r\n"
        with answering(empty, empty) as url, httpcore.ConnectionPool() as pool:
            pool.request("GET", url)
            pool.close()
            assert pool.connections == []
            assert pool.request("GET", url).status == 200

    def test_what_h11_has_read_ahead_can_be_seen(self) -> None:
        """How an answer to a question not asked yet is noticed; httpcore would hand it out for the next one."""
        two, done = OK + b"Content-Length: 2\r\n\r\nok" + OK + b"Content-Length: 4\r\n\r\nevil", threading.Event()
        with answering(two, wait=done.wait) as url, httpcore.ConnectionPool() as pool:
            assert pool.request("GET", url).content == b"ok"
            (connection,) = pool.connections
            ahead = connection._connection._h11_state.trailing_data[0]  # type: ignore[attr-defined]  # private
            done.set()
        assert ahead.endswith(b"evil")


class TestH11:
    @pytest.mark.parametrize("length", ["-1", "many", "1, 2", "\uff11"])
    def test_a_length_that_is_no_number_is_refused(self, length: str) -> None:
        connection = asked()
        connection.receive_data(OK + f"Content-Length: {length}\r\n\r\n".encode())
        with pytest.raises(h11.RemoteProtocolError):
            connection.next_event()

    def test_heads_are_limited(self) -> None:
        connection = asked()
        connection.receive_data(OK + b"x: " + b"y" * 200_000)
        with pytest.raises(h11.RemoteProtocolError):
            connection.next_event()

    def test_interim_answers_are_not_limited(self) -> None:
        """Why the deadline must hold while they come."""
        connection = asked()
        connection.receive_data(b"HTTP/1.1 102 Processing\r\n\r\n" * 2000)
        assert {type(connection.next_event()) for _ in range(2000)} == {h11.InformationalResponse}


def asked() -> h11.Connection:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    connection.send(h11.EndOfMessage())
    return connection


class TestRich:
    def test_markup_in_a_name_raises_and_text_does_not(self) -> None:
        """Why server text is never a str to rich."""
        with pytest.raises(MarkupError):
            Text.from_markup("[/]")
        assert Text("[/]").plain == "[/]"

    def test_escape_and_text_let_control_characters_through(self) -> None:
        """Why text is cleaned before rich sees it."""
        out = io.StringIO()
        console = Console(file=out, force_terminal=True, color_system=None)
        console.print(escape("\x1b]0;x\x9c"), Text("\x1b[2J"))
        assert "\x1b]0;x" in out.getvalue()
        assert "\x1b[2J" in out.getvalue()

    def test_no_escape_is_written_to_what_is_no_terminal(self) -> None:
        out = io.StringIO()
        Console(file=out, force_terminal=False).print(Text("x", style="bold red"))
        assert out.getvalue() == "x\n"


class TestClick:
    def test_errors_are_ours_to_print_without_standalone_mode(self) -> None:
        @click.command()
        @click.option("--number", type=int)
        def command(number: int) -> int:
            return number

        assert command.main(["--number", "7"], standalone_mode=False) == 7
        with pytest.raises(click.BadParameter):
            command.main(["--number", "x"], standalone_mode=False)
        with pytest.raises(click.exceptions.NoSuchOption):
            command.main(["--numb", "7"], standalone_mode=False)

    def test_an_interrupt_becomes_an_abort(self) -> None:
        """Why a signal raises what is no KeyboardInterrupt: an Abort is also the end of a prompt."""

        @click.command()
        def command() -> None:
            raise KeyboardInterrupt

        with pytest.raises(click.Abort) as aborted:
            command.main([], standalone_mode=False)
        assert isinstance(aborted.value.__cause__ or aborted.value.__context__, KeyboardInterrupt)

    def test_a_bad_value_of_an_environment_variable_is_repeated(self) -> None:
        """Why no secret is ever an option of click's."""

        @click.command()
        @click.option("--pin", type=int, envvar="CONTRACT_PIN")
        def command(pin: int) -> None: ...

        result = CliRunner().invoke(command, env={"CONTRACT_PIN": "hunter2"})
        assert "hunter2" in result.output

    def test_a_closed_stdout_would_be_success(self) -> None:
        """Why the boundary looks at the standard streams first."""
        code = "import click; click.echo('lost')"
        done = subprocess.run(["sh", "-c", f'exec {sys.executable} -c "{code}" >&-'], capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (0, b"")


class TestKeyring:
    def test_the_null_backend_takes_a_secret_and_keeps_nothing(self) -> None:
        """Why what was written is read back."""
        null = keyring.backends.null.Keyring()
        null.set_password("service", "user", "secret")
        assert null.get_password("service", "user") is None

    def test_the_fail_backend_says_that_there_is_none(self) -> None:
        with pytest.raises(keyring.errors.NoKeyringError):
            keyring.backends.fail.Keyring().get_password("service", "user")  # type: ignore[no-untyped-call]  # keyring's

    def test_a_backend_that_is_not_there_is_no_keyring_error(self) -> None:
        """Why every exception of keyring's is caught, in the child."""
        code = "import keyring; keyring.get_keyring()"
        env = {**os.environ, "PYTHON_KEYRING_BACKEND": "no.such.Backend"}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
        assert "ModuleNotFoundError" in done.stderr

    def test_backends_are_named_by_module_and_priority_by_class(self) -> None:
        """What the list of trusted backends goes by."""
        for name in ("SecretService", "kwallet", "macOS", "Windows"):
            module = __import__(f"keyring.backends.{name}", fromlist=["Keyring"])
            assert module.__name__ == f"keyring.backends.{name}"
