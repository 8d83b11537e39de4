"""Trust over real TLS: each failure told apart, said once, and never tried again."""

from __future__ import annotations

import datetime
import json
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hcexport.sandbox import Sandbox
from tests.support.process import Hcexport

HOUR = datetime.timedelta(hours=1)
LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)


@dataclass
class Certificates:
    """A private CA and what it signs, as files."""

    ca: trustme.CA
    folder: Path

    @property
    def bundle(self) -> Path:
        path = self.folder / "ca.pem"
        self.ca.cert_pem.write_to_path(path)
        return path

    def server(self, *names: str, **options: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*(names or ("127.0.0.1",)), **options).configure_cert(context)
        return context

    def client(self) -> Path:
        leaf = self.ca.issue_cert("someone@example.com")
        path = self.folder / "client.pem"
        leaf.private_key_and_cert_chain_pem.write_to_path(path)
        return path

    def made_of(self, bits: int, *, self_signed: bool = False, before: datetime.datetime | None = None) -> Any:
        """A server's context whose certificate trustme would not make."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gis")])
        now = datetime.datetime.now(datetime.UTC)
        issuer = x509.load_pem_x509_certificate(self.ca.cert_pem.bytes())
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name if self_signed else issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(before or now - HOUR)
            .not_valid_after((before or now) + 24 * HOUR)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        )
        ca_key: Any = serialization.load_pem_private_key(self.ca.private_key_pem.bytes(), None)
        certificate = builder.sign(key if self_signed else ca_key, hashes.SHA256())
        path = self.folder / f"{bits}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(path)
        return context


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(trustme.CA(), tmp_path)


class Door:
    """A TLS server that nobody gets past; it counts who came, and notes what they said inside."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.opened = 0
        self.heard = b""
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def env(self, host: str = "127.0.0.1") -> dict[str, str]:
        """What leads here."""
        port = self._listener.getsockname()[1]
        return {"HCEXPORT_URL": f"https://{host}:{port}/enterprise", "HCEXPORT_TOKEN": "abcdefgh"}

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                self.opened += 1
                plain.settimeout(5)
                with self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as visit:
                    self._receive(visit)

    def _receive(self, visit: ssl.SSLSocket) -> None:
        """Read to the end also after an alert: one that is cut off by a reset would never be read over there."""
        try:
            visit.do_handshake()
            self.heard += visit.recv(1024)
        except OSError:
            with suppress(OSError), socket.socket(fileno=visit.detach()) as plain:
                plain.settimeout(5)
                while plain.recv(4096):
                    pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()


@contextmanager
def door(context: ssl.SSLContext) -> Iterator[Door]:
    made = Door(context)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def served(context: ssl.SSLContext) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """An organization, and the environment that leads to it."""
    with Sandbox(certificate=context, job_seconds=0.05) as box:
        yield box, {"HCEXPORT_URL": box.url, "HCEXPORT_TOKEN": box.new_token()}


def refusal(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.stdout == ""
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert error["exit_status"] == done.returncode == 6
    assert error["retryable"] is False
    return error


Make = Callable[[Certificates], tuple[ssl.SSLContext, str, bool]]


def unknown_ca(each: Certificates) -> tuple[ssl.SSLContext, str, bool]:
    return each.server("localhost"), "CA that this machine does not trust", False


def self_signed(each: Certificates) -> tuple[ssl.SSLContext, str, bool]:
    return each.made_of(2048, self_signed=True), "self-signed", False


def expired(each: Certificates) -> tuple[ssl.SSLContext, str, bool]:
    return each.made_of(2048, before=LONG_AGO), "expired", True


def not_yet(each: Certificates) -> tuple[ssl.SSLContext, str, bool]:
    return each.made_of(2048, before=datetime.datetime.now(datetime.UTC) + 24 * HOUR), "not valid yet", True


def wrong_host(each: Certificates) -> tuple[ssl.SSLContext, str, bool]:
    return each.server("gis.example.com"), "another name", True


def weak(each: Certificates) -> tuple[ssl.SSLContext, str, bool]:
    return each.made_of(1024), "too weak", True


@pytest.mark.parametrize("make", [unknown_ca, self_signed, expired, not_yet, wrong_host, weak])
def test_each_failure_has_its_own_words_and_one_connection(
    hcexport_alone: Hcexport, certificates: Certificates, make: Make
) -> None:
    context, expected, trusts = make(certificates)
    with door(context) as visited:
        options = ["--ca-bundle", certificates.bundle] if trusts else []
        for words in (["list"], ["export", "--run-ids", "a"]):
            done = hcexport_alone(*words, "--format", "json", *options, env=visited.env("localhost"))
            error = refusal(done)
            assert expected in error["message"]
            assert error["hint"]
            assert "--insecure" not in error["hint"]
        assert (visited.opened, visited.heard) == (2, b"")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
class TestClientCertificate:
    def demanding(self, certificates: Certificates, version: ssl.TLSVersion) -> ssl.SSLContext:
        context = certificates.server()
        context.minimum_version = context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        certificates.ca.configure_trust(context)
        return context

    @pytest.mark.parametrize("words", [["list"], ["export", "--run-ids", "a"]])
    def test_its_absence_is_said_once(
        self, hcexport_alone: Hcexport, certificates: Certificates, version: ssl.TLSVersion, words: list[str]
    ) -> None:
        with door(self.demanding(certificates, version)) as visited:
            done = hcexport_alone(*words, "--format", "json", "--ca-bundle", certificates.bundle, env=visited.env())
            error = refusal(done)
            assert "demands a client certificate" in error["message"]
            assert "--client-cert" in error["hint"]
            assert visited.opened == 1

    def test_one_is_shown(self, hcexport_alone: Hcexport, certificates: Certificates, version: ssl.TLSVersion) -> None:
        with served(self.demanding(certificates, version)) as (_, env):
            shown = ["--ca-bundle", certificates.bundle, "--client-cert", certificates.client()]
            assert hcexport_alone("list", "--limit", "1", *shown, env=env).returncode == 0

    def test_one_of_a_stranger_is_refused(
        self, hcexport_alone: Hcexport, certificates: Certificates, version: ssl.TLSVersion, tmp_path: Path
    ) -> None:
        (tmp_path / "stranger").mkdir()
        stranger = Certificates(trustme.CA(), tmp_path / "stranger").client()
        with door(self.demanding(certificates, version)) as visited:
            shown = ["--ca-bundle", certificates.bundle, "--client-cert", stranger]
            error = refusal(hcexport_alone("list", "--format", "json", *shown, env=visited.env()))
            assert "refused the client certificate" in error["message"]
            assert visited.opened == 1


class TestTrusting:
    def test_a_private_ca_by_option_and_by_variables(
        self, hcexport_alone: Hcexport, certificates: Certificates
    ) -> None:
        bundle = str(certificates.bundle)
        with served(certificates.server()) as (_, env):
            run = ("list", "--limit", "1")
            assert hcexport_alone(*run, "--ca-bundle", bundle, env=env).returncode == 0
            assert hcexport_alone(*run, env={**env, "HCEXPORT_CA_BUNDLE": bundle}).returncode == 0
            assert hcexport_alone(*run, env={**env, "SSL_CERT_FILE": bundle}).returncode == 0
            assert hcexport_alone(*run, env=env).returncode == 6

    def test_another_ca_than_the_named_one_is_not_trusted(
        self, hcexport_alone: Hcexport, certificates: Certificates, tmp_path: Path
    ) -> None:
        (tmp_path / "other").mkdir()
        other = Certificates(trustme.CA(), tmp_path / "other").bundle
        with served(certificates.server()) as (_, env):
            trusted = {**env, "SSL_CERT_FILE": str(certificates.bundle)}
            assert hcexport_alone("list", "--ca-bundle", other, env=trusted).returncode == 6

    @pytest.mark.parametrize("content", [None, "no certificate"])
    @pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "HCEXPORT_CA_BUNDLE"])
    def test_a_bundle_that_cannot_be_used_is_named(
        self, hcexport_alone: Hcexport, tmp_path: Path, variable: str, content: str | None
    ) -> None:
        bundle = tmp_path / "company.pem"
        if content:
            bundle.write_text(content)
        env = {"HCEXPORT_URL": "https://127.0.0.1:9/x", "HCEXPORT_TOKEN": "abcdefgh", variable: str(bundle)}
        done = hcexport_alone("list", env=env)
        assert done.returncode == 78
        assert str(bundle) in done.stderr

    def test_insecure_is_said_each_time_and_never_stored(
        self, hcexport_alone: Hcexport, certificates: Certificates
    ) -> None:
        with served(certificates.server("gis.example.com")) as (box, env):
            url = env["HCEXPORT_URL"]
            words = ("login", url, "--insecure", "-u", box.username, "--password-stdin", "--store", "file", "--quiet")
            assert "--insecure" in hcexport_alone(*words, stdin=box.password).stderr
            assert "--insecure" in hcexport_alone("list", "--insecure", "--quiet").stderr
            assert hcexport_alone("list").returncode == 6
            assert "insecure" not in Path(hcexport_alone.env["HCEXPORT_HOME"], "config.toml").read_text()

    def test_a_key_log_is_warned_about(
        self, hcexport_alone: Hcexport, certificates: Certificates, tmp_path: Path
    ) -> None:
        with served(certificates.server()) as (_, env):
            logged = {**env, "SSLKEYLOGFILE": str(tmp_path / "keys")}
            done = hcexport_alone("list", "--quiet", "--ca-bundle", certificates.bundle, env=logged)
        assert done.returncode == 0
        assert "SSLKEYLOGFILE" in done.stderr

    @pytest.mark.parametrize("given", ["--client-key", "--client-cert"])
    def test_half_a_client_certificate_is_a_config_error(
        self, hcexport_alone: Hcexport, certificates: Certificates, given: str
    ) -> None:
        certificates.ca.issue_cert("x@example.com").private_key_pem.write_to_path(certificates.folder / "key")
        env = {"HCEXPORT_URL": "https://127.0.0.1:9/x", "HCEXPORT_TOKEN": "abcdefgh"}
        done = hcexport_alone("list", given, certificates.folder / "key", env=env)
        assert done.returncode == 78
        assert "PRIVATE" not in done.stderr


@dataclass
class Front:
    """nginx before an organization, with a private CA."""

    nginx: str
    box: Sandbox
    certificates: Certificates

    @contextmanager
    def serving(self, *directives: str) -> Iterator[dict[str, str]]:
        """The environment that leads to it."""
        folder = self.certificates.folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        leaf = self.certificates.ca.issue_cert("127.0.0.1")
        leaf.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("fastcgi", "uwsgi", "scgi", "proxy"))
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; worker_processes 1; events {{}}\n"
            f"http {{ access_log off; client_body_temp_path {folder}/body; {temporary}\n"
            f"server {{ listen 127.0.0.1:{port} ssl; {' '.join(directives)}\n"
            f"ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;\n"
            f"location / {{ proxy_set_header Host $http_host; proxy_pass http://{urlsplit(self.box.url).netloc}; }}\n"
            "}}\n"
        )
        words = [self.nginx, "-e", "stderr", "-c", folder / "nginx.conf"]
        with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
            try:
                self._await(port)
                yield {"HCEXPORT_URL": f"https://127.0.0.1:{port}/enterprise", "HCEXPORT_TOKEN": self.box.new_token()}
            finally:
                process.terminate()

    def _await(self, port: int) -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                return
            time.sleep(0.02)


@pytest.mark.parts
class TestBehindNginx:
    """A front that buffers, resumes and speaks TLS as those of organizations do."""

    @pytest.fixture
    def front(
        self,
        box: Sandbox,
        certificates: Certificates,
        need_part: Callable[[str], str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> Front:
        monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin")
        return Front(need_part("nginx"), box, certificates)

    @pytest.mark.parametrize("by", ["option", "SSL_CERT_FILE"])
    def test_a_private_ca_is_trusted_when_it_is_named(
        self, hcexport_alone: Hcexport, front: Front, tmp_path: Path, by: str
    ) -> None:
        bundle = str(front.certificates.bundle)
        with front.serving() as env:
            words = ("export", "--latest", "2", "--out", tmp_path / "out.zip")
            if by == "option":
                done = hcexport_alone(*words, "--ca-bundle", bundle, env=env)
            else:
                done = hcexport_alone(*words, env={**env, by: bundle})
            assert done.returncode == 0, done.stderr
            assert hcexport_alone("list", env=env).returncode == 6

    def test_its_demand_for_a_client_certificate_is_understood(self, hcexport_alone: Hcexport, front: Front) -> None:
        """It is a page in an HTTP 400, not a failed handshake."""
        trusting = ["--ca-bundle", front.certificates.bundle]
        demand = f"ssl_verify_client on; ssl_client_certificate {front.certificates.bundle};"
        with front.serving(demand) as env:
            for words in (["list"], ["export", "--run-ids", "a"]):
                error = refusal(hcexport_alone(*words, "--format", "json", *trusting, env=env))
                assert "demands a client certificate" in error["message"]
            shown = ["--client-cert", front.certificates.client()]
            assert hcexport_alone("list", "--limit", "1", *trusting, *shown, env=env).returncode == 0
            stranger = Certificates(trustme.CA(), front.certificates.folder).client()
            refused = hcexport_alone("list", "--format", "json", *trusting, "--client-cert", stranger, env=env)
            assert "refused the client certificate" in refusal(refused)["message"]
        assert sum(request.method == "POST" for request in front.box.requests) == 0
