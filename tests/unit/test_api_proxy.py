"""Which proxy the environment asks for, and whom NO_PROXY exempts."""

from __future__ import annotations

import socket
import threading

import pytest

from hcexport.api.proxy import is_bypassed, proxy_for
from hcexport.api.session import Session
from hcexport.errors import ConfigError, NetworkError
from hcexport.organization import Organization

GIS = Organization.parse("https://gis.example.com/x")
PROXY = "http://proxy.example.com:3128"


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other:1"}, PROXY),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"all_proxy": "http://other:1", "HTTPS_PROXY": PROXY}, PROXY),
        ({"HTTP_PROXY": PROXY}, None),
        ({"HTTPS_PROXY": "proxy.example.com"}, "http://proxy.example.com:80"),
        ({"HTTPS_PROXY": "https://proxy.example.com"}, "https://proxy.example.com:443"),
        ({"HTTPS_PROXY": "http://[2001:db8::1]:8080"}, "http://[2001:db8::1]:8080"),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "example.com"}, None),
    ],
)
def test_which_proxy(environ: dict[str, str], url: str | None) -> None:
    proxy = proxy_for(GIS, environ)
    assert (proxy.url if proxy else None) == url


def test_http_is_for_loopback_and_needs_no_proxy() -> None:
    loopback = Organization.parse("http://127.0.0.1:8080/x")
    assert proxy_for(loopback, {"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}) is None


def test_user_and_password_are_taken_out_and_shown_nowhere() -> None:
    proxy = proxy_for(GIS, {"HTTPS_PROXY": "http://me:p%40ss@proxy:1"})
    assert proxy
    assert proxy.credentials == ("me", "p@ss")
    assert proxy.url == "http://proxy:1"
    assert "p@ss" not in repr(proxy)
    assert "p%40ss" not in repr(proxy)


@pytest.mark.parametrize(
    ("host", "entries", "exempt"),
    [
        ("gis.example.com", "*", True),
        ("gis.example.com", "example.com", True),
        ("gis.example.com", ".example.com", True),
        ("gis.example.com", "*.example.com", True),
        ("GIS.Example.COM", "other, EXAMPLE.com.", True),
        ("gis.example.com", "gis.example.com:443", True),
        ("gis.example.com", "gis.example.com:8443", False),
        ("gis.example.com", "ample.com", False),
        ("gis.example.com", "", False),
        ("gis.example.com", " , ", False),
        ("gis.example.com", "10.0.0.0/8", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3:443", True),
        ("10.1.2.3", "10.1.2.3:80", False),
        ("[2001:db8::7]", "2001:db8::/32", True),
        ("[2001:db8::7]", "[2001:db8::7]", True),
        ("[2001:db8::7]", "[2001:db8::7]:443", True),
        ("[2001:db8::7]", "[2001:db8::7]:1", False),
        ("[2001:db8::7]", "[2001:db8::]/32", True),
        ("[2001:db8::7]", "2001:db9::/32", False),
        ("[::1]", "::1", True),
        ("10.1.2.3", "10.0.0.0/99", False),
        ("10.1.2.3", "[broken", False),
    ],
)
def test_whom_no_proxy_exempts(host: str, entries: str, exempt: bool) -> None:
    organization = Organization.parse(f"https://{host}/x")
    assert is_bypassed(organization, {"NO_PROXY": entries}) is exempt
    assert is_bypassed(organization, {"no_proxy": entries, "NO_PROXY": "nothing.else"}) is (
        exempt and bool(entries.strip())
    )


@pytest.mark.parametrize("text", ["socks5://p:1", "SOCKS5h://p:1", "ftp://p", "http://", "http://[", "http://p:port"])
def test_what_is_no_proxy_names_the_variable(text: str) -> None:
    with pytest.raises(ConfigError, match="ALL_PROXY"):
        proxy_for(GIS, {"ALL_PROXY": text})


def test_a_proxy_that_wants_a_password_sees_no_token() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen: list[bytes] = []

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                seen.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=refuse, daemon=True).start()
        environ = {"HTTPS_PROXY": f"http://127.0.0.1:{listener.getsockname()[1]}"}
        session = Session(GIS, environ=environ, sleep=lambda _: pytest.fail("tried again"))
        with pytest.raises(NetworkError, match="proxy") as caught:
            session.post(f"{GIS.admin}/x", {"token": "canary"})
        session.close()
    assert caught.value.unsent
    assert not caught.value.retryable
    assert seen[0].startswith(b"CONNECT gis.example.com:443 ")
    assert b"canary" not in seen[0]
