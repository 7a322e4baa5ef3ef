"""The console: a page on which people try models, read their cards and watch their versions.

The page and its scripts hold no data and are open to everybody, as a browser cannot sign the first request;
everything under /console/data/ wants the same authentication as the models. The gateway asks for it on a
route of its own; who came by another one is answered nothing of it, however the path was written.
"""

from functools import cached_property
from pathlib import Path

from maas.batch.files import Files
from maas.console.addresses import Addresses
from maas.console.operations import Operations
from maas.console.pages import Pages
from maas.console.settings import ConsoleSettings
from maas.console.uploads import Uploads
from maas.errors import InvalidRequest, RouteNotFound
from maas.function import HttpFunction
from maas.monitor.archive import Archive
from maas.prices import Cost
from maas.protocol.problem import Reply
from maas.protocol.request import Request
from maas.s3_client import s3_client
from maas.web import View, Web, json_reply

# The template's one route of this function that asks who calls.
DATA_ROUTE = "/console/data/{proxy+}"
# What Lambda offers: the longest run in milliseconds, the memory in MB. And more calls than there are.
_LONGEST, _MEMORY, _MOST = 900_000, range(128, 10_241), 1e12
STATIC = Path(__file__).parent / "static"


class Console(HttpFunction):
    """Serves the page and reads what it shows of operations; the models answer for themselves."""

    @cached_property
    def console(self) -> ConsoleSettings:
        """The environment, as far as only the console needs it."""
        return ConsoleSettings.from_environment()

    @cached_property
    def _pages(self) -> Pages:
        people = [self.console.login["authorize"]] if "authorize" in self.console.login else []
        return Pages(STATIC, connect=[self._addresses.origin, *people])

    @cached_property
    def _files(self) -> Files:
        return Files(self.console.data_bucket, s3_client)

    @cached_property
    def _addresses(self) -> Addresses:
        return Addresses(self._files)

    @cached_property
    def _uploads(self) -> Uploads:
        return Uploads(self._files, self._addresses)

    @cached_property
    def _operations(self) -> Operations:
        return Operations(self.make_registry())

    def add_routes(self, web: Web) -> None:
        """The page, its files, its data."""
        web.route("GET", "/", self._home)
        web.route("GET", "/console/settings.json", self._settings)
        web.route("GET", "/console/data/models", _guarded(self._models))
        web.route("GET", "/console/data/models/<model>", _guarded(self._model))
        web.route("GET", "/console/data/models/<model>/drift", _guarded(self._drift))
        web.route("GET", "/console/data/cost/<milliseconds>/<calls>", _guarded(self._cost))
        web.route("GET", "/console/data/cost/<milliseconds>/<calls>/<memory>", _guarded(self._cost))
        web.route("POST", "/console/data/files/<model>/<name>", _guarded(self._upload))
        web.route("GET", "/console/data/files/<model>/console/<batch>/<name>", _guarded(self._file))
        web.route("GET", "/console/<name>", self._asset)

    def _home(self, request: Request) -> Reply:
        # Without the slash behind the stage, a browser would seek what the page names beside it.
        path = str(request.context.get("path") or "/")
        if not path.endswith("/"):
            return Reply(308, "text/plain", b"", {"Location": f"/{path.strip('/')}/"})
        return self._pages.reply("index.html", request.headers.get("if-none-match", ""))

    def _asset(self, request: Request, name: str) -> Reply:
        return self._pages.reply(name, request.headers.get("if-none-match", ""))

    def _settings(self, _: Request) -> Reply:
        return json_reply(
            {
                "environment": self.settings.environment,
                "authentication": self.console.authentication,
                "region": self.console.region,
                "login": self.console.login,
            }
        )

    def _models(self, _: Request) -> Reply:
        return json_reply({"models": self._operations.models()})

    def _model(self, _: Request, model: str) -> Reply:
        return json_reply(self._operations.model(model))

    def _drift(self, _: Request, model: str) -> Reply:
        history = Archive(self._files).history(model)
        return json_reply(history | self._addresses.to_fetch(("report", f"reports/{model}/latest.html")))

    def _cost(self, _: Request, milliseconds: str, calls: str, memory: str = "") -> Reply:
        try:
            measured, expected = float(milliseconds), float(calls)
            megabytes = int(memory or self.console.memory)
        except ValueError:
            measured, expected, megabytes = -1.0, -1.0, -1
        if not (0 <= measured <= _LONGEST and 0 <= expected <= _MOST and megabytes in _MEMORY):
            raise InvalidRequest(
                "Give milliseconds from 0 to 900000, calls a month from 0 to 1e12 and 128 to 10240 MB."
            )
        cost = Cost(measured, megabytes, self.console.architecture)
        return json_reply(cost.to_json(expected))

    def _upload(self, _: Request, model: str, name: str) -> Reply:
        return json_reply(self._uploads.begin(model, name), status=201)

    def _file(self, _: Request, model: str, batch: str, name: str) -> Reply:
        return json_reply(self._uploads.state(f"{model}/console/{batch}/{name}"))


def _guarded(view: View) -> View:
    """`view` for requests whose senders the gateway has checked, and a 404 for all others."""

    def answer(request: Request, **variables: str) -> Reply:
        if request.resource != DATA_ROUTE:
            raise RouteNotFound("There is nothing at this path.")
        return view(request, **variables)

    return answer


handler = Console("console")
