"""Routes over Powertools' resolver, with every failure answered in the dialect of its path."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import orjson
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from maas.errors import MaasError, MethodNotAllowed, PayloadTooLarge, RouteNotFound
from maas.protocol import problem
from maas.protocol.problem import Reply
from maas.protocol.request import Request
from maas.telemetry import Telemetry

MAX_RESPONSE_BYTES = 6 * 1024 * 1024 - 64 * 1024  # Lambda's limit, less room for headers and quoting
_LOGGED_PATH = 300  # characters: a caller decides how long a path is, not how long a log line is
_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

type View = Callable[..., Reply]


def json_reply(document: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """A document as an `application/json` answer."""
    return Reply(status, "application/json", orjson.dumps(document), headers or {})


class Web:
    """An API Gateway REST application: views take a request and the path's variables, and give a reply."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._otherwise: View = _unknown
        # Debugging, which the environment could switch on, would print events and answer with stack traces.
        self._resolver = APIGatewayRestResolver(debug=False)
        self._resolver.not_found(self._no_route)
        self._resolver.exception_handler(MaasError)(self._failed)
        self._resolver.exception_handler(Exception)(self._crashed)

    def route(self, method: str, rule: str, view: View) -> None:
        """Answer `method` on `rule`, whose variables are written `<name>`; other methods get a 405."""

        def call(**variables: str) -> Response[Any]:
            return _response(_sendable(view(self._request, **variables)))

        def refuse(**_: str) -> Response[Any]:
            used = self._resolver.current_event.http_method
            raise MethodNotAllowed(f"{used} is not allowed here: use {method}.", allow=[method])

        self._resolver.route(rule, method=method)(call)
        self._resolver.route(rule, method=[other for other in _METHODS if other != method])(refuse)

    def otherwise(self, view: View) -> None:
        """Answer every path without a route; the default is a 404."""
        self._otherwise = view

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one API Gateway proxy event."""
        started = time.perf_counter()
        # Some clients quote the colon of `:predict`; a route is matched on what the path means.
        answer = self._resolver.resolve({**event, "path": unquote(event["path"])}, context)
        seconds = time.perf_counter() - started
        status = answer["statusCode"]
        self._telemetry.count("Requests")
        self._telemetry.time("Latency", seconds)
        self._telemetry.logger.info(
            "request",
            extra={
                "method": event["httpMethod"],
                "path": event["path"][:_LOGGED_PATH],
                "status": status,
                "milliseconds": round(seconds * 1000, 3),
                "correlation_id": (event.get("requestContext") or {}).get("requestId"),
            },
        )
        return answer

    @property
    def _request(self) -> Request:
        return Request.from_event(self._resolver.current_event.raw_event)

    @property
    def _path(self) -> str:
        return str(self._resolver.current_event.path)

    def _no_route(self, _: Exception) -> Response[Any]:
        try:
            return _response(self._otherwise(self._request))
        except MaasError as error:
            return self._failed(error)

    def _failed(self, error: MaasError) -> Response[Any]:
        self._telemetry.refused(error)
        return _response(problem.reply(error, self._path))

    def _crashed(self, error: Exception) -> Response[Any]:
        return self._failed(self._telemetry.crashed(error))


def _unknown(request: Request) -> Reply:
    raise RouteNotFound(f"There is no {request.path[:200]!r} here.")


def _sendable(reply: Reply) -> Reply:
    # Lambda would turn a larger answer into an opaque 502.
    if len(reply.body) > MAX_RESPONSE_BYTES * (3 / 4 if reply.binary else 1):
        raise PayloadTooLarge("The answer would be larger than 6 MB: send fewer instances at once.")
    return reply


def _response(reply: Reply) -> Response[Any]:
    return Response(
        status_code=reply.status,
        content_type=reply.media_type,
        # Bytes are sent as base64: text goes as text, which is a third smaller and cheaper to wrap.
        body=reply.body if reply.binary else reply.body.decode(),
        headers=dict(reply.headers),
    )
