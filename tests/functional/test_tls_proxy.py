"""Proxies: a real one between hcexport and the organization, and what the environment says of it."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from hcexport.api.proxy import is_bypassed, proxy_for
from hcexport.errors import ConfigError
from hcexport.organization import Organization
from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

PASSWORD = "proxy-pass-word"


class ConnectProxy:
    """CONNECT and nothing else; ``heads`` are the requests as they came, ``status`` what it says to all of them."""

    def __init__(self, status: str = "200 OK") -> None:
        self.heads: list[str] = []
        self._status = status
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._visit, args=(near,), daemon=True))
                self._threads[-1].start()

    def _visit(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            near.settimeout(10)
            head = b""
            while b"\r\n\r\n" not in head:
                head += near.recv(4096)
            self.heads.append(head.decode())
            near.sendall(f"HTTP/1.1 {self._status}\r\n\r\n".encode())
            if not self._status.startswith("2"):
                return
            host, port = head.split()[1].decode().rsplit(":", 1)
            with socket.create_connection((host, int(port))) as far:
                back = threading.Thread(target=self._pass_on, args=(far, near), daemon=True)
                back.start()
                self._pass_on(near, far)
                back.join(10)

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()


@contextmanager
def proxy(status: str = "200 OK") -> Iterator[ConnectProxy]:
    made = ConnectProxy(status)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def reachable(tmp_path: Path) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """An organization over TLS, and the environment that leads to it."""
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    with Sandbox(certificate=context, job_seconds=0.05) as box:
        yield (
            box,
            {
                "HCEXPORT_URL": box.url,
                "HCEXPORT_TOKEN": box.new_token(),
                "HCEXPORT_CA_BUNDLE": str(tmp_path / "ca.pem"),
            },
        )


class TestThroughOne:
    def test_connect_carries_no_secret_of_ours(
        self, hcexport_alone: Hcexport, reachable: tuple[Sandbox, dict[str, str]], tmp_path: Path
    ) -> None:
        box, env = reachable
        with proxy() as between:
            env["HTTPS_PROXY"] = f"http://{between.address}"
            done = hcexport_alone("export", "--latest", "1", "--out", tmp_path / "out.zip", env=env)
            assert done.returncode == 0, done.stderr
        assert between.heads
        assert all(head.startswith("CONNECT 127.0.0.1:") for head in between.heads)
        assert not any(env["HCEXPORT_TOKEN"] in head or "Authorization" in head for head in between.heads)
        assert box.requests

    def test_its_own_password_goes_to_it_alone(
        self, hcexport_alone: Hcexport, reachable: tuple[Sandbox, dict[str, str]]
    ) -> None:
        box, env = reachable
        with proxy() as between:
            env["HTTPS_PROXY"] = f"http://someone:{PASSWORD}@{between.address}"
            done = hcexport_alone("list", "--limit", "1", "-vv", env=env)
            assert done.returncode == 0, done.stderr
        wanted = base64.b64encode(f"someone:{PASSWORD}".encode()).decode()
        assert all(f"Proxy-Authorization: Basic {wanted}" in head for head in between.heads)
        assert not any("Proxy-Authorization" in request.headers for request in box.requests)
        assert PASSWORD not in done.stderr
        assert wanted not in done.stderr

    @pytest.mark.parametrize(("status", "words"), [("407 Auth", "user and a password"), ("502 No", "502")])
    def test_what_it_says_no_with_is_told_apart(
        self, hcexport_alone: Hcexport, reachable: tuple[Sandbox, dict[str, str]], status: str, words: str
    ) -> None:
        box, env = reachable
        with proxy(status) as between:
            env["HTTPS_PROXY"] = f"http://someone:{PASSWORD}@{between.address}"
            done = hcexport_alone("export", "--run-ids", "a", "--format", "json", env=env, timeout=60)
        error = json.loads(done.stderr.splitlines()[-1])["error"]
        assert (done.returncode, error["exit_status"]) == (6, 6)
        assert "proxy" in error["message"]
        assert words in error["message"]
        assert PASSWORD not in done.stderr
        assert box.requests == []
        assert len(between.heads) == (1 if status.startswith("407") else 5)

    def test_one_that_is_down_is_named(
        self, hcexport_alone: Hcexport, reachable: tuple[Sandbox, dict[str, str]]
    ) -> None:
        box, env = reachable
        with proxy() as between:
            env["HTTPS_PROXY"] = f"http://someone:{PASSWORD}@{between.address}"
        done = hcexport_alone("list", "--format", "json", env=env)
        error = json.loads(done.stderr.splitlines()[-1])["error"]
        assert (done.returncode, error["exit_status"]) == (6, 6)
        assert between.address in error["message"]
        assert box.url.split("/")[2] not in error["message"]
        assert PASSWORD not in done.stderr

    def test_no_proxy_leads_past_it(self, hcexport_alone: Hcexport, reachable: tuple[Sandbox, dict[str, str]]) -> None:
        _, env = reachable
        with proxy() as between:
            env |= {"HTTPS_PROXY": f"http://{between.address}", "NO_PROXY": "[::1],fe80::/10,127.0.0.0/8"}
            assert hcexport_alone("list", "--limit", "1", env=env).returncode == 0
        assert between.heads == []


class TestEnvironment:
    @pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
    @pytest.mark.parametrize(
        ("value", "words"), [("socks5://127.0.0.1:1080", "SOCKS"), ("ftp://x", "proxy"), ("http://[", "proxy")]
    )
    def test_what_cannot_be_used_is_named(self, hcexport_alone: Hcexport, name: str, value: str, words: str) -> None:
        env = {"HCEXPORT_URL": "https://gis.invalid/x", "HCEXPORT_TOKEN": "abcdefgh", name: value}
        done = hcexport_alone("list", env=env)
        assert done.returncode == 78
        assert name in done.stderr
        assert words in done.stderr
        assert "hint: " in done.stderr

    @pytest.mark.parametrize(
        ("url", "entries", "past"),
        [
            ("https://gis.example.com/x", "example.com", True),
            ("https://gis.example.com/x", ".example.com", True),
            ("https://gis.example.com/x", "*.example.com", True),
            ("https://example.com.evil.net/x", "example.com", False),
            ("https://notexample.com/x", "example.com", False),
            ("https://gis.example.com/x", "a.b, GIS.example.com", True),
            ("https://gis.example.com:8443/x", "gis.example.com:443", False),
            ("https://gis.example.com:8443/x", "gis.example.com:8443", True),
            ("https://10.1.2.3/x", "10.0.0.0/8", True),
            ("https://11.1.2.3/x", "10.0.0.0/8", False),
            ("https://[fd00::1]/x", "[fd00::1]", True),
            ("https://[fd00::1]/x", "fd00::/8", True),
            ("https://[fd00::1]:8443/x", "[fd00::1]:443", False),
            ("https://[2001:db8::1]/x", "fd00::/8", False),
            ("https://gis.example.com/x", "*", True),
            ("https://gis.example.com/x", "", False),
        ],
    )
    def test_no_proxy(self, url: str, entries: str, past: bool) -> None:
        environ = {"HTTPS_PROXY": "http://proxy:3128", "no_proxy": entries}
        assert (proxy_for(Organization.parse(url), environ) is None) is past

    def test_http_has_no_proxy(self) -> None:
        """It is spoken to this machine alone."""
        environ = {"HTTP_PROXY": "http://proxy:3128", "HTTPS_PROXY": "http://proxy:3128"}
        assert proxy_for(Organization.parse("http://127.0.0.1:8080/x"), environ) is None

    def test_its_repr_hides_the_password(self) -> None:
        found = proxy_for(Organization.parse("https://a.b/x"), {"HTTPS_PROXY": f"http://u:{PASSWORD}@proxy:1"})
        assert found
        assert found.credentials == ("u", PASSWORD)
        assert PASSWORD not in repr(found)

    @given(st.text(), st.text())
    def test_no_text_crashes_it(self, address: str, entries: str) -> None:
        organization = Organization.parse("https://[fd00::1]:8443/x")
        is_bypassed(organization, {"NO_PROXY": entries})
        with suppress(ConfigError):
            proxy_for(organization, {"HTTPS_PROXY": address})
