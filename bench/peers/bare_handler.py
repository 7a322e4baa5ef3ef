"""The least that predicts: orjson, NumPy and ONNX Runtime, without checks, log or errors."""

import base64
import os

import numpy as np
import onnxruntime
import orjson

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options)


def handler(event, context):  # noqa: ANN001, ANN201, ARG001, D103
    body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"]
    matrix = np.array(orjson.loads(body)["instances"], dtype=np.float32)
    [value] = session.run(None, {"features": matrix})
    return {"statusCode": 200, "body": orjson.dumps({"predictions": value[:, 0].tolist()}).decode()}
