"""From a request to its response: find the route, check format, method and access, call the endpoint."""

from dataclasses import replace

from hcexport.sandbox import errors
from hcexport.sandbox.context import RequestContext, check_access
from hcexport.sandbox.errors import ApiError
from hcexport.sandbox.faults import Fault, normally
from hcexport.sandbox.http import Request, Response, directory, page, respond_json
from hcexport.sandbox.routes import HTML, JSON, RAW, Route, find_route, select_routes
from hcexport.sandbox.scenarios import get_scenario
from hcexport.sandbox.world import World

SCRIPT_FORMATS = ("json", "pjson")


class Application:
    """The API over a world, with the faults of the world's scenario around its endpoints."""

    def __init__(self, world: World) -> None:
        self._world = world
        faults = get_scenario(world.options.scenario).faults()
        self._routes = [
            _with_fault(route, faults.get(route.endpoint, normally)) for route in select_routes(world.options)
        ]

    def answer(self, request: Request) -> Response:
        """Answer a request."""
        root = self._world.options.root
        if not f"{request.path}/".startswith(f"{root}/"):
            # The ingress knows no such context: it answers in HTML, whatever ``f`` says.
            return page("404 Not Found", "<p>nginx</p>", 404)
        try:
            return self._dispatch(request, request.path.removeprefix(root))
        except ApiError as error:
            if request.format not in SCRIPT_FORMATS and error.status != 200:
                return directory(request.path, error.status)
            return respond_json(error.body, pretty=request.format == "pjson", status=error.status)

    def _dispatch(self, request: Request, path: str) -> Response:
        found = find_route(self._routes, path)
        if not found:
            raise errors.no_such_path(request.path)
        route, ids = found
        if route.format == HTML or (route.format == JSON and request.format not in SCRIPT_FORMATS):
            return directory(request.path)
        if request.method not in _methods(route):
            raise errors.wrong_method(request.method, request.path)
        account = check_access(self._world, request, route.access)
        if self._world.read_only and request.method == "POST" and route.access.privileges and not route.when_read_only:
            raise errors.read_only(self._world.read_only_message)
        answer = route.endpoint(RequestContext(self._world, request, ids, account))
        return answer if isinstance(answer, Response) else respond_json(answer, pretty=request.format == "pjson")


def _with_fault(route: Route, fault: Fault) -> Route:
    return replace(route, endpoint=fault(route.endpoint))


def _methods(route: Route) -> list[str]:
    return [*route.methods.split(), *(["HEAD"] if route.format == RAW else [])]
