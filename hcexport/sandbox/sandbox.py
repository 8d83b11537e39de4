"""The sandbox as its users hold it: start it, ask it, look into it, stop it; and a certificate for its TLS."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Self

from hcexport.sandbox.application import Application
from hcexport.sandbox.endpoints import object_store
from hcexport.sandbox.http import Request, Response
from hcexport.sandbox.options import Certificate, Options
from hcexport.sandbox.scenarios import get_scenario
from hcexport.sandbox.server import Server
from hcexport.sandbox.world import World
from hcexport.sandbox.world.identity import Token
from hcexport.sandbox.world.reports import Report

REQUESTS_KEPT = 100_000  # a limit, so that a sandbox that runs for weeks does not fill the memory

NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
SUBJECT = "/CN=hcexport sandbox"
DAYS = "30"


class Sandbox(Options):
    """A simulated organization on a socket of this machine; the parameters are the fields of Options.

    Use it in a ``with`` statement, or call ``start`` and ``stop``. A sandbox that is started again is the same
    organization at the same port.
    """

    def __post_init__(self) -> None:
        """Make the world; nothing listens yet."""
        super().__post_init__()
        scenario = get_scenario(self.scenario)
        chosen = Options(**{option.name: getattr(self, option.name) for option in fields(Options)})
        self._world = World(scenario.organization(chosen))
        self._application = Application(self._world)
        self._has_object_store = scenario.has_object_store
        self._requests: deque[Request] = deque(maxlen=REQUESTS_KEPT)
        self._served = 0
        self._listening: list[tuple[Server, threading.Thread]] = []
        self._bound = self.port

    def start(self) -> Self:
        """Listen; raises OSError when the port is taken or the certificate cannot be read."""
        self._bound = self._listen(self._bound, self._application.answer)
        if self._has_object_store:
            port = self._listen(0, lambda request: object_store.download(self._world, request))
            self._world.signed_urls.origin = self._origin(port)
        return self

    def stop(self) -> None:
        """Stop listening and cut the connections; does nothing when the sandbox is not started."""
        listening, self._listening = self._listening, []
        for server, thread in listening:
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
        """The organization's URL as users are told it, context included; known once the sandbox was started."""
        return f"{self._origin(self._bound)}{self.root}"

    @property
    def how_to_sign_in(self) -> str:
        """A sentence for a person who wants to try ``hcexport login``."""
        return f"Sign in as {self.username} with password {self.password}."

    @property
    def requests(self) -> list[Request]:
        """The requests so far, oldest first, those to the object store included."""
        return list(self._requests)

    @property
    def served(self) -> int:
        """The number of requests so far."""
        return self._served

    @property
    def reports(self) -> list[Report]:
        """The reports that are listed, newest first."""
        return self._world.reports.all()[::-1]

    def new_token(self, username: str | None = None, referer: str | None = None, seconds: float | None = None) -> str:
        """Make a token, the administrator's by default; without ``referer`` it is bound to no referer."""
        account = self._world.accounts.get(username or self.username)
        life = self.token_seconds if seconds is None else seconds
        return self._world.tokens.keep(Token(account, referer), life)

    def revoke_all_tokens(self) -> None:
        """End every access token; refresh tokens stay valid."""
        self._world.tokens.clear()

    def _origin(self, port: int) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{port}"

    def _listen(self, port: int, answer: Callable[[Request], Response]) -> int:
        """Start a server and return its port."""

        def record(request: Request) -> Response:
            self._served += 1
            self._requests.append(request)
            return answer(request)

        server = Server((self.host, port), record, self.clock, _tls(self.certificate))
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="sandbox", daemon=True)
        thread.start()
        self._listening.append((server, thread))
        return server.server_port


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
