"""Every failure a user can see, and the exit status of each, which scripts rely on (hcexport(1), "EXIT STATUS").

::

    HcexportError                 1  unexpected
    ├── UsageError                2  usage
    ├── JobFailed                 3  job_failed
    ├── AuthError                 4  auth
    │   ├── SignInRequired           no usable token, nothing to renew it with
    │   ├── TokenRejected            the token is not taken: renewed once where it can be
    │   ├── PasswordRefused          the server does not take this user and password
    │   ├── PrivilegeMissing         signed in, not allowed
    │   └── FrontRefused             a firewall, an ingress or a web server refused, not the organization
    ├── NotFound                  5  not_found
    ├── NetworkError              6  network         retryable
    │   ├── CertificateError                         not retryable
    │   ├── ProtocolError            an answer that makes no sense
    │   │   └── NoOrganization                       not retryable
    │   └── ServerTrouble         6  server: the API says that it failed, or is busy
    ├── ServerError               6  server: the API refuses, and no class above fits
    ├── BadDownload               7  bad_download
    ├── Partial                   8  partial
    ├── OutcomeUnknown            9  outcome_unknown
    ├── Verdict                  10  verdict
    ├── CannotCreate             73  cannot_create
    │   └── AlreadyExists            another --if-exists would do
    ├── Busy                     75  busy
    ├── ConfigError              78  config
    └── TimedOut                124  timeout
    BaseException
    └── Interrupted       129, 130, 143  interrupted

Everything below ``cli`` raises these; only ``cli.boundary`` turns them into a line on stderr and an exit status.
To add a failure: a class here and in the tree above, and a row of EXIT_STATUSES where the status is new.
"""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

WayOn = Literal["wait", "export", "none"]


class ExitStatus(NamedTuple):
    """A row of the table of exit statuses."""

    status: int
    code: str
    meaning: str


EXIT_STATUSES = (
    ExitStatus(0, "", "done"),
    ExitStatus(1, "unexpected", "an unexpected error: please report it"),
    ExitStatus(2, "usage", "wrong options or arguments"),
    ExitStatus(3, "job_failed", "the job ended FAILED, CANCELLED or timed out on the server"),
    ExitStatus(4, "auth", "not signed in, refused, or not allowed"),
    ExitStatus(5, "not_found", "no such report, job or item, or nothing matched"),
    ExitStatus(6, "network", "server unreachable or unintelligible answer, after retries"),
    ExitStatus(6, "server", "the server refused with an error of its own that is neither 4 nor 5"),
    ExitStatus(
        7, "bad_download", "the download was incomplete or failed its check; nothing stands under the final name"
    ),
    ExitStatus(8, "partial", "some of several succeeded"),
    ExitStatus(9, "outcome_unknown", "a request that changes something was sent and no answer came"),
    ExitStatus(10, "verdict", "everything worked, and a report is not healthy"),
    ExitStatus(73, "cannot_create", "the output cannot be written: it exists, folder missing, no space, no permission"),
    ExitStatus(75, "busy", "try again later: another run holds the lock, or the job has not ended yet"),
    ExitStatus(78, "config", "the configuration cannot be read or contradicts itself"),
    ExitStatus(124, "timeout", "timed out; the job continues on the server"),
    ExitStatus(129, "interrupted", "interrupted by SIGHUP"),
    ExitStatus(130, "interrupted", "interrupted by SIGINT"),
    ExitStatus(143, "interrupted", "interrupted by SIGTERM"),
)


class HcexportError(Exception):
    """A failure to report: what happened (``message``) and what to type next (``hint``).

    ``retryable`` says that the same command may succeed later without a change. ``way_on`` is the command that
    continues an export which this failure ended: ``wait`` for the same job, another ``export``, or ``none`` because
    the zip is saved.
    """

    status: ClassVar[int] = 1
    code: ClassVar[str] = "unexpected"
    retryable: bool = False
    way_on: WayOn = "wait"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HcexportError):
    """Options or arguments that contradict themselves or cannot be understood."""

    status = 2
    code = "usage"


class JobFailed(HcexportError):
    """The server ended the job without a result."""

    status = 3
    code = "job_failed"
    way_on = "export"


class AuthError(HcexportError):
    """The server refused the user or the token."""

    status = 4
    code = "auth"


class SignInRequired(AuthError):
    """There is no valid token, and neither password nor refresh token to get a new token with."""


class TokenRejected(AuthError):
    """The server does not take the token, or not any more.

    ``unseen`` is true when the server says that there was no token: something on the way may have removed it.
    ``refusal`` is what the answer means if the token was good, where the answer leaves that open.
    """

    unseen: bool = False
    refusal: HcexportError | None = None


class PasswordRefused(AuthError):
    """The server does not take this user and password. Nothing else is tried, because accounts lock."""


class PrivilegeMissing(AuthError):
    """The token is valid, but its owner may not do this."""


class FrontRefused(AuthError):
    """A firewall, ingress or web server refused, which says nothing about password or privileges.

    ``may_be_token`` is true for a 401 that asks for nothing that a token could not be: gateways check tokens, too.
    """

    may_be_token: bool = False


class NotFound(HcexportError):
    """No such report, job or upload item, or a selection that is empty."""

    status = 5
    code = "not_found"


class NetworkError(HcexportError):
    """The server was not reached, or its answer broke off.

    ``unsent`` is true when the request surely did not reach the server, ``refused`` when the server surely did nothing
    with it: in both cases even a POST can be repeated safely. ``by_api`` is true when the API itself said that it
    failed, which does not tell how far it had got.
    ``retry_after_s`` is what the server asked for, in seconds.
    """

    status = 6
    code = "network"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        unsent: bool = False,
        refused: bool = False,
        by_api: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.unsent = unsent
        self.refused = refused
        self.by_api = by_api
        self.retry_after_s = retry_after_s


class CertificateError(NetworkError):
    """The certificate or the TLS handshake was refused. Asking again changes nothing."""

    retryable = False


class ProtocolError(NetworkError):
    """The answer is not the API's: an HTML page, broken JSON, a list where an object is due.

    ``place`` is where a redirect or the links of a page lead. Only an id in it may be used.
    """

    place: str = ""


class NoOrganization(ProtocolError):
    """There is no organization at the address. Asking again changes nothing.

    ``has_found`` is true when the message names addresses of the same host that have an organization.
    """

    retryable = False
    has_found: bool = False


class ServerTrouble(NetworkError):
    """The API says that it failed, or is busy: its own error with the code 408, 429, 500 or more."""

    code = "server"


class ServerError(HcexportError):
    """The API refused with its own ``error`` body; ``error_code`` is its code, None where it gave none."""

    status = 6
    code = "server"

    def __init__(self, message: str, *, hint: str | None = None, error_code: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.error_code = error_code


class BadDownload(HcexportError):
    """The bytes that came are not a whole zip. Nothing was put under the final name."""

    status = 7
    code = "bad_download"
    retryable = True


class Partial(HcexportError):
    """Some of several succeeded."""

    status = 8
    code = "partial"


class OutcomeUnknown(HcexportError):
    """A request that changes something was sent and no answer came."""

    status = 9
    code = "outcome_unknown"
    way_on = "none"  # its own hint says how to find out


class Verdict(HcexportError):
    """The tool worked, and a report is not healthy, or too old (``--fail-on``, ``--max-age``)."""

    status = 10
    code = "verdict"


class CannotCreate(HcexportError):
    """The output cannot be written."""

    status = 73
    code = "cannot_create"


class AlreadyExists(CannotCreate):
    """The final name, ``path``, is taken, and ``--if-exists`` does not allow to replace it."""

    path: str = ""


class Busy(HcexportError):
    """Try again later: a lock is held, or the job has not ended."""

    status = 75
    code = "busy"
    retryable = True


class ConfigError(HcexportError):
    """The configuration or a store of secrets cannot be used."""

    status = 78
    code = "config"


class TimedOut(HcexportError):
    """``--timeout`` passed. The job on the server goes on.

    ``unsent`` is true when the request surely did not reach the server.
    """

    status = 124
    code = "timeout"
    retryable = True
    unsent: bool = False


BY_SIGNAL = 128  # exit statuses above it: a signal ended the run


class Interrupted(BaseException):
    """A signal ended the command. A BaseException, so that no ``except Exception`` swallows it.

    Not a KeyboardInterrupt, because click 8 turns that into Abort. The exit status is 128 plus the signal's number, as
    shells report it: 129, 130 or 143.
    """

    code = "interrupted"
    retryable = True

    def __init__(self, signal_number: int, name: str) -> None:
        super().__init__(name)
        self.message = "interrupted" if name == "SIGINT" else f"interrupted by {name}"
        self.hint: str | None = None
        self.way_on: WayOn = "wait"
        self.status = BY_SIGNAL + signal_number
