"""A command for several profiles: ``-p`` with lists and globs, an App for each in a thread, one result of all.

A command takes part by ``profiles=True`` of ``options.app_command``. Its function is called once a profile and knows
nothing of the others; nobody is asked anything, and nothing is printed before the last profile has ended.
"""

from __future__ import annotations

import fnmatch
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from hcexport.cli.joined_outcome import Ended, join
from hcexport.cli.outcome import finish
from hcexport.cli.telling import tell
from hcexport.errors import HcexportError, Interrupted, Partial, SignInRequired, UsageError, Verdict
from hcexport.output.printers import Format
from hcexport.redaction import shorten

if TYPE_CHECKING:
    from hcexport.cli.app import App, CommonOptions

# The organization and the credentials of the environment are those of a single profile.
_OF_ONE_PROFILE = (
    *("HCEXPORT_PROFILE", "HCEXPORT_TOKEN", "HCEXPORT_URL", "HCEXPORT_USERNAME", "HCEXPORT_PASSWORD"),
    *("HCEXPORT_PING", "ARCGIS_ENTERPRISE_"),
)
_HEALTHY, _UNHEALTHY = 0, Verdict.status


@dataclass(frozen=True)
class Choice:
    """Which profiles: ``text`` is what ``-p`` said; ``shard`` is a part of them and how many parts there are."""

    text: str
    is_all: bool = False
    parallel: int = 8
    shard: tuple[int, int] = (0, 1)


@dataclass
class Run:
    """A command as it is run for each profile: ``make`` makes the App of a name, ``work`` returns the exit status."""

    command: str
    make: Callable[[str], App]
    work: Callable[[App], int]
    is_judged: bool = False
    apps: dict[str, App] = field(default_factory=dict)


def run_if_several(
    command: str,
    run_one: Callable[[App], int],
    *,
    make: Callable[..., App],
    common: CommonOptions,
    typed: Mapping[str, Any],
    given: dict[str, Any],
    parse_ids: Callable[[Sequence[str], str], tuple[str, ...]],
) -> int | None:
    """Run a command if its line names several profiles, and return its status; None for a single plain name.

    ``run_one`` runs it for an App, and ``make`` makes an App of common options, environment and ``typed`` settings;
    ``given`` are the options of its function, without those of this module afterwards. ``parse_ids`` reads ids once for
    all, because they may be on stdin.
    """
    choice = choose(
        common.profile,
        os.environ,
        is_all=given.pop("every", False),
        parallel=given.pop("parallel"),
        shard=given.pop("shard"),
    )
    if choice is None:
        return None
    if common.format not in {"text", "table", "json", "csv", "ids"}:
        raise UsageError(
            f"--format {common.format} works for one organization only", hint="write files: --report '{profile}.…'"
        )
    environ = without_organization(os.environ)
    for name in {"run_id", "run_ids"} & set(given):
        given[name] = parse_ids(given[name], name.upper())

    def make_own(name: str) -> App:
        return make(common._replace(profile=name, no_input=True), environ, typed, label=f"{name}: ")

    def work(own: App) -> int:
        return tell(command, own, lambda: run_one(own))

    is_judged = any(given.get(name) or typed.get(name) for name in ("fail_on", "max_age"))
    run = Run(command, make_own, work, is_judged)
    with make(common._replace(profile=None), environ, typed) as app:
        return tell(command, app, lambda: run_several(app, choice, run, given), environ=os.environ)


def choose(
    profile: str | None, environ: Mapping[str, str], *, is_all: bool, parallel: int, shard: tuple[int, int] | None
) -> Choice | None:
    """Return what is chosen by a list or a glob; None for a single plain name."""
    if is_all and profile:
        raise UsageError("--all cannot be combined with --profile or --url", hint="give one or the other")
    text = "*" if is_all else profile if profile is not None else environ.get("HCEXPORT_PROFILE", "")
    if re.search(r"[,*?\[]", text):
        return Choice(text, is_all, parallel, shard or (0, 1))
    if shard:
        raise UsageError("--shard needs several profiles", hint="name them: -p '*'")
    return None


def without_organization(environ: Mapping[str, str]) -> dict[str, str]:
    """Leave the organization and the credentials out of an environment."""
    return {name: value for name, value in environ.items() if not name.startswith(_OF_ONE_PROFILE)}


def find_profiles(app: App, choice: Choice) -> list[str]:
    """Return the names of a choice in the order of the config file. Raises UsageError if a part matches none."""
    if app.common.url:
        raise UsageError("--url cannot be combined with several profiles", hint="give one or the other")
    names = app.settings.config.profiles
    if choice.is_all and not names:
        raise SignInRequired("there are no profiles", hint="hcexport login URL")
    found: set[str] = set()
    for pattern in map(str.strip, choice.text.split(",")):
        matches = {pattern} & set(names) or {name for name in names if fnmatch.fnmatchcase(name, pattern)}
        if not matches:
            known = ", ".join(names) or "none"
            raise UsageError(
                f"there is no profile {pattern!r}",
                hint=f"the profiles are: {shorten(known, 300)}" if names else "hcexport login URL",
            )
        found |= matches
    part, parts = choice.shard
    return [name for name in names if name in found][part::parts]


def run_several(app: App, choice: Choice, run: Run, given: Mapping[str, Any]) -> int:
    """Run the command for each chosen profile and print their results. Raises the error of the whole command.

    ``app`` belongs to no profile.
    """
    names = find_profiles(app, choice)
    paths = [("--report", path, ".html") for path in given.get("report", ())] + [
        ("--extract", given.get("extract"), "")
    ]
    for option, path, suffix in paths:
        if path and "{profile}" not in str(path):
            raise UsageError(
                f"{option} needs {{profile}} in its name, because there are several profiles",
                hint=f"{option} '{{profile}}{suffix}'",
            )
    outs = {name: _out_of(run.make(name), name, may_make=not given.get("dry_run")) for name in names}
    if not names:
        app.messages.notice("no profiles in this part")
    ended = _run_all(run, names, outs, choice.parallel)
    for each in ended:
        if each.error:
            hint = f" ({each.error.hint})" if each.error.hint else ""
            app.messages.warning(f"{each.name}: {each.error.message}{hint}")
    error = failure_of(ended, is_judged=run.is_judged) if names else None
    if names and not error:
        app.messages.notice(_summary(ended, is_judged=run.is_judged))
    outcome = join(run.command, Format(app.common.format), ended, error)
    return finish(app, replace(outcome, is_document=True))  # in JSON too the result is beside the error


def _out_of(own: App, name: str, *, may_make: bool) -> str | None:
    """Return where a profile saves if all would save to one place. Raises UsageError if that is a file."""
    if "out" not in own.typed:
        return None
    try:
        out = own.settings.out
    except HcexportError:
        return None  # the profile's own mistake is reported as its own result
    if out.value is None or "{profile}" in out.value or out.origin.startswith("profile "):
        return None
    folder = Path(out.value)
    if out.value == "-" or not (out.value.endswith("/") or folder.is_dir()):
        raise UsageError(
            f"{out.origin} {out.value}: several profiles cannot save to one file",
            hint="put {profile} in its name, or name a folder: --out reports/",
        )
    if may_make and folder.parent.is_dir() and not folder.exists():
        folder.mkdir(exist_ok=True)
    return f"{out.value.rstrip('/')}/{name}/"


def _run_all(run: Run, names: Sequence[str], outs: Mapping[str, str | None], parallel: int) -> list[Ended]:
    """Run the command for each name, ``parallel`` at once, in threads.

    The threads are daemons, because a signal ends the command at once, whatever a thread is doing, as a kill would.
    """
    waiting: SimpleQueue[str] = SimpleQueue()
    for name in names:
        waiting.put(name)
    ended: dict[str, Ended] = {}

    def work() -> None:
        while True:
            try:
                name = waiting.get_nowait()
            except Empty:
                return
            ended[name] = _run_one(run, name, outs[name])

    count = min(parallel, len(names))
    threads = [threading.Thread(target=work, name=f"profiles-{n}", daemon=True) for n in range(count)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except Interrupted as end:
        for app in tuple(run.apps.values()):
            app.messages.mute()
        end.hint = end.hint or f"exports continue on the servers: hcexport jobs -p {','.join(names)}"
        raise
    return [ended[name] for name in names]


def _run_one(run: Run, name: str, out: str | None) -> Ended:
    """Run the command for one profile. Every error is its result, because it must not stop the others."""
    ended = Ended(name)
    try:
        with run.make(name) as own:
            run.apps[name] = own
            own.use(out=out)
            try:
                ended.status = run.work(own)
            finally:
                ended.outcome = own.outcome
    except HcexportError as error:
        ended.error = error
    except Exception as error:  # noqa: BLE001 # no traceback may reach a user
        ended.error = HcexportError(f"unexpected {type(error).__name__}: {error}", hint="please report it")
    ended.status = ended.error.status if ended.error else ended.status
    return ended


def failure_of(ended: Sequence[Ended], *, is_judged: bool) -> HcexportError | None:
    """Return the error of the whole command: what all profiles failed with, else Partial, else Verdict."""
    failed = [each for each in ended if each.status not in {_HEALTHY, _UNHEALTHY}]
    text = _summary(ended, is_judged=is_judged)
    if failed:
        alike = len(failed) == len(ended) and len({each.status for each in failed}) == 1 and failed[0].error
        return type(alike)(text) if alike else Partial(text)
    unhealthy = any(each.status == _UNHEALTHY for each in ended)
    return Verdict(f"not healthy: {text}") if unhealthy else None


def _summary(ended: Sequence[Ended], *, is_judged: bool) -> str:
    """``4 organizations: 2 healthy, 1 not healthy (prod), 1 failed (dr: 6 network)``; without judgement ``2 done``."""
    good = [each for each in ended if each.status == _HEALTHY]
    unhealthy = [each.name for each in ended if each.status == _UNHEALTHY]
    failed = [
        f"{each.name}: {each.status} {each.error.code if each.error else ''}".rstrip()
        for each in ended
        if each.status not in {_HEALTHY, _UNHEALTHY}
    ]
    parts = [
        f"{len(good)} {'healthy' if is_judged else 'done'}",
        f"{len(unhealthy)} not healthy" + (f" ({', '.join(unhealthy)})" if unhealthy else ""),
        f"{len(failed)} failed" + (f" ({', '.join(failed)})" if failed else ""),
    ]
    return f"{len(ended)} organization{'s' * (len(ended) != 1)}: {', '.join(parts)}"
