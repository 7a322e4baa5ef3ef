"""A large model from S3 to a ready session, its digest verified: against servers with and without a limit.

    python -m bench load_model

The model is made of square layers of numbers, its weights in a file of their own. Each way runs in a process
of its own, whose peak memory is measured; the server in another.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from bench.environment import ROOT
from bench.progress import Progress

WIDTH, LAYERS = 4096, 16  # 64 MiB a layer
LIMIT = 60.0  # MB/s of one connection, about what S3 gives
BUCKET = "models"


def measure(progress: Progress, *, rounds: int = 3) -> dict[str, Any]:
    """Seconds and peak memory of each way against both servers."""
    with tempfile.TemporaryDirectory(dir=ROOT / ".bench") as name:
        folder = Path(name)
        size = _make(folder / BUCKET)
        rows: list[dict[str, Any]] = []
        for server, limit in (("unlimited", 0.0), (f"{LIMIT:.0f} MB/s a connection", LIMIT)):
            with _server(folder / BUCKET, limit) as address:
                rows += _against(server, address, folder, rounds if limit == 0 else 1, progress)
    return {"megabytes": round(size / 1e6), "rows": rows}


def _against(
    server: str, address: str, folder: Path, rounds: int, progress: Progress
) -> list[dict[str, Any]]:
    taken: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for turn in range(rounds):
        for way in WAYS:
            progress(f"{server}, {way}", turn, rounds)
            command = [sys.executable, "-m", "bench.load_model", way, address, str(folder)]
            done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
            taken[way].append(json.loads(done.stdout))
    seconds = {way: median(one["seconds"] for one in found) for way, found in taken.items()}
    return [
        {
            "server": server,
            "way": way,
            "seconds": seconds[way],
            "peak_megabytes": max(one["peak"] for one in taken[way]),
            "ratio": f"{seconds['raw'] / seconds[way]:.2f} x",
        }
        for way in WAYS
    ]


def _make(bucket: Path) -> int:
    """Write graph and weights into the bucket, and their names beside it; the weights' size."""
    from onnx import TensorProto, helper, numpy_helper

    from maas.artifact import Blob
    from maas.weights import MEDIA_TYPE
    from models.weights import apart

    source, nodes, tensors, at = np.random.default_rng(0), [], [], "features"
    for layer in range(LAYERS):
        shape = (WIDTH, WIDTH) if layer < LAYERS - 1 else (WIDTH, 1)
        values = source.standard_normal(shape, dtype=np.float32) / np.float32(np.sqrt(WIDTH))
        tensors.append(numpy_helper.from_array(values, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [at, f"w{layer}"], [f"y{layer}"]))
        at = f"y{layer}"
    graph = helper.make_graph(
        nodes,
        "dense",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, WIDTH])],
        [helper.make_tensor_value_info(at, TensorProto.FLOAT, [None, 1])],
        tensors,
    )
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    model, weights = apart(whole)
    names = {}
    for name, data in (("graph", model), ("weights", weights)):
        blob = Blob.of(data, MEDIA_TYPE)
        path = bucket / blob.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        names[name] = blob.model_dump()
    (bucket.parent / "names.json").write_text(json.dumps(names))
    return len(weights)


@contextmanager
def _server(bucket: Path, limit: float) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.folder_s3", str(bucket), str(limit)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def raw(address: str, names: dict[str, Any], _: Path) -> None:
    """One connection into one buffer, nothing else: as quick as one connection can be."""
    from maas.artifact import Blob

    blob, parts = Blob(**names["weights"]), urlsplit(address)
    buffer = memoryview(bytearray(1 << 20))
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        head = f"GET /{BUCKET}/{blob.key} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        while connection.recv_into(buffer):
            pass


def download_file(address: str, names: dict[str, Any], folder: Path) -> None:
    """boto3's own download, verified and opened the same way afterwards."""
    import hashlib

    from maas.artifact import Blob
    from maas.s3_client import s3_client

    blob = Blob(**names["weights"])
    os.environ.update(AWS_ACCESS_KEY_ID="bench", AWS_SECRET_ACCESS_KEY="bench")  # noqa: S106 - none
    client = s3_client(region_name="eu-west-1", endpoint_url=address)
    target = folder / "by-boto3" / "weights"
    target.parent.mkdir(exist_ok=True)
    client.download_file(BUCKET, blob.key, str(target))
    with target.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != blob.digest:
            raise RuntimeError("damaged")
    _ready(client.get_object(Bucket=BUCKET, Key=Blob(**names["graph"]).key)["Body"].read(), target.parent)


def ours(address: str, names: dict[str, Any], folder: Path) -> None:
    """As a function does it."""
    from maas.artifact import Blob
    from maas.credentials import Credentials
    from maas.s3_reader import Reader
    from maas.store import ObjectStore
    from maas.weights import fetched

    reader = Reader(BUCKET, "eu-west-1", lambda: Credentials("a", "b"), address=address)
    store = ObjectStore(BUCKET, reader=reader)
    target = fetched(store, Blob(**names["weights"]), folder / "ours")
    _ready(store.read(Blob(**names["graph"]).key).body, target)
    reader.close()


def _ready(graph: bytes, folder: Path) -> None:
    from maas.runtime import Session

    Session(graph, weights=folder)


WAYS = {"raw": raw, "boto3 download_file": download_file, "maas": ours}


def _one(way: str, address: str, folder: Path) -> None:
    import shutil

    import onnxruntime  # noqa: F401 - imported before the clock starts, for everybody

    names = json.loads((folder / "names.json").read_text())
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    began = time.perf_counter()
    WAYS[way](address, names, folder)
    seconds = time.perf_counter() - began
    peak = _memory("VmHWM") - before
    for used in ("ours", "by-boto3"):
        shutil.rmtree(folder / used, ignore_errors=True)
    sys.stdout.write(json.dumps({"seconds": seconds, "peak": peak}))


def _memory(name: str) -> float:
    """Megabytes of this process, by the kernel's name for them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    _one(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
