"""The sandbox as its users hold it: started, asked, looked into, stopped.

A certificate that nobody trusts yet, for trying out TLS.
"""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from hcexport.sandbox.application import Application
from hcexport.sandbox.http import Request, Response
from hcexport.sandbox.options import Certificate, Options
from hcexport.sandbox.server import Server
from hcexport.sandbox.world import World
from hcexport.sandbox.world.identity import Token
from hcexport.sandbox.world.reports import Report

REQUESTS_KEPT = 100_000  # so that one that runs for weeks does not grow without end

NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
SUBJECT = "/CN=hcexport sandbox"
DAYS = "30"


class Sandbox(Options):
    """A simulated organization on a socket of this machine; the parameters are the fields of Options.

    Use it as a context, or call ``start`` and ``stop``. What it knows outlives a stop: started again, it is the same
    organization at the same port.
    """

    def __post_init__(self) -> None:
        """Make the world; nothing listens yet."""
        super().__post_init__()
        self._world = World(self)
        self._application = Application(self._world)
        self._requests: deque[Request] = deque(maxlen=REQUESTS_KEPT)
        self._served = 0
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._bound = self.port

    def start(self) -> Self:
        """Listen; raises OSError when the port is taken or the certificate cannot be read."""
        server = Server((self.host, self._bound), self._answer, self.clock, _tls(self.certificate))
        self._bound = server.server_port
        self._thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="sandbox", daemon=True)
        self._thread.start()
        self._server = server
        return self

    def stop(self) -> None:
        """Stop listening and cut the connections; does nothing when it is not started."""
        server, thread, self._server = self._server, self._thread, None
        if server and thread:
            server.shutdown()
            thread.join()
            server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The organization's URL, context included; known once it was started."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{self._bound}{self.root}"

    @property
    def requests(self) -> list[Request]:
        """The requests so far, oldest first."""
        return list(self._requests)

    @property
    def served(self) -> int:
        """How many requests there were."""
        return self._served

    @property
    def reports(self) -> list[Report]:
        """The reports, newest first."""
        return self._world.reports.all()[::-1]

    def new_token(self, username: str | None = None, referer: str | None = None, seconds: float | None = None) -> str:
        """Hand out a token, to the administrator unless told otherwise; bound to no referer when none is given."""
        account = self._world.accounts.get(username or self.username)
        life = self.token_seconds if seconds is None else seconds
        return self._world.tokens.keep(Token(account, referer), life)

    def revoke_all_tokens(self) -> None:
        """End every access token that was handed out; refresh tokens stay good."""
        self._world.tokens.clear()

    def _answer(self, request: Request) -> Response:
        self._served += 1
        self._requests.append(request)
        return self._application.answer(request)


def _tls(certificate: Certificate | None) -> ssl.SSLContext | None:
    if certificate is None or isinstance(certificate, ssl.SSLContext):
        return certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


class CertificateError(RuntimeError):
    """The certificate could not be made; the text says why."""


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate and its key in a folder with the ``openssl`` command; raises CertificateError."""
    openssl = shutil.which("openssl")
    if not openssl:
        raise CertificateError("the openssl command is needed to make a certificate, and was not found on PATH")
    certificate, key = folder / "sandbox.crt", folder / "sandbox.key"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"]
    words = ["-subj", SUBJECT, "-days", DAYS, "-addext", NAMES, "-out", str(certificate), "-keyout", str(key)]
    done = subprocess.run([openssl, "req", "-x509", *curve, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CertificateError(f"openssl made no certificate: {done.stderr.strip().splitlines()[-1]}")
    return certificate, key
