"""KServe's Python server with a scikit-learn model, as its sklearnserver does it."""

import os
import sys

import joblib
from kserve import Model, ModelServer
from kserve.utils.utils import get_predict_input, get_predict_response


class Peer(Model):  # noqa: D101
    def __init__(self) -> None:
        super().__init__("peer")
        self.model = None

    def load(self) -> bool:  # noqa: D102
        self.model = joblib.load(os.environ["MODEL"])
        self.ready = True
        return True

    def predict(self, payload, headers=None, response_headers=None):  # noqa: ANN001, ANN201, ARG002, D102
        return get_predict_response(payload, self.model.predict(get_predict_input(payload)), self.name)


class Empty(Model):  # noqa: D101
    def __init__(self) -> None:
        super().__init__("empty")
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):  # noqa: ANN001, ANN201, ARG002, D102
        return {"predictions": []}


if __name__ == "__main__":
    peer = Peer()
    peer.load()
    ModelServer(http_port=int(sys.argv[1]), workers=1, enable_grpc=False).start([peer, Empty()])
