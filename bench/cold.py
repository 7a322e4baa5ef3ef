"""Cold starts: from a fresh process to the first validated prediction, through Lambda's own runtime loop.

    python -m bench cold

Ours with layers as `sam build` leaves them and the model in S3 (a server on loopback); the SAM template's
handler as `sam build` packs it, that is without byte code, and with byte code besides. Without SnapStart.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from bench import emulator, environment, folder_s3
from bench.load import Request, one
from bench.process import Server
from bench.progress import Progress
from bench.stacks import FUNCTIONS, LAYERS, PEERS, matrix, our_environment
from bench.subjects import Subject, forest, network
from maas.registry import Registry

type Start = Callable[[], AbstractContextManager[tuple[int, Server]]]

PARTS = (
    ("Python itself", "pass"),
    ("NumPy", "import numpy"),
    ("ONNX Runtime", "import onnxruntime"),
    ("pydantic", "import pydantic, pydantic_core"),
    ("Powertools' resolver and logger", "from maas import web, telemetry"),
    ("the function and its contract", "import handler"),
    (
        "S3: client, pointer, manifest, artifact, session, golden samples",
        "handler.handler.predictor.shelf.production()",
    ),
)


def measure(progress: Progress, *, rounds: int = 7) -> dict[str, Any]:
    """Milliseconds to the first answer, medians, for both subjects; and where ours go."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for subject in (forest(), network()):
            with _cases(subject, folder / subject.name) as cases:
                taken: dict[str, list[float]] = {case: [] for case in cases}
                for turn in range(rounds):
                    for case, (start, request) in cases.items():
                        progress(f"{subject.name}, {case}", turn, rounds)
                        taken[case].append(_first_answer(start, request))
                found += [
                    {"subject": subject.name, "stack": case, "ms": median(times), "best_ms": min(times)}
                    for case, times in taken.items()
                ]
        parts = _parts(forest(), folder / "parts", rounds, progress)
    return {"rows": found, "parts": parts}


def _first_answer(start: Start, request: Request) -> float:
    """The emulator starts the process with the first call; milliseconds from call to answer."""
    with start() as (port, _):
        began = time.perf_counter()
        answer = one(port, request)
        taken = (time.perf_counter() - began) * 1000
    if b'"statusCode": 200' not in answer and b'"statusCode":200' not in answer:
        raise RuntimeError(f"no prediction: {answer[:500]!r}")
    return taken


@contextmanager
def _cases(subject: Subject, folder: Path) -> Iterator[dict[str, tuple[Start, Request]]]:
    bucket = folder / "models"
    bucket.mkdir(parents=True)
    registry = Registry(folder_s3.FolderStore(bucket))
    registry.promote(subject.name, registry.publish(subject.manifest(), subject.onnx), actor="b", reason="")
    body = _instances(subject)
    headers = {"Content-Type": "application/json"}
    ours = emulator.event(f"/v1/models/{subject.name}:predict", body, headers)
    theirs = emulator.event("/", matrix(subject, 1), headers, encoded=False)
    pickled = str(subject.pickled(folder))
    bare = _copy_without_byte_code(environment.python("sklearn"), folder / "site")
    with folder_s3.served(bucket) as address:

        def function(**given: Any) -> Start:
            return lambda: emulator.function(log=folder / "log", **given)

        yield {
            "empty handler": (
                function(folder=PEERS, handler="empty_handler.handler", python=environment.python("runtime")),
                theirs,
            ),
            "maas": (
                function(
                    folder=FUNCTIONS / subject.name,
                    handler="handler.handler",
                    python=environment.python("runtime"),
                    opt=LAYERS,
                    environ=our_environment(address),
                ),
                ours,
            ),
            "SAM scikit-learn handler, as built": (
                function(
                    folder=PEERS,
                    handler="sam_handler.handler",
                    python=environment.python("runtime"),
                    opt=(bare,),
                    environ={"MODEL": pickled, "PYTHONDONTWRITEBYTECODE": "1"},
                ),
                theirs,
            ),
            "SAM scikit-learn handler, with byte code": (
                function(
                    folder=PEERS,
                    handler="sam_handler.handler",
                    python=environment.python("sklearn"),
                    environ={"MODEL": pickled},
                ),
                theirs,
            ),
            "FastAPI + Mangum, with byte code": (
                function(
                    folder=PEERS,
                    handler="mangum_handler.handler",
                    python=environment.python("sklearn"),
                    environ={"MODEL": pickled},
                ),
                emulator.event("/predict", matrix(subject, 1), headers, encoded=False),
            ),
        }


def _instances(subject: Subject) -> bytes:
    import json

    return json.dumps({"instances": subject.instances(1)}).encode()


def _copy_without_byte_code(python: Path, target: Path) -> Path:
    """The packages as sam's own builder leaves them: without .pyc, which Lambda's /opt takes none of."""
    [site] = (python.parents[1] / "lib").glob("python*/site-packages")
    shutil.copytree(site, target, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
    return target


def _parts(subject: Subject, folder: Path, rounds: int, progress: Progress) -> list[dict[str, Any]]:
    """Milliseconds that each part of a start adds, in the order in which they come."""
    bucket = folder / "models"
    bucket.mkdir(parents=True)
    registry = Registry(folder_s3.FolderStore(bucket))
    registry.promote(subject.name, registry.publish(subject.manifest(), subject.onnx), actor="b", reason="")
    program = "import os, time\nbegan = time.perf_counter()\n" + "\n".join(
        f"{code}\nprint((time.perf_counter() - began) * 1000, flush=True)" for _, code in PARTS
    )
    program += "\nos._exit(0)"  # its end is no part of a start
    with folder_s3.served(bucket) as address:
        environ = {
            **our_environment(address),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ":".join(map(str, (*LAYERS, FUNCTIONS / subject.name))),
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "OPENBLAS_NUM_THREADS": "1",
        }
        taken = []
        for turn in range(rounds):
            progress("parts", turn, rounds)
            began = time.perf_counter()
            done = subprocess.run(
                [str(environment.python("runtime")), "-c", program],
                env=environ,
                capture_output=True,
                text=True,
                check=True,
            )
            whole = (time.perf_counter() - began) * 1000
            marks = [float(line) for line in done.stdout.splitlines() if line[0].isdigit()]
            taken.append([whole - marks[-1], *(b - a for a, b in pairwise(marks))])
    return [{"part": name, "ms": median(one[i] for one in taken)} for i, (name, _) in enumerate(PARTS)]
