"""Reading many reports from the server, several requests at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from queue import Empty, SimpleQueue

from hcexport.api.client import Client
from hcexport.cli.app import App
from hcexport.errors import AuthError, SignInRequired
from hcexport.models import ReportDetail
from hcexport.redaction import Secret
from hcexport.times import Sleep

AT_ONCE = 8  # requests to an organization

_Found = tuple[str, ReportDetail | Exception]


def read_at_once(app: App, ids: Sequence[str]) -> Iterator[tuple[str, ReportDetail]]:
    """Yield each id with its report, as they come. Raises the first error, without waiting for what is under way.

    A single report is read in this thread. Where the token is refused, the threads stop, and this thread reads the
    report: so the token is renewed once, and a password is asked for by the thread that gets the signals.
    """
    left = list(ids)
    while len(left) > 1:
        with closing(_read_in_threads(app, tuple(left))) as found:
            refused = ""
            for run_id, answer in found:
                if isinstance(answer, AuthError):
                    refused = run_id
                    break
                if isinstance(answer, Exception):
                    raise answer
                left.remove(run_id)
                yield run_id, answer
        if refused:
            left.remove(refused)
            yield refused, app.client.report(refused)
    for run_id in left:
        yield run_id, app.client.report(run_id)


def _read_in_threads(app: App, ids: Sequence[str]) -> Generator[_Found, None, None]:
    """Yield the answers as they come, an error as it is; when this generator is closed, no other report is asked for.

    The threads are daemons, because one may hang when the command ends. They know nothing of the App.
    """
    waiting: SimpleQueue[str] = SimpleQueue()
    found: SimpleQueue[_Found] = SimpleQueue()
    for run_id in ids:
        waiting.put(run_id)
    session, token, pause, over = (
        app.session,
        _OneToken(app.tokens.current()),
        _Pause(app.session.sleep),
        threading.Event(),
    )

    def work() -> None:
        run_id = ""
        try:
            with closing(session.twin()) as own:
                own.sleep = pause.sleep
                client = Client(own, token)
                while not over.is_set():
                    run_id = waiting.get_nowait()
                    pause.wait()
                    found.put((run_id, client.report(run_id)))
        except Empty:
            return
        except Exception as error:  # noqa: BLE001 # it is raised where the answers are read
            found.put((run_id, error))

    for number in range(min(AT_ONCE, len(ids))):
        threading.Thread(target=work, name=f"reports-{number}", daemon=True).start()
    try:
        for _ in ids:
            yield found.get()
    finally:
        over.set()


class _OneToken:
    """The token of all threads, which none of them renews."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def current(self) -> Secret:
        return self._token

    def renew(self, rejected: Secret, *, is_certain: bool = True) -> Secret:  # noqa: ARG002 # as Tokens has it
        raise SignInRequired("the token was refused")


class _Pause:
    """The time until which the server wants no request: what it says to one thread counts for all of them."""

    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep
        self._until = 0.0

    def sleep(self, seconds: float) -> None:
        self._until = max(self._until, time.monotonic() + seconds)
        self._sleep(seconds)

    def wait(self) -> None:
        self._sleep(max(0.0, self._until - time.monotonic()))
