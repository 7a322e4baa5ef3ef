"""Files dropped into the inbox of the deployed stack: the whole way, through the real event wiring."""

import csv
import gzip
import io
import json
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from functions.traffic_flow.handler import handler
from maas.batch.job import job_id
from maas.contract import rows
from maas.manifest import Manifest
from maas.registry import Registry
from maas.runtime import Session
from maas.store import ObjectStore
from models.catalogue import find
from models.job import train

if TYPE_CHECKING:
    from conftest import LocalStack

WAIT_SECONDS = 120.0
HEADER = ("id", "timestamp", "temperature", "weather")


@pytest.fixture(scope="module")
def version(stack: "LocalStack") -> tuple[Manifest, bytes]:
    """A quickly trained version of traffic_flow, in production."""
    from dataclasses import replace

    recipe = find("traffic_flow")
    table = recipe.sample(0)
    few = table.take(np.unique(np.linspace(0, len(table) - 1, 1000).astype(np.intp)))
    model = train(replace(recipe, sample=lambda _: few, candidates=recipe.candidates[:1]), seed=0)
    registry = Registry(ObjectStore(stack.models_bucket, cast("Any", stack.client("s3"))))
    model.publish(registry)
    registry.promote("traffic_flow", model.manifest.digest, actor="test", reason="")
    return model.manifest, model.artifact


def observations(count: int) -> list[dict[str, Any]]:
    """Rows, of which every tenth breaks the contract."""
    start = datetime(2018, 3, 1)  # noqa: DTZ001 -- local time, as the contract has it
    return [
        {
            "id": f"站 {place}",
            "timestamp": (start + timedelta(hours=place)).isoformat(),
            "temperature": 999 if place % 10 == 9 else 5 + place % 20,
            "weather": ("Clear", "Rain")[place % 2],
        }
        for place in range(count)
    ]


def expected(version: tuple[Manifest, bytes], given: list[dict[str, Any]]) -> list[float]:
    """What the model itself answers."""
    records = [{name: row[name] for name in HEADER[1:]} for row in given if row["temperature"] != 999]
    contract = handler.contract
    outputs = contract.respond(Session(version[1]).run(contract.matrix(contract.parse(records))))
    return [row["vehicles_per_hour"] for row in rows(outputs)]


def drop(stack: "LocalStack", name: str, body: bytes) -> str:
    """Drop a file; where its result will be."""
    stack.client("s3").put_object(Bucket=stack.data_bucket, Key=f"inbox/{name}", Body=body)
    return f"outbox/{name}"


def wait_for(stack: "LocalStack", key: str) -> bytes:
    """An object, once it is there."""
    s3 = stack.client("s3")
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            return bytes(s3.get_object(Bucket=stack.data_bucket, Key=key)["Body"].read())
        except s3.exceptions.NoSuchKey:
            time.sleep(0.3)
    raise AssertionError(f"{key} does not appear")


def test_dropped_csv_comes_out_scored(stack: "LocalStack", version: tuple[Manifest, bytes]) -> None:
    """A file whose name has Chinese characters and spaces is scored by the model's function, in order."""
    given = observations(500)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, HEADER)
    writer.writeheader()
    writer.writerows(given)
    out = drop(stack, "traffic_flow/三月 road+1.csv", text.getvalue().encode())
    report = json.loads(wait_for(stack, f"{out}.report.json"))
    assert (report["rows"], report["scored"], report["rejected"]) == (500, 450, 50)
    assert report["model_version"] == version[0].version
    found = list(csv.DictReader(io.StringIO(wait_for(stack, out).decode(), newline="")))
    assert [row["id"] for row in found] == [row["id"] for row in given if row["temperature"] != 999]
    assert [float(row["vehicles_per_hour"]) for row in found] == pytest.approx(
        expected(version, given), abs=0.1
    )
    rejects = [json.loads(line) for line in wait_for(stack, f"{out}.rejects.jsonl").splitlines()]
    assert [reject["line"] for reject in rejects] == [place + 2 for place in range(9, 500, 10)]
    assert {reject["field"] for reject in rejects} == {"temperature"}


def test_dropped_gzip_comes_out_as_gzip(stack: "LocalStack", version: tuple[Manifest, bytes]) -> None:
    """Compressed JSON Lines come out as compressed JSON Lines."""
    given = observations(50)
    body = gzip.compress("".join(json.dumps(row) + "\n" for row in given).encode())
    out = drop(stack, "traffic_flow/deep/er/rows.jsonl.gz", body)
    report = json.loads(wait_for(stack, f"{out}.report.json"))
    assert (report["rows"], report["scored"], report["rejected"]) == (50, 45, 5)
    lines = gzip.decompress(wait_for(stack, out)).decode().splitlines()
    found = [json.loads(line)["vehicles_per_hour"] for line in lines]
    assert found == pytest.approx(expected(version, given), abs=0.1)


def test_what_cannot_be_scored_is_explained(stack: "LocalStack", version: tuple[Manifest, bytes]) -> None:
    """A file without a required column ends in the dead-letter queue, and beside the results is said why."""
    assert version
    out = drop(stack, "traffic_flow/lame.csv", b"id,temperature\n1,2\n")
    explained = json.loads(wait_for(stack, f"{out}.error.json"))
    assert "lacks timestamp" in explained["reason"]
    url = stack.outputs["BatchDeadLetterQueueUrl"]
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = stack.client("sqs").receive_message(
            QueueUrl=url, MessageAttributeNames=["All"], WaitTimeSeconds=2, VisibilityTimeout=0
        )
        if messages := found.get("Messages"):
            assert "lacks timestamp" in messages[0]["MessageAttributes"]["reason"]["StringValue"]
            return
    raise AssertionError("nothing in the dead-letter queue")


def test_state_machine_walks_through_its_steps(stack: "LocalStack", version: tuple[Manifest, bytes]) -> None:
    """Plan, ranges and finish find each other's answers; a job that is done stays as it is."""
    assert version
    out = drop(stack, "traffic_flow/walked.csv", b"timestamp\n2018-03-01T08:00:00\n")
    before = wait_for(stack, f"{out}.report.json")
    key = "inbox/traffic_flow/walked.csv"
    etag = stack.client("s3").head_object(Bucket=stack.data_bucket, Key=key)["ETag"].strip('"')
    states = stack.client("stepfunctions")
    name = f"{stack.deployed.name}-large-files"
    machine = next(
        found["stateMachineArn"]
        for found in states.list_state_machines()["stateMachines"]
        if found["name"] == name
    )
    job = json.dumps({"job": job_id(stack.data_bucket, key, etag)})
    execution = states.start_execution(stateMachineArn=machine, input=job)["executionArn"]
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert found["status"] == "SUCCEEDED", found
    assert wait_for(stack, f"{out}.report.json") == before
