"""The training image, built and run for real: data from S3 in, a published version out, as a job does it."""

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from functions.diagnosis.handler import handler
from maas.registry import Registry
from maas.rollout.plan import receipt_key
from maas.runtime import Session
from maas.serving import Served
from maas.store import ObjectStore
from models.report import report_key
from tests.docker.training_image import training_image

BUCKET, DATA = "trained-models", "training-data"
MODEL, RUN = "diagnosis", "may-2026"
KEY = f"training/{MODEL}/patients.data"
ROWS = 90
SECONDS = 240.0


@pytest.fixture(scope="session")
def image(runtime: str) -> Iterator[str]:
    """The image, made for these tests."""
    name = "maas-training-test"
    training_image(runtime, name)
    yield name
    docker("rmi", "--force", name)


@pytest.fixture(scope="session")
def store(endpoint: str) -> ObjectStore:
    """The registry that the container writes to, with training data beside it."""
    session = boto3.session.Session("test", "test", region_name="us-east-1")
    client = session.client("s3", endpoint_url=endpoint, config=Config(proxies={}))
    for bucket in (BUCKET, DATA):
        client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=DATA, Key=KEY, Body=patients(ROWS))
    return ObjectStore(BUCKET, client)


def patients(rows: int) -> bytes:
    """A file in the form of the Cleveland one, in which age and pulse say who is ill."""
    source = random.Random(3)
    lines = []
    for _ in range(rows):
        age, pulse = source.randint(35, 75), source.randint(90, 190)
        ill = int(age - pulse / 2 + source.gauss(0, 6) > -15)
        lines.append(
            f"{age},{source.randint(0, 1)},{source.randint(1, 4)},130,240,0,0,{pulse},0,1.0,2,0,3,{ill}"
        )
    return "\n".join(lines).encode()


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=False, timeout=SECONDS, input=""
    )


def test_a_container_trains_from_s3_and_publishes(image: str, endpoint: str, store: ObjectStore) -> None:
    """The job's own command: it reads the data, trains, publishes, and leaves word for who waits for it."""
    done = docker(
        *("run", "--rm", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),  # noqa: S108 -- the container's
        *("--env", f"AWS_ENDPOINT_URL={endpoint}", "--env", f"MAAS_MODELS_BUCKET={BUCKET}"),
        *("--env", "AWS_ACCESS_KEY_ID=test", "--env", "AWS_SECRET_ACCESS_KEY=test"),
        *("--env", "AWS_DEFAULT_REGION=us-east-1", image),
        *("train", MODEL, "--data", f"s3://{DATA}/{KEY}", "--seed", "0", "--run", RUN, "--json"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    registry = Registry(store)
    manifest = registry.manifest(MODEL, told["version"])
    artifact = registry.artifact(manifest)
    Served(manifest, handler.contract, Session(artifact), load_seconds=0.0).check()
    assert manifest.data.source == f"s3://{DATA}/{KEY}"
    assert manifest.data.rows == ROWS
    assert manifest.code_revision == "a1" * 20
    assert manifest.gate is not None
    assert "log_loss" in done.stderr  # progress goes where CloudWatch reads it
    word = json.loads(store.read(receipt_key(MODEL, RUN)).body)
    assert word == {"version": manifest.digest}
    assert manifest.version in store.read(report_key(MODEL, manifest.digest)).body.decode()


def test_the_image_holds_the_code_and_nothing_else(image: str) -> None:
    """Not root, no secrets of the checkout, no tests, no byte code to be made again."""
    script = """if True:
        import os, pathlib
        app = pathlib.Path("/app")
        print(os.getuid())
        print(sorted(path.name for path in app.iterdir()))
        print(any(path.name in {"secret.txt", "tests", ".git"} for path in app.rglob("*")))
        compiled = {path.name.split(".")[0] for path in app.rglob("*.pyc")}
        print({path.stem for path in app.rglob("*.py")} <= compiled)
    """
    done = docker("run", "--rm", "--network", "none", "--entrypoint", "python", image, "-c", script)
    assert done.stdout.splitlines() == [
        "10001",
        "['cli', 'functions', 'layers', 'models']",
        "False",
        "True",
    ], done.stderr


def test_the_wheels_are_checked_against_the_lock(image: str, tmp_path: Path) -> None:
    """A wheel that is not the one of the lock file is not installed."""
    base = f"{image}-base"
    (tmp_path / "Dockerfile").write_text(
        f"FROM {base}\nCOPY . /build\n"
        "RUN python -m pip install --quiet --no-index --require-hashes --no-deps --find-links /build "
        "--target /tmp/x --requirement /build/lock.txt\n"
    )
    (tmp_path / "lock.txt").write_text("typing-extensions==4.0.0 --hash=sha256:" + "0" * 64 + "\n")
    (tmp_path / "typing_extensions-4.0.0-py3-none-any.whl").write_bytes(b"PK")
    built = docker("build", "--network", "none", str(tmp_path))
    assert built.returncode != 0
    assert "DO NOT MATCH THE HASHES" in built.stdout + built.stderr


def test_the_dockerfile_enforces_hashes_and_pins_its_base() -> None:
    """What the test above shows of pip is what the Dockerfile asks of it."""
    text = (Path(__file__).parents[2] / "models" / "Dockerfile").read_text()
    assert "--require-hashes" in text
    assert "--only-binary=:all:" in text
    assert text.count("@sha256:") == 1
    assert all(line.split()[1] == "${BASE}" for line in text.splitlines() if line.startswith("FROM "))
