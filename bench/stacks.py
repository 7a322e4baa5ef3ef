"""Everything that answers the same question: ours, its peers, and the limits, each behind an HTTP port."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import emulator, environment, folder_s3
from bench.load import Request
from bench.process import Server, free_port, running
from bench.subjects import Subject
from maas.registry import Registry

PEERS = Path(__file__).parent / "peers"
LAYERS = tuple(
    environment.ROOT / ".aws-sam" / "build" / name / "python" for name in ("CommonLayer", "DependenciesLayer")
)
FUNCTIONS = Path(__file__).parent / "functions"
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Stack:
    """One way to serve a model.

    Attributes:
        name: For people.
        start: Starts it for a subject, with a folder to work in; gives its port and processes.
        requests: Its request for n rows, by kind: `json`, `binary` where it has one, `empty` where it has a
            handler that does nothing.
        at_once: How many requests it is sent at once, 0 for any number. An environment of Lambda takes one.
    """

    name: str
    start: Callable[[Subject, Path], Any]
    requests: Callable[[Subject, int], dict[str, Request]]
    at_once: int = 0


def matrix(subject: Subject, rows: int) -> bytes:
    """The rows as lists of numbers."""
    return json.dumps({"instances": subject.rows[:rows].astype(float).tolist()}).encode()


def tensor(name: str, subject: Subject, rows: int) -> bytes:
    """The rows as one flat tensor of the Open Inference Protocol."""
    values = subject.rows[:rows].astype(float)
    described = {
        "name": name,
        "shape": list(values.shape),
        "datatype": "FP32",
        "data": values.ravel().tolist(),
    }
    return json.dumps({"inputs": [described]}).encode()


# ------------------------------------------------------------------------------------------------- ours ---


@contextmanager
def _ours(subject: Subject, folder: Path) -> Iterator[tuple[int, Server]]:
    bucket = folder / "models"
    registry = Registry(folder_s3.FolderStore(bucket))
    version = registry.publish(subject.manifest(), subject.onnx)
    registry.promote(subject.name, version, actor="bench", reason="")
    with (
        folder_s3.served(bucket) as address,
        emulator.function(
            FUNCTIONS / subject.name,
            handler="handler.handler",
            log=folder / "ours.log",
            python=environment.python("runtime"),
            opt=LAYERS,
            environ=our_environment(address),
        ) as started,
    ):
        yield started


def our_environment(address: str) -> dict[str, str]:
    """What template.yaml sets, with S3 at `address`."""
    return {
        "MAAS_MODELS_BUCKET": "models",
        "MAAS_ENVIRONMENT": "prod",
        "MAAS_REFRESH_SECONDS": "30",
        "POWERTOOLS_METRICS_NAMESPACE": "maas",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
        "AWS_ENDPOINT_URL": address,
    }


def _our_requests(subject: Subject, rows: int) -> dict[str, Request]:
    body = json.dumps({"instances": subject.instances(rows)}).encode()
    found = {"json": emulator.event(f"/v1/models/{subject.name}:predict", body, _JSON)}
    if subject.name == "network":
        values = subject.rows[:rows]
        path = f"/v2/models/{subject.name}/infer"
        found["V2 json"] = emulator.event(path, tensor("inputs", subject, rows), _JSON)
        head = {
            "inputs": [
                {
                    "name": "inputs",
                    "shape": list(values.shape),
                    "datatype": "FP32",
                    "parameters": {"binary_data_size": values.nbytes},
                }
            ],
            "parameters": {"binary_data_output": True},
        }
        raw = json.dumps(head).encode()
        headers = {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(len(raw)),
        }
        found["binary"] = emulator.event(path, raw + np.ascontiguousarray(values).tobytes(), headers)
    return found


# ----------------------------------------------------------------------- handlers on the runtime loop ---


def _handler(name: str, handler: str, env: str, *, as_onnx: bool = False, opt: tuple[Path, ...] = ()) -> Any:
    @contextmanager
    def start(subject: Subject, folder: Path) -> Iterator[tuple[int, Server]]:
        path = subject.pickled(folder)
        if as_onnx:
            path = folder / "model.onnx"
            path.write_bytes(subject.onnx)
        with emulator.function(
            PEERS,
            handler=handler,
            log=folder / f"{name}.log",
            python=environment.python(env),
            opt=opt,
            environ={"MODEL": str(path)},
        ) as started:
            yield started

    return start


def _event_requests(
    path: str, *, empty: str = "", encoded: bool = False
) -> Callable[[Subject, int], dict[str, Request]]:
    def requests(subject: Subject, rows: int) -> dict[str, Request]:
        body = matrix(subject, rows)
        paths = {"json": path} | ({"empty": empty} if empty else {})
        return {kind: emulator.event(at, body, _JSON, encoded=encoded) for kind, at in paths.items()}

    return requests


# ------------------------------------------------------------------------------------------ HTTP servers ---


def _server(name: str, env: str, command: Callable[[Path, int], list[str]], **environ: str) -> Any:
    @contextmanager
    def start(subject: Subject, folder: Path) -> Iterator[tuple[int, Server]]:
        port, python = free_port(), environment.python(env)
        settings = {
            "PATH": f"{python.parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "PYTHONPATH": str(PEERS),
            "MODEL": str(subject.pickled(folder)),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            **environ,
        }
        if env == "mlserver":
            _mlserver_settings(folder, port)

        def is_ready() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        with running(
            [str(python), *command(python, port)],
            environ=settings,
            folder=folder,
            log=folder / f"{name}.log",
            is_ready=is_ready,
        ) as server:
            yield port, server

    return start


def _mlserver_settings(folder: Path, port: int) -> None:
    settings = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0,
        "debug": False,
    }
    models = {"peer": "mlserver_sklearn.SKLearnModel", "empty": "mlserver_empty.Empty"}
    (folder / "settings.json").write_text(json.dumps(settings))
    for name, implementation in models.items():
        model = {"name": name, "implementation": implementation, "parameters": {"uri": "../model.joblib"}}
        (folder / name).mkdir()
        (folder / name / "model-settings.json").write_text(json.dumps(model))


def _requests(
    path: str, empty: str, body: Callable[[Subject, int], bytes]
) -> Callable[[Subject, int], dict[str, Request]]:
    def requests(subject: Subject, rows: int) -> dict[str, Request]:
        sent = body(subject, rows)
        return {"json": Request(path, sent), "empty": Request(empty, sent)}

    return requests


def _uvicorn(_: Path, port: int) -> list[str]:
    return [
        "-m",
        "uvicorn",
        "fastapi_app:app",
        "--port",
        str(port),
        "--log-level",
        "error",
        "--no-access-log",
    ]


def _mlserver(python: Path, _: int) -> list[str]:
    return [str(python.with_name("mlserver")), "start", "."]


def _bentoml(python: Path, port: int) -> list[str]:
    arguments = ["serve", "bentoml_service:Peer", "--host", "127.0.0.1", "--port", str(port)]
    return [str(python.with_name("bentoml")), *arguments]


def _kserve(_: Path, port: int) -> list[str]:
    return [str(PEERS / "kserve_server.py"), str(port)]


OURS = Stack("maas", _ours, _our_requests, at_once=1)
EMPTY = Stack(
    "empty handler",
    _handler("empty", "empty_handler.handler", "runtime"),
    _event_requests("/", encoded=True),
    at_once=1,
)
BARE = Stack(
    "orjson + NumPy + ONNX Runtime",
    _handler("bare", "bare_handler.handler", "runtime", as_onnx=True, opt=LAYERS),
    _event_requests("/", encoded=True),
    at_once=1,
)
SAM = Stack(
    "SAM scikit-learn handler",
    _handler("sam", "sam_handler.handler", "sklearn"),
    _event_requests("/"),
    at_once=1,
)
MANGUM = Stack(
    "FastAPI + Mangum",
    _handler("mangum", "mangum_handler.handler", "sklearn"),
    _event_requests("/predict", empty="/empty"),
    at_once=1,
)
UVICORN = Stack(
    "FastAPI + uvicorn", _server("uvicorn", "sklearn", _uvicorn), _requests("/predict", "/empty", matrix)
)
MLSERVER = Stack(
    "MLServer",
    _server("mlserver", "mlserver", _mlserver),
    _requests(
        "/v2/models/peer/infer",
        "/v2/models/empty/infer",
        lambda subject, rows: tensor("predict", subject, rows),
    ),
)
BENTOML = Stack(
    "BentoML",
    _server("bentoml", "bentoml", _bentoml, BENTOML_DO_NOT_TRACK="1"),
    _requests("/predict", "/empty", matrix),
)
KSERVE = Stack(
    "KServe",
    _server("kserve", "kserve", _kserve),
    _requests("/v1/models/peer:predict", "/v1/models/empty:predict", matrix),
)

LIMITS = (EMPTY, BARE)
ALL_PEERS = (SAM, MANGUM, UVICORN, MLSERVER, BENTOML, KSERVE)
EVERY = (*LIMITS, OURS, *ALL_PEERS)
