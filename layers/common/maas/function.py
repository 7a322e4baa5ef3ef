"""What every Lambda function here has: its name, settings, telemetry and registry, all made late."""

import time
from abc import ABC, abstractmethod
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from maas.errors import ConfigurationError, FieldError, InvalidRequest, MaasError, PayloadTooLarge
from maas.limits import PAYLOAD_BYTES
from maas.settings import AwsSettings, Settings
from maas.start import starting

if TYPE_CHECKING:
    from maas.protocol.problem import Reply
    from maas.protocol.request import Request
    from maas.registry import Registry
    from maas.store import ObjectStore
    from maas.telemetry import Handler, Telemetry
    from maas.web import View, Web

_FEW_ROWS = 1000  # whose predictions are small whatever they are


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
        """The registry in the models bucket; where a key is pinned it hands out what that key has signed."""
        from maas.registry import Registry
        from maas.s3_client import s3_client
        from maas.s3_reader import Reader
        from maas.signature import PinnedKeys
        from maas.store import ObjectStore

        pinned, signer = PinnedKeys.of(self.settings.signing_public_keys), None
        if self.settings.signing_key:
            from maas.signer import KmsKey, Signer

            signer = Signer(KmsKey(self.settings.signing_key), name=f"function {self.name}", pinned=pinned)
        bucket = self.settings.models_bucket
        reader = Reader.of(bucket, AwsSettings.from_environment())
        store = ObjectStore(bucket, s3_client, reader=reader)
        return Registry(store, verifier=pinned, signer=signer)

    @cached_property
    def data_store(self) -> "ObjectStore":
        """The bucket for what comes with requests.

        Raises:
            ConfigurationError: None is named in the environment.
        """
        from maas.s3_client import s3_client
        from maas.store import ObjectStore

        if not self.settings.data_bucket:
            raise ConfigurationError("MAAS_DATA_BUCKET is not set: the template sets it")
        return ObjectStore(self.settings.data_bucket, s3_client)


class HttpFunction(Function):
    """A handler of API Gateway's requests, and of events that are a request themselves."""

    def __call__(self, event: Any, context: Any) -> Any:
        """Answer one event; the first one imports what it needs, and loads."""
        if "handle" in vars(self):
            return super().__call__(event, context)
        with starting():
            return super().__call__(event, context)

    @cached_property
    def web(self) -> "Web":
        """The routes."""
        from maas.web import Web

        web = Web(self.telemetry)
        self.add_routes(web)
        return web

    def repeatable(self, view: "View") -> "View":
        """`view`, answering a request with an Idempotency-Key once; others notice no difference."""
        from maas.idempotency.key import is_keyed

        def answer(request: "Request", **variables: str) -> "Reply":
            if not is_keyed(request):
                return view(request, **variables)
            from maas.idempotency.once import answer_once

            return answer_once(
                request,
                lambda: view(request, **variables),
                store=self.data_store,
                model=self.name,
                seconds=self.settings.idempotency_seconds,
                subject=self.about(request),
            )

        return answer

    def about(self, _: "Request") -> str | None:
        """The hash of whom a request is about, so that its remembered answer can be forgotten."""
        return None

    @abstractmethod
    def add_routes(self, web: "Web") -> None:
        """Tell what answers which path."""

    def direct(self, _: Any, request_id: str) -> dict[str, Any]:  # noqa: ARG002 -- models need it
        """Answer an event that is not HTTP; `request_id` is the invocation's."""
        raise InvalidRequest("This function answers HTTP requests only.")

    def dispatch(self, event: Any, context: Any) -> Any:
        """Answer one event; a fault comes back as an answer, never as an exception."""
        from maas.protocol.request import request_id_of

        started = time.perf_counter()
        try:
            if isinstance(event, dict) and "httpMethod" in event and "path" in event:
                return self.web(event, context)
            request_id = request_id_of({}, getattr(context, "aws_request_id", None))
            answer, status = _fitting(self.direct(event, request_id)), HTTPStatus.OK.value
        except MaasError as error:
            answer, status = self._refused(error)
        except Exception as error:  # noqa: BLE001 -- the caller is to get an answer, the log the trace
            answer, status = self._refused(self.telemetry.crashed(error))
        self.telemetry.answered(time.perf_counter() - started, status=status, method="invoke")
        return answer

    def _refused(self, error: MaasError) -> tuple[dict[str, Any], int]:
        from maas.protocol.problem import problem

        self.telemetry.refused(error)
        return problem(error), error.status


def _fitting(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer to a direct call, unless Lambda would refuse to carry it, in words of its own."""
    if len(answer.get("predictions", ())) > _FEW_ROWS:
        import orjson

        text = orjson.dumps(answer)
        # Lambda's runtime writes a space behind each of these.
        if len(text) + text.count(b",") + text.count(b":") > PAYLOAD_BYTES:
            detail = "the answer would be larger than 6 MB"
            raise PayloadTooLarge(
                f"{detail.capitalize()}: send fewer rows at once.", errors=[FieldError("", detail)]
            )
    return answer
