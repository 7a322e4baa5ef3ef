"""Example events: requests as API Gateway hands them to a model's function."""

import base64
import json
from collections.abc import Mapping
from typing import Any

_HOST = "example.execute-api.eu-west-1.amazonaws.com"


def events(name: str, record: Mapping[str, Any], refused: Mapping[str, Any]) -> dict[str, str]:
    """The files of functions/<name>/events by name.

    Args:
        name: The model's.
        record: One that is answered.
        refused: One that breaks the contract.
    """
    predict = f"/v1/models/{name}:predict"
    good, bad = (json.dumps({"instances": [one]}, ensure_ascii=False) for one in (record, refused))
    made = {
        "card": _event("GET", f"/v1/models/{name}"),
        "explain": _event("POST", f"/v1/models/{name}:explain", good),
        "metadata": _event("GET", f"/v2/models/{name}"),
        "predict": _event("POST", predict, good),
        "predict_base64": _event("POST", predict, good, encoded=True),
        "predict_invalid": _event("POST", predict, bad, encoded=True),
    }
    return {
        f"{key}.json": json.dumps(event, indent=2, ensure_ascii=False) + "\n" for key, event in made.items()
    }


def _event(method: str, path: str, body: str | None = None, *, encoded: bool = False) -> dict[str, Any]:
    headers = {"Host": _HOST, "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {key: [value] for key, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "example",
            "domainName": _HOST,
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "curl/8.5.0"},
            "path": f"/dev{path}",
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTimeEpoch": 1538467200000,
            "resourceId": "a1b2c3",
            "resourcePath": path,
            "stage": "dev",
        },
        "body": base64.b64encode(body.encode()).decode() if body is not None and encoded else body,
        "isBase64Encoded": encoded,
    }
