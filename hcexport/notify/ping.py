"""Pings in the protocol of healthchecks: ``/start`` before a run, ``/EXIT STATUS`` or ``/log`` after it.

They go out by ``hcexport.api.http``, which bounds the name look-up and TLS by the same deadline as the answer. They
carry no token, and neither our CA bundle nor a proxy is used, because the monitor is no part of the organization.
"""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from urllib.parse import urlsplit
from uuid import uuid4

from hcexport.api.http import HttpClient
from hcexport.api.tls import TlsOptions, make_context
from hcexport.errors import BY_SIGNAL, Busy, ConfigError, HcexportError, NetworkError, TimedOut
from hcexport.files import open_at_once, refuse_foreign
from hcexport.organization import is_loopback
from hcexport.redaction import Secret, redact
from hcexport.times import Clock, Deadline, Sleep

TRIES, TRY_S, WHOLE_S, PAUSE_S = 3, 10.0, 30.0, 1.0
HURRY_S = 3.0  # after a signal: who sent it will soon kill
BODY_CAP = 10_000  # bytes; what a healthchecks server of one's own keeps by default
_LARGEST = 4096  # bytes; more is not a URL
_SHORTEST_KEY = 16  # characters; a ping key has 22, a UUID 36
_WORDS = {"hcexport", "healthcheck", "healthchecks"}  # to hide them would spoil what we say, and they are no secrets


@dataclass(frozen=True)
class PingUrl:
    """Where pings go. The path is a secret, because who knows it can report in our name; str and repr mask it."""

    origin: str
    path: str = field(repr=False)
    query: str = field(repr=False)

    @classmethod
    def parse(cls, text: str, origin: str) -> PingUrl:
        """Read a URL; ``origin`` says in messages where it stands. Raises ConfigError, never with the URL."""
        address = text.strip()
        try:
            parts = urlsplit(address)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            host = ""
        if not host or not (address.isascii() and address.isprintable()) or " " in address:
            raise ConfigError(f"{origin}: it is not a URL", hint="give it as https://HOST/UUID")
        if "@" in parts.netloc:
            raise ConfigError(f"{origin}: the URL names a user", hint="leave the user out")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
            raise ConfigError(f"{origin}: the URL is not https", hint="http is for this machine only")
        _hide(parts.path, parts.query)
        return cls(f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/"), parts.query)

    def __str__(self) -> str:
        return f"{self.origin}/***"

    def of(self, word: str, run: str) -> str:
        """The URL to send: ``word`` is ``start``, ``log`` or an exit status, ``run`` pairs the pings of a run."""
        return f"{self.origin}{self.path}/{word}?" + "&".join(filter(None, [self.query, f"rid={run}"]))


def _hide(path: str, query: str) -> None:
    """Let the secret parts of a URL never show: not the host, and not a name beside a key, which we say ourselves."""
    parts = [part for part in re.split("[/?&=]", f"{path}?{query}") if part.lower() not in _WORDS]
    keys = [part for part in parts if len(part) >= _SHORTEST_KEY and re.search("[0-9A-Z]", part)]
    for part in keys or parts:
        Secret(part)


def read_ping_file(path: Path) -> PingUrl:
    """The URL in a file that others cannot read. Raises ConfigError.

    Its group may where root is the owner, and it may be a link: that is how Kubernetes and systemd hand out secrets.
    """
    origin = "HCEXPORT_PING_FILE"
    try:
        with open_at_once(path.expanduser()) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ConfigError(f"{origin}: {path} is not a file")
            refuse_foreign(path, found)
            if found.st_mode & (0o027 if found.st_uid == 0 else 0o077):
                raise ConfigError(f"{origin}: others can read {path}", hint=f"chmod 600 {quote(str(path))}")
            content = file.read(_LARGEST)
    except (OSError, RuntimeError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise ConfigError(f"{origin}: cannot read {path}: {reason}") from None
    return PingUrl.parse(content.decode("utf-8-sig", "replace"), f"{origin}: {path}")


class Ping:
    """The pings of one run, paired by an id of the run."""

    def __init__(self, url: PingUrl, *, clock: Clock = time.monotonic, sleep: Sleep = time.sleep) -> None:
        self._url, self._clock, self._sleep = url, clock, sleep
        self._run = str(uuid4())
        self._has_ended = False
        self._start_failure = ""
        self._starter: threading.Thread | None = None

    def start(self) -> None:
        """Say that the run starts, in the background, so that a mute monitor does not hold up the work."""

        def send() -> None:
            self._start_failure = self._try("start", b"", TRIES, self._within(WHOLE_S))

        self._starter = threading.Thread(target=send, name="ping", daemon=True)
        self._starter.start()

    def end(self, status: int, text: str) -> str:
        """Say how the run ended, with the end of ``text``. Returns a warning when a ping failed, else nothing.

        Takes 30 s at most, and 3 s after a signal, the wait for the start included: a start that arrives after the
        end would make the monitor wait for another end.
        """
        is_hurried = status > BY_SIGNAL
        deadline = self._within(HURRY_S if is_hurried else WHOLE_S)
        self._has_ended = True
        if self._starter:
            self._starter.join(deadline.remaining() / 3)
        word = "log" if status == Busy.status else str(status)
        failure = self._try(word, last_bytes(redact(text)), 1 if is_hurried else TRIES, deadline)
        failure = failure or self._start_failure
        return f"the ping failed: {failure}" if failure else ""

    def _within(self, seconds: float) -> Deadline:
        return Deadline.after(seconds, self._clock)

    def _try(self, word: str, body: bytes, tries: int, deadline: Deadline) -> str:
        """Send a ping until it is taken, the start until the run has ended; why the last try failed, else nothing."""
        for left in reversed(range(tries)):
            try:
                self._send(word, body, deadline.within(TRY_S))
                return ""
            except HcexportError as error:
                failure = error
            is_late = word == "start" and self._has_ended
            if not left or not failure.retryable or is_late or deadline.remaining() <= PAUSE_S:
                break
            self._sleep(PAUSE_S)
        return failure.message

    def _send(self, word: str, body: bytes, deadline: Deadline) -> None:
        """One POST. Raises an HcexportError that does not name the path; its body is not read, which may be long."""
        origin = self._url.origin
        host = urlsplit(origin).hostname or ""
        context = make_context(TlsOptions()) if origin.startswith("https:") else None
        client = HttpClient(host=host, referer=origin, context=context, proxy=None, connect_timeout_s=TRY_S)
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        url = self._url.of(word, self._run)
        try:
            with client.open("POST", url, headers=headers, deadline=deadline, limit_s=None, content=body) as answer:
                status = answer.status
        except TimedOut:
            raise NetworkError(f"{host} did not answer in time") from None
        finally:
            client.close()
        if not 200 <= status < 300:
            refusal = NetworkError(f"{host} answered with HTTP {status}")
            refusal.retryable = status in {408, 429} or status >= 500
            raise refusal


def last_bytes(text: str) -> bytes:
    """The end of a text in at most ``BODY_CAP`` bytes of UTF-8, with whole characters."""
    return text.encode("utf-8", "replace")[-BODY_CAP:].decode("utf-8", "ignore").encode()
