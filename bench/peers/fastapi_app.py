"""FastAPI with a scikit-learn model: behind uvicorn, and behind Mangum in a function."""

import os

import joblib
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

model = joblib.load(os.environ["MODEL"])


class Instances(BaseModel):  # noqa: D101
    instances: list[list[float]]


app = FastAPI()


@app.get("/live")
def live() -> dict[str, bool]:  # noqa: D103
    return {"live": True}


@app.post("/predict")
def predict(request: Instances) -> dict[str, list[float]]:  # noqa: D103
    return {"predictions": model.predict(np.asarray(request.instances, dtype=np.float32)).tolist()}


@app.post("/empty")
def empty(request: dict) -> dict[str, bool]:  # noqa: ARG001, D103
    return {"live": True}
