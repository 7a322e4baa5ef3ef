"""A search as jobs of Batch: what is submitted, and the jobs run as processes against S3 on loopback."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from cli.failure import CommandError
from cli.remote import Cloud
from cli.remote_parts import follow_trials, submit_nodes, submit_search
from maas.registry import Registry
from maas.rollout.plan import receipt_key
from maas.store import ObjectStore
from models.catalogue import find
from models.job import train
from tests.array_jobs import DEFINITION, QUEUE, Batch, moto_server, prepare

MODEL, BUCKET = "public_safety", "models-of-searches"
OUTPUTS = {"TrainingQueue": QUEUE, "TrainingJobDefinition": DEFINITION, "ModelsBucket": BUCKET}
CANDIDATES = [one.name for one in find(MODEL).candidates]


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A moto server that every client here and in child processes talks to."""
    with moto_server() as address:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": address,
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        yield address


@pytest.fixture
def batch(address: str) -> Batch:
    """Batch with the template's queue and job definition."""
    client = boto3.client("batch")
    prepare(client, address, {"MAAS_MODELS_BUCKET": BUCKET})
    return Batch(client)


@pytest.fixture
def cloud(batch: Batch) -> Cloud:
    """A stack that trains."""
    return Cloud(OUTPUTS, lambda _: batch, "maas")


def test_array_children_and_their_choice_are_the_local_training(cloud: Cloud, batch: Batch) -> None:
    """One job per candidate and one that depends on them all publish what one process would have made."""
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    store = ObjectStore(BUCKET, client)
    started = submit_search(cloud, MODEL, "simulated", 0)
    ran = batch.run({"MAAS_MODELS_BUCKET": BUCKET})
    assert [len(ran[started[job]]) for job in ("trials", "job")] == [len(CANDIDATES), 1]
    assert len([*store.list(f"searches/{MODEL}/{started['run']}/")]) == len(CANDIDATES)
    follow_trials(cloud, MODEL, started, quiet=True)

    word = json.loads(store.read(receipt_key(MODEL, started["run"])).body)
    searched = Registry(store).manifest(MODEL, word["version"])
    local = train(find(MODEL)).manifest
    assert searched.artifact == local.artifact
    assert searched.candidates == local.candidates
    assert json.loads(ran[started["job"]][0].stdout)["version"] == searched.version


def test_the_choice_waits_for_the_whole_array(cloud: Cloud, batch: Batch) -> None:
    """As many children as candidates, and a dependency on the array, are what Batch is asked for."""
    started = submit_search(cloud, MODEL, "s3://data/a.csv", 5)
    trials, choice = (batch.submitted[started[job]] for job in ("trials", "job"))
    assert trials["arrayProperties"] == {"size": len(CANDIDATES)}
    assert choice["dependsOn"] == [{"jobId": started["trials"]}]
    common = ["train", MODEL, "--data", "s3://data/a.csv", "--seed", "5", "--search"]
    assert trials["containerOverrides"]["command"] == [*common, "--trial-of", started["run"]]
    asked = choice["containerOverrides"]["command"]
    assert asked == [*common, "--choose-from", started["run"], "--run", started["run"], "--json"]
    [found] = batch.describe_jobs(jobs=[started["job"]])["jobs"]
    assert found["dependsOn"] == [{"jobId": started["trials"]}]


def test_lost_children_are_named(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where jobs end before they leave a result, following them ends with their candidates' names."""
    monkeypatch.setenv("MOTO_SIMPLE_BATCH_FAIL_AFTER", "0")
    started = submit_search(cloud, MODEL, "simulated", 0)
    with pytest.raises(CommandError, match=f"No result for {', '.join(CANDIDATES)}: "):
        follow_trials(cloud, MODEL, started, pause=lambda _: None)
    assert f"{len(CANDIDATES)} candidates: " in capsys.readouterr().err


def test_an_array_without_its_choice_is_ended(batch: Batch) -> None:
    """If the second job cannot be submitted the first is not left to run for nobody."""

    class OnlyOnce(Batch):
        ended: str = ""

        def submit_job(self, **request: Any) -> Any:
            if self.submitted:
                raise ConnectionError("gone")
            return super().submit_job(**request)

        def terminate_job(self, **request: Any) -> None:
            self.ended = request["jobId"]

    once = OnlyOnce(batch.client)
    with pytest.raises(ConnectionError, match="gone"):
        submit_search(Cloud(OUTPUTS, lambda _: once, "maas"), MODEL, "simulated", 0)
    assert [once.ended] == [*once.submitted]


def test_nodes_are_asked_for_with_the_template_s_definition(batch: Batch) -> None:
    """One job, of as many nodes as were asked for, whose log is that of its main node."""
    batch.register_job_definition(
        jobDefinitionName="nodes",
        type="multinode",
        nodeProperties={"mainNode": 0, "numNodes": 2, "nodeRangeProperties": [{"targetNodes": "0:"}]},
    )
    outputs = OUTPUTS | {"TrainingNodesQueue": QUEUE, "TrainingNodesJobDefinition": "nodes"}
    started = submit_nodes(Cloud(outputs, lambda _: batch, "maas"), "digits", "s3://d/x", 7, nodes=3)
    asked = batch.submitted[started["job"]]
    assert asked["nodeOverrides"] == {"numNodes": 3}
    assert asked["parameters"] == {
        "model": "digits",
        "data": "s3://d/x",
        "seed": "7",
        "run": started["run"],
    }
    with pytest.raises(CommandError, match="does not train"):
        submit_nodes(Cloud(OUTPUTS, lambda _: batch, "maas"), "digits", "s3://d/x", 7, nodes=3)


def test_one_candidate_is_nothing_to_search(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batch's arrays begin at two; what to do instead is said."""
    monkeypatch.setattr("cli.remote_parts._candidates", lambda _: find(MODEL).candidates[:1])
    with pytest.raises(CommandError, match="has 1 candidates"):
        submit_search(cloud, MODEL, "simulated", 0)
