"""The whole document, and its text."""

import json
from collections.abc import Iterable
from typing import Any

from cli.openapi import operation, responses, server
from cli.openapi.model import ModelDescription
from cli.openapi.operation import Schema
from maas import __version__
from maas.endpoint import Endpoint

OPENAPI = "3.1.0"
_DESCRIPTION = """\
Models of a smart city as a service. Two dialects, both standards:

- **V1** (KServe): records in, predictions out. `POST /v1/models/{model}:predict` with
  `{"instances": [...]}`.
- **V2** (Open Inference Protocol): one tensor per field, in JSON or as bytes, for Triton's and KServe's
  clients.

Errors are RFC 9457 problems on V1 and `{"error": "..."}` on V2. Bodies may come with
`Content-Encoding: gzip`; long answers go as gzip to those who say `Accept-Encoding: gzip`.
A request with an `Idempotency-Key` can be sent again without being computed again."""
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def document(endpoints: Iterable[Endpoint[Any, Any]]) -> dict[str, Any]:
    """The OpenAPI document of these models' functions and of the server around them."""
    models = sorted(map(ModelDescription, endpoints), key=lambda model: model.name)
    return {
        "openapi": OPENAPI,
        "info": {"title": "maas", "version": __version__, "description": _DESCRIPTION},
        "jsonSchemaDialect": _DIALECT,
        # Beside the document, whatever the stage in front of it is called.
        "servers": [{"url": ".", "description": "Where this document lies."}],
        "tags": [
            {"name": "server", "description": "Which models there are, and whether they answer."},
            *(model.tag() for model in models),
        ],
        "paths": server.paths() | _merged(model.paths() for model in models),
        "components": {
            "schemas": server.schemas() | _merged(model.schemas() for model in models),
            "requestBodies": _merged(model.request_bodies() for model in models),
            "responses": responses.components() | _merged(model.responses() for model in models),
            "parameters": operation.PARAMETERS,
            "headers": operation.HEADERS,
            "securitySchemes": operation.SECURITY,
        },
    }


def text(made: dict[str, Any]) -> str:
    """The document as JSON: one line per path and component, so that a change shows in a few lines."""
    lines = []
    for name, part in made.items():
        if name == "components":
            inner = ",\n".join(f"{json.dumps(kind)}: {_lines(parts)}" for kind, parts in part.items())
            lines.append(f"{json.dumps(name)}: {{\n{inner}\n}}")
        else:
            lines.append(f"{json.dumps(name)}: {_lines(part) if name == 'paths' else _line(part)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _lines(parts: Schema) -> str:
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {_line(part)}" for name, part in parts.items()) + "\n}"


def _line(part: Any) -> str:
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"))


def _merged(parts: Iterable[dict[str, Schema]]) -> dict[str, Schema]:
    return {name: made for part in parts for name, made in part.items()}
