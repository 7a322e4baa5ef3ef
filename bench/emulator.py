"""Lambda's own runtime loop on this machine: the runtime interface emulator with awslambdaric.

Both come with aws-sam-cli and requirements/cli.txt; a function is started as Lambda starts it, from folders
laid out as /opt and /var/task, and called with events of API Gateway.
"""

import base64
import json
import platform
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import samcli

from bench.load import Request
from bench.process import Server, free_port, running

_PATH = "/2015-03-31/functions/function/invocations"


def emulator() -> Path:
    """The emulator's binary."""
    machine = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    return Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{machine}"


def event(path: str, body: bytes, headers: Mapping[str, str], *, encoded: bool = True) -> Request:
    """A request to API Gateway as the request to the emulator that carries its event."""
    document: dict[str, Any] = {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": "POST",
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "requestContext": {
            "httpMethod": "POST",
            "path": path,
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "stage": "prod",
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
    }
    return Request(_PATH, json.dumps(document).encode())


@contextmanager
def function(
    folder: Path,
    *,
    handler: str,
    log: Path,
    python: Path | None = None,
    opt: tuple[Path, ...] = (),
    environ: Mapping[str, str] | None = None,
) -> Iterator[tuple[int, Server]]:
    """A function behind the emulator: its port and its processes.

    Args:
        folder: What Lambda unpacks to /var/task.
        handler: `module.name`.
        log: Where its output goes.
        python: An interpreter with the function's packages; by default this one, without site packages but
            awslambdaric's own.
        opt: Layers' `python` folders.
        environ: Further variables.
    """
    port, runtime = free_port(), free_port()
    found = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join(map(str, (*opt, folder))),
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        **(environ or {}),
    }
    command = [
        str(emulator()),
        "--log-level",
        "error",
        "--runtime-interface-emulator-address",
        f"127.0.0.1:{port}",
        "--runtime-api-address",
        f"127.0.0.1:{runtime}",
        str(python or sys.executable),
        "-m",
        "awslambdaric",
        handler,
    ]

    def is_ready() -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    with running(command, environ=found, folder=folder, log=log, is_ready=is_ready) as server:
        yield port, server
