"""The checks that ask the server, from the name look-up to the jobs that were left open."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from hcexport.api.diagnose import check_deployment_type, check_release, is_old
from hcexport.api.network import find_addresses, find_answering
from hcexport.doctor.visit import Finding, Visit, ok, skip, warn
from hcexport.errors import (
    CertificateError,
    HcexportError,
    NetworkError,
    NotFound,
    PrivilegeMissing,
    ProtocolError,
    ServerError,
    TimedOut,
)
from hcexport.health.results import has_ended, start_time_of
from hcexport.store.ledger import Ledger, LedgerEntry

_SLOW_S = 1.0
_OFF = timedelta(seconds=30)  # a clock that is wrong by more confuses whoever reads times
_RENEW_BEFORE = timedelta(days=1)
_EXPIRY_DAYS = 30
_LEDGER_LOOKS = 200


def check_dns(visit: Visit) -> Finding:
    """The name of the organization's host, or of the proxy's, has an address."""
    before = visit.limit.remaining()
    visit.addresses = tuple(dict.fromkeys(find_addresses(visit.host, visit.port, visit.limit)))
    took_s = before - visit.limit.remaining()
    found = f"{visit.host}: {', '.join(visit.addresses[:4])}"
    return warn(f"{found}, in {took_s:.1f} s", "the name server is slow") if took_s > _SLOW_S else ok(found)


def check_tcp(visit: Visit) -> Finding:
    """An address takes a connection."""
    address, failures = find_answering(visit.host, visit.addresses, visit.port, visit.limit)
    found = f"{address} port {visit.port}"
    return warn(f"{found}; not {'; '.join(failures)}", "every run waits for these first") if failures else ok(found)


def check_tls(visit: Visit) -> Finding:
    """The first request: only what ended before it was answered fails this check, other errors are the product's."""
    session = visit.run.session
    session.deadline = visit.limit
    try:
        visit.portal = session.get(f"{session.organization.sharing}/portals/self", attempts=2)
    except CertificateError:
        raise
    except HcexportError as error:
        if isinstance(error, NetworkError | TimedOut) and error.unsent:
            raise
        visit.portal = error
    if session.organization.scheme == "http":
        return skip("http, to this machine only")
    return _describe(session.certificate or {}, visit)


def _describe(certificate: Mapping[str, object], visit: Visit) -> Finding:
    if not certificate:
        return warn("the certificate is not verified (--insecure)", "trust it with --ca-bundle FILE")
    days = int((ssl.cert_time_to_seconds(str(certificate["notAfter"])) - datetime.now(UTC).timestamp()) // 86400)
    names = [pair for relative in certificate.get("issuer", ()) for pair in relative]  # type: ignore[attr-defined] # as getpeercert has it
    issuer = dict(names).get("commonName") or dict(names).get("organizationName") or "an issuer without a name"
    bundle = visit.run.settings.ca_bundle.value
    trust = bundle or visit.run.environ.get("SSL_CERT_FILE") or "the system's store"
    found = f"issued by {issuer}, {days} days left, trusted by {trust}"
    if visit.run.environ.get("SSLKEYLOGFILE"):
        return warn(f"{found}; SSLKEYLOGFILE is set", "unset SSLKEYLOGFILE")
    return warn(found, "have the certificate renewed") if days < _EXPIRY_DAYS else ok(found)


def check_clock(visit: Visit) -> Finding:
    """Compare this machine's clock with the server's. A run goes by the server's clock, so that nothing fails."""
    if isinstance(visit.portal, HcexportError):
        return skip("the server told no time")
    off = visit.run.session.server_now() - datetime.now(UTC)
    found = f"the server is {abs(off.total_seconds()):.0f} s {'ahead' if off > timedelta(0) else 'behind'}"
    return warn(found, "set this machine's clock: timedatectl") if abs(off) > _OFF else ok(found)


def check_product(visit: Visit) -> Finding:
    """It is ArcGIS Enterprise on Kubernetes 11.2 or newer, as far as the organization says so without a token."""
    if isinstance(visit.portal, NetworkError | TimedOut):
        raise visit.portal
    if isinstance(visit.portal, HcexportError):  # a run does not ask for it
        return warn(f"not known: {visit.portal.message}")
    portal, organization = visit.portal or {}, visit.run.session.organization
    check_deployment_type(portal, organization)
    release = str(portal.get("currentVersion") or "")
    if is_old(release):
        _refuse_without_health_checks(visit, release)
    return ok(f"{portal.get('portalDeploymentType') or 'product unknown'}, release {release or 'unknown'}")


def _refuse_without_health_checks(visit: Visit, release: str) -> None:
    """Raise ConfigError for an old release without health checks: the portal's number alone is no proof."""
    session = visit.run.session
    session.deadline = visit.limit
    try:
        session.get(f"{session.organization.admin}/healthCheck/suites", attempts=1)
    except (NotFound, ProtocolError):
        check_release(release, session.organization)
    except HcexportError:
        return


def check_sign_in(visit: Visit) -> Finding:
    """There is a token that the server takes."""
    session, client = visit.run.session, visit.run.client
    session.deadline = visit.limit
    try:
        visit.account = client.account()
    except PrivilegeMissing:  # the token of an application has no user
        client.release()
    tokens = visit.run.tokens
    who = visit.account.username if visit.account else "an application"
    expires = tokens.token.expires if tokens.token else None
    found = f"{who}, by {tokens.origin}" + (f", until {expires.astimezone(UTC):%Y-%m-%dT%H:%MZ}" if expires else "")
    if expires and not visit.can_renew and expires - session.server_now() < _RENEW_BEFORE:
        return warn(f"{found}, and nothing renews it", "hcexport login --remember")
    return ok(found)


def check_privileges(visit: Visit) -> Finding:
    """The account may do what a run does, now. The list of privileges is a sign, the server's answer decides."""
    session, client, account = visit.run.session, visit.run.client, visit.account
    session.deadline = visit.limit
    is_read_only = None
    with suppress(HcexportError):  # who may not read the mode may still export
        is_read_only = client.mode().is_read_only
    if is_read_only:
        raise ServerError("the organization is read-only", hint="wait until its upgrade or update has ended")
    if account is None or account.may_check_health is None:
        return ok("not told")
    if not account.may_check_health:
        client.suites()
        return warn("health checks work, but the account's privileges do not name them")
    if account.may_download is False:
        return warn("health checks; the privileges for downloads are not among them", "ask for a Publisher role")
    return ok(f"health checks and downloads{f' ({account.role})' if account.role else ''}")


def check_suites(visit: Visit) -> Finding:
    """Which suites a check can run."""
    visit.run.session.deadline = visit.limit
    suites = visit.run.client.suites()
    names = ", ".join(suite.name or suite.id for suite in suites)
    return ok(names) if suites else warn("the organization offers no suites", "its administrator has to set it up")


def check_newest_report(visit: Visit) -> Finding:
    """There are reports to export."""
    visit.run.session.deadline = visit.limit
    reports = [report for page in visit.run.client.query_reports() for report in page if has_ended(report)]
    if not reports:
        return warn("there are no reports yet", "hcexport run")
    newest = max(reports, key=start_time_of)
    started = f" of {newest.start_time.astimezone(UTC):%Y-%m-%dT%H:%MZ}" if newest.start_time else ""
    return ok(f"{newest.id}{started}: {newest.result}; {len(reports)} in all")


def check_open_jobs(visit: Visit) -> Finding:
    """What was submitted from here and has not come to an end; and whether jobs may be listed."""
    run = visit.run
    ledger = Ledger(run.paths.ledger, lambda _text: None, read_only=True)
    try:
        entries = ledger.entries(run.settings.organization.url, _LEDGER_LOOKS)
    finally:
        ledger.close()
    if not visit.offline:
        run.session.deadline = visit.limit
        try:
            run.client.job_ids()
        except PrivilegeMissing as error:
            return warn(error.message, "a lost export cannot be looked for")
    return _describe_open(entries)


def _describe_open(entries: list[LedgerEntry]) -> Finding:
    lost = [entry for entry in entries if entry.job_id is None and entry.ended is None]
    waiting = [entry for entry in entries if entry.job_id and entry.ended is None and entry.saved is None]
    if lost:
        return warn(f"{len(lost)} submitted from here have an unknown outcome", "hcexport jobs --server")
    if waiting:
        return warn(
            f"{len(waiting)} submitted from here had not ended when last seen", f"hcexport wait {waiting[0].job_id}"
        )
    return ok("none")
