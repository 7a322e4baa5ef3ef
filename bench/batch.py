"""Files through the batch function: rows per second and core beside the bare limit, memory beside file size.

    python -m bench.batch [--quick]

Everything runs in this process: the batch function's worker, the model's scoring, and JSON between the two as
Lambda carries it. S3 is a stand-in in memory, so figures are those of our own code and its parsers.
"""

import argparse
import json
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.stand_ins import HEADER, KEY, PATTERN_ROWS, MemoryFiles, Pinned, Silent, pattern
from maas.batch.event import Message
from maas.batch.limits import Limits
from maas.batch.scoring import Block, Scorer
from maas.batch.table import Table
from maas.batch.worker import Worker
from maas.contract import Contract
from maas.runtime import Session
from maas.serving import Served

type Invoke = Callable[[str, Mapping[str, Any]], dict[str, Any]]


class Model(NamedTuple):
    """A version, ready to answer."""

    served: Served
    contract: Contract[Any, Any]
    name: str


def model() -> Model:
    """traffic_flow, trained on a thousand rows of its sample: the method that its model card names."""
    from functions.traffic_flow.handler import handler
    from models.catalogue import find
    from models.job import train

    recipe = find("traffic_flow")
    table = recipe.sample(0)
    few = table.take(np.unique(np.linspace(0, len(table) - 1, 1000).astype(np.intp)))
    trained = train(replace(recipe, sample=lambda _: few), seed=0)
    chosen = next(candidate.name for candidate in trained.manifest.candidates if candidate.chosen)
    session = Session(trained.artifact, threads=1)
    return Model(Served(trained.manifest, handler.contract, session, 0.0), handler.contract, chosen)


class Free:
    """A model that costs nothing: what is left is the price of batch scoring itself."""

    version = "0" * 12

    def __init__(self, contract: Contract[Any, Any]) -> None:
        self.manifest = type("Manifest", (), {"digest": "0" * 64})
        self.session = self
        self._contract = contract

    def run(self, matrix: Any) -> Any:
        """Answer nothing."""
        return matrix

    def predict(self, columns: Any) -> dict[str, Any]:
        """One feature of each row."""
        return {"vehicles_per_hour": self._contract.matrix(columns)[:, 5].astype(float)}


def free() -> Model:
    """The features of traffic_flow, and no model behind them."""
    from functions.traffic_flow.handler import handler

    return Model(Free(handler.contract), handler.contract, "no model, features only")  # type: ignore[arg-type]


def scoring(found: Model) -> Invoke:
    """The model's function, in this process; both ways through JSON text, as Lambda carries it."""
    scorer = Scorer(found.contract)

    def invoke(_: str, event: Mapping[str, Any]) -> dict[str, Any]:
        block = Block.read(json.loads(json.dumps(event)))
        answer = scorer.score(block, found.served.predict)
        answer["model_version"] = found.served.version
        result: dict[str, Any] = json.loads(json.dumps(answer))
        return result

    return invoke


def far_away(_: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """The model's function elsewhere: an answer of the right size, which costs this process no parsing."""
    block = json.loads(json.dumps(event))["block"]
    data = b64decode(block["data"])
    rows = data.count(b"\n")
    answer = {
        "rows": rows,
        "scored": rows,
        "rejects": [],
        "header": f"{block['header']},vehicles_per_hour",
        "data": b64encode(data.replace(b"\n", b",1234.5\n")).decode(),
        "ignored": [],
        "seconds": 0.0,
        "model_version": "0" * 12,
    }
    result: dict[str, Any] = json.loads(json.dumps(answer))
    return result


def run(invoke: Invoke, digest: str, repeats: int, width: int) -> dict[str, Any]:
    """One file through the worker; its report."""
    files = MemoryFiles(repeats)
    queue = Silent()
    worker = Worker(
        files=files,
        registry=Pinned(digest),  # type: ignore[arg-type]
        invoke=invoke,
        queue=queue,
        limits=Limits(width=width),
    )
    worker.handle(Message("dropped", "data", KEY, "etag"), lambda: 10_000.0)
    report: dict[str, Any] = json.loads(files.small["outbox/traffic_flow/a.csv.report.json"])
    if queue.sent or report["scored"] != repeats * PATTERN_ROWS:
        raise AssertionError(f"rows are missing: {report}")
    return report


def bare(found: Model, repeats: int) -> int:
    """The same rows by the same parser and ONNX Runtime, and nothing else; how many."""
    table = Table(HEADER.decode(), found.contract)
    data, rows = pattern(), 0
    step = -(-len(data) // 1024 // 1024)
    lines = data.decode().splitlines(keepends=True)
    size = len(lines) // step
    blocks = ["".join(lines[at : at + size]) for at in range(0, len(lines), size)]
    for _ in range(repeats):
        for block in blocks:
            read = table.read(block, 1)
            found.served.session.run(found.contract.matrix(read.columns))
            rows += read.count
    return rows


def timed(work: Callable[[], object]) -> float:
    """CPU seconds of the best of three."""
    seconds = []
    for _ in range(3):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def throughput(*, quick: bool) -> None:
    """Print rows per second and core."""
    repeats = 2 if quick else 10
    rows = repeats * PATTERN_ROWS
    for found in (model(), free()):
        _compare(found, rows, repeats)


def _compare(found: Model, rows: int, repeats: int) -> None:
    limit = rows / timed(lambda: bare(found, repeats))
    whole = rows / timed(lambda: run(scoring(found), found.served.manifest.digest, repeats, width=1))
    print(f"traffic_flow ({found.name}), {rows:,} rows")
    print(f"  bare limit: same parser, ONNX Runtime   {limit:10,.0f} rows/s per core")
    print(f"  batch scoring, both functions together  {whole:10,.0f} rows/s per core")
    print(f"  ratio                                   {whole / limit:10.1%}")


def memory(*, quick: bool) -> None:
    """Print the peak memory of processes that score files of 1, 10 and 100 times a size."""
    print("  file size, MB   peak memory, MB   seconds")
    for repeats in (20, 200) if quick else (20, 200, 2000):
        done = subprocess.run(
            [sys.executable, "-m", "bench.batch", "--one", str(repeats)],
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            check=True,
        )
        size, peak, seconds = json.loads(done.stdout)
        print(f"  {size / 1e6:13.1f}   {peak / 1024:15.1f}   {seconds:7.1f}")


def one(repeats: int) -> None:
    """Score one file with blocks under way at once and print its size, peak memory and seconds."""
    began = time.perf_counter()
    report = run(far_away, "0" * 64, repeats, width=16)
    seconds = time.perf_counter() - began
    # Not getrusage, which counts what the parent held when it forked.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
    print(json.dumps([report["input"]["size"], peak, seconds]))


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--one", type=int)
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments.one)
        return
    throughput(quick=arguments.quick)
    memory(quick=arguments.quick)


if __name__ == "__main__":
    main()
