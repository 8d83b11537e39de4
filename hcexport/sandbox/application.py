"""From a request to its answer: the route, the format, the gate, the endpoint, in this order."""

from dataclasses import replace

from hcexport.sandbox import http as refusals
from hcexport.sandbox.context import RequestContext, admit
from hcexport.sandbox.http import Refusal, Request, Response, as_json, directory
from hcexport.sandbox.routes import HTML, JSON, RAW, Route, find, offered
from hcexport.sandbox.scenarios import faults, served
from hcexport.sandbox.world import World

SCRIPTED = ("json", "pjson")


class Application:
    """The API over a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        twisted = faults(world.options.scenario)
        self._routes = [
            replace(route, endpoint=twisted.get(route.endpoint, served)(route.endpoint))
            for route in offered(world.options)
        ]

    def answer(self, request: Request) -> Response:
        """Answer a request."""
        try:
            return self._routed(request)
        except Refusal as refusal:
            if request.format not in SCRIPTED and refusal.status != 200:
                return directory(request.path, refusal.status)
            return as_json(refusal.body, pretty=request.format == "pjson", status=refusal.status)

    def _routed(self, request: Request) -> Response:
        found = find(self._routes, self._below_context(request.path))
        if not found:
            raise refusals.no_such_path(request.path)
        route, ids = found
        if route.speaks == HTML or (route.speaks == JSON and request.format not in SCRIPTED):
            return directory(request.path)  # what a browser sees; a script that forgot f=json sees it as well
        if request.method not in _methods(route):
            raise refusals.wrong_method(request.method, request.path)
        account = admit(self._world, request, route.access)
        answer = route.endpoint(RequestContext(self._world, request, ids, account))
        return answer if isinstance(answer, Response) else as_json(answer, pretty=request.format == "pjson")

    def _below_context(self, path: str) -> str:
        root = self._world.options.root
        if not f"{path}/".startswith(f"{root}/"):
            raise refusals.no_such_path(path)
        return path.removeprefix(root)


def _methods(route: Route) -> list[str]:
    return [*route.methods.split(), *(["HEAD"] if route.speaks == RAW else [])]
