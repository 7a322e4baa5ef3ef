"""The CPU of one warm request in process, from event to answer: ours beside the empty handler and Powertools.

    python -m bench warm

The whole production path: routing, validation, features, prediction, log line, metrics. Medians.
"""

import base64
import gc
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench import folder_s3
from bench.load import Request
from bench.progress import Progress
from bench.stacks import OURS
from bench.subjects import Subject, forest, network
from maas.registry import Registry

type Handler = Callable[[Any, Any], Any]


class Context:
    """The part of Lambda's context that handlers read."""

    function_name = "bench"
    function_version = "1"
    memory_limit_in_mb = 1769
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:bench:live"
    aws_request_id = "52fdfc07-2182-454f-963f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        """As Lambda's."""
        return 29_000


def measure(progress: Progress, *, rounds: int = 9) -> dict[str, Any]:
    """Microseconds of CPU per request, by case and handler."""
    rows = []
    for subject, count in ((forest(), 1), (network(), 1), (network(), 1000)):
        handlers = {"empty handler": (_empty, None)} | ours(subject, count)
        if count > 1:
            handlers["Powertools' own validation"] = (_powertools(), _their_event(subject, count))
        calls = {
            name: (handler, json.dumps(event if event is not None else _their_event(subject, count)).encode())
            for name, (handler, event) in handlers.items()
        }
        taken: dict[str, list[float]] = {name: [] for name in calls}
        repeats = 300 if count == 1 else 5
        for turn in range(rounds):
            progress(f"{subject.name}, {count} rows", turn, rounds)
            for name, (handler, event) in calls.items():
                taken[name].append(microseconds(handler, event, repeats))
        rows += [
            {
                "subject": subject.name,
                "rows": count,
                "handler": name,
                "microseconds": median(found),
                "best": min(found),
            }
            for name, found in taken.items()
        ]
    return {"rows": rows, "limit": _session(rounds)}


def microseconds(handler: Handler, event: bytes, repeats: int) -> float:
    """CPU of one call, with the JSON of event and answer that the runtime client reads and writes."""
    context = Context()
    gc.collect()
    with redirect_stdout(io.StringIO()):
        began = time.process_time()
        for _ in range(repeats):
            json.dumps(handler(json.loads(event), context))
        return (time.process_time() - began) / repeats * 1e6


def ours(subject: Subject, rows: int) -> dict[str, tuple[Handler, Any]]:
    """Our handler with a promoted version, and its events, by kind of request."""
    from importlib import import_module

    folder = Path(tempfile.mkdtemp()) / "models"
    store = folder_s3.FolderStore(folder)
    registry = Registry(store)
    registry.promote(subject.name, registry.publish(subject.manifest(), subject.onnx), actor="b", reason="")
    os.environ.update(MAAS_MODELS_BUCKET="models", MAAS_ENVIRONMENT="prod", POWERTOOLS_TRACE_DISABLED="true")
    handler = import_module(f"bench.functions.{subject.name}.handler").handler
    handler.make_registry = lambda: Registry(store)
    handler.__dict__.pop("predictor", None)
    found = {}
    for kind, request in OURS.requests(subject, rows).items():
        event = _event(request)
        answer = handler(event, Context())
        if answer["statusCode"] != 200:  # noqa: PLR2004
            raise RuntimeError(answer["body"])
        found[f"maas, {kind}"] = (handler, event)
    return found


def _event(request: Request) -> Any:
    return json.loads(request.body)


def _their_event(subject: Subject, rows: int) -> Any:
    body = json.dumps({"instances": subject.rows[:rows].astype(float).tolist()}).encode()
    return {
        "path": "/predict",
        "resource": "/predict",
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json"},
        "requestContext": {"requestId": "1", "path": "/predict", "stage": "prod"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def _empty(_: Any, __: Any) -> Any:
    return {"statusCode": 200, "body": "{}"}


def _powertools() -> Handler:
    """The same network behind Powertools' resolver with its own validation switched on."""
    from aws_lambda_powertools.event_handler import APIGatewayRestResolver
    from pydantic import BaseModel

    from maas.runtime import Session

    class Instances(BaseModel):
        instances: list[list[float]]

    app, session = APIGatewayRestResolver(enable_validation=True), Session(network().onnx)

    @app.post("/predict")
    def predict(request: Instances) -> dict[str, list[float]]:
        [value] = session.run(np.asarray(request.instances, dtype=np.float32)).values()
        return {"predictions": value.reshape(-1).tolist()}

    predict.__globals__.update(Instances=Instances)
    app._has_response_validation_error = False  # noqa: SLF001
    return app.resolve


def _session(rounds: int) -> dict[str, float]:
    """Microseconds of bare `InferenceSession.run`: nothing can be quicker with this model."""
    from maas.runtime import Session

    found = {}
    for subject, rows in ((forest(), 1), (network(), 1), (network(), 1000)):
        session, matrix = Session(subject.onnx), np.ascontiguousarray(subject.rows[:rows])
        repeats, taken = (500 if rows == 1 else 20), []
        for _ in range(rounds):
            began = time.process_time()
            for _ in range(repeats):
                session.run(matrix)
            taken.append((time.process_time() - began) / repeats * 1e6)
        found[f"{subject.name}, {rows}"] = median(taken)
    return found


if __name__ == "__main__":
    from bench.progress import on_terminal

    sys.stdout.write(json.dumps(measure(on_terminal("warm")), indent=1))
