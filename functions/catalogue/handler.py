"""The catalogue: which models there are, the server's own metadata, and every path that is no model's."""

from functools import cached_property
from pathlib import Path

from aws_lambda_powertools import event_handler

from maas import __version__
from maas.console.pages import Pages
from maas.errors import IntegrityError, ModelNotFound, RouteNotFound
from maas.function import HttpFunction
from maas.protocol.problem import Reply
from maas.protocol.request import Request
from maas.registry import Registry
from maas.web import Web, json_reply

STATIC = Path(__file__).parent / "static"
EXTENSIONS = ("binary_tensor_data", "model_repository")
_MODEL_PREFIXES = ("/v1/models/", "/v2/models/")


class Catalogue(HttpFunction):
    """Lists the models of the registry, and tells callers of unknown paths what is unknown about them."""

    @cached_property
    def _registry(self) -> Registry:
        return self.make_registry()

    def add_routes(self, web: Web) -> None:
        """The server's own paths."""
        web.route("GET", "/openapi.json", self._description)
        web.route("GET", "/docs", self._docs)
        web.route("GET", "/docs/<name>", self._asset)
        web.route("GET", "/v1/models", self._models)
        web.route("GET", "/v2", self._server)
        web.route("GET", "/v2/health/live", self._live)
        web.route("GET", "/v2/health/ready", self._ready)
        web.route("GET", "/v2/models", self._models)
        web.route("POST", "/v2/repository/index", self._index)
        web.otherwise(self._unknown)

    @cached_property
    def _pages(self) -> Pages:
        # The page's scripts come with Powertools: nothing is loaded from anywhere else.
        swagger = Path(event_handler.__file__).parent / "openapi" / "swagger_ui"
        return Pages(STATIC, swagger)

    def _description(self, request: Request) -> Reply:
        return self._asset(request, "openapi.json")

    def _docs(self, request: Request) -> Reply:
        if request.path.endswith("/"):
            # What the page refers to lies beside it.
            return Reply(308, "text/plain", b"", {"Location": "../docs"})
        return self._asset(request, "docs.html")

    def _asset(self, request: Request, name: str) -> Reply:
        return self._pages.reply(name, request.headers.get("if-none-match", ""))

    def _models(self, _: Request) -> Reply:
        return json_reply({"models": self._registry.models()})

    def _server(self, _: Request) -> Reply:
        return json_reply({"name": "maas", "version": __version__, "extensions": EXTENSIONS})

    def _live(self, _: Request) -> Reply:
        return json_reply({"live": True})

    def _ready(self, _: Request) -> Reply:
        self._registry.models()  # raises when the registry does not answer
        return json_reply({"ready": True})

    def _index(self, _: Request) -> Reply:
        entries = []
        for model in self._registry.models():
            try:
                pointer = self._registry.production(model)
            except IntegrityError as error:
                entries.append({"name": model, "state": "UNAVAILABLE", "reason": error.detail})
                continue
            state = {"version": pointer.version, "state": "READY"} if pointer else {"state": "UNAVAILABLE"}
            entries.append({"name": model, **state})
        return json_reply(entries)

    def _unknown(self, request: Request) -> Reply:
        for prefix in _MODEL_PREFIXES:
            if request.path.startswith(prefix):
                name = request.path.removeprefix(prefix).partition("/")[0].partition(":")[0]
                if name not in self._registry.models():
                    raise ModelNotFound(f"There is no model {name[:80]!r}: GET {prefix[:-1]} lists them.")
        raise RouteNotFound(f"There is no {request.path[:200]!r} here.")


handler = Catalogue("catalogue")
