"""What a TAB offers where a value is expected: profiles and ids.

A TAB must be answered at once, so nothing here prompts, opens a keyring or renews a token. Ids are those that `list`
and `jobs` saw last; the server is asked, for a moment, only where the cache is old and a token needs no keyring.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import click
from click.shell_completion import CompletionItem

from hcexport.api.client import Client
from hcexport.auth.credentials import credentials_of, environment_token, has_stored
from hcexport.auth.tokens import Token
from hcexport.cli.app import App, CommonOptions
from hcexport.errors import HcexportError, NetworkError, SignInRequired, TimedOut
from hcexport.output.sanitize import escape_controls
from hcexport.redaction import Secret
from hcexport.store.completion_cache import CachedId
from hcexport.store.config_file import ConfigFile, profile_section
from hcexport.store.settings import KNOWN, ROW_OF

SERVER_LIMIT_S = 0.5
FRESH_S = 600.0  # reports are made about once a day
_INERT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # other characters mean something to a shell


def complete(kind: str, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Return the values of a kind that begin as typed, also after a comma, without those already on the line."""
    if kind == "files":
        return [CompletionItem(incomplete, type="file")]
    if kind == "config words":
        return _config_words(ctx, incomplete)
    before, comma, typed = incomplete.rpartition(",")
    taken = {*before.split(","), *_values_before(ctx, param)}
    with App(_connection(ctx), limit_s=SERVER_LIMIT_S) as app:
        return [
            CompletionItem(f"{before}{comma}{known.id}", help=escape_controls(known.text))
            for known in _KINDS[kind](app)
            if known.id.startswith(typed) and known.id not in taken and _INERT.fullmatch(known.id)
        ]


def _config_words(ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
    """Return what may follow an action of ``config``: settings, their values, profiles."""
    action = ctx.params.get("action")
    words: tuple[str, ...] = ctx.params.get("words") or ()
    row = ROW_OF.get(words[0].removeprefix("--").replace("-", "_")) if len(words) == 1 else None
    offered: dict[str, str] = {}
    if not words and action in {"get", "set", "unset"}:
        offered = {name: row.help for name, row in ROW_OF.items()}
    elif action == "set" and row and row.metavar == "FILE":
        return [CompletionItem(incomplete, type="file")]
    elif action == "set" and row and row.choices:
        offered = dict.fromkeys(row.choices, "")
    elif (not words and action in {"use", "rename", "remove"}) or (action == "set" and row is ROW_OF["profile"]):
        with App(_connection(ctx)) as app:
            offered = {profile.id: escape_controls(profile.text) for profile in _profiles(app)}
    return [CompletionItem(word, help=about) for word, about in offered.items() if word.startswith(incomplete)]


def _connection(ctx: click.Context) -> CommonOptions:
    """The options on the line that say which organization to ask; quiet, and with a short limit."""
    typed: dict[str, Any] = {row.name: ctx.params.get(row.name) for row in ROW_OF.values() if row.is_connection}
    return CommonOptions(
        **{**typed, "connect_timeout": SERVER_LIMIT_S},
        insecure=bool(ctx.params.get("insecure")),
        no_input=True,
        quiet=True,
    )


def _values_before(ctx: click.Context, param: click.Parameter) -> Iterator[str]:
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
        with suppress(HcexportError):  # old ids are better than no ids
            try:
                if reports := _ask(app):
                    recent.keep(reports)
            except (NetworkError, TimedOut):
                recent.keep(())  # asked again after FRESH_S, because each TAB would wait
    return recent.read()


def _ask(app: App) -> list[CachedId]:
    """Ask the server for the first page of reports. Raises HcexportError."""
    token = _token_at_hand(app)
    if token is None:
        return []
    client = Client(app.session, _FixedToken(token.secret))
    return [CachedId.of_report(report) for report in next(client.query_reports(), [])]


@dataclass(frozen=True)
class _FixedToken:
    """A token that nothing renews."""

    secret: Secret

    def current(self) -> Secret:
        return self.secret

    def renew(self, rejected: Secret, *, is_certain: bool = True) -> Secret:  # noqa: ARG002 # the client's protocol
        raise SignInRequired("the token has expired")


def _token_at_hand(app: App) -> Token | None:
    """A token that is got without a keyring and without sending anything."""
    if token := environment_token(app.environ):
        return token
    if app.settings.store.value != "file" or not has_stored(app.settings):
        return None
    return credentials_of(app.settings, app.paths).token()


def _job_ids(app: App) -> list[CachedId]:
    entries = [entry for entry in app.ledger.entries(limit=50) if entry.job_id]
    ours = [
        CachedId.describe(str(each.job_id), each.submitted or each.intended, each.status, each.profile)
        for each in entries
    ]
    known = {job.id for job in ours}
    return [*ours, *(job for job in app.recent("jobs").read() if job.id not in known)]


_KINDS: Mapping[str, Callable[[App], Iterable[CachedId]]] = {
    "profiles": _profiles,
    "report ids": _report_ids,
    "job ids": _job_ids,
}
