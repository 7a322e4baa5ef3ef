"""The function in Lambda's runtime client and emulator: work after the answer is done before it is frozen."""

import json
import os
import platform
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import samcli
import urllib3

from tests.conftest import MODELS_BUCKET
from tests.tiny_model import INSTANCES, NAME

ROOT = Path(__file__).parents[2]
PROCESSORS = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
EMULATOR = (
    Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{PROCESSORS[platform.machine()]}"
)
NEXT = re.compile(r"API request - GET /2020-01-01/extension/event/next")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def runtime(log: Path, *, afterwards: str) -> Iterator[str]:
    """The emulator with the tiny model in it; its address."""
    port = free_port()
    command = [EMULATOR, "--log-level", "debug"]
    command += ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += ["--runtime-api-address", f"127.0.0.1:{free_port()}"]
    command += [sys.executable, "-m", "awslambdaric", "tests.lambda_handler.handler"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "120",
        "MAAS_MODELS_BUCKET": MODELS_BUCKET,
        "MAAS_AFTERWARDS": afterwards,
        "POWERTOOLS_SERVICE_NAME": NAME,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers" / "common")]),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    finally:
        process.terminate()
        process.wait(30)


def invoke(address: str) -> dict[str, object]:
    retries = urllib3.Retry(connect=50, read=False, backoff_factor=0.1, backoff_max=0.2)
    with urllib3.PoolManager() as pool:
        body = json.dumps({"instances": INSTANCES})
        answer = pool.request("POST", address, body=body, retries=retries, timeout=120)
        document: dict[str, object] = answer.json()
    return document


def shadows(log: Path) -> int:
    """How many answers a shadow was compared with so far."""
    return log.read_text().count('"message":"shadow"')


def test_extension_finishes_the_work_of_each_invocation(tmp_path: Path) -> None:
    """Lambda hears `next` from the extension only after the shadow's line was written, every time."""
    log = tmp_path / "log"
    with runtime(log, afterwards="on") as address:
        for number in (1, 2, 3):
            assert "predictions" in invoke(address)
            # The emulator answers when runtime and extension have both asked for the next event.
            assert shadows(log) == number
    text = log.read_text()
    assert "Internal agent maas-afterwards" in text
    assert "subscribed to [INVOKE]" in text
    events = re.findall(r'"message":"(?:shadow|request)"|extension/event/next', text)
    assert events == [
        "extension/event/next",
        *['"message":"request"', '"message":"shadow"', "extension/event/next"] * 3,
    ]


def test_without_the_setting_nothing_is_registered(tmp_path: Path) -> None:
    """The work is done all the same where nothing freezes the process."""
    log = tmp_path / "log"
    with runtime(log, afterwards="off") as address:
        assert "predictions" in invoke(address)
        deadline = time.monotonic() + 30
        while not shadows(log) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert shadows(log) == 1
    assert NEXT.search(log.read_text()) is None
