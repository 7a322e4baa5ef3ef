"""KServe's Python server with a scikit-learn model, as its sklearnserver does it."""

import os
import sys

import joblib
import numpy as np
from kserve import Model, ModelServer


class Peer(Model):  # noqa: D101
    def __init__(self) -> None:
        super().__init__("peer")
        self.model = None

    def load(self) -> bool:  # noqa: D102
        self.model = joblib.load(os.environ["MODEL"])
        self.ready = True
        return True

    def predict(self, payload, headers=None, response_headers=None):  # noqa: ANN001, ANN201, ARG002, D102
        if isinstance(payload, dict):
            return {"predictions": self.model.predict(np.asarray(payload["instances"])).tolist()}
        from kserve import InferOutput, InferResponse

        answer = self.model.predict(payload.inputs[0].as_numpy())
        output = InferOutput("predict", list(answer.shape), "FP64", data=answer.tolist())
        return InferResponse(response_id=payload.id, model_name="peer", infer_outputs=[output])


if __name__ == "__main__":
    peer = Peer()
    peer.load()
    ModelServer(http_port=int(sys.argv[1]), workers=1, enable_grpc=False).start([peer])
