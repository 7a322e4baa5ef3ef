"""BentoML with a scikit-learn model."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1, traffic={"timeout": 60}, metrics={"enabled": False})
class Peer:  # noqa: D101
    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api
    def predict(self, instances: np.ndarray) -> np.ndarray:  # noqa: D102
        return self.model.predict(instances)

    @bentoml.api
    def empty(self, instances: np.ndarray) -> bool:  # noqa: ARG002, D102
        return True
