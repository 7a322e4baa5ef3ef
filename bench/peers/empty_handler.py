"""A function that does nothing: what the runtime loop itself takes."""


def handler(event, context):  # noqa: ANN001, ANN201, ARG001, D103
    return {"statusCode": 200, "body": "{}"}
