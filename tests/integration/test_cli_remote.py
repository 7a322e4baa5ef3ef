"""`maas train --remote`: what is started in the cloud, and what is shown of it until it ends."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from cli import console, follow
from cli.follow import Board, Follower
from cli.main import app
from cli.remote import Cloud
from functions.release.handler import Release
from maas.registry import Registry
from maas.rollout.plan import receipt_key
from maas.store import ObjectStore
from tests.release_machine import ENVIRONMENT, MODELS, QUEUE, STACK, Machine, machine
from tests.tiny_model import endpoint, version

MODEL = "traffic_flow"
GROUP = f"/aws/batch/{STACK}-training"


@pytest.fixture(scope="module")
def running() -> Iterator[Machine]:
    """A deployed stack that trains, and one that does not."""
    with machine({f"{STACK}-release": Release("release"), f"{STACK}-{MODEL}": endpoint()}) as made:
        outputs = {
            "ModelsBucket": MODELS,
            "TrainingQueue": QUEUE,
            "TrainingJobDefinition": QUEUE,
            "TrainingLogGroup": GROUP,
            "ReleaseStateMachine": ENVIRONMENT["MAAS_RELEASE_STATE_MACHINE"],
        }
        deploy(STACK, outputs)
        deploy("untrained", {"ModelsBucket": MODELS})
        boto3.client("logs").create_log_group(logGroupName=GROUP)
        yield made


@pytest.fixture
def cloud(running: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The stack, without versions; its jobs publish one."""
    monkeypatch.setattr(follow, "_PAUSE_SECONDS", 0.05)
    monkeypatch.delenv("MAAS_STACK", raising=False)
    running.reset()
    running.job = publish
    return running


def deploy(name: str, outputs: Mapping[str, str]) -> None:
    """A stack with these outputs and nothing else."""
    template = {
        "Resources": {f"Topic{name}": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


def publish(parameters: Mapping[str, str]) -> None:
    """What the container does."""
    registry = Registry(ObjectStore(MODELS, boto3.client("s3")))
    manifest, artifact = version([2.0] * 8, model=MODEL)
    registry.publish(manifest, artifact)
    word = json.dumps({"version": manifest.digest}).encode()
    registry.store.put(receipt_key(MODEL, parameters["run"]), word)


def maas(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["train", MODEL, "--remote", "--stack", STACK, *arguments])


def log(job: str, *lines: str) -> None:
    """Lines in a job's log."""
    client = boto3.client("logs")
    stream = boto3.client("batch").describe_jobs(jobs=[job])["jobs"][0]["container"]["logStreamName"]
    client.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now + number, "message": line} for number, line in enumerate(lines)]
    client.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def test_a_job_is_started_and_its_version_shown(cloud: Machine) -> None:
    """The job gets what was asked for; at its end people see the version as after a training here."""
    result = maas("--data", "s3://data/may.csv", "--seed", "3")
    assert result.exit_code == 0, result.output
    [given] = cloud.jobs
    assert given == {"model": MODEL, "data": "s3://data/may.csv", "seed": "3", "run": given["run"]}
    assert given["run"].startswith("traffic-flow-")
    published = Registry(ObjectStore(MODELS, boto3.client("s3"))).versions(MODEL)[0]
    assert published.version in result.stdout
    assert f"maas promote {MODEL} {published.version}" in result.stdout
    assert "SUCCEEDED" in result.stderr


def test_programs_get_one_document(cloud: Machine) -> None:
    """With --json nothing but the names, how it ended, and the figures."""
    result = maas("--json")
    found = json.loads(result.stdout)
    assert found["status"] == "SUCCEEDED"
    assert found["job"]
    assert found["metrics"] == {"rmse": 1.0}
    assert cloud.jobs[0]["data"] == "simulated"
    assert result.stderr == ""


def test_nobody_need_wait(cloud: Machine) -> None:
    """--no-follow starts it and says its name."""
    found = json.loads(maas("--no-follow", "--json").stdout)
    assert found.keys() == {"model", "run", "job"}
    assert cloud.jobs[0]["run"] == found["run"]


def test_lines_of_the_job_are_shown_once(cloud: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    """However often the log is looked at."""
    del cloud
    started = json.loads(maas("--no-follow", "--json").stdout)
    log(started["job"], "34 rows", "gate: pass")
    found = Cloud.find(STACK)
    assert Follower(found).until_end(started) == {"status": "SUCCEEDED"}
    shown = capsys.readouterr().err.splitlines()
    assert shown == ["SUCCEEDED", "  34 rows", "  gate: pass"]
    follower = Follower(found)
    for _ in range(2):
        follower._read_log(boto3.client("batch").describe_jobs(jobs=[started["job"]])["jobs"][0])
    assert capsys.readouterr().err.splitlines() == ["  34 rows", "  gate: pass"]


def test_a_job_that_fails_says_where_its_log_is(cloud: Machine) -> None:
    """Exit code 1, and the place to look."""

    def fail(_: Any) -> None:
        raise RuntimeError

    cloud.job = fail
    result = maas()
    assert result.exit_code == 1
    assert "failed" in result.stderr
    assert GROUP in result.stderr


def test_a_release_is_followed_through_its_states(cloud: Machine) -> None:
    """With --promote the state machine is started; why it stopped is the error."""
    result = maas("--promote")
    assert cloud.jobs[0]["data"] == "simulated"
    assert [
        line for line in result.stderr.splitlines() if line in {"Begin", "Train", "Evaluate", "Gate"}
    ] == [
        "Begin",
        "Train",
        "Evaluate",
        "Gate",
    ]
    assert result.exit_code == 1
    assert "GateRefused: traffic_flow" in result.stderr
    assert "was never judged" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--data", "may.csv"], "aws s3 cp may.csv"),
        (["--stack", "untrained"], "Training=on"),
        (["--stack", "untrained", "--promote"], "Training=on"),
        (["--stack", "missing"], "missing cannot be read"),
        (["--all"], "--remote"),
        (["--force", "I know better"], "--force"),
    ],
)
def test_what_cannot_be_started_says_why(cloud: Machine, arguments: list[str], text: str) -> None:
    """Nothing was started, and the next step is named."""
    result = maas(*arguments)
    assert result.exit_code != 0
    assert text in result.stderr
    assert cloud.jobs == []


def test_a_terminal_shows_the_steps_and_the_latest_lines() -> None:
    """Steps that are done with their times, the one that runs, and the end of the log."""
    board = Board("traffic_flow")
    board.steps = [("SUBMITTED", board.started), ("RUNNING", board.started + 7)]
    board.lines.extend(f"line {number}" for number in range(30))
    out = console.stderr()
    with out.capture() as shown:
        out.print(board)
    text = shown.get()
    assert "+ SUBMITTED  7 s" in text
    assert "RUNNING" in text
    assert "line 29" in text
    assert "line 17" not in text


def test_without_a_stack_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """No local stack, none named."""
    monkeypatch.delenv("MAAS_STACK", raising=False)
    monkeypatch.setattr("cli.emulator.Emulator.running", lambda _: None)
    with mock_aws():
        result = CliRunner().invoke(app, ["train", MODEL, "--remote"])
    assert result.exit_code == 1
    assert "--stack NAME" in result.stderr
