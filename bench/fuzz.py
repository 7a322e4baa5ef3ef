"""Requests of every kind to servers of the Open Inference Protocol: how many answers are a 5xx, or none.

    python -m bench.fuzz [--count 3000] [--seed 1]
    python -m bench.fuzz --url http://host/prefix --model NAME --input NAME --output NAME --width 4

The requests are those of tests/fuzz, of V2 alone. The same network (a hundred numbers in, one out) is behind
each server: ours in Lambda's runtime loop, MLServer with its scikit-learn runtime, KServe's server with the
same estimator. With --url any other server is asked, for a model with one FP32 input.
"""

import argparse
import http.client
import json
import logging
import sys
import tempfile
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
from moto.server import ThreadedMotoServer

from bench import emulator, environment
from bench.process import free_port
from bench.stacks import FUNCTIONS, KSERVE, LAYERS, MLSERVER, OURS, Stack, our_environment
from bench.subjects import Subject, network
from maas.registry import Registry
from maas.store import ObjectStore
from tests.fuzz.request import Request
from tests.fuzz.run import Call, Got, Report, run
from tests.fuzz.target import Target, Tensor
from tests.lambda_events import rest_event

WIDTH = 100
_TIMEOUT = 20.0  # seconds
NO_ANSWER = 599  # in the counts: the connection broke, or nothing came in time
_SHOWN = 6


def one_input(model: str, name: str, width: int, output: str) -> Target:
    """A model with one matrix as input."""
    entry = {"name": name, "shape": [1, width], "datatype": "FP32", "data": [0.5] * width}
    return Target(model, (Tensor(name, "FP32", (width,)),), {"inputs": [entry]}, (output,))


class Client:
    """Sends requests as they are, over one connection as long as it holds."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._prefix = parts.path.rstrip("/")
        self._connection = http.client.HTTPConnection(
            parts.hostname or "127.0.0.1", parts.port or 80, timeout=_TIMEOUT
        )

    def __call__(self, request: Request) -> Got:
        """The answer, or what stands for none."""
        headers = {
            name: "".join(sign for sign in value if sign.isprintable())
            .encode("utf-8", "replace")
            .decode("latin-1")
            for name, value in request.headers.items()
            if name.lower() not in {"host", "content-length"}
        }
        path = self._prefix + quote(request.path, safe="/:%")
        for attempt in (1, 2):
            try:
                self._connection.request(request.method, path, body=request.body or None, headers=headers)
                answer = self._connection.getresponse()
                return Got(answer.status, dict(answer.getheaders()), answer.read())
            except (http.client.HTTPException, OSError) as error:
                self._connection.close()
                # The first time it may be the server's right to have ended a connection that was idle.
                if attempt == 2 or isinstance(error, TimeoutError):  # noqa: PLR2004 - the last attempt
                    return Got(NO_ANSWER, {}, repr(error).encode())
        raise AssertionError


class Gateway:
    """What API Gateway does between a request and a function: an event there, an answer back."""

    def __init__(self, port: int) -> None:
        self._client = Client(f"http://127.0.0.1:{port}")

    def __call__(self, request: Request) -> Got:
        """The function's answer."""
        event = rest_event(request.method, request.path, request.body, request.headers)
        path = emulator.event("/", b"", {}).path
        sent = Request("event", "POST", path, {}, json.dumps(event).encode())
        got = self._client(sent)
        if got.status != 200:  # noqa: PLR2004 - the runtime loop itself failed
            return Got(NO_ANSWER, {}, got.body)
        answer: dict[str, Any] = json.loads(got.body)
        body = answer.get("body") or ""
        raw = b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        headers = {name: values[-1] for name, values in answer.get("multiValueHeaders", {}).items()}
        return Got(answer["statusCode"], headers, raw)


@contextmanager
def function(subject: Subject, folder: Path) -> Iterator[int]:
    """Our function in Lambda's runtime loop, with all of an S3 behind it: it remembers answers there."""
    s3 = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    s3.start()
    host, port = s3.get_host_and_port()
    try:
        client = boto3.client(
            "s3",
            region_name="eu-west-1",
            endpoint_url=f"http://{host}:{port}",
            aws_access_key_id="bench",
            aws_secret_access_key="bench",  # noqa: S106 - opens nothing
        )
        for bucket in ("models", "data"):
            client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        registry = Registry(ObjectStore("models", client))
        registry.promote(
            subject.name, registry.publish(subject.manifest(), subject.onnx), actor="bench", reason=""
        )
        with emulator.function(
            FUNCTIONS / subject.name,
            handler="handler.handler",
            log=folder / "ours.log",
            python=environment.python("runtime"),
            opt=LAYERS,
            environ={**our_environment(f"http://{host}:{port}"), "MAAS_DATA_BUCKET": "data"},
        ) as (started, _):
            yield started
    finally:
        s3.stop()


@contextmanager
def served(stack: Stack, folder: Path) -> Iterator[tuple[Target, Call]]:
    """A server of the network, and how to ask it."""
    subject = network()
    if stack is OURS:
        with function(subject, folder) as port:
            yield one_input("network", "inputs", WIDTH, "value"), Gateway(port)
    else:
        with stack.start(subject, folder) as (port, _):
            yield one_input("peer", "predict", WIDTH, "predict"), Client(f"http://127.0.0.1:{port}")


def row(name: str, report: Report) -> tuple[str, ...]:
    """What came back, as a line of the table."""
    counts = (
        report.count(200, 300),
        report.count(400, 500),
        report.count(500, NO_ANSWER),
        report.count(NO_ANSWER),
    )
    return (name, *(f"{count:,}" for count in counts), f"{report.count(500) / report.asked:.1%}")


def told(report: Report) -> str:
    """Which kinds of request got most of the 5xx."""
    kinds: Counter[str] = Counter()
    for (kind, status), count in report.statuses.items():
        if status >= 500:  # noqa: PLR2004 - HTTP's own boundary
            kinds[kind] += count
    return ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common(_SHOWN))


def main() -> None:
    """Ask each server, or the one that is named, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", help="another server, up to what comes before /v2")
    parser.add_argument("--model", default="peer")
    parser.add_argument("--input", default="predict")
    parser.add_argument("--output", default="predict")
    parser.add_argument("--width", type=int, default=WIDTH)
    given = parser.parse_args()
    reports: dict[str, Report] = {}
    if given.url:
        target = one_input(given.model, given.input, given.width, given.output)
        reports[given.url] = run(target, Client(given.url), count=given.count, seed=given.seed, save=False)
    for stack in () if given.url else (OURS, MLSERVER, KSERVE):
        sys.stderr.write(f"fuzz: {stack.name}\n")
        with tempfile.TemporaryDirectory() as folder, served(stack, Path(folder)) as (target, call):
            reports[stack.name] = run(target, call, count=given.count, seed=given.seed, save=False)
    print("| server | 2xx | 4xx | 5xx | no answer | share of 5xx and none |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, report in reports.items():
        print(f"| {' | '.join(row(name, report))} |")
    for name, report in reports.items():
        if worst := told(report):
            print(f"\n{name}: {worst}.")


if __name__ == "__main__":
    main()
