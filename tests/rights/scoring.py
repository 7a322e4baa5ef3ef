"""Drives batch scoring: files that are scored, that cannot be, that go on later, and large ones."""

import json
from typing import Any
from unittest import mock

import boto3
from moto.awslambda_simple.models import LambdaSimpleBackend

from functions.batch_scoring.handler import BatchScoring
from maas.batch.event import Message
from maas.batch.job import job_id
from maas.batch.limits import Limits
from tests import tiny_model
from tests.iam import ACCOUNT, REGION
from tests.lambda_events import Context
from tests.rights.calls import recorded, theirs, unrecorded
from tests.rights.roles import Case
from tests.rights.world import ARNS, DATA, World, world

HEADER = "timestamp,temperature,lanes,speeds"
ROW = '2026-03-01T08:00:00,11.5,3,"[61, 58.5]"\n'
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:maas-large-files"
QUEUES = {"BatchQueue": "queue", "BatchDeadLetterQueue": "dead"}
QUEUE_ARNS = {name: f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}" for name, queue in QUEUES.items()}
# Small enough that a file of some kilobytes has parts, checkpoints and ranges.
SMALL = Limits(read=700, block=300, row=4000, part=900, least_part=500, checkpoint=1500, width=1, margin=5)


class Clock(Context):
    """Lambda's context of an invocation whose time runs out after so many looks at it."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._looks = looks

    def get_remaining_time_in_millis(self) -> int:
        self._looks -= 1
        return 60_000 if self._looks > 0 else 4_000


class Batch:
    """The function in its stack."""

    def __init__(self, stack: World) -> None:
        self.stack = stack
        self.function = BatchScoring("batch_scoring")
        self.refuses = False
        self._model = theirs(tiny_model.endpoint())

    def invoke(self, name: str, qualifier: None, body: str, *_: Any) -> bytes:
        """The model's function, in moto's Lambda."""
        assert (name, qualifier) == ("maas-tiny:live", None)
        if self.refuses:
            return b'{"type": "urn:maas:error:unfit-file", "status": 422, "detail": "The file does not fit."}'
        return json.dumps(self._model(json.loads(body), Context())).encode()

    def drop(self, name: str, body: bytes) -> str:
        """Put a file into the inbox; its entity tag."""
        put = self.stack.s3.put_object
        with unrecorded():
            return str(put(Bucket=DATA, Key=f"inbox/{name}", Body=body)["ETag"].strip('"'))

    def tell(self, name: str, etag: str, *, looks: int = 10_000, large: int | None = None) -> None:
        """Tell the function of a file."""
        self.function._worker.limits = SMALL if large is None else SMALL._replace(large=large, range=1200)
        self.send(Message("dropped", DATA, f"inbox/{name}", etag).body(), looks=looks)

    def send(self, body: str, *, looks: int = 10_000) -> None:
        """Deliver a message."""
        attributes = {"ApproximateReceiveCount": "1"}
        record = {"messageId": "1", "receiptHandle": "r", "body": body, "attributes": attributes}
        self.function({"Records": [record]}, Clock(looks))

    def step(self, name: str, job: str, **more: Any) -> Any:
        """One step of the state machine for large files."""
        self.function._worker.limits = SMALL._replace(large=0, range=1200)
        return self.function({"step": name, "job": job, **more}, Clock(10_000))


def batch_scoring() -> Case:
    """Everything that a file can come to."""
    with world() as stack:
        sqs, states = boto3.client("sqs"), boto3.client("stepfunctions")
        urls = {name: sqs.create_queue(QueueName=queue)["QueueUrl"] for name, queue in QUEUES.items()}
        wait = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "End": True}}}
        role = f"arn:aws:iam::{ACCOUNT}:role/any"
        states.create_state_machine(name="maas-large-files", definition=json.dumps(wait), roleArn=role)
        for name, value in {
            "MAAS_BATCH_QUEUE": urls["BatchQueue"],
            "MAAS_BATCH_DEAD_LETTERS": urls["BatchDeadLetterQueue"],
            "MAAS_BATCH_WIDTH": "1",
            "MAAS_BATCH_STATE_MACHINE": MACHINE,
        }.items():
            stack.environment.setenv(name, value)
        batch = Batch(stack)
        with (
            mock.patch.object(LambdaSimpleBackend, "invoke", batch.invoke),
            mock.patch("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", SMALL.least_part),
            recorded() as calls,
        ):
            _small_files(batch)
            _large_files(batch)
    return Case("BatchScoringRole", frozenset(calls), ARNS | QUEUE_ARNS)


def _small_files(batch: Batch) -> None:
    good = f"{HEADER}\n{ROW * 200}bad\n".encode()
    etag = batch.drop("tiny/good.csv", good)
    batch.tell("tiny/good.csv", etag, looks=25)  # time runs out, and another message goes on
    for _ in range(2):  # the second one finds it done
        batch.tell("tiny/good.csv", etag)
    batch.tell("tiny/gone.csv", "none")
    batch.tell("tiny/columns.csv", batch.drop("tiny/columns.csv", b"a,b\n1,2\n"))
    batch.tell("tiny/columns.csv", batch.drop("tiny/columns.csv", good))  # corrected: its error goes
    etag = batch.drop("tiny/refused.csv", good)
    batch.tell("tiny/refused.csv", etag, looks=25)
    batch.refuses = True  # what has been begun to upload is abandoned
    batch.tell("tiny/refused.csv", etag)
    batch.refuses = False
    batch.tell("nobody/some.csv", batch.drop("nobody/some.csv", good))  # a model that does not exist
    batch.send("not ours")


def _large_files(batch: Batch) -> None:
    good = f"{HEADER}\n{ROW * 60}".encode()
    jobs = []
    for name in ("tiny/large.csv", "tiny/hopeless.csv"):
        etag = batch.drop(name, good)
        batch.tell(name, etag, large=0)
        jobs.append(job_id(DATA, f"inbox/{name}", etag))
    for index in batch.step("plan", jobs[0])["indices"]:
        assert any(batch.step("score", jobs[0], index=index)["done"] for _ in range(5))
    batch.step("finish", jobs[0])
    batch.step("give_up", jobs[1], error={"Error": "Refused", "Cause": "no good"})
