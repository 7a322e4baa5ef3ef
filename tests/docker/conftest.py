"""The built template in real containers: an image to run it in, a registry it reaches, and `sam local`.

Without a Docker daemon, or where the image cannot be made, these tests are skipped and say why.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config

from cli import emulator, process
from cli.stack import Stack
from maas.manifest import Manifest
from maas.registry import Registry
from maas.store import ObjectStore
from tests.docker.linear_model import linear_version
from tests.docker.runtime_image import RuntimeImageError, runtime_image
from tests.docker.sam_local import SamLocal

BUCKET = "models"
DOCKER_SECONDS = 300.0
READY_SECONDS = 60.0
GATEWAY = "import socket; print(socket.gethostbyname('host'))"
CONNECT = "import socket, sys; socket.create_connection(('host', int(sys.argv[1])), timeout=10)"


@pytest.fixture(scope="session")
def runtime() -> str:
    """The base image: the one that MAAS_LAMBDA_IMAGE names, else the stand-in for the public one."""
    if shutil.which("docker") is None:
        pytest.skip("docker is not installed")
    daemon = _docker("version", "--format", "{{.Server.Version}}")
    if daemon.returncode != 0:
        pytest.skip(f"no Docker daemon answers: {daemon.stderr.strip()}")
    if named := os.environ.get("MAAS_LAMBDA_IMAGE"):
        pulled = _docker("pull", named) if _docker("image", "inspect", named).returncode else daemon
        assert pulled.returncode == 0, pulled.stderr
        return named
    try:
        return runtime_image()
    except RuntimeImageError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def endpoint(runtime: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3 server that containers reach.

    It listens on the bridge's own address, which only this machine and its containers can reach.
    """
    python = ("run", "--rm", "--add-host", "host:host-gateway", "--entrypoint", "python3.13", runtime, "-c")
    asked = _docker(*python, GATEWAY)
    assert asked.returncode == 0, asked.stderr
    gateway = asked.stdout.strip()
    try:
        port = _free_port(gateway)
    except OSError:  # Docker Desktop: the daemon runs in a machine of its own
        pytest.skip(f"Docker's bridge address {gateway} is not on this machine")
    folder = tmp_path_factory.mktemp("registry")
    (folder / "tmp").mkdir()
    log = folder / "server.log"
    server = process.launch(
        [sys.executable, "-m", "ministack"],
        environment=emulator._server_environment(port, folder) | {"BIND_HOST": gateway},
        log=log,
        cwd=folder,
    )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not _listens(gateway, port):
            assert server.alive, f"the S3 server ended; {emulator.last_lines(log)}"
            assert time.monotonic() < deadline, f"the S3 server does not listen; {emulator.last_lines(log)}"
            time.sleep(0.1)
        reached = _docker(*python, CONNECT, str(port))
        if reached.returncode != 0:
            pytest.skip(f"a packet filter keeps containers from this machine's address {gateway}")
        yield f"http://{gateway}:{port}"
    finally:
        process.end(server)


@pytest.fixture(scope="session")
def image(runtime: str, endpoint: str) -> Iterator[str]:
    """The base image with the S3 server's address.

    `--env-vars` passes only variables that the template declares, and in the cloud there is no endpoint to
    declare, so the address is part of the image.
    """
    name = f"maas-sam-local-{endpoint.rpartition(':')[2]}:latest"
    recipe = f"FROM {runtime}\nENV AWS_ENDPOINT_URL={endpoint}\n"
    built = _docker("build", "--quiet", "--tag", name, "-", text=recipe)
    assert built.returncode == 0, built.stderr
    yield name
    _docker("rmi", name)


@pytest.fixture(scope="session")
def published(endpoint: str) -> Manifest:
    """A version in production, in the registry that the containers read."""
    session = boto3.session.Session("test", "test", region_name="us-east-1")
    client = session.client("s3", endpoint_url=endpoint, config=Config(proxies={}))
    client.create_bucket(Bucket=BUCKET)
    registry = Registry(ObjectStore(BUCKET, client))
    manifest, artifact = linear_version()
    registry.publish(manifest, artifact)
    registry.promote(manifest.model, manifest.version, actor="tests", reason="something to serve")
    return manifest


@pytest.fixture(scope="session")
def sam(image: str, endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> SamLocal:
    """`sam local` on what `sam build` makes of the template."""
    folder = tmp_path_factory.mktemp("sam-local")
    port = int(endpoint.rpartition(":")[2])
    stack = Stack(port, state=folder)
    stack.build()
    variables = folder / "variables.json"
    variables.write_text(json.dumps({"Parameters": {"MAAS_MODELS_BUCKET": BUCKET}}))
    environment = emulator.child_environment(port) | {"AWS_ENDPOINT_URL": endpoint, "SAM_CLI_TELEMETRY": "0"}
    return SamLocal(stack.built_template, image, variables, environment, folder)


def _docker(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments],
        input=text or "",
        capture_output=True,
        text=True,
        check=False,
        timeout=DOCKER_SECONDS,
    )


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False
