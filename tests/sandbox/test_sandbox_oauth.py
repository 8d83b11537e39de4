"""Signing in with a browser, step by step: authorize, the forms, the code, the tokens."""

import base64
import hashlib
import html
import re
import time
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from test_sandbox_samples import kinds, sample
from test_sandbox_wire import FORM, Caller

from hcexport.sandbox import Sandbox

AUTHORIZE, TOKEN = "sharing/rest/oauth2/authorize", "sharing/rest/oauth2/token"
VERIFIER = "a-verifier-as-long-as-the-standard-asks-for-it"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
LOOPBACK, OUT_OF_BAND = "http://127.0.0.1:49152/done", "urn:ietf:wg:oauth:2.0:oob"
WANTED = {
    "client_id": "hcexport-demo",
    "response_type": "code",
    "redirect_uri": LOOPBACK,
    "state": "a&b=c",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


class Browser:
    """What a person sees and does: a page with a form, filled in and sent."""

    def __init__(self, box, **wanted):
        self.box, self.caller = box, Caller(box)
        self.answer = self.caller.get(f"{AUTHORIZE}?{urlencode(WANTED | wanted)}", f="")

    @property
    def page(self):
        return self.answer.body.decode()

    def send(self, **fields):
        action = re.search(r'method="post" action="([^"]*)"', self.page)[1]
        hidden = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', self.page))
        path = action.removeprefix(self.caller.context + "/")
        self.answer = self.caller.send("POST", path, urlencode(hidden | fields), FORM)
        return self

    def sign_in(self, username="administrator", password=None):
        return self.send(username=username, password=password or self.box.password)

    @property
    def alert(self):
        return html.unescape(re.search(r'role="alert">([^<]*)<', self.page)[1])

    @property
    def sent_to(self):
        """Where the browser is sent, without the query, and the query."""
        assert self.answer.status == 302
        location = self.answer.headers["Location"]
        return location.partition("?")[0], dict(parse_qsl(urlsplit(location).query))

    @property
    def code(self):
        return self.sent_to[1]["code"]


def exchange(box, code, **form):
    known = {"grant_type": "authorization_code", "client_id": "hcexport-demo", "redirect_uri": LOOPBACK}
    return Caller(box).post(TOKEN, **(known | {"code": code, "code_verifier": VERIFIER} | form)).json


def refreshed(box, refresh_token, **form):
    known = {"grant_type": "refresh_token", "client_id": "hcexport-demo", "refresh_token": refresh_token}
    return Caller(box).post(TOKEN, **(known | form)).json


def works(box, token):
    return "fullVersion" in Caller(box, token).get("admin").json


def refusal(answer):
    return answer["error"]["code"], answer["error"]["error"]


class TestSigningIn:
    def test_a_right_password_gives_a_code_that_gives_tokens(self, box):
        where, query = Browser(box).sign_in().sent_to
        assert (where, query["state"], query.keys()) == (LOOPBACK, "a&b=c", {"code", "state"})
        tokens = exchange(box, query["code"])
        assert kinds(tokens) == kinds(sample("oauth-token"))
        assert (tokens["expires_in"], tokens["refresh_token_expires_in"]) == (1800, 1209600)
        assert tokens["username"] == "administrator"
        assert works(box, tokens["access_token"])

    def test_out_of_band_the_code_is_in_the_title(self, box):
        browser = Browser(box, client_id="arcgisonline", redirect_uri=OUT_OF_BAND).sign_in()
        code = re.search(r"<title>SUCCESS code=([^<]+)</title>", browser.page)[1]
        assert f'value="{code}"' in browser.page
        tokens = exchange(box, code, client_id="arcgisonline", redirect_uri=OUT_OF_BAND)
        assert works(box, tokens["access_token"])

    def test_a_wrong_password_asks_again(self, box):
        browser = Browser(box).sign_in(password="wrong")
        assert (browser.answer.status, browser.alert) == (200, "Invalid username or password.")
        assert exchange(box, browser.sign_in().code)["username"] == "administrator"

    def test_five_wrong_ones_lock_the_account(self, box):
        browser = Browser(box)
        for _ in range(5):
            browser.sign_in(password="wrong")
        assert browser.sign_in().alert == "Too many invalid attempts. Please try again later."

    def test_here_a_name_may_be_in_any_case(self, box):
        assert exchange(box, Browser(box).sign_in("ADMINISTRATOR").code)["username"] == "administrator"

    def test_a_second_factor_is_asked_for_and_must_be_right(self, box):
        browser = Browser(box).sign_in("mfa")
        assert 'name="code"' in browser.page
        assert browser.send(code="000000").alert == "Invalid code."
        assert exchange(box, browser.send(code=box.mfa_code).code)["username"] == "mfa"

    def test_a_second_factor_cannot_be_gone_around(self, box):
        browser = Browser(box)
        path = "sharing/oauth2/mfa"
        oauth_state = re.search(r'name="oauth_state" value="([^"]*)"', browser.page)[1]
        form = urlencode({"oauth_state": oauth_state, "code": box.mfa_code})
        assert browser.caller.send("POST", path, form, FORM).status == 400

    @pytest.mark.parametrize("redirect_uri", [LOOPBACK, OUT_OF_BAND])
    def test_consent_can_be_refused(self, box, redirect_uri):
        for browser in (
            Browser(box, redirect_uri=redirect_uri).sign_in("unwilling"),
            Browser(box, redirect_uri=redirect_uri).send(cancel="true"),
            Browser(box, redirect_uri=redirect_uri).sign_in("mfa").send(cancel="true"),
        ):
            if redirect_uri == LOOPBACK:
                assert browser.sent_to == (LOOPBACK, {"error": "access_denied", "state": "a&b=c"})
            else:
                assert "<title>DENIED error=access_denied</title>" in browser.page

    def test_a_saml_account_signs_in_here_but_not_by_generate_token(self, box):
        form = {"client": "referer", "referer": "http", "password": box.password}
        for username in ("saml.admin", "mfa"):
            answer = Caller(box).post("sharing/rest/generateToken", username=username, **form).json
            assert answer == sample("generate-token-refused")
        tokens = exchange(box, Browser(box).sign_in("saml.admin").code)
        assert works(box, tokens["access_token"])

    def test_a_form_is_good_for_one_sign_in(self, box):
        browser = Browser(box)
        form = browser.answer
        browser.sign_in()
        browser.answer = form
        assert browser.sign_in().answer.status == 400


class TestWhatAnApplicationMayAsk:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"client_id": "nobody"},
            {"client_id": "arcgisonline"},  # which has no loopback
            {"redirect_uri": ""},
            {"redirect_uri": "https://evil.example.com/"},
            {"redirect_uri": "http://127.0.0.1.example.com/"},
            {"redirect_uri": "http://127.0.0.1:80@example.com/"},
            {"redirect_uri": "http://127.0.0.1/\r\nSet-Cookie: a=b"},
        ],
    )
    def test_a_wrong_application_or_address_is_told_to_nobody_else(self, box, wrong):
        answer = Browser(box, **wrong).answer
        assert (answer.status, answer.headers["Location"]) == (400, None)

    @pytest.mark.parametrize("redirect_uri", ["http://127.0.0.1", "http://127.0.0.1:1", "http://127.0.0.1:8080/?a=b"])
    def test_a_loopback_address_has_any_port(self, box, redirect_uri):
        location = Browser(box, redirect_uri=redirect_uri).sign_in().answer.headers["Location"]
        assert location.startswith(redirect_uri)
        assert exchange(box, parse_qsl(urlsplit(location).query)[-2][1], redirect_uri=redirect_uri)["username"]

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"code_challenge_method": "S1"}, "invalid_request"),
        ],
    )
    def test_what_is_not_offered_is_told_to_the_application(self, box, wrong, error):
        assert Browser(box, **wrong).sent_to == (LOOPBACK, {"error": error, "state": "a&b=c"})


class TestCodes:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"code": "wrong"},
            {"code_verifier": VERIFIER + "x"},
            {"code_verifier": ""},
            {"redirect_uri": OUT_OF_BAND},
            {"client_id": "pythonapi"},
        ],
    )
    def test_a_code_is_for_whoever_asked_for_it_and_once(self, box, wrong):
        code = Browser(box).sign_in().code
        assert refusal(exchange(box, **({"code": code} | wrong))) == (400, "invalid_grant")
        if wrong.get("code") != "wrong":
            assert refusal(exchange(box, code)) == (400, "invalid_grant")

    @pytest.mark.parametrize("challenge", [{"code_challenge": ""}, {"code_challenge_method": "plain"}])
    def test_a_challenge_may_be_left_out_or_be_plain(self, box, challenge):
        wanted = {"code_challenge": VERIFIER} | challenge
        assert exchange(box, Browser(box, **wanted).sign_in().code)["username"] == "administrator"

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [({"client_id": "nobody"}, "invalid_client_id"), ({"grant_type": "password"}, "unsupported_grant_type")],
    )
    def test_a_wrong_application_or_grant_is_refused(self, box, wrong, error):
        assert refusal(exchange(box, "code", **wrong)) == (400, error)

    def test_codes_and_tokens_end_in_time(self):
        now = time.time()
        with Sandbox(clock=lambda: now, access_seconds=5, refresh_seconds=60) as box:
            tokens = exchange(box, Browser(box).sign_in().code)
            assert (tokens["expires_in"], tokens["refresh_token_expires_in"]) == (5, 60)
            now += 5
            assert not works(box, tokens["access_token"])
            assert works(box, refreshed(box, tokens["refresh_token"])["access_token"])
            now += 55
            assert refreshed(box, tokens["refresh_token"]) == sample("oauth-refresh-expired")
            code = Browser(box).sign_in().code
            now += 600
            assert refusal(exchange(box, code)) == (400, "invalid_grant")


class TestRefreshTokens:
    @pytest.fixture
    def refresh_token(self, box):
        return exchange(box, Browser(box).sign_in().code)["refresh_token"]

    def test_it_gives_access_tokens_again_and_again(self, box, refresh_token):
        for _ in range(2):
            answer = refreshed(box, refresh_token)
            assert answer.keys() == {"access_token", "expires_in", "username", "ssl"}
            assert works(box, answer["access_token"])

    def test_it_is_exchanged_for_a_new_one_and_then_no_good(self, box, refresh_token):
        form = {"grant_type": "exchange_refresh_token", "redirect_uri": LOOPBACK}
        new = refreshed(box, refresh_token, **form)
        assert kinds(new) == kinds(sample("oauth-token"))
        assert refusal(refreshed(box, refresh_token)) == (498, "invalid_request")
        assert works(box, refreshed(box, new["refresh_token"])["access_token"])

    def test_an_exchange_is_for_the_same_address(self, box, refresh_token):
        form = {"grant_type": "exchange_refresh_token", "redirect_uri": OUT_OF_BAND}
        assert refusal(refreshed(box, refresh_token, **form)) == (400, "invalid_request")

    def test_it_is_of_no_use_to_another_application(self, box, refresh_token):
        assert refreshed(box, refresh_token, client_id="pythonapi") == sample("oauth-refresh-expired")

    def test_it_outlives_the_end_of_all_access_tokens(self, box, refresh_token):
        box.revoke_all_tokens()
        assert works(box, refreshed(box, refresh_token)["access_token"])

    def test_its_life_can_be_asked_to_be_shorter(self, box):
        assert exchange(box, Browser(box, expiration="10").sign_in().code)["refresh_token_expires_in"] == 600


class TestRevoking:
    def revoke(self, box, value, client_id="hcexport-demo"):
        answer = Caller(box).post("sharing/rest/oauth2/revokeToken/", auth_token=value, client_id=client_id).json
        assert answer == sample("oauth-revoke-token")

    def test_its_own_application_ends_a_token(self, box):
        tokens = exchange(box, Browser(box).sign_in().code)
        self.revoke(box, tokens["access_token"], "pythonapi")
        self.revoke(box, tokens["refresh_token"], "pythonapi")
        assert works(box, tokens["access_token"])
        self.revoke(box, tokens["refresh_token"])
        assert refreshed(box, tokens["refresh_token"]) == sample("oauth-refresh-expired")
        self.revoke(box, tokens["access_token"])
        assert not works(box, tokens["access_token"])

    def test_an_unknown_token_succeeds_and_a_generated_token_stays(self, box):
        token = box.new_token()
        for client_id in ("hcexport-demo", ""):
            self.revoke(box, "unknown", client_id)
            self.revoke(box, token, client_id)
        assert works(box, token)


def test_an_application_on_its_own_has_no_privileges(box):
    form = {"grant_type": "client_credentials", "client_id": "hcexport-demo"}
    assert refusal(Caller(box).post(TOKEN, **form, client_secret="wrong").json) == (400, "invalid_request")
    assert refusal(Caller(box).post(TOKEN, **(form | {"client_id": "pythonapi"})).json) == (400, "invalid_request")
    token = Caller(box).post(TOKEN, **form, client_secret=box.client_secret).json["access_token"]
    caller = Caller(box, token)
    assert "user" not in caller.get("sharing/rest/portals/self").json
    for path in ("admin", "sharing/rest/community/self"):
        assert caller.get(path).json["error"]["code"] == 403
