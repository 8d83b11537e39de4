"""What an administrator may want to rehearse: one row for each way to misbehave."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hcexport.sandbox.call import Call, Endpoint
from hcexport.sandbox.endpoints import admin, health, sharing
from hcexport.sandbox.pages import page
from hcexport.sandbox.routes import ROUTES
from hcexport.sandbox.scenarios.behaviours import (
    Outage,
    Twist,
    changed,
    cut,
    dripping,
    in_turn,
    instead,
    late,
    refused,
    served,
    streamed,
)
from hcexport.sandbox.wire import Json, Response

FOREIGN = "http://arcgis-private-ingress.arcgis.svc.cluster.local/internal/"
ADMINISTRATION = tuple(route.endpoint for route in ROUTES if route.path.startswith("admin"))


def _stretch(call: Call, answer: Json) -> Json:
    call.world.jobs.alter(answer["jobid"], seconds=20 * call.world.options.job_seconds)
    return answer


def _fail(call: Call, answer: Json) -> Json:
    reason = {"message": "The reports could not be packaged: the object store is not available.", "details": []}
    call.world.jobs.alter(answer["jobid"], ending="FAILED", result=reason)
    return answer


def _forget_tokens(call: Call, answer: Json) -> Json:
    call.world.tokens.clear()
    return answer


def _rehost(call: Call, answer: Json) -> Json:
    body: Json = json.loads(json.dumps(answer).replace(call.url(""), FOREIGN))
    return body


def _bad_gateway(_call: Call) -> Response:
    return page("502 Bad Gateway", "", 502)


def _login_page(_call: Call) -> Response:
    return page("Sign In", "<form><input name='username'><input type='password' name='password'></form>")


def _hang_up(_call: Call) -> Response:
    raise ConnectionAbortedError


def _queue_full(_call: Call) -> Response:
    return refused(429, "Too Many Requests", 1)


def _damage(answer: Response) -> Iterable[bytes]:
    """Change one byte of the first member's data, which its CRC tells."""
    for number, chunk in enumerate(answer.chunks):
        if number == 0 and chunk.startswith(b"PK\x03\x04"):
            head = 30 + int.from_bytes(chunk[26:28], "little") + int.from_bytes(chunk[28:30], "little")
            yield chunk[: head + 20] + bytes([chunk[head + 20] ^ 0xFF]) + chunk[head + 21 :]
        else:
            yield chunk


@dataclass(frozen=True)
class Scenario:
    """One row: what it is, and what it does to which endpoints, made anew for each sandbox."""

    description: str
    twists: Callable[[], Mapping[Endpoint, Twist]]


ROWS = {
    "normal": Scenario("everything works", dict),
    "slow": Scenario(
        "exports take 20 times as long, answers half a second, and downloads drip",
        lambda: {health.export: changed(_stretch), admin.job: late(0.5), admin.download: dripping(20_000)},
    ),
    "failed": Scenario("every export ends FAILED", lambda: {health.export: changed(_fail)}),
    "flaky": Scenario(
        "every other poll meets an error, and a download is cut twice",
        lambda: {
            admin.job: in_turn(instead(_bad_gateway), served, instead(_login_page), served, instead(_hang_up), served),
            admin.download: in_turn(cut(0.3), cut(0.5), served),
        },
    ),
    "expired-token": Scenario(
        "every token ends as soon as an export is submitted", lambda: {health.export: changed(_forget_tokens)}
    ),
    "unavailable": Scenario(
        "503 with Retry-After for 3 seconds at first, and again after an export is submitted",
        lambda: dict.fromkeys(ADMINISTRATION, Outage(3, health.export)),
    ),
    "full-queue": Scenario(
        "429 with Retry-After twice before an export is accepted",
        lambda: {health.export: in_turn(instead(_queue_full), instead(_queue_full), served)},
    ),
    "foreign-urls": Scenario(
        "every URL in an answer names an internal host that must not be followed",
        lambda: dict.fromkeys((health.export, health.run, admin.job, sharing.info), changed(_rehost)),
    ),
    "corrupt-zip": Scenario("every download has a damaged byte", lambda: {admin.download: streamed(_damage)}),
}

SCENARIOS: Mapping[str, str] = MappingProxyType({name: row.description for name, row in ROWS.items()})


def twists(scenario: str) -> Mapping[Endpoint, Twist]:
    """Make what a scenario does to the endpoints; raises ValueError for one that is not known."""
    if scenario not in ROWS:
        raise ValueError(f"there is no scenario '{scenario}'; there are {', '.join(ROWS)}")
    return ROWS[scenario].twists()
