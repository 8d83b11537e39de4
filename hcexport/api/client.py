"""The admin API: one method an endpoint, models in and out. Its pages are named after the operations they document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from hcexport.api.diagnose import explain_refusals
from hcexport.api.session import ItemStream, Session
from hcexport.api_json import JsonFields, id_from_url, is_id
from hcexport.errors import NetworkError, ProtocolError, TimedOut, TokenRejected, UsageError
from hcexport.models import Account, Job, Report, ReportDetail, Suite, UploadItem
from hcexport.redaction import Secret

_JOB_PLACE = re.compile(r"/admin/jobs/([^/\s\"'<>?#&]+)", re.IGNORECASE)
PAGE_SIZE = 1000  # reports a page: the API's own default, always said because it is "required" too

REPORTS_CAP, LIST_CAP = 150_000, 48 * 2**20  # reports of one list, and bytes of its JSON: a fifth of that is usual

T = TypeVar("T")


class Tokens(Protocol):
    """Where the token comes from: ``api.auth`` has the one that signs in, tests have their own."""

    def current(self) -> Secret:
        """The token to use now. Raises SignInRequired when there is none to be had."""

    def renewed(self, rejected: Secret) -> Secret:
        """Another token than the one that the server does not take. Raises SignInRequired."""


class Client:
    """One organization's Enterprise Administrator API."""

    def __init__(self, session: Session, tokens: Tokens) -> None:
        self.session = session
        self._tokens = tokens
        self._admin = session.organization.admin
        self._sharing = session.organization.sharing

    # Health check

    def suites(self) -> list[Suite]:
        """``GET healthCheck/suites``."""
        return [Suite.from_json(one) for one in _objects(self._get("healthCheck/suites"), "userSuites")]

    def query_reports(self, *, results: Sequence[str] = ()) -> Iterator[list[Report]]:
        """``GET healthCheck/reports/query``: every page, in the order of the server, each report once.

        The last page has ``nextStart`` -1. A page without a new report ends the list as well, because such a server
        would never come to an end. Raises ProtocolError for fewer reports than the server counts, or too many.
        """
        seen: set[str] = set()
        start, bytes_before = 1, self.session.json_bytes
        while True:
            params = {"num": PAGE_SIZE, "start": start, **({"runResult": ",".join(results)} if results else {})}
            page = self._get("healthCheck/reports/query", params)
            reports: dict[str, Report] = {}
            for report in _reports_in(page):
                if report.id not in seen:
                    reports.setdefault(report.id, report)
            seen.update(reports)
            if len(seen) > REPORTS_CAP or self.session.json_bytes - bytes_before > LIST_CAP:
                raise ProtocolError(f"the list of reports does not end: there are more than {len(seen) - 1}")
            yield list(reports.values())
            start = _next_start(page)
            if start <= 0 or not reports:
                break
        if not results:
            _require_all(page, len(seen))

    def report(self, run_id: str) -> ReportDetail:
        """``GET healthCheck/reports/<id>``. Raises NotFound."""
        return ReportDetail.from_json(self._get(f"healthCheck/reports/{_segment(run_id)}"), run_id=run_id)

    def export_reports(self, run_ids: Sequence[str]) -> Job:
        """``POST healthCheck/reports/export``: the job that packs the reports into one zip.

        Sent once, with the token of now: raises TokenRejected where other requests would be sent again with a new one.
        """
        path, form = "healthCheck/reports/export", {"runIds": ",".join(run_ids)}
        with explain_refusals(path, self.session, self.release):
            token = self._token_to_send()
            return _started(lambda: self.session.post(f"{self._admin}/{path}", form, token=token))

    def _token_to_send(self) -> Secret:
        try:
            return self._tokens.current()
        except (NetworkError, TimedOut) as error:
            error.unsent = True  # the request that the token was for
            raise

    def renew_token(self) -> None:
        """Get another token than the one that the server did not take. Raises AuthError or ConfigError."""
        self._tokens.renewed(self._tokens.current())

    # Jobs

    def job_ids(self) -> list[str]:
        """``GET jobs``: ids and nothing else. Raises ProtocolError for an answer without a list of them."""
        listed = JsonFields(self._get("jobs")).take("jobs")
        if not isinstance(listed, list):
            raise ProtocolError("the server's answer has no list of 'jobs'")
        ids = (JsonFields(one).text("jobid") if isinstance(one, dict) else str(one) for one in listed)
        return [one for one in ids if is_id(one)]

    def job(self, job_id: str, *, attempts: int = 3) -> Job:
        """``GET jobs/<id>``: a snapshot. Raises NotFound."""
        job = Job.from_json(self._get(f"jobs/{_segment(job_id)}", attempts=attempts), job_id=job_id)
        if job.id.lower() != job_id.lower():
            raise ProtocolError(f"asked for job {job_id}, the server answered about {job.id}")
        return job

    # Uploads

    def upload_item(self, item_id: str) -> UploadItem:
        """``GET uploads/<id>``: its name and whether it is whole. Raises NotFound, PrivilegeMissing."""
        return UploadItem.from_json(self._get(f"uploads/{_segment(item_id)}"), item_id=item_id)

    @contextmanager
    def open_item(self, item_id: str, *, first_byte: int = 0, validator: str | None = None) -> Iterator[ItemStream]:
        """``GET uploads/<id>/download``, from ``first_byte`` on if the item is still what ``validator`` says."""
        headers = {"Range": f"bytes={first_byte}-"} if first_byte else {}
        if first_byte and validator:
            headers["If-Range"] = validator
        with ExitStack() as stack:
            yield self._call(
                f"uploads/{_segment(item_id)}/download",
                lambda url, token: stack.enter_context(self.session.stream(url, token=token, headers=headers)),
            )

    def delete_item(self, item_id: str) -> None:
        """``POST uploads/<id>/delete``."""
        self._post(f"uploads/{_segment(item_id)}/delete", {})

    # The organization

    def account(self) -> Account:
        """``GET sharing/rest/community/self``: whom the token belongs to."""
        url = f"{self._sharing}/community/self"
        return Account.from_json(self._with_token(lambda token: self.session.get(url, token=token)))

    def release(self) -> str:
        """``GET admin``: the server's release, such as ``12.0``; empty when it does not say."""
        answer = self._with_token(lambda token: self.session.get(self._admin, token=token))
        return str(answer.get("fullVersion") or answer.get("currentVersion") or "")

    def _get(self, path: str, params: dict[str, Any] | None = None, *, attempts: int = 5) -> dict[str, Any]:
        return self._call(path, lambda url, token: self.session.get(url, params, token=token, attempts=attempts))

    def _post(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        return self._call(path, lambda url, token: self.session.post(url, form, token=token))

    def _call(self, path: str, send: Callable[[str, Secret], T]) -> T:
        """Send to the admin API; a refusal says what is behind it: a privilege, another product, an old release."""
        with explain_refusals(path, self.session, self.release):
            return self._with_token(lambda token: send(f"{self._admin}/{path}", token))

    def _with_token(self, send: Callable[[Secret], T]) -> T:
        """Send with the current token, and once more with a new one when the server does not take it."""
        token = self._tokens.current()
        try:
            return send(token)
        except TokenRejected:
            return send(self._tokens.renewed(token))


def _reports_in(page: dict[str, Any]) -> list[Report]:
    if not page.get("runs") and "total" in page:  # some leave out a list that is empty
        return []
    return [Report.from_json(run) for run in _objects(page, "runs")]


def _next_start(page: dict[str, Any]) -> int:
    """Where the next page begins, not positive at the end; servers write it as text or as a fraction as well."""
    found = next((value for key, value in page.items() if key.lower() == "nextstart"), None)
    try:
        return int(float(found)) if isinstance(found, int | float | str) else -1
    except (ValueError, OverflowError):
        return -1


def _require_all(page: dict[str, Any], count: int) -> None:
    """Raise ProtocolError when the server counts more reports than it has listed."""
    total = page.get("total")
    if isinstance(total, int) and total > count:
        raise ProtocolError(f"the server counts {total} reports and lists {count} of them")


def _segment(name: str) -> str:
    """An id as one path segment. Raises UsageError for one that would lead elsewhere."""
    if not is_id(name):
        raise UsageError(f"{name!r} is not an id")
    return quote(name, safe="")


def _started(send: Callable[[], dict[str, Any]]) -> Job:
    """The job in the answer to a POST, or the only job that a redirect or the links of a page lead to.

    A server that takes us for a browser redirects to the page of the job, or shows it.
    """
    try:
        return Job.from_json(send())
    except ProtocolError as error:
        places = {id_from_url(f"/jobs/{place}", after="jobs") for place in _JOB_PLACE.findall(error.place)} - {None}
        if len(places) == 1:
            return Job.from_json({"jobid": places.pop()})
        raise


def _objects(answer: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The list of objects under ``key``; an answer without that list is not the one that was asked for."""
    listed = answer.get(key)
    if not isinstance(listed, list):
        raise ProtocolError(f"the server's answer has no list of {key!r}")
    return [one for one in listed if isinstance(one, dict)]
