"""No secret passes the redactor, and a Secret does not show itself."""

from __future__ import annotations

import base64
import copy
import html
import json
import logging
import pickle
import random
import re
import string
import textwrap
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from urllib.parse import quote, quote_plus, unquote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcexport import redaction
from hcexport.api.responses import decode
from hcexport.errors import HcexportError, UsageError
from hcexport.redaction import MASK, Secret, redact

CANARY = "canary-7f3a9"  # never made into a Secret: only its place gives it away


@pytest.fixture(autouse=True)
def _no_live_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values made up by one test are no secrets of the next."""
    monkeypatch.setattr(redaction, "_live", redaction._LiveValues())


secrets = st.text(st.characters(exclude_characters="*"), min_size=6, max_size=40)


class TestSecret:
    def test_shows_itself_to_reveal_alone(self) -> None:
        secret = Secret("hunter-2-hunter")
        shown = [str(secret), repr(secret), f"{secret}", f"{secret:>40}", f"{secret!r}", "%s" % secret, repr([secret])]  # noqa: UP031
        assert secret.reveal() == "hunter-2-hunter"
        assert not any("hunter" in one for one in shown)

    def test_inside_a_dataclass(self) -> None:
        @dataclass(frozen=True)
        class Holder:
            secret: Secret

        holder = Holder(Secret("hunter-2-hunter"))
        assert "hunter" not in repr(holder) + repr(asdict(holder)) + repr(copy.deepcopy(holder))
        assert copy.deepcopy(holder) == holder

    def test_in_a_traceback_with_locals(self) -> None:
        secret = Secret("hunter-2-hunter")
        try:
            raise ValueError(secret)
        except ValueError as error:
            shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert "secret = " in shown
        assert "hunter" not in shown.replace('Secret("hunter-2-hunter")', "")

    def test_is_not_written_by_accident(self) -> None:
        with pytest.raises(TypeError):
            pickle.dumps(Secret("hunter-2-hunter"))
        with pytest.raises(TypeError):
            json.dumps(Secret("hunter-2-hunter"))

    def test_in_a_log(self, caplog: pytest.LogCaptureFixture) -> None:
        logging.getLogger("test").warning("got %s and %r", Secret("hunter-2-hunter"), Secret("hunter-2-hunter"))
        assert "hunter" not in caplog.text

    def test_equality_and_hash(self) -> None:
        assert Secret("a") == Secret("a")
        assert Secret("a") != Secret("b")
        assert Secret("a") != "a"
        assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
        assert Secret("\udc80ä") == Secret("\udc80ä")
        assert not Secret("")

    @pytest.mark.parametrize("text", ["", "  ", "two words", "umlaut-ä", "new\nline", "nul\0", "zero\u200bwidth"])
    def test_what_no_token_is(self, text: str) -> None:
        with pytest.raises(UsageError) as caught:
            Secret.token(text)
        shown = f"{caught.value} {caught.value.hint}"
        assert not text.strip() or text not in shown

    def test_token_without_the_white_space_around_it(self) -> None:
        assert Secret.token(" KfD9-_.~x\r\n").reveal() == "KfD9-_.~x"


class TestLiveValues:
    @given(secret=secrets, before=st.text(max_size=20), after=st.text(max_size=20))
    def test_a_live_value_is_blanked_wherever_it_stands(self, secret: str, before: str, after: str) -> None:
        Secret(secret)
        assert secret not in redact(before + secret + after)

    @given(secret=secrets.filter(lambda text: max(text) < "\ud800"))
    def test_however_it_is_quoted(self, secret: str) -> None:
        Secret(secret)
        for spelled in (
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
            repr(secret)[1:-1],
            repr(secret.encode())[2:-1],
            html.escape(secret),
            quote(secret),
            quote(secret, safe=""),
            quote(secret, safe="").lower() if secret.islower() else quote(secret),
            quote_plus(secret),
            urlencode({"x": secret})[2:],
        ):
            assert spelled not in redact(f"said: {spelled}.")

    def test_the_longer_of_two_is_blanked_whole(self) -> None:
        Secret("prefix")
        Secret("prefix-and-more")
        assert redact("it was prefix-and-more") == f"it was {MASK}"

    def test_a_part_of_one_is_blanked_too(self) -> None:
        Secret("0123456789abcdef")
        assert redact("cut 0123456789abc") == f"cut {MASK}"
        assert redact("...6789abcdef!") == f"...{MASK}!"
        assert redact("01234567 is too little to be of use") == "01234567 is too little to be of use"

    def test_short_values_leave_innocent_words_alone(self) -> None:
        Secret("admin")
        assert redact("administrator") == "administrator"


PLACES = [
    "GET /x?f=json&token={}&z=1",
    "https://h/x?token={}#fragment",
    "token={}",
    "username=u&password={}&client=referer",
    "grant_type=refresh_token&refresh_token={}",
    "code={}&code_verifier=v",
    "client_id=a&code_verifier={}",
    "client_secret={}",
    "auth_token={}&client_id=x",
    "access_token: x, 'access_token': '{}'",
    "redirect=https%3A%2F%2Fh%2F%3Ff%3Djson%26token%3D{}%26z%3D1",
    "Authorization: Bearer {}",
    "authorization: Basic {}\r\nHost: h",
    "X-Esri-Authorization: Bearer {}",
    "Proxy-Authorization: Basic {}",
    "Cookie: a=b; session={}; c=d",
    "Set-Cookie: esri_aopc={}; Secure",
    "Headers({{'host': 'h', 'x-esri-authorization': 'Bearer {}'}})",
    "[(b'Host', b'h'), (b'Authorization', b'Bearer {}')]",
    "(b'cookie', b'{}')",
    '{{"token":"{}","expires":1453833598866}}',
    '{{"token" : "a\\"b{}"}}',
    '{{"refresh_token": "{}"',
    "{{'password': '{}'}}",
    '{{"statusMessage": "{{\\"token\\":\\"{}\\",\\"x\\":1}}"}}',
    '{{"secret": {}}}',
    "HCEXPORT_PASSWORD={} hcexport list",
    'HCEXPORT_TOKEN="{}"',
    "password = 'a {}'",
    "proxy http://user:{}@proxy:3128/ refused",
    "proxy http://{}@proxy:3128",
    "socks5://u:p@{}@proxy",
    "sent Bearer {} there",
]


@pytest.mark.parametrize("place", PLACES)
def test_where_secrets_stand(place: str) -> None:
    for case in (str, str.lower) if "%" in place else (str, str.upper, str.lower):
        text = case(place.format(CANARY))
        assert case(CANARY) in text
        assert case(CANARY) not in redact(text)


@given(st.sampled_from(PLACES), st.text(max_size=50), st.text(max_size=50))
def test_whatever_stands_around_a_place(place: str, before: str, after: str) -> None:
    assert CANARY not in redact(f"{before}\n{place.format(CANARY)}\n{after}")


@pytest.mark.parametrize(
    "text",
    [
        '{"error":{"code":498,"message":"Invalid token.","details":[]}}',
        "the token is empty",
        "'token' must be specified.",
        "Basic health checks",
        "GET https://h:7443/arcgis/admin/jobs/j1?f=json -> 200",
        '{"tokenServicesUrl":"https://h/arcgis/sharing/rest/generateToken"}',
        "HCEXPORT_PASSWORD_FILE=/etc/hcexport.pw",
        "write to user@example.com about https://h/x",
        "hcexport wait j1 --timeout 1h",
        "it is none of 'expired-token', 'full-queue', 'no-password', 'forbidden'",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


TOKEN = "".join(random.Random(7).choices(string.ascii_letters + string.digits + "-_.~+/=", k=331))
ENCODINGS: dict[str, tuple[Callable[[str], str], Callable[[str], str]]] = {
    "plain": (str, str),
    "percent": (lambda text: quote(text, safe=""), unquote),
    "percent-lower": (lambda text: re.sub("%..", lambda match: match[0].lower(), quote(text, safe="")), unquote),
    "json": (
        lambda text: json.dumps(text).replace("=", r"\u003d").replace("/", r"\/")[1:-1],
        lambda text: text.replace(r"\u003d", "=").replace(r"\/", "/"),
    ),
    "html": (lambda text: re.sub(r"[+/=]", lambda match: f"&#x{ord(match[0]):X};", text), html.unescape),
    "base64": (lambda text: base64.b64encode(f"u:{text}".encode()).decode(), lambda text: "".join(from_base64(text))),
    "lines": (lambda text: "\n".join(textwrap.wrap(text, 76, break_on_hyphens=False)), str),
}


def from_base64(text: str) -> Iterator[str]:
    for word in re.findall(r"[\w+/]{4,}", text):
        for start in range(4):
            whole = word[start : start + (len(word) - start) // 4 * 4]
            yield base64.b64decode(whole).decode("latin-1") + " "


def runs(text: str) -> set[str]:
    return {text[at : at + 9] for at in range(len(text) - 8)}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_nine_characters_of_an_echoed_token_show(encoding: str) -> None:
    """Wherever in a message it stands: what is worth showing ends in the middle of it."""
    token = Secret(TOKEN)
    encode, unquote = ENCODINGS[encoding]
    assert TOKEN[:60] in unquote(encode(TOKEN))
    for offset in range(401):
        message = f"{'x ' * 200}"[:offset] + f" could not validate {encode(TOKEN)} of admin"
        body = json.dumps({"error": {"code": 500, "message": message}}).encode()
        with pytest.raises(HcexportError) as caught:
            decode(200, {}, body)
        for said in (caught.value.message, redact(message[:300]), token.blank(message)):
            assert not runs(unquote(said)) & runs(TOKEN), said


def test_what_stands_beside_a_secret_stays() -> None:
    assert redact("GET /x?f=json&token=abc&z=1") == f"GET /x?f=json&token={MASK}&z=1"
    assert redact('{"token":"abc","expires":1}') == f'{{"token":"{MASK}","expires":1}}'
    assert redact("http://u:p@proxy:3128/x") == f"http://{MASK}@proxy:3128/x"
    assert redact("Cookie: a=b\r\nHost: h") == f"Cookie: {MASK}\r\nHost: h"


@pytest.mark.parametrize(
    "unit", ["a.", "token", "://", '"token":', "\\", "%26", "code=", "authorization:", "bearer ", "a+b-c.d", "'\""]
)
@pytest.mark.slow
def test_time_grows_with_the_text_and_not_faster(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        begin = time.process_time()
        redact(text)
        return time.process_time() - begin

    seconds(1000)
    small = min(seconds(20_000) for _ in range(3))
    assert min(seconds(160_000) for _ in range(2)) < 8 * 6 * max(small, 0.002)
