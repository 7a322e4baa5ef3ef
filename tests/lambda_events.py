"""API Gateway REST events and Lambda contexts as the service sends them."""

import base64
import json
from dataclasses import dataclass
from typing import Any


@dataclass
class Context:
    """The part of Lambda's context object that Powertools reads."""

    function_name: str = "TrafficFlowFunction"
    function_version: str = "1"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:TrafficFlowFunction:live"
    aws_request_id: str = "52fdfc07-2182-454f-963f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def rest_event(
    method: str,
    path: str,
    body: bytes | str | None = None,
    headers: dict[str, str] | None = None,
    *,
    binary: bool = True,
) -> dict[str, Any]:
    """A REST API proxy event (payload format 1.0); with BinaryMediaTypes */* every body comes as base64."""
    headers = headers or {}
    if isinstance(body, str):
        body = body.encode()
    if body is not None:
        body = base64.b64encode(body).decode() if binary else body.decode()
    return {
        "resource": route(path),
        "path": path,
        "httpMethod": method,
        "headers": {"Host": "abcdef1234.execute-api.eu-central-1.amazonaws.com", **headers},
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdef1234",
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "curl/8.5.0"},
            "path": f"/local{path}",
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTimeEpoch": 1_790_000_000_000,
            "resourcePath": route(path),
            "stage": "local",
        },
        "body": body,
        "isBase64Encoded": binary and body is not None,
    }


def route(path: str) -> str:
    """The gateway's route for a path, taken as it was sent; models' own routes make no difference here."""
    greedy = (prefix for prefix in ("/console/data/", "/console/", "/") if path.startswith(prefix))
    return next((f"{prefix}{{proxy+}}" for prefix in greedy if path != prefix), "/")


@dataclass(frozen=True)
class Answer:
    """A proxy response, decoded."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """Calls a handler the way API Gateway does: the event goes through JSON, and so does the answer."""

    def __init__(self, handler: Any) -> None:
        self.handler = handler

    def __call__(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **how: Any
    ) -> Answer:
        headers = dict(headers or {})
        if not isinstance(body, bytes | str | None):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        event = json.loads(json.dumps(rest_event(method, path, body, headers, **how)))
        answer = json.loads(json.dumps(self.handler(event, Context())))
        text = answer["body"] or ""
        raw = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
        # Powertools answers with multiValueHeaders, API Gateway accepts both.
        many = {name: values[-1] for name, values in (answer.get("multiValueHeaders") or {}).items()}
        return Answer(answer["statusCode"], {**(answer.get("headers") or {}), **many}, raw)
