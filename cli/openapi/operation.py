"""Operations, the parts that all of them share, and what they refer to."""

from typing import Any

from cli.openapi import responses
from maas.access import SCOPES

type Schema = dict[str, Any]

JSON = "application/json"
BYTES = "application/octet-stream"
_READ = (404, 500, 503)
_REPORT = (400, 404, 409, 413, 415, 422, 500, 503)
_COMPUTE = (400, 404, 409, 413, 415, 422, 500, 503)


def reference(kind: str, name: str) -> Schema:
    """A reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def secured(scope: str) -> list[Schema]:
    """The ways to show that one may: a signature, or a token with the scope."""
    if scope not in SCOPES:
        raise ValueError(f"there is no scope {scope}")
    return [{"signature": []}, {"token": [f"maas/{scope}"]}]


def read(answer: str, *, title: str, dialect: str, scope: str = "read") -> Schema:
    """A GET that answers with a schema of that name; `dialect` is that of its errors."""
    content = {JSON: {"schema": reference("schemas", answer)}}
    return {
        "summary": title,
        "security": secured(scope),
        "responses": {
            "200": {
                "description": f"{title}.",
                "headers": {"X-Request-Id": reference("headers", "RequestId")},
                "content": content,
            },
            **responses.of(dialect, _READ),
        },
    }


def compute(body: str, answer: str, *, title: str, dialect: str, scope: str) -> Schema:
    """A POST with a request body and an answer of those names, which may be repeated under a key."""
    return {
        "summary": title,
        "security": secured(scope),
        "parameters": [reference("parameters", name) for name in ("IdempotencyKey", "RequestId", "Subject")],
        "requestBody": reference("requestBodies", body),
        "responses": {"200": reference("responses", answer), **responses.of(dialect, _COMPUTE)},
    }


def report(body: str) -> Schema:
    """The POST that takes what turned out to be true."""
    return {
        "summary": "Report what turned out to be true",
        "security": secured("operate"),
        "parameters": [reference("parameters", name) for name in ("IdempotencyKey", "Subject")],
        "requestBody": reference("requestBodies", body),
        "responses": {
            "200": {
                "description": "How many outcomes were stored.",
                "headers": {"X-Request-Id": reference("headers", "RequestId")},
                "content": {JSON: {"schema": reference("schemas", "Accepted")}},
            },
            **responses.of("Problem", _REPORT),
        },
    }


def of_version(operation: Schema) -> Schema:
    """The same operation on a version that the path names."""
    parameters = [reference("parameters", "Version"), *operation.get("parameters", [])]
    return {**operation, "summary": f"{operation['summary']}, of one version", "parameters": parameters}


PARAMETERS: Schema = {
    "Version": {
        "name": "version",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{8,64}$"},
        "description": "A version, or at least the first eight digits of its digest.",
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]+$"},
        "description": "The same request with the same key gets the same answer. Best a UUID.",
    },
    "RequestId": {
        "name": "X-Request-Id",
        "in": "header",
        "schema": {"type": "string"},
        "description": "What the request is to be called in logs and for feedback: 1 to 128 visible ASCII "
        "characters, else it gets a name of the server's.",
    },
    "Subject": {
        "name": "X-Subject",
        "in": "header",
        "schema": {"type": "string", "maxLength": 256},
        "description": "Whom it is about. Only a keyed hash of it is kept, so that `maas forget` finds it.",
    },
}
HEADERS: Schema = {
    "ModelVersion": {"schema": {"type": "string"}, "description": "The version that answered."},
    "RequestId": {
        "schema": {"type": "string"},
        "description": "The request's id; with a slash and the row's number behind it, a prediction's.",
    },
    "Replayed": {
        "schema": {"const": "true"},
        "description": "The answer is the one that this Idempotency-Key got before.",
    },
    "JsonLength": {
        "schema": {"type": "string"},
        "description": "Where bytes follow: the length of the JSON before them.",
    },
}
SECURITY: Schema = {
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "AWS Signature Version 4 for the service execute-api (Authentication=AWS_IAM).",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token with the scopes that operations name (Authentication=JWT).",
    },
    "consumer": {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "Besides, where the stack asks each consumer for a key of its own (ApiKeys=required).",
    },
}
