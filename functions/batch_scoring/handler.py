"""Batch scoring: files dropped into inbox/<model>/ are scored, whole, once, in order, into outbox/<model>/.

The queue brings one message at a time. The model's own function scores the rows; this one cuts and joins.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from maas.batch.settings import BatchSettings
from maas.errors import MaasError
from maas.function import Function

if TYPE_CHECKING:
    from maas.batch.job import Job
    from maas.batch.queue import Queue
    from maas.batch.worker import Worker

_SOON_SECONDS, _LATEST_SECONDS = 20, 900


class BatchScoring(Function):
    """Handles messages of the batch queue, and steps of the state machine for large files."""

    @cached_property
    def _batch(self) -> BatchSettings:
        return BatchSettings.from_environment()

    @cached_property
    def _queue(self) -> "Queue":
        from boto3.session import Session

        from maas.batch.queue import Queue

        return Queue(Session().client("sqs"), self._batch.queue, self._batch.dead_letters)

    @cached_property
    def _worker(self) -> "Worker":
        from maas.batch.files import Files
        from maas.batch.invoke import LambdaInvoker, lambda_client
        from maas.batch.limits import Limits
        from maas.batch.worker import Worker
        from maas.s3_client import s3_client

        client = lambda_client(self._batch.width)
        return Worker(
            files=Files(self._batch.data_bucket, s3_client),
            registry=self.make_registry(),
            invoke=lambda model, event: LambdaInvoker(f"{self._batch.functions}{model}:live", client)(event),
            queue=self._queue,
            begin_large=self._begin_large if self._batch.state_machine else None,
            limits=Limits(width=self._batch.width),
            memory=self._batch.memory,
        )

    def _begin_large(self, job: "Job") -> None:
        """Start the state machine, once per attempt: S3 may tell of a file twice."""
        from boto3.session import Session

        states = Session().client("stepfunctions")
        with suppress(states.exceptions.ExecutionAlreadyExists):
            states.start_execution(
                stateMachineArn=self._batch.state_machine,
                name=f"{job.id}-{job.run}",
                input=json.dumps({"job": job.id}),
            )

    def dispatch(self, event: Any, context: Any) -> Any:
        """Handle the messages of one event, naming those that must come again, or one step of a large job."""
        if "step" in event:
            from maas.batch.large import Large

            return Large(self._worker).step(event, lambda: context.get_remaining_time_in_millis() / 1000)
        failed = [
            {"itemIdentifier": record["messageId"]}
            for record in event["Records"]
            if not self._handled(record, context)
        ]
        return {"batchItemFailures": failed}

    def _handled(self, record: Mapping[str, Any], context: Any) -> bool:
        from maas.batch import event

        self.telemetry.count("Messages")
        received = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
        try:
            for message in event.read(record["body"]):
                # nosemgrep: no-body-in-a-log - S3 wrote it, and the file's owner looks for its name
                self.telemetry.logger.append_keys(file=message.key, message=message.kind)
                self._worker.handle(
                    message,
                    lambda: context.get_remaining_time_in_millis() / 1000,
                    last=received >= self._batch.attempts,
                )
        except MaasError as error:
            self.telemetry.logger.warning("later", extra={"code": error.code, "reason": error.detail})
        except Exception as error:  # noqa: BLE001 -- the message comes again, the log has the trace
            self.telemetry.crashed(error)
        else:
            return True
        self.telemetry.count("Retries")
        self._soon(record, received)
        return False

    def _soon(self, record: Mapping[str, Any], received: int) -> None:
        """Let the message come again in a while: its own timeout is made for crashes, and long."""
        delay = min(_LATEST_SECONDS, _SOON_SECONDS * 2 ** (received - 1))
        try:
            self._queue.retry(record["receiptHandle"], delay=delay)
        except Exception as error:
            self.telemetry.logger.warning("no earlier retry", exc_info=error)


handler = BatchScoring("batch_scoring")
