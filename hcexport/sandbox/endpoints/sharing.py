"""The Sharing API, as far as a client of health checks meets it."""

from hcexport.sandbox import http as refusals
from hcexport.sandbox.context import RequestContext
from hcexport.sandbox.http import Json
from hcexport.sandbox.world.identity import Account, SignInRefusedError, Token

ORGANIZATION = "0123456789ABCDEF"  # the default organization of every deployment on Kubernetes
DEFAULT_MINUTES = "60"
CREDENTIALS = ("username", "password")


def root(call: RequestContext) -> Json:
    """``sharing/rest``."""
    return {"currentVersion": call.world.options.version}


def info(call: RequestContext) -> Json:
    """``sharing/rest/info``: where tokens are made."""
    return {
        "owningSystemUrl": call.url("").rstrip("/"),
        "authInfo": {"tokenServicesUrl": call.url("sharing/rest/generateToken"), "isTokenBasedSecurity": True},
    }


def portal_self(call: RequestContext) -> Json:
    """``portals/self``: the organization, and who asks when somebody does."""
    options = call.world.options
    return {
        "id": ORGANIZATION,
        "name": "Simulated Organization",
        "portalName": "ArcGIS Enterprise",
        "portalMode": "singletenant",
        "portalDeploymentType": options.deployment,
        "currentVersion": options.version,
        "isPortal": True,
        "allSSL": True,
        "maxTokenExpirationMinutes": max(1, int(options.token_seconds // 60)),
    } | ({"user": _user(call.account)} if call.account else {})


def community_self(call: RequestContext) -> Json:
    """``community/self``: who asks."""
    if not call.account:
        raise refusals.forbidden()  # an application has no self
    return _user(call.account)


def _user(account: Account) -> Json:
    return {
        "username": account.username,
        "fullName": account.full_name,
        "role": account.role,
        "privileges": list(account.privileges),
        "orgId": ORGANIZATION,
    }


def generate_token(call: RequestContext) -> Json:
    """``generateToken``: a name and a password against a token."""
    if any(name in call.request.query for name in CREDENTIALS):
        raise refusals.portal(400, "POST request should not contain username and password in the query string")
    missing = [f"'{name}' must be specified." for name in CREDENTIALS if not call.get(name)]
    if missing:
        raise _unable(*missing)
    referer, ip = _binding(call)
    seconds = _life(call)
    try:
        account = call.world.accounts.sign_in(call.get("username"), call.get("password"))
    except SignInRefusedError as error:
        raise _unable(str(error)) from None
    if not account.password_suffices:
        raise _unable("Invalid username or password.")
    expires = call.world.now() + seconds
    value = call.world.tokens.keep(Token(account, referer, ip), seconds)
    return {"token": value, "expires": int(expires * 1000), "ssl": True}


def _unable(*details: str) -> refusals.Refusal:
    return refusals.portal(400, "Unable to generate token.", *details)


def _binding(call: RequestContext) -> tuple[str | None, str | None]:
    """Tell what the token is bound to, as (referer, ip); Esri's own sample leaves ``client`` out."""
    client = call.get("client", "referer")
    if client == "requestip":
        return None, call.request.peer
    if client not in ("referer", "ip"):
        raise _unable(f"'client' must be referer, ip or requestip, not '{client}'.")
    bound = call.get(client)
    if not bound:
        raise _unable(f"'{client}' must be specified.")
    return (bound, None) if client == "referer" else (None, bound)


def _life(call: RequestContext) -> float:
    """Tell for how many seconds: a longer request silently gets the longest life there is."""
    minutes = call.get("expiration", DEFAULT_MINUTES)
    if not minutes.isdecimal() or int(minutes) == 0:
        raise _unable(f"'expiration' must be a number of minutes, not '{minutes}'.")
    return min(int(minutes) * 60.0, call.world.options.token_seconds)
