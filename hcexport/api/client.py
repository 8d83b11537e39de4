"""The Enterprise Administrator API: one method an endpoint, values of ``hcexport.models`` out.

To add an endpoint: a method here that is named as the API names the operation, a model or a field in ``models``, a
route in ``hcexport/sandbox/endpoints/``, and the documented answer in tests/data/. What is known of each endpoint is in
tests/data/README.md. ``_get`` and ``_post`` renew a token that is refused. An operation that starts a job uses
``_start``, because it must not be sent twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote

from hcexport.api.diagnose import explain_refusals
from hcexport.api.report_pages import ReportPage
from hcexport.api.session import Session
from hcexport.api_json import JsonFields, id_from_url, is_id
from hcexport.errors import (
    AuthError,
    ConfigError,
    FrontRefused,
    NetworkError,
    ProtocolError,
    TimedOut,
    TokenRejected,
    UsageError,
)
from hcexport.models import Account, Job, Mode, Report, ReportDetail, Suite, UploadItem
from hcexport.redaction import Secret

if TYPE_CHECKING:
    from hcexport.api.http import Response

PAGE_SIZE = 1000  # reports a page: the API's default, always sent because the documentation calls it required
REPORTS_CAP = 150_000  # reports of one list
LIST_CAP = 48 * 2**20  # bytes of JSON of one list; REPORTS_CAP reports have a fifth of that
JOB_PAGE_LOOKS = 2  # on fresh connections, at a job's page that names another job
_JOB_PLACE = re.compile(r"/admin/jobs/([^/\s\"'<>?#&]+)", re.IGNORECASE)

T = TypeVar("T")


class Tokens(Protocol):
    """Where the token comes from: ``hcexport.auth`` signs in, tests hand out tokens of their own."""

    def current(self) -> Secret:
        """The token to use now. Raises SignInRequired when there is no token and no way to get one."""

    def renew(self, rejected: Secret, *, is_certain: bool = True) -> Secret:
        """Get another token than the token that the server rejected. Raises SignInRequired.

        ``is_certain`` is false where the refusal leaves it open whether the token was at fault.
        """


class Client:
    """One organization's Enterprise Administrator API."""

    def __init__(self, session: Session, tokens: Tokens) -> None:
        self.session = session
        self._tokens = tokens
        self._renewed: Secret | None = None  # a token from a renewal, until the server takes it
        self._admin = session.organization.admin
        self._sharing = session.organization.sharing
        self._names: dict[str, str] = {}  # jobs whose page names another job, and the id that it names

    # Health check

    def suites(self) -> list[Suite]:
        """``GET healthCheck/suites``."""
        suites = _take_list(self._get("healthCheck/suites"), "userSuites")
        return [Suite.from_json(suite) for suite in suites if isinstance(suite, dict)]

    def run_check(self, suite_ids: Sequence[str], name: str) -> Job:
        """``POST healthCheck/run``: the job that makes a report called ``name``. Sent once, as ``export_reports``.

        Asynchronous because otherwise the answer waits for the report, longer than many proxies do.
        """
        return self._start("healthCheck/run", {"suiteIds": ",".join(suite_ids), "runName": name, "async": "true"})

    def query_reports(self) -> Iterator[list[Report]]:
        """``GET healthCheck/reports/query``: every page, in the order of the server, each report once.

        The last page has ``nextStart`` -1. A page without a new report ends the list as well, because such a server
        would never come to an end. Raises ProtocolError for fewer reports than the server counts, or too many.
        """
        seen: set[str] = set()
        start, without_id, bytes_before = 1, 0, self.session.json_bytes
        while True:
            page = ReportPage.from_json(
                self._get("healthCheck/reports/query", {"num": PAGE_SIZE, "start": start}),
            )
            fresh = list({report.id: report for report in reversed(page.reports) if report.id not in seen}.values())
            fresh.reverse()
            seen.update(report.id for report in fresh)
            without_id += page.without_id
            if len(seen) > REPORTS_CAP or self.session.json_bytes - bytes_before > LIST_CAP:
                raise ProtocolError(f"the list of reports does not end: there are more than {len(seen) - 1}")
            yield fresh
            start = page.next_start
            if start <= 0 or not fresh:
                break
        if without_id:
            self.session.on_warning(f"{without_id} of the reports that the server lists have no usable id: left out")
        if page.total is not None and page.total > len(seen) + without_id:
            raise ProtocolError(f"the server counts {page.total} reports and lists {len(seen)} of them")

    def report(self, run_id: str) -> ReportDetail:
        """``GET healthCheck/reports/<id>``. Raises NotFound."""
        return ReportDetail.from_json(self._get(f"healthCheck/reports/{_segment(run_id)}"), run_id=run_id)

    def export_reports(self, run_ids: Sequence[str]) -> Job:
        """``POST healthCheck/reports/export``: the job that packs the reports into one zip.

        Sent again with a new token only where the API refused, with 401 or 403. Raises TokenRejected for refusals of
        the token that prove nothing: before such a request is sent again, its job must be looked for.
        """
        return self._start("healthCheck/reports/export", {"runIds": ",".join(run_ids)})

    def delete_reports(self, run_ids: Sequence[str]) -> None:
        """``POST healthCheck/reports/delete``: delete reports for good."""
        self._post("healthCheck/reports/delete", {"runIds": ",".join(run_ids)})

    # Jobs

    def job_ids(self) -> list[str]:
        """``GET jobs``: ids and nothing else. Raises ProtocolError for an answer without a list of them."""
        listed = _take_list(self._get("jobs"), "jobs")
        ids = (JsonFields(job).text("jobid") if isinstance(job, dict) else str(job) for job in listed)
        return [job_id for job_id in ids if is_id(job_id)]

    def job(self, job_id: str, *, attempts: int = 3) -> Job:
        """``GET jobs/<id>``: a snapshot. Raises NotFound, and ProtocolError for an answer about another job.

        An answer about another job may be one that was planted on the connection. When two fresh connections give the
        same answer it is the server's own: the documentation's sample of a job names another id than its submit, too.
        """
        job = self._read_job(job_id, attempts)
        if job.id.lower() in {job_id.lower(), self._names.get(job_id)}:
            return replace(job, id=job_id)
        for _ in range(JOB_PAGE_LOOKS):
            self.session.hang_up()
            again = self._read_job(job_id, attempts)
            if again.id.lower() == job_id.lower():
                return replace(again, id=job_id)
            if again.id != job.id:
                raise ProtocolError(f"asked for job {job_id}, the server answered about {job.id}, then {again.id}")
            job = again
        self._names[job_id] = job.id.lower()
        self.session.on_warning(f"asked for job {job_id}, the server calls it {job.id}; assuming the same job")
        return replace(job, id=job_id)

    def _read_job(self, job_id: str, attempts: int) -> Job:
        return Job.from_json(self._get(f"jobs/{_segment(job_id)}", attempts=attempts), job_id=job_id)

    # Uploads

    def upload_item(self, item_id: str) -> UploadItem:
        """``GET uploads/<id>``: its name and whether it is whole. Raises NotFound, PrivilegeMissing."""
        return UploadItem.from_json(self._get(f"uploads/{_segment(item_id)}"), item_id=item_id)

    @contextmanager
    def open_item(self, item_id: str, *, first_byte: int = 0, validator: str | None = None) -> Iterator[Response]:
        """``GET uploads/<id>/download``, from ``first_byte`` on if the item is still what ``validator`` says."""
        path = f"uploads/{_segment(item_id)}/download"
        headers = {"Range": f"bytes={first_byte}-"} if first_byte else {}
        if first_byte and validator:
            headers["If-Range"] = validator
        with ExitStack() as stack:

            def open_stream(*, token: Secret) -> Response:
                return stack.enter_context(self.session.stream(f"{self._admin}/{path}", token=token, headers=headers))

            yield self._call(path, open_stream)

    def delete_item(self, item_id: str) -> None:
        """``POST uploads/<id>/delete``."""
        self._post(f"uploads/{_segment(item_id)}/delete", {})

    # The organization

    def account(self) -> Account:
        """``GET sharing/rest/community/self``: whom the token belongs to."""
        path = "community/self"
        return Account.from_json(self._call(path, partial(self.session.get, f"{self._sharing}/{path}")))

    def release(self) -> str:
        """``GET admin``: the server's release, such as ``12.0``; empty when it does not say."""
        answer = self._call("", partial(self.session.get, self._admin, attempts=2))
        return str(answer.get("fullVersion") or answer.get("currentVersion") or "")

    def mode(self) -> Mode:
        """``GET mode``: whether the organization is read-only, as during an upgrade."""
        return Mode.from_json(self._get("mode"))

    # Sending

    def renew_token(self) -> None:
        """Get another token than the one that the server rejected. Raises AuthError or ConfigError."""
        self._tokens.renew(self._tokens.current())

    def _get(self, path: str, params: dict[str, Any] | None = None, *, attempts: int = 5) -> dict[str, Any]:
        return self._call(path, partial(self.session.get, f"{self._admin}/{path}", params, attempts=attempts))

    def _post(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        return self._call(path, partial(self.session.post, f"{self._admin}/{path}", form))

    def _call(self, path: str, send: Callable[..., T]) -> T:
        """Send with the current token, and once more with a new token when the server rejects it.

        Explain a refusal by a privilege, another product or an old release.
        """
        with explain_refusals(path, self.session, self.release):
            token = self._tokens.current()
            try:
                with self._confirm_renewal(token):
                    return send(token=token)
            except TokenRejected as rejected:
                token = self._renew(token, rejected)
            with self._confirm_renewal(token):
                return send(token=token)

    def _start(self, path: str, form: dict[str, str]) -> Job:
        """POST what starts a job, as ``export_reports`` says: the server starts a job for every such request."""
        with explain_refusals(path, self.session, self.release):
            with _mark_unsent():
                token = self._tokens.current()
            try:
                return self._post_for_job(path, form, token)
            except TokenRejected as rejected:
                if rejected.refusal is None:
                    raise
                if not isinstance(rejected.refusal, AuthError):
                    raise rejected.refusal from None
                with _mark_unsent():
                    token = self._renew(token, rejected)
            return self._post_for_job(path, form, token)

    def _post_for_job(self, path: str, form: dict[str, str], token: Secret) -> Job:
        """POST, and find the job: a server that takes us for a browser redirects to the job's page, or shows it."""
        with self._confirm_renewal(token):
            try:
                return Job.from_json(self.session.post(f"{self._admin}/{path}", form, token=token))
            except ProtocolError as error:
                found = {id_from_url(f"/jobs/{job}", after="jobs") for job in _JOB_PLACE.findall(error.place)} - {None}
                if len(found) != 1:
                    raise
                return Job.from_json({"jobid": found.pop()})

    @contextmanager
    def _confirm_renewal(self, token: Secret) -> Iterator[None]:
        """Send with a token; where a new token is refused as the old token was, the token was not at fault."""
        try:
            yield
        except FrontRefused as refusal:  # a gateway that checks tokens itself, or wants something else
            if not refusal.may_be_token or token == self._renewed:
                raise
            rejected = TokenRejected(refusal.message, hint=refusal.hint)
            rejected.refusal = refusal
            raise rejected from None
        except TokenRejected as rejected:
            if rejected.refusal and token == self._renewed:
                raise rejected.refusal from None
            raise
        if token == self._renewed:
            self._renewed = None  # the server took the token, so a later refusal may mean that it has expired

    def _renew(self, token: Secret, rejected: TokenRejected) -> Secret:
        """Get another token. Without another, raise what the answer means if the token was good, where it may be."""
        try:
            self._renewed = self._tokens.renew(token, is_certain=rejected.refusal is None)
        except (AuthError, ConfigError):
            if rejected.refusal:
                raise rejected.refusal from None
            raise
        return self._renewed


@contextmanager
def _mark_unsent() -> Iterator[None]:
    """Mark a failure to get a token as unsent, because the request that needs the token has not been sent."""
    try:
        yield
    except (NetworkError, TimedOut) as error:
        error.unsent = True
        raise


def _segment(name: str) -> str:
    """Quote an id for use as one path segment. Raises UsageError for an id that would lead elsewhere."""
    if not is_id(name):
        raise UsageError(f"{name!r} is not an id")
    return quote(name, safe="")


def _take_list(answer: dict[str, Any], key: str) -> list[Any]:
    """The list under ``key``, in any case. Raises ProtocolError where it is missing, because it may not be empty."""
    listed = JsonFields(answer).take(key.lower())
    if not isinstance(listed, list):
        raise ProtocolError(f"the server's answer has no list of {key!r}")
    return listed
