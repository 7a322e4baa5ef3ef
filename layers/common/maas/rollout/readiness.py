"""Whether a model's own function can serve a version: it loads it, checks it, replays its golden samples."""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient


def is_ready(client: "LambdaClient", function: str, model: str, version: str) -> bool:
    """Ask `function`, a name or ARN with its alias, for the V2 readiness of `version`."""
    path = f"/v2/models/{model}/versions/{version}/ready"
    event = {
        "httpMethod": "GET",
        "path": path,
        "resource": path,
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "requestContext": {"requestId": f"release-{version}", "httpMethod": "GET", "path": path},
        "body": None,
        "isBase64Encoded": False,
    }
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    body = answer["Payload"].read()
    if answer.get("FunctionError"):
        return False
    return bool(json.loads(body).get("statusCode") == HTTPStatus.OK)
