"""What every Lambda function here has: its name, settings, telemetry and registry, all made late."""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

from maas.errors import InvalidRequest, MaasError
from maas.settings import Settings

if TYPE_CHECKING:
    from maas.registry import Registry
    from maas.telemetry import Handler, Telemetry
    from maas.web import Web


class Function(ABC):
    """A Lambda handler. Nothing heavy is imported and no client is made before the first event."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, event: Any, context: Any) -> Any:
        """Answer one event."""
        return self.handle(event, context)

    @abstractmethod
    def dispatch(self, event: Any, context: Any) -> Any:
        """Answer one event, inside the telemetry."""

    @cached_property
    def settings(self) -> Settings:
        """The environment, read at first use."""
        return Settings.from_environment()

    @cached_property
    def telemetry(self) -> "Telemetry":
        """Logger, metrics and tracer."""
        from maas.telemetry import Telemetry

        return Telemetry(self.name, self.settings)

    @cached_property
    def handle(self) -> "Handler":
        """`dispatch`, wrapped in telemetry."""
        return self.telemetry.wrap(self.dispatch)

    def make_registry(self) -> "Registry":
        """A client of the models bucket."""
        from maas.registry import Registry
        from maas.store import ObjectStore, s3_client

        return Registry(ObjectStore(self.settings.models_bucket, s3_client))


class HttpFunction(Function):
    """A handler of API Gateway's requests, and of events that are a request themselves."""

    @cached_property
    def web(self) -> "Web":
        """The routes."""
        from maas.web import Web

        web = Web(self.telemetry)
        self.add_routes(web)
        return web

    @abstractmethod
    def add_routes(self, web: "Web") -> None:
        """Tell what answers which path."""

    def direct(self, _: Any) -> dict[str, Any]:
        """Answer an event that is not HTTP."""
        raise InvalidRequest("This function answers HTTP requests only.")

    def dispatch(self, event: Any, context: Any) -> Any:
        """Answer one event; a fault comes back as an answer, never as an exception."""
        from maas.protocol.problem import problem

        try:
            if isinstance(event, dict) and "httpMethod" in event and "path" in event:
                return self.web(event, context)
            self.telemetry.count("Requests")
            return self.direct(event)
        except MaasError as error:
            fault = error
        except Exception as error:  # noqa: BLE001 -- the caller is to get an answer, the log the trace
            fault = self.telemetry.crashed(error)
        self.telemetry.refused(fault)
        return problem(fault)
