"""App: what one command needs, each piece built when it is first asked for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hcexport.cli.messages import Messages
from hcexport.organization import Organization
from hcexport.output import terminal
from hcexport.store.paths import Paths
from hcexport.store.settings import Settings, resolve
from hcexport.times import NO_DEADLINE, Deadline

if TYPE_CHECKING:
    from hcexport.api.client import Client
    from hcexport.api.session import Session
    from hcexport.auth.sign_in import TokenProvider
    from hcexport.models import Report
    from hcexport.output.printers import Printer
    from hcexport.output.progress import Progress
    from hcexport.store.completion_cache import CompletionCache
    from hcexport.store.ledger import Ledger

COMMAND_LIMIT_S = 600.0  # for commands that wait for no job: long enough for every page of a slow server


class App:
    """The pieces of one invocation. ``given`` are the options as typed; None stands for "not given"."""

    def __init__(self, given: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> None:
        self.given = dict(given)
        self.environ = environ
        self.started = time.monotonic()
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    # What was asked for

    @cached_property
    def paths(self) -> Paths:
        """Where things are kept on this machine."""
        return Paths.find(self.environ).check()

    @cached_property
    def settings(self) -> Settings:
        """Every setting with its origin; what is odd in the config file is said once."""
        settings = resolve(self.given, self.environ, self.paths, new_profile=bool(self.given.get("new_profile")))
        for warning in settings.warnings:
            self.messages.warning(warning)
        return settings

    def use(self, **values: Any) -> None:
        """Take values as if they had been typed (None changes nothing), before anything was built on the old ones."""
        self.given.update({name: value for name, value in values.items() if value is not None})
        self.__dict__.pop("settings", None)

    @property
    def organization(self) -> Organization:
        """The organization to talk to. Raises ConfigError when none is configured."""
        return self.settings.organization

    @cached_property
    def deadline(self) -> Deadline:
        """When this command must have ended: ``--timeout`` where it has one."""
        waits = "timeout" in self.given
        limit_s = self.settings.timeout.value if waits else COMMAND_LIMIT_S
        return Deadline(self.started + limit_s) if limit_s else NO_DEADLINE

    @property
    def elapsed_s(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self.started

    @property
    def may_ask(self) -> bool:
        """Whether there is a person to ask: never in cron, in a pipe or with ``--no-input``."""
        return not self.given["no_input"] and _is_terminal(sys.stdin) and _is_terminal(sys.stderr)

    # What is said

    @cached_property
    def messages(self) -> Messages:
        """Notices, warnings and the log."""
        messages = Messages(quiet=self.given["quiet"], verbosity=self.given["verbose"], log_file=self.given["log_file"])
        self._closing.callback(messages.close)
        return messages

    @property
    def printer(self) -> Printer:
        """Standard output; what progress has drawn is settled first."""
        if "progress" in self.__dict__:
            self.progress.settle()
        return self._printer

    @cached_property
    def _printer(self) -> Printer:
        from hcexport.output.printers import Format, Printer  # noqa: PLC0415 # start-up

        is_terminal = _is_terminal(sys.stdout)
        return Printer(
            format=Format(self.given["format"]),
            stream=sys.stdout,
            is_terminal=is_terminal,
            color=terminal.wants_color(self.settings.color.value, self.environ, is_terminal),
            width=terminal.width(sys.stdout, self.environ),
        )

    @cached_property
    def progress(self) -> Progress:
        """How the job and the download are going, on stderr; notices go through it while it is drawn."""
        from hcexport.output.faces import progress  # noqa: PLC0415 # start-up

        is_terminal = _is_terminal(sys.stderr)
        made = progress(
            self.settings.progress.value,
            stream=sys.stderr,
            quiet=self.given["quiet"],
            is_terminal=is_terminal,
            color=terminal.wants_color(self.settings.color.value, self.environ, is_terminal),
        )
        self.messages.live = self._closing.enter_context(made)
        return made

    # What is talked to

    @cached_property
    def session(self) -> Session:
        """The one session; made without asking anybody anything."""
        from hcexport.api.session import Session  # noqa: PLC0415 # start-up
        from hcexport.api.tls import TlsOptions  # noqa: PLC0415 # start-up

        settings = self.settings
        if self.given["insecure"]:
            self.messages.warning("--insecure: whoever is between here and there can read the token")
        if self.environ.get("SSLKEYLOGFILE") and self.organization.scheme == "https":
            self.messages.warning("SSLKEYLOGFILE is set: whoever reads that file can read the token")
        tls = TlsOptions(
            ca_bundle=settings.ca_bundle.value,
            client_cert=settings.client_cert.value,
            client_key=settings.client_key.value,
            verify=not self.given["insecure"],
        )
        session = Session(
            self.organization,
            tls=tls,
            environ=self.environ,
            deadline=self.deadline,
            connect_timeout_s=settings.connect_timeout.value,
            log=self.messages.wire if self.messages.logs_wire else None,
            on_notice=self.messages.notice,
            on_warning=self.messages.warning,
        )
        self._closing.callback(session.close)
        return session

    @cached_property
    def tokens(self) -> TokenProvider:
        """Where the token comes from."""
        from hcexport.cli.credentials import tokens_of  # noqa: PLC0415 # start-up

        return tokens_of(self)

    @cached_property
    def client(self) -> Client:
        """The organization's API, signed in with the first source of a token that has one."""
        from hcexport.api.client import Client  # noqa: PLC0415 # start-up

        return Client(self.session, self.tokens)

    @cached_property
    def ledger(self) -> Ledger:
        """The exports submitted from here."""
        from hcexport.store.ledger import Ledger  # noqa: PLC0415 # start-up

        ledger = Ledger(self.paths.ledger, self.messages.warning)
        self._closing.callback(ledger.close)
        return ledger

    def recent(self, kind: str) -> CompletionCache:
        """The ids of ``reports`` or ``jobs`` that were seen last, for completion."""
        from hcexport.store.completion_cache import CompletionCache  # noqa: PLC0415 # start-up

        return CompletionCache(self.paths.cache, self.organization.url, kind)

    def reports(self) -> Iterator[Report]:
        """Every report of the organization, in the order of the server."""
        for page in self.client.query_reports():
            yield from page


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError, OSError):
        return False
