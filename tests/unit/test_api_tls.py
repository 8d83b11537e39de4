"""Trust: each certificate failure has its own words, over real TLS, and none is asked again."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from hcexport.api.session import Session
from hcexport.api.tls import TlsOptions, make_context
from hcexport.errors import CertificateError, ConfigError
from hcexport.organization import Organization

CA = trustme.CA()
PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n{"fine": 1}\n'


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    CA.cert_pem.write_to_path(path)
    return path


def context_of(*names: str, ca: trustme.CA = CA, **options: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names, **options).configure_cert(context)
    return context


@contextmanager
def serving(context: ssl.SSLContext, reply: bytes = ANSWER) -> Iterator[Organization]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving.connections = 0  # type: ignore[attr-defined] # read by the tests

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                serving.connections += 1  # type: ignore[attr-defined] # as above
                try:
                    with context.wrap_socket(connection, server_side=True) as tls:
                        tls.recv(65536)
                        tls.sendall(reply)
                except OSError:
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield Organization.parse(f"https://127.0.0.1:{listener.getsockname()[1]}/x")
        listener.shutdown(socket.SHUT_RDWR)


def ask(organization: Organization, **options: Any) -> dict[str, Any]:
    session = Session(organization, tls=TlsOptions(**options), sleep=lambda _: pytest.fail("tried again"))
    try:
        return session.get(f"{organization.admin}/x")
    finally:
        session.close()


def test_a_private_ca_is_trusted_when_it_is_given(bundle: Path) -> None:
    with serving(context_of("127.0.0.1")) as organization:
        assert ask(organization, ca_bundle=bundle) == {"fine": 1}
        assert ask(organization, ca_bundle=None, verify=False) == {"fine": 1}


FAILURES = {
    "unknown CA": (lambda: context_of("127.0.0.1", ca=trustme.CA()), "does not trust", "--ca-bundle"),
    "wrong host": (lambda: context_of("gis.example.com"), "another name", "name"),
    "expired": (lambda: context_of("127.0.0.1", not_after=PAST, not_before=PAST), "expired", "renewed"),
}


@pytest.mark.parametrize(("make", "said", "hint"), FAILURES.values(), ids=FAILURES.keys())
def test_each_failure_in_its_own_words(make: Any, said: str, hint: str, bundle: Path) -> None:
    with serving(make()) as organization:
        with pytest.raises(CertificateError, match=said) as caught:
            ask(organization, ca_bundle=bundle)
        assert serving.connections == 1  # type: ignore[attr-defined] # see there
    assert hint in (caught.value.hint or "")
    assert "--insecure" not in (caught.value.hint or "")
    assert not caught.value.retryable
    assert caught.value.unsent


def test_a_ca_that_only_the_system_could_know_is_not_trusted() -> None:
    with serving(context_of("127.0.0.1")) as organization, pytest.raises(CertificateError, match="trust"):
        ask(organization)


def test_a_client_certificate_that_is_demanded(bundle: Path, tmp_path: Path) -> None:
    """TLS 1.3 says so in the first read, after the handshake."""
    context = context_of("127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    CA.configure_trust(context)
    ours, key = tmp_path / "c.pem", tmp_path / "c.key"
    mine = CA.issue_cert("me@example.com")
    ours.write_bytes(b"".join(blob.bytes() for blob in mine.cert_chain_pems))
    mine.private_key_pem.write_to_path(key)
    with serving(context) as organization:
        with pytest.raises(CertificateError, match="client certificate") as caught:
            ask(organization, ca_bundle=bundle)
        assert "--client-cert" in (caught.value.hint or "")
        assert ask(organization, ca_bundle=bundle, client_cert=ours, client_key=key) == {"fine": 1}


@pytest.mark.parametrize("which", ["ca_bundle", "client_cert"])
@pytest.mark.parametrize("content", [None, "", "no PEM", "-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----"])
def test_files_that_cannot_be_used_are_named(which: str, content: str | None, tmp_path: Path, bundle: Path) -> None:
    path = tmp_path / "bad.pem"
    if content is not None:
        path.write_text(content)
    options: dict[str, Any] = {"ca_bundle": bundle, which: path}
    with pytest.raises(ConfigError, match=r"bad\.pem"):
        make_context(TlsOptions(**options))


def test_a_key_without_a_certificate_is_a_contradiction(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="key"):
        make_context(TlsOptions(client_key=tmp_path / "k.pem"))


def test_old_protocols_are_refused() -> None:
    for options in (TlsOptions(), TlsOptions(verify=False)):
        assert make_context(options).minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_store_over_tls_hands_out_the_file(bundle: Path) -> None:
    """Its certificate is checked as the organization's, also where it is of another name."""
    file = b"PK\x05\x06" + bytes(18)
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\nConnection: close\r\n\r\n" + file
    for name, arrives in (("127.0.0.1", True), ("elsewhere.example", False)):
        with serving(context_of(name), whole) as store:
            moved = f"HTTP/1.1 302 Found\r\nLocation: {store.origin}/x?sig=1\r\nContent-Length: 0\r\n\r\n".encode()
            with serving(context_of("127.0.0.1"), moved) as home:
                session = Session(home, tls=TlsOptions(ca_bundle=bundle))
                try:
                    with session.stream(f"{home.admin}/f", token=None, headers={}) as stream:
                        assert arrives
                        assert b"".join(stream.chunks) == file
                except CertificateError:
                    assert not arrives
                finally:
                    session.close()
