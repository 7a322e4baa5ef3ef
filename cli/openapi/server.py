"""The operations of the server as a whole, and the schemas that no model has for itself."""

from cli.openapi import responses
from cli.openapi.explanation import EXPLANATION
from cli.openapi.operation import Schema, read

_NAMES: Schema = {"type": "array", "items": {"type": "string"}}
_FLAG: Schema = {"type": "boolean"}
_TEXT: Schema = {"type": "string"}


def paths() -> dict[str, Schema]:
    """What the catalogue answers."""
    made = {
        "/v1/models": ("get", "list_models", read("Models", title="List the models", dialect="Problem")),
        "/v2": ("get", "server", read("Server", title="Server metadata", dialect="Error")),
        "/v2/health/live": ("get", "live", read("Live", title="Liveness", dialect="Error")),
        "/v2/health/ready": ("get", "ready", read("Ready", title="Readiness", dialect="Error")),
        "/v2/models": ("get", "list_models_v2", read("Models", title="List the models", dialect="Error")),
        "/v2/repository/index": (
            "post",
            "index",
            read("Index", title="Models and their states", dialect="Error"),
        ),
    }
    return {
        path: {method: {"operationId": name, "tags": ["server"], **operation}}
        for path, (method, name, operation) in made.items()
    }


def schemas() -> dict[str, Schema]:
    """What these operations answer, and what all models answer alike."""
    return {
        "Models": _object({"models": _NAMES}),
        "Server": _object({"name": _TEXT, "version": _TEXT, "extensions": _NAMES}),
        "Live": _object({"live": _FLAG}),
        "Ready": _object({"ready": _FLAG}),
        "Index": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "state"],
                "properties": {
                    "name": _TEXT,
                    "version": _TEXT,
                    "state": {"enum": ["READY", "UNAVAILABLE"]},
                    "reason": _TEXT,
                },
            },
        },
        "ModelCard": _object(
            {
                "name": _TEXT,
                "ready": _FLAG,
                "version": _TEXT,
                "digest": _TEXT,
                "summary": _TEXT,
                "metrics": {"type": "object", "additionalProperties": {"type": "number"}},
                "limits": {"type": "object", "description": "What a request may be at most."},
                "record_schema": {"type": "object"},
                "prediction_schema": {"type": "object"},
            }
        ),
        "ModelMetadata": _object(
            {
                "name": _TEXT,
                "versions": _NAMES,
                "platform": _TEXT,
                "inputs": {"type": "array", "items": {"$ref": "#/components/schemas/TensorMetadata"}},
                "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/TensorMetadata"}},
            }
        ),
        "TensorMetadata": _object(
            {"name": _TEXT, "datatype": _TEXT, "shape": {"type": "array", "items": {"type": "integer"}}}
        ),
        "ModelReady": _object({"name": _TEXT, "ready": _FLAG}),
        "Accepted": _object({"accepted": {"type": "integer"}}),
        "Explanation": EXPLANATION,
        "Place": responses.PLACE,
        "Problem": responses.PROBLEM,
        "Error": responses.V2_ERROR,
        "GatewayProblem": responses.GATEWAY_PROBLEM,
    }


def _object(properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}
