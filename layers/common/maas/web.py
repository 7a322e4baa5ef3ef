"""Routes over Powertools' resolver, with every failure answered in the dialect of its path."""

import re
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import orjson
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from maas.emf import Latency
from maas.errors import FieldError, MaasError, MethodNotAllowed, PayloadTooLarge, RouteNotFound
from maas.limits import PAYLOAD_BYTES
from maas.protocol import problem
from maas.protocol.encoding import WORTH_IT, compressed, takes_gzip
from maas.protocol.problem import Reply
from maas.protocol.request import Request, request_id_of
from maas.telemetry import Telemetry

# All that is decoded of a path before it is routed: some clients quote the colon of `:predict`. Anything
# more, and a path could mean another route than the one the gateway has checked the caller for.
_COLON = re.compile("%3a", re.IGNORECASE)
_NO_NAME = re.compile(r"[/\x00-\x1f\x7f]")
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
        self._event: dict[str, Any] = {}
        self._request_id = ""
        # Debugging, which the environment could switch on, would print events and answer with stack traces.
        self._resolver = APIGatewayRestResolver(debug=False)
        self._resolver.not_found(self._no_route)
        self._resolver.exception_handler(MaasError)(self._failed)
        self._resolver.exception_handler(Exception)(self._crashed)

    def route(self, method: str, rule: str, view: View, *, timed_as: Latency = "Latency") -> None:
        """Answer `method` on `rule`, whose variables are written `<name>`; other methods get a 405.

        What it takes goes into the metric `timed_as`.
        """

        def call(**variables: str) -> Response[Any]:
            # The rule, not the path: what callers write into a path may be about a person.
            self._telemetry.note(route=rule)
            self._telemetry.timed_as(timed_as)
            request = self._request
            return _response(_sendable(_packed(view(request, **_decoded(variables)), request)))

        def refuse(**_: str) -> Response[Any]:
            raise MethodNotAllowed(
                f"{self._event['httpMethod']} is not allowed here: use {method}.", allow=[method]
            )

        self._resolver.route(rule, method=method)(call)
        self._resolver.route(rule, method=[other for other in _METHODS if other != method])(refuse)

    def otherwise(self, view: View) -> None:
        """Answer every path without a route; the default is a 404."""
        self._otherwise = view

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one API Gateway proxy event."""
        started = time.perf_counter()
        self._request_id = request_id_of(event, getattr(context, "aws_request_id", None))
        gateway_id = (event.get("requestContext") or {}).get("requestId")
        self._telemetry.note(
            method=event["httpMethod"], correlation_id=gateway_id, request_id=self._request_id
        )
        self._event = {**event, "path": _COLON.sub(":", event["path"])}
        # Only what it routes by: it would copy every header, to look for a compression that is done here.
        routed = {"httpMethod": event["httpMethod"], "path": self._event["path"]}
        answer = self._resolver.resolve(routed, context)
        seconds = time.perf_counter() - started
        self._telemetry.answered(seconds, status=answer["statusCode"])
        # A repeated answer has the id that its predictions are known by.
        answer["multiValueHeaders"].setdefault("X-Request-Id", [self._request_id])
        # What Lambda bills, nearly: duration and memory, which the console turns into money.
        timing = [f"total;dur={seconds * 1000:.2f}"]
        if memory := getattr(context, "memory_limit_in_mb", None):
            timing.append(f"memory;desc={memory}")
        answer["multiValueHeaders"]["Server-Timing"] = [", ".join(timing)]
        return answer

    @property
    def _request(self) -> Request:
        return Request.from_event(self._event, self._request_id)

    def _no_route(self, _: Exception) -> Response[Any]:
        try:
            return _response(self._otherwise(self._request))
        except MaasError as error:
            return self._failed(error)

    def _failed(self, error: MaasError) -> Response[Any]:
        self._telemetry.refused(error)
        return _response(problem.reply(error, self._event["path"]))

    def _crashed(self, error: Exception) -> Response[Any]:
        return self._failed(self._telemetry.crashed(error))


def _unknown(request: Request) -> Reply:
    raise RouteNotFound(f"There is no {request.path[:200]!r} here.")


def _decoded(variables: dict[str, str]) -> dict[str, str]:
    """The variables of a path as they are meant; a quoted slash in one is no part of any name."""
    if not variables:
        return variables
    found = {name: unquote(value) for name, value in variables.items()}
    if any(map(_NO_NAME.search, found.values())):
        raise RouteNotFound("There is nothing at this path.")
    return found


def _packed(reply: Reply, request: Request) -> Reply:
    """The reply as gzip, where it is long enough to gain and the caller takes it."""
    if len(reply.body) < WORTH_IT or "Content-Encoding" in reply.headers:
        return reply
    varying = {**reply.headers, "Vary": "Accept-Encoding"}
    if takes_gzip(request.headers.get("accept-encoding", "")) and (body := compressed(reply.body)):
        return replace(reply, body=body, headers={**varying, "Content-Encoding": "gzip"})
    return replace(reply, headers=varying)


def _sendable(reply: Reply) -> Reply:
    # Lambda would turn a larger answer into an opaque 502.
    if len(reply.body) > PAYLOAD_BYTES // 2 and _size(reply) > PAYLOAD_BYTES:
        detail = "the answer would be larger than 6 MB"
        raise PayloadTooLarge(
            f"{detail.capitalize()}: send fewer rows at once, or ask for gzip with Accept-Encoding.",
            errors=[FieldError("", detail)],
        )
    return reply


def _size(reply: Reply) -> int:
    """Bytes within Lambda's answer, which is JSON: base64, or text in which quotes are escaped."""
    if reply.binary:
        return -(-len(reply.body) // 3) * 4
    return len(reply.body) + sum(map(reply.body.count, (b'"', b"\\", b"\n")))


def _response(reply: Reply) -> Response[Any]:
    response: Response[Any] = Response(
        status_code=reply.status,
        content_type=reply.media_type,
        # Bytes are sent as base64: text goes as text, which is a third smaller and cheaper to wrap.
        body=b64encode(reply.body).decode() if reply.binary else reply.body.decode(),
        headers=dict(reply.headers),
    )
    # Said here, because Powertools would take bytes of a JSON type for a document to be written as JSON.
    response.base64_encoded = reply.binary
    return response
