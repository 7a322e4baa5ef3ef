"""The console: a page on which people try models, read their cards and watch their versions.

The page and its scripts hold no data and are open to everybody, as a browser cannot sign the first request;
everything under /console/data/ wants the same authentication as the models.
"""

from functools import cached_property
from pathlib import Path

from maas.batch.files import Files
from maas.console.operations import Operations
from maas.console.pages import Pages
from maas.console.settings import ConsoleSettings
from maas.console.uploads import Uploads
from maas.errors import InvalidRequest
from maas.function import HttpFunction
from maas.monitor.archive import Archive
from maas.prices import Cost
from maas.protocol.problem import Reply
from maas.protocol.request import Request
from maas.s3_client import s3_client
from maas.web import Web, json_reply

STATIC = Path(__file__).parent / "static"


class Console(HttpFunction):
    """Serves the page and reads what it shows of operations; the models answer for themselves."""

    @cached_property
    def console(self) -> ConsoleSettings:
        """The environment, as far as only the console needs it."""
        return ConsoleSettings.from_environment()

    @cached_property
    def _pages(self) -> Pages:
        return Pages(STATIC, connect=self.console.origins)

    @cached_property
    def _files(self) -> Files:
        return Files(self.console.data_bucket, s3_client)

    @cached_property
    def _operations(self) -> Operations:
        return Operations(self.make_registry())

    def add_routes(self, web: Web) -> None:
        """The page, its files, its data."""
        web.route("GET", "/", self._home)
        web.route("GET", "/console/settings.json", self._settings)
        web.route("GET", "/console/data/models", self._models)
        web.route("GET", "/console/data/models/<model>", self._model)
        web.route("GET", "/console/data/models/<model>/drift", self._drift)
        web.route("GET", "/console/data/cost/<milliseconds>/<calls>", self._cost)
        web.route("POST", "/console/data/files/<model>/<name>", self._upload)
        web.route("GET", "/console/data/files/<model>/console/<batch>/<name>", self._file)
        web.route("GET", "/console/<name>", self._asset)

    def _home(self, request: Request) -> Reply:
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
        return json_reply(Archive(self._files).history(model))

    def _cost(self, _: Request, milliseconds: str, calls: str) -> Reply:
        try:
            measured, expected = float(milliseconds), float(calls)
        except ValueError:
            measured = expected = -1.0
        if not (0 <= measured <= 900_000 and 0 <= expected <= 1e12):  # noqa: PLR2004 - Lambda's longest, and plenty
            raise InvalidRequest("Give milliseconds from 0 to 900000 and calls a month from 0 to 1e12.")
        cost = Cost(measured, self.console.memory, self.console.architecture)
        return json_reply(cost.to_json(expected))

    def _upload(self, _: Request, model: str, name: str) -> Reply:
        return json_reply(Uploads(self._files).begin(model, name), status=201)

    def _file(self, _: Request, model: str, batch: str, name: str) -> Reply:
        return json_reply(Uploads(self._files).state(f"{model}/console/{batch}/{name}"))


handler = Console("console")
