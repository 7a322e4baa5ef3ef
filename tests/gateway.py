"""API Gateway in one process: HTTP in front of the real handlers, as a WSGI application."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from tests.lambda_events import Context, rest_event

type Handler = Callable[[Any, Any], Any]
type StartResponse = Callable[[str, list[tuple[str, str]]], object]

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


class Gateway:
    """Hands each request to the function that the template routes it to.

    Args:
        models: Handlers by the model's name.
        otherwise: The handler of everything that is no model's: the catalogue.
        stage: What every path begins with, as in the cloud.
    """

    def __init__(self, models: Mapping[str, Handler], otherwise: Handler, stage: str = "") -> None:
        self._models = models
        self.otherwise = otherwise
        self._stage = f"/{stage}" if stage else ""

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace").removeprefix(self._stage)
        method = environ["REQUEST_METHOD"]
        if method not in _METHODS:
            # What the gateway itself says to methods that are none of its own.
            start_response("405 Method Not Allowed", [("Allow", ", ".join(_METHODS))])
            return [b""]
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else None
        event = rest_event(method, path or "/", body, _headers(environ))
        answer = json.loads(json.dumps(self._function(path)(json.loads(json.dumps(event)), Context())))
        headers = [(name, value) for name, values in answer["multiValueHeaders"].items() for value in values]
        text = answer["body"] or ""
        raw = base64.b64decode(text) if answer["isBase64Encoded"] else text.encode()
        status = HTTPStatus(answer["statusCode"])
        start_response(f"{status.value} {status.phrase}", [*headers, ("Content-Length", str(len(raw)))])
        return [b"" if method == "HEAD" else raw]

    def _function(self, path: str) -> Handler:
        parts = unquote(path).split("/")
        if len(parts) > 3 and parts[1] in {"v1", "v2"} and parts[2] == "models":
            return self._models.get(parts[3].partition(":")[0], self.otherwise)
        return self.otherwise


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    found = {
        name.removeprefix("HTTP_").replace("_", "-").title(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        found["Content-Type"] = environ["CONTENT_TYPE"]
    return found
