"""App: what a command needs, each piece built when it is first asked for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TextIO, TypeVar

from hcexport.cli.messages import Messages, prompt
from hcexport.cli.streams import LabelledStream
from hcexport.errors import ConfigError, UsageError
from hcexport.organization import Organization
from hcexport.output import terminal
from hcexport.redaction import Secret
from hcexport.store.paths import Paths
from hcexport.store.resolution import resolve
from hcexport.store.settings import ROW_OF, Settings
from hcexport.times import NO_DEADLINE, Deadline

if TYPE_CHECKING:
    from hcexport.api.client import Client
    from hcexport.api.session import Session
    from hcexport.auth.sign_in import TokenProvider
    from hcexport.auth.tokens import AccountKey
    from hcexport.models import Report
    from hcexport.output.printers import Printer
    from hcexport.output.progress import Progress
    from hcexport.store.completion_cache import CompletionCache
    from hcexport.store.history import History
    from hcexport.store.ledger import Ledger

T = TypeVar("T")
COMMAND_LIMIT_S = 600.0  # for commands that wait for no job: long enough for every page of a slow server


class CommonOptions(NamedTuple):
    """The options that every command takes, as typed; None is "not given"."""

    profile: str | None = None
    url: str | None = None
    ca_bundle: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    insecure: bool = False
    connect_timeout: float | None = None
    no_input: bool = False
    format: str = "text"
    quiet: bool = False
    verbose: int = 0
    log_file: Path | None = None
    color: str | None = None
    progress: str | None = None


class App:
    """The pieces of one invocation.

    ``typed`` are the values of the command's own options that stand for settings; None is "not given". A command that
    ``waits`` for jobs may take as long as the setting ``timeout`` says, another as long as ``limit_s``. With several
    profiles each has an App: its ``label`` leads its lines on stderr, its ``outcome`` is printed with the others'.
    """

    def __init__(
        self,
        common: CommonOptions,
        environ: Mapping[str, str] = os.environ,
        typed: Mapping[str, Any] = MappingProxyType({}),
        *,
        waits: bool = False,
        limit_s: float = COMMAND_LIMIT_S,
        label: str = "",
    ) -> None:
        self.label = label
        self.outcome: Any = None  # the Outcome that was printed; the module of its type imports this one
        self.common = common
        self.environ = environ
        self.typed = dict(typed)
        self.started = time.monotonic()
        self.only_looks = False  # no token is kept
        self._waits, self._limit_s = waits, limit_s
        self._may_be_new = False
        self._settings: Settings | None = None
        self._progress: Progress | None = None
        self.reporting: Any = None  # a cli.report_files.Reporting, which knows App; None without --report
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, BrokenPipeError):
            self.messages.release()
        self._log_end(error)
        self._closing.close()

    def _log_end(self, error: BaseException | None) -> None:
        """Write the end of the command to the log, because a log that just stops does not tell why."""
        what = getattr(error, "message", None) or (repr(error) if error else "done")
        self.messages.log("end", f"{what} (after {self.elapsed_s:.1f} s)")

    def enter(self, manager: AbstractContextManager[T]) -> T:
        """Enter a context manager that is left when the app is closed."""
        return self._closing.enter_context(manager)

    # Configuration

    @cached_property
    def paths(self) -> Paths:
        """Where files are kept on this machine."""
        return Paths.find(self.environ).check()

    @property
    def typed_settings(self) -> dict[str, Any]:
        """The settings that were typed, by name: those of ``common`` and those of the command."""
        shared = {name: getattr(self.common, name) for name in ROW_OF if hasattr(self.common, name)}
        return {name: value for name, value in {**shared, **self.typed}.items() if value is not None}

    @property
    def settings(self) -> Settings:
        """Every setting with its origin; warn once of what is odd in the config file."""
        if self._settings is None:
            self._settings = resolve(self.typed_settings, self.environ, self.paths, new_profile=self._may_be_new)
            for warning in () if self.label else self._settings.warnings:
                self.messages.warning(warning)
        return self._settings

    def use(self, *, new_profile: bool = False, **values: Any) -> None:
        """Take settings as if they had been typed (None changes nothing), before anything was built on the old ones.

        ``new_profile`` allows a profile that the config file does not have.
        """
        self.typed.update({name: value for name, value in values.items() if value is not None})
        self._may_be_new = self._may_be_new or new_profile
        self._settings = None

    @property
    def organization(self) -> Organization:
        """The organization to talk to. Raises ConfigError when none is configured."""
        return self.settings.organization

    @cached_property
    def deadline(self) -> Deadline:
        """When this command must have ended."""
        timeout = self.settings.timeout
        limit_s = timeout.value if self._waits or timeout.origin == "--timeout" else self._limit_s
        return Deadline(self.started + limit_s, limit_s=limit_s) if limit_s else NO_DEADLINE

    @property
    def elapsed_s(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self.started

    @property
    def is_attended(self) -> bool:
        """Whether there is a person at a terminal: never in cron or in a pipe."""
        return terminal.is_terminal(sys.stdin) and terminal.is_terminal(sys.stderr)

    @property
    def may_ask(self) -> bool:
        """Whether there is a person to ask, and ``--no-input`` does not forbid it."""
        return not self.common.no_input and self.is_attended

    # Output

    @cached_property
    def messages(self) -> Messages:
        """Notices, warnings and the log."""
        common = self.common
        messages = Messages(quiet=common.quiet, verbosity=common.verbose, log_file=common.log_file, label=self.label)
        self._closing.callback(messages.close)
        return messages

    @property
    def printer(self) -> Printer:
        """Standard output; what progress has drawn is settled first."""
        self.settle_progress()
        return self._printer

    @cached_property
    def _printer(self) -> Printer:
        from hcexport.output.printers import Format, Printer  # noqa: PLC0415 # start-up

        is_terminal = terminal.is_terminal(sys.stdout)
        return Printer(
            format=Format(self.common.format) if self.common.format in [*Format] else Format.TEXT,
            stream=sys.stdout,
            is_terminal=is_terminal,
            color=self._wants_color(is_terminal),
            width=terminal.width(sys.stdout, self.environ),
            page=self._page if is_terminal and not terminal.is_dumb(self.environ) else None,
        )

    def _page(self, text: str) -> bool:
        from hcexport.output.pager import page  # noqa: PLC0415 # start-up

        return page(text, sys.stdout, self.environ)

    def _wants_color(self, is_terminal: bool) -> bool:
        try:
            wanted = self.settings.color.value
        except (ConfigError, UsageError):  # `config path` works with a broken file, other commands have raised before
            wanted = "auto"
        return terminal.wants_color(wanted, self.environ, is_terminal)

    @property
    def progress(self) -> Progress:
        """How the job and the download are going, on stderr; notices go through it while it is drawn."""
        if self._progress is None:
            stream: TextIO = LabelledStream(sys.stderr, self.label) if self.label else sys.stderr  # type: ignore[assignment] # typeshed: a TextIOBase is no TextIO
            is_terminal = terminal.is_terminal(stream)
            from hcexport.output.progress_choice import make_progress  # noqa: PLC0415 # start-up

            made = make_progress(
                "plain" if self.label and self.settings.progress.value != "none" else self.settings.progress.value,
                stream=stream,
                quiet=self.common.quiet,
                is_terminal=is_terminal,
                color=self._wants_color(is_terminal),
            )
            self._progress = self._closing.enter_context(made)
            self.messages.live = None if self.label else made
        return self._progress

    def settle_progress(self) -> None:
        """Leave what progress has drawn as it is, so that something else can be written below it."""
        if self._progress is not None:
            self._progress.settle()

    # The organization

    @cached_property
    def session(self) -> Session:
        """The HTTP session; making it sends nothing."""
        from hcexport.api.session import Session  # noqa: PLC0415 # start-up
        from hcexport.api.tls import TlsOptions  # noqa: PLC0415 # start-up
        from hcexport.cli.waits import show_waits  # noqa: PLC0415 # start-up

        settings = self.settings
        user = f", as {settings.username.value}" if settings.username.value else ""
        self.messages.info(f"profile {settings.profile.value}, {self.organization}{user}")
        if self.common.insecure:
            self.messages.warning("--insecure: certificate not checked: anyone on the network path can read the token")
        if self.environ.get("SSLKEYLOGFILE") and self.organization.scheme == "https":
            self.messages.warning("SSLKEYLOGFILE is set: anyone who reads that file can read the token")
        tls = TlsOptions(
            ca_bundle=settings.ca_bundle.value,
            client_cert=settings.client_cert.value,
            client_key=settings.client_key.value,
            verify=not self.common.insecure,
        )
        with settings.naming_origins():
            session = Session(
                self.organization,
                tls=tls,
                environ=self.environ,
                deadline=self.deadline,
                connect_timeout_s=settings.connect_timeout.value,
                referer=settings.token_referer.value,
                log=self.messages.wire if self.messages.logs_wire else None,
                on_notice=self.messages.notice,
                on_warning=self.messages.warning,
                on_wait=show_waits(
                    self.messages,
                    self.environ,
                    # Not with several profiles, because their lines would overwrite each other.
                    wanted=not (self.common.quiet or self.label) and settings.progress.value in {"auto", "bar"},
                    may_draw=lambda: self._progress is None or not self._progress.is_drawn,
                ),
            )
        self._closing.callback(session.close)
        return session

    @cached_property
    def tokens(self) -> TokenProvider:
        """Where the token comes from."""
        from hcexport.auth.sign_in import tokens_of  # noqa: PLC0415 # start-up

        tokens = tokens_of(
            self.settings,
            self.environ,
            self.session,
            self.paths,
            ask=self.ask_password if self.may_ask else None,
            log=self.messages.info,
        )
        tokens.keeps &= not self.only_looks
        return tokens

    def ask_password(self, account: AccountKey) -> Secret:
        """Ask the person at the terminal, on stderr, without echo; progress that is drawn stays above the question."""
        self.settle_progress()
        return Secret(prompt(f"Password for {account.username} at {account.organization}", hide_input=True))

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

    @cached_property
    def history(self) -> History:
        """The organization's reports that were read in full."""
        from hcexport.store.history import History  # noqa: PLC0415 # start-up

        history = History(self.paths.history, self.organization.url, self.messages.warning)
        self._closing.callback(history.close)
        return history

    def recent(self, kind: str) -> CompletionCache:
        """The ids of ``reports`` or ``jobs`` that were seen last, for completion."""
        from hcexport.store.completion_cache import CompletionCache  # noqa: PLC0415 # start-up

        return CompletionCache(self.paths.cache, self.organization.url, kind)

    def reports(self) -> Iterator[Report]:
        """Every report of the organization, in the order of the server."""
        for page in self.client.query_reports():
            yield from page
