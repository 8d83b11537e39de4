"""The Sharing API, as far as a client of health checks needs it."""

from hcexport.sandbox import errors
from hcexport.sandbox.context import RequestContext
from hcexport.sandbox.http import Json
from hcexport.sandbox.world.identity import Account, SignInRefusedError, Token

ORGANIZATION = "0123456789ABCDEF"  # the default organization of every deployment on Kubernetes
DEFAULT_MINUTES = "60"
CREDENTIALS = ("username", "password")


def root(context: RequestContext) -> Json:
    """``sharing/rest``."""
    return {"currentVersion": context.world.options.version}


def info(context: RequestContext) -> Json:
    """``sharing/rest/info``: the URL of generateToken."""
    return {
        "owningSystemUrl": context.url("").rstrip("/"),
        "authInfo": {"tokenServicesUrl": context.url("sharing/rest/generateToken"), "isTokenBasedSecurity": True},
    }


def portal_self(context: RequestContext) -> Json:
    """``portals/self``: the organization, and the caller unless it is a guest."""
    options = context.world.options
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
    } | ({"user": _user(context.account)} if context.account else {})


def community_self(context: RequestContext) -> Json:
    """``community/self``: the caller."""
    if not context.account:
        raise errors.forbidden()  # an application without a user
    return _user(context.account)


def _user(account: Account) -> Json:
    return {
        "username": account.username,
        "fullName": account.full_name,
        "role": account.role,
        "privileges": list(account.privileges),
        "orgId": ORGANIZATION,
    }


def generate_token(context: RequestContext) -> Json:
    """``generateToken``: makes a token for a name and a password."""
    if any(name in context.request.query for name in CREDENTIALS):
        raise errors.portal(400, "POST request should not contain username and password in the query string")
    missing = [f"'{name}' must be specified." for name in CREDENTIALS if not context.get(name)]
    if missing:
        raise _refuse(*missing)
    referer, ip = _binding(context)
    seconds = _life_seconds(context)
    try:
        account = context.world.accounts.sign_in(context.get("username"), context.get("password"))
    except SignInRefusedError as error:
        raise _refuse(str(error)) from None
    if not account.password_suffices:
        raise _refuse("Invalid username or password.")
    expires = context.world.now() + seconds
    value = context.world.tokens.keep(Token(account, referer, ip), seconds)
    return {"token": value, "expires": int(expires * 1000), "ssl": True}


def _refuse(*details: str) -> errors.ApiError:
    return errors.portal(400, "Unable to generate token.", *details)


def _binding(context: RequestContext) -> tuple[str | None, str | None]:
    """Return the token's binding as (referer, ip); ``client`` is optional, because Esri's sample leaves it out."""
    client = context.get("client", "referer")
    if client == "requestip":
        return None, context.request.peer
    if client not in ("referer", "ip"):
        raise _refuse(f"'client' must be referer, ip or requestip, not '{client}'.")
    bound = context.get(client)
    if not bound:
        raise _refuse(f"'{client}' must be specified.")
    return (bound, None) if client == "referer" else (None, bound)


def _life_seconds(context: RequestContext) -> float:
    """Return the life in seconds; a longer request silently gets the longest life that is granted."""
    minutes = context.get("expiration", DEFAULT_MINUTES)
    if not minutes.isdecimal() or int(minutes) == 0:
        raise _refuse(f"'expiration' must be a number of minutes, not '{minutes}'.")
    return min(int(minutes) * 60.0, context.world.options.token_seconds)
