"""The table of checks, and how they are run one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hcexport.doctor import local, remote
from hcexport.doctor.visit import Finding, Run, Visit
from hcexport.errors import ConfigError, HcexportError, NetworkError, TimedOut
from hcexport.times import Clock, Deadline

LIMIT_S = 5.0  # a check; a person waits for the answer
WHOLE_LIMIT_S = 30.0


@dataclass(frozen=True)
class Step:
    """A row of the table: ``needs`` names the checks that this check stands on."""

    name: str
    check: Callable[[Visit], Finding]
    needs: tuple[str, ...] = ()
    is_remote: bool = False


CHECKS = (
    Step("configuration", local.check_configuration),
    Step("profile", local.check_profile, ("configuration",)),
    Step("folders", local.check_folders, ("profile",)),
    Step("secrets", local.check_secrets, ("profile",)),
    Step("proxy", local.check_proxy, ("profile",)),
    Step("dns", remote.check_dns, ("proxy",), is_remote=True),
    Step("tcp", remote.check_tcp, ("dns",), is_remote=True),
    Step("tls", remote.check_tls, ("tcp",), is_remote=True),
    Step("clock", remote.check_clock, ("tls",), is_remote=True),
    Step("product", remote.check_product, ("tls",), is_remote=True),
    Step("sign_in", remote.check_sign_in, ("secrets", "product"), is_remote=True),
    Step("privileges", remote.check_privileges, ("sign_in",), is_remote=True),
    Step("suites", remote.check_suites, ("privileges",), is_remote=True),
    Step("newest_report", remote.check_newest_report, ("privileges",), is_remote=True),
    Step("open_jobs", remote.check_open_jobs, ("sign_in",)),
    Step("notifications", local.check_notifications, ("configuration",)),
)


@dataclass(frozen=True)
class Check:
    """A check that was made. ``error`` is the error of a failed check: a run would have ended with it."""

    name: str
    result: str
    found: str
    hint: str | None
    seconds: float
    error: HcexportError | None = None


def examine(
    run: Run, *, offline: bool = False, limit_s: float = LIMIT_S, clock: Clock = time.monotonic
) -> Iterator[Check]:
    """Make every check, in order, in ``limit_s`` seconds each; a check that stands on one that failed is skipped."""
    whole = Deadline.after(WHOLE_LIMIT_S, clock)
    visit = Visit(run, whole, offline)
    broken: dict[str, str] = {}
    for step in CHECKS:
        base = next((broken[name] for name in step.needs if name in broken), None)
        started = clock()
        visit.limit = whole.within(limit_s)
        if base and not (offline and step.name == "open_jobs" and base not in {"configuration", "profile"}):
            broken[step.name] = base
            yield Check(step.name, "skip", f"needs {base}", None, 0.0)
        elif offline and step.is_remote:
            yield Check(step.name, "skip", "not checked with --offline", None, 0.0)
        else:
            finding, error = _make(step, visit)
            if error:
                broken[step.name] = step.name
            yield Check(step.name, finding.result, finding.found, finding.hint, round(clock() - started, 3), error)


def _make(step: Step, visit: Visit) -> tuple[Finding, HcexportError | None]:
    try:
        if visit.limit.passed:
            raise NetworkError(f"not reached: {WHOLE_LIMIT_S:g} s were over", hint="try again later")
        return step.check(visit), None
    except TimedOut as error:
        look = f"look for yourself: curl -v {visit.run.settings.url.value}" if step.is_remote else None
        failure: HcexportError = NetworkError("no answer within the time of a check", hint=error.hint or look)
    except HcexportError as error:
        failure = error
    except OSError as error:
        failure = ConfigError(f"{error.filename or step.name}: {error.strerror or error}")
    return Finding("fail", failure.message, failure.hint), failure
