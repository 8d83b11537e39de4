"""Who is told of a run: the monitor at its start and its end, and the user's command when something has changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hcexport.errors import BY_SIGNAL, ConfigError, HcexportError, Interrupted

if TYPE_CHECKING:
    from hcexport.cli.app import App
    from hcexport.cli.outcome import Outcome
    from hcexport.notify.events import Facts
    from hcexport.notify.ping import Ping

_TOLD = {"export", "run", "show", "diff", "delete"}
_READ_IN_FULL = {"run", "show", "diff"}  # commands that have read their reports in full


def tell(command: str, app: App, work: Callable[[], int], environ: Mapping[str, str] | None = None) -> int:
    """Do the work of a command and return its status; ping before and after it, and notify of what has changed.

    What fails here is a warning and changes no status. With ``environ`` the app is that of several profiles: only a
    ping that the environment names is sent, because each profile pings and notifies by itself.
    """
    if command not in _TOLD:
        return work()
    ping = None if app.is_attended else _start_ping(app, environ)
    status = HcexportError.status
    error: HcexportError | Interrupted | None = None
    try:
        status = work()
        return status
    except (HcexportError, Interrupted) as ended:
        status, error = ended.status, ended
        raise
    except BrokenPipeError:  # the reader has read enough
        status = 0
        raise
    finally:
        if environ is None and status < BY_SIGNAL:
            _warn(app, _notify(app, command, status, error))
        if ping:
            ended_with = [f"error: {error.message}"] if error else []
            _warn(app, ping.end(status, "\n".join([*app.messages.said, *ended_with])))


def _warn(app: App, warning: str) -> None:
    if warning:
        app.messages.warning(warning)


def _start_ping(app: App, environ: Mapping[str, str] | None) -> Ping | None:
    """Say that the run starts, if somebody wants to know; a mistake in the address is a warning."""
    given = app.environ if environ is None else environ
    text, file, origin = given.get("HCEXPORT_PING"), given.get("HCEXPORT_PING_FILE"), "HCEXPORT_PING"
    if not (text or file or environ is not None):
        try:
            text, origin = app.settings.ping.value, f"ping, {app.settings.ping.origin}"
        except HcexportError:
            return None  # the command reports what is wrong with the settings
    if not (text or file):
        return None
    from pathlib import Path  # noqa: PLC0415 # start-up

    from hcexport.notify.ping import Ping, PingUrl, read_ping_file  # noqa: PLC0415 # start-up: few runs ping

    try:
        url = PingUrl.parse(text, origin) if text else read_ping_file(Path(file or ""))
    except ConfigError as error:
        hint = f" ({error.hint})" if error.hint else ""
        app.messages.warning(f"no ping is sent: {error.message}{hint}")
        return None
    ping = Ping(url)
    ping.start()
    return ping


def _notify(app: App, command: str, status: int, error: HcexportError | Interrupted | None) -> str:
    """Call the profile's command if something has changed; returns a warning."""
    try:
        argv, profile, url = app.settings.notify.value, app.settings.profile.value, app.settings.url.value
    except HcexportError:
        return ""
    if not argv or url is None:
        return ""
    from hcexport.notify.command import Message, notify_of_change  # noqa: PLC0415 # start-up: few runs notify
    from hcexport.notify.events import State  # noqa: PLC0415 # start-up
    from hcexport.store.history import History  # noqa: PLC0415 # start-up

    facts = find_facts(app, status, command)
    words = error.message if error else _summary(facts, command)
    message = Message(_document(app.outcome, error), f"{profile}: {words}", profile)
    with History(app.paths.history, url.url, app.messages.warning) as history:
        key = f"notify {profile}"
        previous = State.from_json(history.note(key))
        state, warning = notify_of_change(argv, previous, facts, message, app.environ)
        if state != previous:
            history.set_note(key, state.to_json())
    return warning


def _summary(facts: Facts, command: str) -> str:
    """Say in a line what fails, for a run that ended without an error."""
    if facts.failing is None:
        return f"hcexport {command} ended with status {facts.status}"
    from hcexport.health.verdict import join_ids  # noqa: PLC0415 # start-up

    names = [name or "the report" for name in sorted(facts.failing)]
    return f"failing: {join_ids(names)}" if names else "no test fails"


def _document(outcome: Outcome | None, error: HcexportError | Interrupted | None) -> str:
    """The JSON document of the run, else that of its error."""
    from hcexport.cli.boundary import error_object  # noqa: PLC0415 # start-up
    from hcexport.cli.joined_outcome import document_of  # noqa: PLC0415 # start-up

    try:
        document = document_of(outcome) if outcome else ""
    except HcexportError:  # a value that JSON cannot carry: the run has ended with that error already
        document = ""
    return document or json.dumps({"error": error_object(error)} if error else {})


def find_facts(app: App, status: int, command: str) -> Facts:
    """What the run came to: by the verdict that was asked for, else by every failed test of the reports read."""
    from hcexport.health.results import newest_first, start_time_of  # noqa: PLC0415 # start-up
    from hcexport.health.verdict import Level, Rules, judge_report  # noqa: PLC0415 # start-up
    from hcexport.notify.events import Facts  # noqa: PLC0415 # start-up

    verdict = app.outcome.verdict if app.outcome else None
    stale = verdict.stale_seconds is not None if verdict and verdict.rules.max_age else None
    ignores = verdict.rules.ignores if verdict else app.settings.ignore.value
    rules = verdict.rules if verdict and verdict.rules.level else Rules(Level.FAILED, ignores=ignores)
    details = app.outcome.reports() if app.outcome and app.outcome.reports and command in _READ_IN_FULL else ()
    failing: set[str] = set()
    seen: set[str] = set()
    for detail in newest_first(details):  # the newest result of a test counts
        judgement = judge_report(detail, rules, datetime.now(UTC))
        failing |= {finding.test.id for finding in judgement.failing} - seen
        failing |= {""} if not seen and judgement.reason else set()
        seen |= {test.id for test in detail.tests}
    if seen or failing:
        return Facts(status, frozenset(failing), frozenset(seen), stale)
    if verdict and verdict.judged:
        newest = max(verdict.judged, key=lambda each: start_time_of(each.report))
        found = {finding.test.id for finding in newest.failing} or ({""} if not newest.healthy else set())
        return Facts(status, frozenset(found), None, stale)
    return Facts(status, stale=stale)
