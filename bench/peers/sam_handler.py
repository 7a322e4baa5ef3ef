"""A scikit-learn model in a function, the way SAM's scikit-learn template lays it out: loaded at import."""

import json
import os

import joblib

model = joblib.load(os.environ["MODEL"])


def handler(event, context):  # noqa: ANN001, ANN201, ARG001, D103
    instances = json.loads(event["body"])["instances"]
    predictions = model.predict(instances).tolist()
    return {"statusCode": 200, "body": json.dumps({"predictions": predictions})}
