"""The batch function's handler and the model's own, each with the events that AWS sends them."""

import json
from base64 import b64decode, b64encode
from typing import Any

import boto3
import pytest

from functions.batch_scoring.handler import BatchScoring
from maas.batch.event import Message
from maas.batch.job import Job
from maas.batch.settings import BatchSettings
from maas.errors import ConfigurationError
from maas.registry import Registry
from tests import tiny_model
from tests.lambda_events import Context

DATA = "data-for-tests"
HEADER = "timestamp,temperature,lanes,speeds"
ROW = '2026-03-01T08:00:00,11.5,3,"[61, 58.5]"\n'


@pytest.fixture
def queues(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The data bucket, both queues, and a tiny model in production; all named in the environment."""
    manifest, artifact = tiny_model.version()
    registry.publish(manifest, artifact)
    registry.promote("tiny", manifest.digest, actor="ci", reason="")
    boto3.client("s3").create_bucket(Bucket=DATA)
    sqs = boto3.client("sqs")
    queue, dead = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("queue", "dead"))
    for name, value in {
        "MAAS_DATA_BUCKET": DATA,
        "MAAS_FUNCTIONS": "stack-",
        "MAAS_BATCH_QUEUE": queue,
        "MAAS_BATCH_DEAD_LETTERS": dead,
    }.items():
        monkeypatch.setenv(name, value)
    return queue, dead


@pytest.fixture
def batch(queues: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> BatchScoring:
    """The handler, whose calls of stack-tiny:live reach the tiny model's handler."""
    assert queues
    model = tiny_model.endpoint()

    class Invoker:
        def __init__(self, function: str, _: Any) -> None:
            assert function == "stack-tiny:live"

        def __call__(self, event: Any) -> Any:
            return json.loads(json.dumps(model.dispatch(json.loads(json.dumps(event)), Context())))

    monkeypatch.setattr("maas.batch.invoke.LambdaInvoker", Invoker)
    return BatchScoring("batch_scoring")


def records(queue: str) -> dict[str, Any]:
    """What Lambda makes of the next message on a queue."""
    (message,) = boto3.client("sqs").receive_message(QueueUrl=queue, AttributeNames=["All"])["Messages"]
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "eventSource": "aws:sqs",
            }
        ]
    }


def drop(queue: str, key: str, body: str) -> None:
    etag = boto3.client("s3").put_object(Bucket=DATA, Key=key, Body=body.encode())["ETag"].strip('"')
    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=Message("dropped", DATA, key, etag).body())


def test_message_is_handled(batch: BatchScoring, queues: tuple[str, str]) -> None:
    """From the queue's event to the result, through both handlers."""
    drop(queues[0], "inbox/tiny/a.csv", f"{HEADER}\n{ROW}bad\n{ROW}")
    assert batch(records(queues[0]), Context()) == {"batchItemFailures": []}
    body = boto3.client("s3").get_object(Bucket=DATA, Key="outbox/tiny/a.csv")["Body"].read().decode()
    assert body.splitlines()[0] == f"{HEADER},volume"
    assert len(body.splitlines()) == 3


def test_file_without_a_column_ends_in_the_dead_letters(batch: BatchScoring, queues: tuple[str, str]) -> None:
    """The message itself is done with; a letter with the reason waits for people."""
    drop(queues[0], "inbox/tiny/a.csv", "a,b\n1,2\n")
    assert batch(records(queues[0]), Context()) == {"batchItemFailures": []}
    found = boto3.client("sqs").receive_message(QueueUrl=queues[1], MessageAttributeNames=["All"])
    reason = found["Messages"][0]["MessageAttributes"]["reason"]["StringValue"]
    assert "lacks timestamp" in reason


@pytest.mark.parametrize("body", ["not ours", '{"Records": [{"x": 1}]}'])
def test_message_that_fails_is_named(batch: BatchScoring, queues: tuple[str, str], body: str) -> None:
    """The queue keeps it, and it comes again soon."""
    boto3.client("sqs").send_message(QueueUrl=queues[0], MessageBody=body)
    event = records(queues[0])
    assert batch(event, Context()) == {
        "batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]
    }


def test_test_event_of_s3_is_let_go(batch: BatchScoring, queues: tuple[str, str]) -> None:
    """S3 sends one when it is told of the queue."""
    boto3.client("sqs").send_message(QueueUrl=queues[0], MessageBody='{"Event": "s3:TestEvent"}')
    assert batch(records(queues[0]), Context()) == {"batchItemFailures": []}


def test_state_machine_is_started_once_per_attempt(
    batch: BatchScoring, queues: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second event of the same file finds the execution there."""
    assert queues
    role = "arn:aws:iam::123456789012:role/any"
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "End": true}}}'
    states = boto3.client("stepfunctions")
    arn = states.create_state_machine(name="large", definition=definition, roleArn=role)["stateMachineArn"]
    monkeypatch.setenv("MAAS_BATCH_STATE_MACHINE", arn)
    job = Job(bucket=DATA, key="inbox/tiny/a.csv", etag="e", size=1)
    batch._begin_large(job)
    batch._begin_large(job)
    (execution,) = states.list_executions(stateMachineArn=arn)["executions"]
    assert execution["name"] == f"{job.id}-1"


def test_block_is_scored_by_the_pinned_version(registry: Registry) -> None:
    """A model's function scores a block with the version it names, whatever is in production."""
    digests = []
    for factor in (1.0, 3.0):
        manifest, artifact = tiny_model.version([factor] * 8)
        registry.publish(manifest, artifact)
        registry.promote("tiny", manifest.digest, actor="ci", reason="")
        digests.append(manifest.digest)
    endpoint = tiny_model.endpoint()
    answers = []
    for digest in digests:
        block = {
            "format": "csv",
            "header": HEADER,
            "data": b64encode(ROW.encode()).decode(),
            "version": digest,
        }
        answer = endpoint({"block": block}, Context())
        assert answer["model_version"] == digest[:12]
        answers.append(float(b64decode(answer["data"]).decode().strip().rsplit(",", 1)[1]))
    assert answers[1] == pytest.approx(3 * answers[0])


@pytest.mark.parametrize(
    ("block", "status"),
    [
        ({"format": "csv"}, 400),
        ({"format": "csv", "header": "a,b", "version": "0" * 64}, 404),
        (None, 400),
    ],
)
def test_bad_block_is_answered(registry: Registry, block: Any, status: int) -> None:
    """With a problem that the caller can read, never an exception."""
    assert registry
    assert tiny_model.endpoint()({"block": block}, Context())["status"] == status


def test_settings_are_asked_for_by_name() -> None:
    """A variable that is missing or no number is named."""
    needed = {
        "MAAS_DATA_BUCKET": "d",
        "MAAS_FUNCTIONS": "s-",
        "MAAS_BATCH_QUEUE": "q",
        "MAAS_BATCH_DEAD_LETTERS": "l",
    }
    assert BatchSettings.from_environment(needed).width == 16
    for name in needed:
        with pytest.raises(ConfigurationError, match=name):
            BatchSettings.from_environment({k: v for k, v in needed.items() if k != name})
    with pytest.raises(ConfigurationError, match="MAAS_BATCH_WIDTH"):
        BatchSettings.from_environment(needed | {"MAAS_BATCH_WIDTH": "0"})
