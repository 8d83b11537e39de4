"""What a TAB offers where a value is due: profiles and ids.

An answer must be there at once, and asking is worse than having none. So no prompt, no keyring, no renewal: ids are
those that were seen last, and the server is asked, for a second, only where they are old and a token is at hand.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import click
from click.shell_completion import CompletionItem

from hcexport.api.client import Client
from hcexport.auth.credentials import environment_token
from hcexport.auth.tokens import Token
from hcexport.cli.app import App
from hcexport.cli.credentials import credentials_of, has_profile
from hcexport.errors import HcexportError, SignInRequired
from hcexport.output.sanitize import escape_controls
from hcexport.redaction import Secret
from hcexport.store.completion_cache import CachedId
from hcexport.store.config_file import ConfigFile, profile_section
from hcexport.store.settings import KNOWN

SERVER_LIMIT_S = 1.0
FRESH_S = 600.0  # a nightly report appears once a day, and `list` keeps what it has seen
_INERT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # the rest would mean something to a shell
_SILENT = {"quiet": True, "verbose": 0, "log_file": None, "no_input": True, "format": "text"}
_LIMITS = {"timeout": SERVER_LIMIT_S, "connect_timeout": SERVER_LIMIT_S}
_CONNECTION = ("profile", "url", "ca_bundle", "client_cert", "client_key")


def complete(kind: str, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Values of a kind that begin as typed, after a comma too, without those that stand there already."""
    if kind == "files":
        return [CompletionItem(incomplete, type="file")]
    before, comma, typed = incomplete.rpartition(",")
    taken = {*before.split(","), *_given(ctx, param)}
    given = {name: ctx.params.get(name) for name in _CONNECTION}
    with App({**given, **_SILENT, **_LIMITS, "insecure": bool(ctx.params.get("insecure"))}) as app:
        return [
            CompletionItem(f"{before}{comma}{one.id}", help=escape_controls(one.text))
            for one in _KINDS[kind](app)
            if one.id.startswith(typed) and one.id not in taken and _INERT.fullmatch(one.id)
        ]


def _given(ctx: click.Context, param: click.Parameter) -> Iterator[str]:
    values = ctx.params.get(param.name or "")
    for value in values if isinstance(values, tuple) else ():
        yield from str(value).split(",")


def _profiles(app: App) -> Iterator[CachedId]:
    config = ConfigFile.read(app.paths.config_file, KNOWN)
    for name in config.profiles:
        yield CachedId(name, config.sections[profile_section(name)].get("url", ""))


def _report_ids(app: App) -> list[CachedId]:
    recent = app.recent("reports")
    if time.time() - recent.kept_at() > FRESH_S:
        with suppress(HcexportError):  # what is kept is better than nothing
            if reports := _asked(app):
                recent.keep(reports)
    return recent.seen()


def _asked(app: App) -> list[CachedId]:
    """The first page of reports by the server's own word. Raises HcexportError."""
    token = _token_at_hand(app)
    if token is None:
        return []
    client = Client(app.session, _AtHand(token.secret))
    return [CachedId.of_report(report) for report in next(client.query_reports(), [])]


@dataclass(frozen=True)
class _AtHand:
    """A token that nothing renews."""

    secret: Secret

    def current(self) -> Secret:
        return self.secret

    def renewed(self, rejected: Secret) -> Secret:  # noqa: ARG002 # the client's protocol
        raise SignInRequired("the token at hand has ended")


def _token_at_hand(app: App) -> Token | None:
    """A token that is got without a keyring and without sending anything."""
    if token := environment_token(app.environ):
        return token
    return credentials_of(app).token() if app.settings.store.value == "file" and has_profile(app) else None


def _job_ids(app: App) -> list[CachedId]:
    entries = [entry for entry in app.ledger.entries(limit=50) if entry.job_id]
    ours = [
        CachedId.described(str(each.job_id), each.submitted or each.intended, each.status, each.profile)
        for each in entries
    ]
    known = {one.id for one in ours}
    return [*ours, *(one for one in app.recent("jobs").seen() if one.id not in known)]


_KINDS: Mapping[str, Callable[[App], Iterable[CachedId]]] = {
    "profiles": _profiles,
    "report ids": _report_ids,
    "job ids": _job_ids,
}
